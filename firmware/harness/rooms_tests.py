"""Tests of the image `rooms`: its page, its rooms, and what becomes of one caller too many."""

import contextlib
import re
import socket
import sys
import threading
import urllib.error
import urllib.request

import peers
from checks import Failed, await_listening, expect, on_tap, without_losses
from peers import BOARD
from qemu import SECONDS_MAX, Board, tap
from sizes import FIRMWARE

sys.path.append(str(FIRMWARE.parent / "hosttap/tests/websocket"))
import peer as websocket  # The strict client with which hosttap is tested.

PAGE = FIRMWARE / "images/src/bin/rooms/page.html"
WEB_PORT, LINES_PORT = 80, 4000
STATE = re.compile(rb"board: up (\d+) s, (\d+) members, (\d+) bytes of stack")
# The board says something every second, so that a wait has an end in its number of messages.
MESSAGES_MAX = 60


def fetch(etag=None):
    """The page's status, tag and body."""
    fields = {"If-None-Match": etag} if etag else {}
    request = urllib.request.Request(f"http://{BOARD}:{WEB_PORT}/", headers=fields)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
            return answer.status, answer.headers["ETag"], answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers["ETag"], answer.read()


def page_comes_once():
    status, etag, body = fetch()
    if (status, body) != (200, PAGE.read_bytes()) or not etag:
        raise Failed(f"the page is {status} {etag} {body[:80]!r}")
    found = fetch(etag)
    if found != (304, etag, b""):
        raise Failed(f"the page with its tag is {found}")


def member(name):
    return websocket.connect(BOARD, WEB_PORT, f"/ws?name={name}")


def say(speaker, text):
    speaker.send(speaker.frame(websocket.TEXT, text))


def hear(listener, wanted):
    """Waits for the first text for which `wanted` gives something, and gives that."""
    for _ in range(MESSAGES_MAX):
        event = listener.event()
        if event[:2] != ("message", websocket.TEXT):
            raise Failed(f"{event} in place of a text")
        if found := wanted(event[2]):
            return found
    raise Failed(f"what was waited for is not in {MESSAGES_MAX} messages")


def hear_text(listener, text):
    hear(listener, lambda heard: heard == text)


def hear_states(listener):
    """The board says each second at most once, and two that follow each other."""
    seconds = [int(hear(listener, STATE.fullmatch)[1])]
    while seconds[-1] - 1 not in seconds:
        if len(seconds) > MESSAGES_MAX:
            raise Failed(f"not once a second: {seconds}")
        seconds.append(int(hear(listener, STATE.fullmatch)[1]))
        if seconds[-1] <= seconds[-2]:
            raise Failed(f"more than once a second: {seconds}")


def leave(member):
    """Closes, and reads what was said before the board's answer."""
    member.send(member.close_frame(1000))
    for _ in range(MESSAGES_MAX):
        if member.event() == ("close", 1000):
            break
    member.expect_end()
    member.connection.close()


def socketio(listener):
    """Joins by Socket.IO; `listener` hears what it says, and it hears the board's events."""
    client = websocket.connect(BOARD, WEB_PORT, "/socket.io/?EIO=4&transport=websocket&name=cleo")
    hear(client, lambda text: text.startswith(b'0{"sid":'))
    say(client, b"40")
    hear(client, lambda text: text.startswith(b'40{"sid":'))
    say(client, b'42["message","by packet"]')
    hear_text(listener, b"cleo: by packet")
    hear(client, re.compile(rb'42\["state",\{"up":\d+,"members":\d+,"stack":\d+\}\]').fullmatch)
    return client


def terminal_talks(listener):
    with socket.create_connection((BOARD, LINES_PORT), timeout=SECONDS_MAX) as terminal:
        terminal.sendall(b"/name dora\nby line\n")
        hear_text(listener, b"dora: by line")
    hear_text(listener, b"* dora left")


def waits_for_its_turn(leaver):
    """With all callers there, one more waits until one goes."""
    found = []

    def call():
        with contextlib.suppress(OSError):
            found.append(fetch()[0])

    caller = threading.Thread(target=call, daemon=True)
    caller.start()
    caller.join(timeout=1)
    if found:
        raise Failed("a fifth caller was served")
    leave(leaver)
    caller.join(timeout=SECONDS_MAX)
    if found != [200]:
        raise Failed(f"the fifth caller got {found} when another had gone")


def talks(machine):
    with Board(machine, "rooms", on_tap(until="enough"), tap(peers.TAP)) as board:
        await_listening(board)
        page_comes_once()
        anna, ben = member("anna"), member("ben")
        say(ben, b"hello")
        for listener in (anna, ben):
            hear_text(listener, b"ben: hello")
        hear_states(anna)
        terminal_talks(anna)
        # Both stay until the end.
        _cleo, fourth = socketio(anna), member("dan")
        waits_for_its_turn(fourth)
        hear_text(anna, b"* dan left")
        say(anna, b"enough")
        outcome = board.finish()
    expect(outcome, 0, "listening\n")
    return {"outcome": outcome, "stack": without_losses(outcome)["stack"]}


def tests():
    """Tuples of (image, test's name, needs a TAP, function)."""
    yield "rooms", "", True, talks
