"""Tests of the apps: the images `get`, `echo`, `chat` and `recv` against everyday programs."""

import hashlib
import pathlib
import random
import subprocess
import tempfile
import threading
import time

import peers
from checks import ICOUNT, Failed, await_listening, expect, instructions_per_byte, least_rate, on_tap, without_losses
from peers import BOARD, BODY, BODY_BYTES, HOST, NOBODY
from qemu import SECONDS_MAX, Board, run, tap, wire
from sender import FINE, Sender, send_plain

IMAGE_BYTES = 256 * 1024
IMAGE = BODY[:IMAGE_BYTES]
# Of the model in a host file: a journal and two slots of more than the image.
FLASH_BYTES = 1 << 20
# Of the image `get`: its deadlines in milliseconds, and its exit code when one passes.
DEADLINES = ("connect", "head", "idle", "total")
TIMED_OUT = 28
RESOLVE = 6
# The least default of a deadline. A board that takes it does so each time; a busy machine is not that slow each time.
DEFAULT_SECONDS_MIN = 5
TRIES = 5
RECV_PORT = 2001
CHAT_PORT = 1001
ERASED = b"\xff"
# A place in the first third of the flash's first slot, behind a journal of two halves of 2 KiB.
EARLY_PLACE = 2 * 2048 + IMAGE_BYTES // 3


def url(port, path="/"):
    return f"http://{HOST}:{port}{path}"


def get(machine, extra=(), **parameters):
    return run(machine, "get", on_tap(**parameters), tap(peers.TAP), extra=extra)


# join


def joins(machine):
    """A board that knows no address: it asks dnsmasq for one, fetches with it, and gives it back."""
    with peers.nginx(), peers.dnsmasq() as log:
        # A server that is not there yet is asked again after 4 s.
        parameters = {"seed": random.randrange(1 << 32), "url": url(peers.NGINX_PORT, "/body")}
        outcome = run(machine, "join", parameters, tap(peers.TAP))
        expect(outcome, 0, f"address {peers.LEASED}\nreceived {BODY_BYTES}\n")
        if "DHCPRELEASE" not in log():
            raise Failed(f"the address was not given back: {log()}")
    return {"outcome": outcome, "stack": without_losses(outcome)["stack"]}


def joins_by_name(machine):
    """The same with nothing but a name: whom to ask for it, and for the time of day, is in the lease."""
    with peers.nginx(), peers.dnsmasq(peers.WITH_NAMES) as log, peers.time_server():
        named = f"http://{peers.NAME}:{peers.NGINX_PORT}/body"
        parameters = {"seed": random.randrange(1 << 32), "url": named}
        outcome = run(machine, "join-names", parameters, tap(peers.TAP))
        told = f"address {peers.LEASED}\ntime {peers.UNIX_SECONDS}\nreceived {BODY_BYTES}\n"
        expect(outcome, 0, told)
        if "DHCPRELEASE" not in log():
            raise Failed(f"the address was not given back: {log()}")
    return {"outcome": outcome, "stack": without_losses(outcome)["stack"]}


def finds_no_such_name(machine):
    with peers.dnsmasq(peers.WITH_NAMES), peers.time_server():
        parameters = {"seed": random.randrange(1 << 32), "url": "http://none.lan.test/"}
        outcome = run(machine, "join-names", parameters, tap(peers.TAP))
        expect(outcome, RESOLVE)
    return {"outcome": outcome}


# get


def gets_from_nginx(machine):
    with peers.nginx():
        outcome = get(machine, url=url(peers.NGINX_PORT, "/body"))
        expect(outcome, 0)
        counted = get(machine, ICOUNT, url=url(peers.NGINX_PORT, "/body"), discard=1)
        expect(counted, 0, f"received {BODY_BYTES}\n")
    stack = without_losses(outcome)["stack"]
    return {"outcome": outcome, "stack": stack, "rate": instructions_per_byte(counted, BODY_BYTES)}


def gets_in_16_kib(machine):
    """The whole image, stack included, in 16 KiB of RAM."""
    with peers.nginx():
        parameters = on_tap(url=url(peers.NGINX_PORT, "/body"))
        outcome = run(machine, "get-16k", parameters, tap(peers.TAP))
        expect(outcome, 0)
    return {"outcome": outcome, "stack": without_losses(outcome)["stack"]}


def unguarded_gets(machine):
    """The image of the budgets, without the guard, from the same peer as the bare socket's."""
    with peers.http_peer():
        parameters = on_tap(url=url(peers.HTTP_PORT, "/f"))
        outcome = run(machine, "get-unguarded", parameters, tap(peers.TAP))
        expect(outcome, 0)
        parameters["discard"] = 1
        counted = lambda: run(machine, "get-unguarded", parameters, tap(peers.TAP), extra=ICOUNT)
        rate = least_rate(counted, f"received {BODY_BYTES}\n", BODY_BYTES)
    return {"outcome": outcome, "stack": without_losses(outcome)["stack"], "rate": rate}


def minimal_gets(machine):
    """The program of docs/porting.md, whose addresses are fixed."""
    with peers.nginx():
        outcome = run(machine, "minimal", {}, tap(peers.TAP))
        expect(outcome, 0, "")
    return {"outcome": outcome}


def gets_from_python(machine):
    with peers.http_peer():
        counted = get(machine, ICOUNT, url=url(peers.HTTP_PORT, "/f"), discard=1)
        expect(counted, 0, f"received {BODY_BYTES}\n")
        outcome = get(machine, url=url(peers.HTTP_PORT, "/f"))
        expect(outcome, 0)
    return {"outcome": outcome, "rate": instructions_per_byte(counted, BODY_BYTES)}


def gets(answer, code, **parameters):
    """A GET from a peer that does `answer`."""

    def run_once(machine):
        with peers.raw_peer(answer):
            outcome = get(machine, url=url(peers.RAW_PORT), **parameters)
        expect(outcome, code)
        return outcome

    return lambda machine: {"outcome": ends_in_time(lambda: run_once(machine), parameters)}


def fails(code, **parameters):
    """A GET that gets no answer at all."""

    def run_once(machine):
        outcome = get(machine, **parameters)
        expect(outcome, code, "")
        return outcome

    return lambda machine: {"outcome": ends_in_time(lambda: run_once(machine), parameters)}


def ends_in_time(run_once, parameters):
    """A GET that timed out did so by the deadline that it was given: never before, and not by a default."""
    for _ in range(TRIES):
        outcome = run_once()
        if outcome.code != TIMED_OUT:
            return outcome
        (given,) = (parameters[name] / 1000 for name in DEADLINES if name in parameters)
        if outcome.seconds < given:
            break
        if outcome.seconds < DEFAULT_SECONDS_MIN:
            return outcome
    raise Failed(f"it gave up after {outcome.seconds:.2f} s, at a deadline of {given} s")


def says(text):
    return lambda connection: connection.sendall(text)


def get_tests():
    yield "minimal", "", True, minimal_gets
    yield "get", "", True, gets_from_nginx
    yield "get", "python", True, gets_from_python
    yield "get-16k", "", True, gets_in_16_kib
    yield "get-unguarded", "", True, unguarded_gets
    yield "get", "chunked", True, gets(peers.chunked, 0)
    yield "get", "refused", True, fails(7, url=url(peers.CLOSED_PORT))
    yield "get", "unroutable", True, fails(7, url="http://0.0.0.0/")
    yield "get", "nobody", True, fails(28, url=f"http://{NOBODY}/", connect=500)
    yield "get", "silent", True, gets(peers.wait_for_close, 28, head=500)
    yield "get", "stalled", True, gets(peers.announces(5000, peers.wait_for_close), 28, idle=500)
    yield "get", "drip", True, gets(peers.announces(0, peers.drip), 28, idle=500)
    yield "get", "total", True, gets(peers.announces(0, peers.drip), 28, total=700)
    yield "get", "truncated", True, gets(peers.announces(BODY_BYTES - 1), 18)
    yield "get", "no head", True, gets(says(b"HTTP/1.0 200"), 18)
    yield "get", "reset", True, gets(peers.announces(5000, peers.reset), 56)
    yield "get", "malformed", True, gets(says(b"HTTP/1.0 200 OK\r\nA : b\r\n\r\n"), 8)
    yield "get", "missing", True, gets(says(b"HTTP/1.0 404 No\r\nContent-Length: 0\r\n\r\n"), 22)
    yield "get", "large", True, gets(peers.announces(0), 63, max=1000)
    yield "get", "name", True, fails(3, url="http://a.name/")
    yield "get", "usage", True, fails(2, url=url(80), head="soon")


# echo


def echoes(machine):
    with Board(machine, "echo", on_tap(), tap(peers.TAP)) as board:
        await_listening(board)
        answer = peers.echo(BODY, 7)
        outcome = board.finish()
    expect(outcome, 0)
    if answer != BODY:
        raise Failed(f"{len(answer)} bytes came back, or other bytes than were sent")
    return {"outcome": outcome, "stack": without_losses(outcome)["stack"]}


# chat

OUR_LINES = "".join(f"line {number} of the board\n" for number in range(40))
THEIR_LINES = "".join(f"line {number} of the host, äöü\n" for number in range(40))


def netcat(arguments):
    """nc, which closes its side when its input ends."""
    return peers.process(["nc", "-N", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def talk(nc, board):
    """Both sides speak, and the host closes when it has heard all: a peer's FIN ends a conversation."""
    limit = threading.Timer(SECONDS_MAX, nc.kill)
    limit.start()
    nc.stdin.write(THEIR_LINES.encode())
    nc.stdin.flush()
    heard = nc.stdout.read(len(OUR_LINES)).decode()
    nc.stdin.close()
    heard += nc.stdout.read().decode()
    limit.cancel()
    outcome = board.finish()
    expect(outcome, 0)
    if heard != OUR_LINES:
        raise Failed(f"nc heard {heard[-200:]!r}")
    return {"outcome": outcome, "stack": without_losses(outcome)["stack"]}


def script(folder, lines=OUR_LINES, name="lines"):
    path = pathlib.Path(folder, name)
    path.write_text(lines)
    return path


def chat_listens(machine):
    with tempfile.TemporaryDirectory() as folder:
        with Board(machine, "chat", on_tap(lines=script(folder)), tap(peers.TAP)) as board:
            await_listening(board)
            with netcat([BOARD, str(CHAT_PORT)]) as nc:
                return talk(nc, board)


def chat_dials(machine):
    with tempfile.TemporaryDirectory() as folder, netcat(["-l", HOST, str(CHAT_PORT)]) as nc:
        peers.await_port(CHAT_PORT)
        with Board(machine, "chat", on_tap(lines=script(folder), peer=HOST), tap(peers.TAP)) as board:
            return talk(nc, board)


def chat_is_refused(machine):
    outcome = run(machine, "chat", on_tap(peer=HOST, port=peers.CLOSED_PORT), tap(peers.TAP))
    expect(outcome, 7, "", "refused")
    return {"outcome": outcome}


def chats_with_board(other):
    # As much as the board's queue holds: what is queued is still sent when the other side closes first.
    ours, theirs = (
        "".join(lines.splitlines(keepends=True)[:7]) for lines in (OUR_LINES, THEIR_LINES)
    )

    def test(machine):
        with tempfile.TemporaryDirectory() as folder:
            listening = {"address": f"{HOST}/24", "lines": script(folder, theirs, "theirs")}
            with Board(other, "chat", listening, wire(f"{folder}/wire", True)) as listener:
                await_listening(listener)
                dialling = on_tap(peer=HOST, lines=script(folder, ours))
                outcome = run(machine, "chat", dialling, wire(f"{folder}/wire", False))
                expect(outcome, 0, theirs)
                expect(listener.finish(), 0, f"listening\n{ours}")
        return {"outcome": outcome}

    return test


# recv


def flash(folder, length=FLASH_BYTES):
    """An erased flash in a file of the host."""
    path = pathlib.Path(folder, "flash")
    path.write_bytes(ERASED * length)
    return path


def await_written(path):
    """Waits until the board has written EARLY_PLACE of its flash."""
    limit = time.monotonic() + SECONDS_MAX
    with open(path, "rb", buffering=0) as file:
        while True:
            file.seek(EARLY_PLACE)
            if file.read(16) != ERASED * 16:
                return
            if time.monotonic() > limit:
                raise Failed("the board wrote nothing")
            time.sleep(0.002)


def receives(board, data):
    """Sends `data` whole to a board that receives."""
    await_listening(board)
    with Sender((BOARD, RECV_PORT), data) as sender:
        sender.send()
        receipt = sender.receipt()
        if (sender.status, *receipt) != (FINE, FINE, len(data)):
            raise Failed(f"answer {sender.status}, receipt {receipt}")
    return sender.offset


def resumes(machine):
    """Half an image, then the power goes, then the rest, and a boot after one more reset."""
    with tempfile.TemporaryDirectory() as folder:
        parameters = {"flash": flash(folder)}
        with Board(machine, "recv", on_tap(**parameters), tap(peers.TAP)) as board:
            await_listening(board)
            with Sender((BOARD, RECV_PORT), IMAGE) as sender:
                sender.send(IMAGE_BYTES // 2)
                await_written(parameters["flash"])
                board.end()
        boot(machine, parameters, "no image\n")
        with Board(machine, "recv", on_tap(**parameters), tap(peers.TAP)) as board:
            offset = receives(board, IMAGE)
            outcome = board.finish()
        if not 0 < offset <= IMAGE_BYTES // 2:
            raise Failed(f"it resumed from {offset}")
        expect(outcome, 0, f"listening\nresumed from {offset}\n{image_line(IMAGE)}")
        boot(machine, parameters, image_line(IMAGE))
    return {"outcome": outcome, "stack": without_losses(outcome)["stack"]}


def boot(machine, parameters, stdout):
    expect(run(machine, "recv", {**parameters, "boot": 1}), 0, stdout)


def image_line(data):
    return f"image {len(data)} sha256 {hashlib.sha256(data).hexdigest()}\n"


def receives_whole(machine):
    with tempfile.TemporaryDirectory() as folder:
        with Board(machine, "recv", on_tap(flash=flash(folder)), tap(peers.TAP), ICOUNT) as board:
            receives(board, IMAGE)
            outcome = board.finish()
    expect(outcome, 0, f"listening\n{image_line(IMAGE)}")
    cost = without_losses(outcome)
    return {"outcome": outcome, "stack": cost["stack"], "rate": instructions_per_byte(outcome, IMAGE_BYTES)}


def receives_into_ram(machine):
    data = IMAGE[:12_000]
    with Board(machine, "recv", on_tap(), tap(peers.TAP)) as board:
        receives(board, data)
        outcome = board.finish()
    expect(outcome, 0, f"listening\n{image_line(data)}")
    return {"outcome": outcome}


def receives_plain(machine):
    data = IMAGE[:12_000]
    with Board(machine, "recv", on_tap(), tap(peers.TAP)) as board:
        await_listening(board)
        if send_plain((BOARD, RECV_PORT), data):
            raise Failed("the receiver spoke in the plain form")
        outcome = board.finish()
    expect(outcome, 0, f"listening\n{image_line(data)}")
    return {"outcome": outcome}


def refuses_large(machine):
    with Board(machine, "recv", on_tap(), tap(peers.TAP)) as board:
        await_listening(board)
        with Sender((BOARD, RECV_PORT), IMAGE) as sender:
            status = sender.status
        outcome = board.finish()
    expect(outcome, 63, "listening\n")
    if status != 1:
        raise Failed(f"status {status} instead of 1, too large")
    return {"outcome": outcome}


def tests():
    """Tuples of (image, test's name, needs a TAP, function)."""
    yield "join", "", True, joins
    yield "join-names", "", True, joins_by_name
    yield "join-names", "no such name", True, finds_no_such_name
    yield from get_tests()
    yield "echo", "", True, echoes
    yield "chat", "", True, chat_listens
    yield "chat", "dial", True, chat_dials
    yield "chat", "refused", True, chat_is_refused
    for other in ("mps2-an385", "lm3s6965evb"):
        yield "chat", f"with {other}", False, chats_with_board(other)
    yield "recv", "", True, receives_whole
    yield "recv", "resume", True, resumes
    yield "recv", "ram", True, receives_into_ram
    yield "recv", "plain", True, receives_plain
    yield "recv", "large", True, refuses_large
