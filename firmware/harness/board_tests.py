"""Tests of the boards themselves: the images `bare`, `serve` and `probe`."""

import pathlib
import tempfile

import peers
from checks import ICOUNT, Failed, await_listening, expect, least_rate, on_tap, without_losses
from peers import BODY_BYTES, HEAD, HOST, NOBODY
from qemu import Board, run, tap, wire

RECEIVED = f"received {len(HEAD) + BODY_BYTES}\n"

TRIES = 5

# Tests with a TAP. Each gives columns for the table.


def fetches(machine):
    with peers.http_peer():
        outcome = run(machine, "bare", on_tap(peer=HOST, path="/f"), tap(peers.TAP))
        expect(outcome, 0, RECEIVED)
        parameters = on_tap(peer=HOST, path="/f")
        counted = lambda: run(machine, "bare", parameters, tap(peers.TAP), extra=ICOUNT)
        rate = least_rate(counted, RECEIVED, BODY_BYTES)
    return {"outcome": outcome, "stack": without_losses(outcome)["stack"], "rate": rate}


def serves(machine):
    with Board(machine, "serve", on_tap(port=7, bytes=BODY_BYTES), tap(peers.TAP)) as board:
        await_listening(board)
        answer = peers.fetch(7)
        outcome = board.finish()
    expect(outcome, 0, f"listening\nsent {BODY_BYTES}\n")
    if answer != peers.pattern(BODY_BYTES):
        raise Failed(f"{len(answer)} bytes came, or other bytes than were sent")
    return {"outcome": outcome, "stack": outcome.cost()["stack"]}


def survives_long_frames(machine):
    """Frames too long to take are counted, and what comes behind them is whole."""
    # Within what the receive FIFO holds in QEMU, and each remainder of a word.
    count = 5
    with Board(machine, "serve", on_tap(port=7, bytes=BODY_BYTES), tap(peers.TAP)) as board:
        await_listening(board)
        peers.send_long_frames(count)
        answer = peers.fetch(7)
        outcome = board.finish()
    expect(outcome, 0, f"listening\nsent {BODY_BYTES}\n")
    if answer != peers.pattern(BODY_BYTES) or outcome.cost()["long"] != count:
        raise Failed(f"{len(answer)} bytes came, and {outcome.cost()}")
    return {"outcome": outcome}


def hears_refusal(machine):
    outcome = run(machine, "bare", on_tap(peer=HOST, port=peers.CLOSED_PORT), tap(peers.TAP))
    expect(outcome, 7, "", "the connection was refused")
    return {"outcome": outcome}


def sleeps_while_nobody_answers(machine):
    outcome = run(machine, "bare", on_tap(peer=NOBODY), tap(peers.TAP), extra=ICOUNT)
    expect(outcome, 7, "", "nobody answered")
    cost = outcome.cost()
    # Five ARP requests, the alarm's own period of 0.67 s, and what the kernel sends of itself.
    if cost["awake"] * 100 > cost["asleep"] or cost["sleeps"] > 60:
        raise Failed(f"it did not sleep: {cost}")


def loses_no_wake_up(machine):
    outcome = run(machine, "probe", on_tap(test="wake", peer=HOST), tap(peers.TAP))
    expect(outcome, 0)
    return {"outcome": outcome}


# Tests without a TAP.


def keeps_time(machine):
    told = "".join(f"second {second}\n" for second in range(4))
    # QEMU's start takes its part, and a busy machine another; a clock that is wrong is so by a factor, and each time.
    for _ in range(TRIES):
        outcome = run(machine, "probe", {"test": "clock"})
        if outcome.seconds < 2.9:
            break
        if outcome.seconds < 6 and (outcome.code, outcome.stdout) == (0, told):
            return
    raise Failed(f"3 s took {outcome.seconds:.1f} s, exit {outcome.code}, {outcome.stdout!r} {outcome.stderr!r}")


def keeps_files(machine):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "flash.bin"
        expect(run(machine, "probe", {"test": "file", "file": path}), 0, "file kept\n")
        if path.read_bytes() != b"\xff\xff\xffabc" + b"\xff" * 54 + b"tickwire":
            raise Failed("the file holds something else")


def ends(test, code, last_words):
    def test_end(machine):
        expect(run(machine, "probe", {"test": test}), code, None, last_words)

    return test_end


def refuses_nonsense(machine):
    expect(run(machine, "bare", {"address": "192.168.69.2"}), 2, "", "address=")


def fetches_from_board(server):
    def test_pair(machine):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/wire"
            listening = {"address": f"{HOST}/24", "bytes": BODY_BYTES}
            with Board(server, "serve", listening, wire(path, True)) as other:
                await_listening(other)
                outcome = run(machine, "bare", on_tap(peer=HOST), wire(path, False))
                expect(outcome, 0, f"received {BODY_BYTES}\n")
                expect(other.finish(), 0, f"listening\nsent {BODY_BYTES}\n")
        return {"outcome": outcome, "stack": outcome.cost()["stack"]}

    return test_pair


def tests():
    """Tuples of (image, test's name, needs a TAP, function)."""
    yield "bare", "", True, fetches
    yield "bare", "refused", True, hears_refusal
    yield "bare", "nobody", True, sleeps_while_nobody_answers
    yield "serve", "", True, serves
    yield "serve", "long", True, survives_long_frames
    yield "probe", "wake", True, loses_no_wake_up
    for server in ("mps2-an385", "lm3s6965evb"):
        yield "bare", f"from {server}", False, fetches_from_board(server)
    yield "bare", "usage", False, refuses_nonsense
    yield "probe", "clock", False, keeps_time
    yield "probe", "file", False, keeps_files
    yield "probe", "stack", False, ends("stack", 0, "")
    yield "probe", "panic", False, ends("panic", 101, "panic")
    yield "probe", "fault", False, ends("fault", 102, "hard fault at 0x")
    yield "probe", "overflow", False, ends("overflow", 102, "stack overflow")
    yield "probe", "interrupt", False, ends("interrupt", 103, "unhandled interrupt -2")


