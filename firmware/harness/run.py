"""Runs the images under QEMU and prints the table. See test.sh."""

import argparse
import os
import pathlib
import random
import sys
import tempfile

import peers
from peers import BOARD, BODY_BYTES, HEAD, HOST, NOBODY
from qemu import MACHINES, Board, run, tap, wire
from sizes import FIRMWARE, IMAGES, core_route, flash_and_ram, image_path

EXPECTED = FIRMWARE / "expected"
RECEIVED = f"received {len(HEAD) + BODY_BYTES}\n"
# With -icount shift=0 an instruction is a nanosecond, and both boards' clock counts in 25 MHz.
ICOUNT = ("-icount", "shift=0")
INSTRUCTIONS_PER_COUNT = 40
# Other compilers, and other builds of core, give other code: there only the order of magnitude is held.
TOLERANCE_SAME_ROUTE = 0.01
TOLERANCE_OTHER_ROUTE = 0.25


class Failed(Exception):
    """A test's finding, in one line."""


def expect(outcome, code, stdout=None, in_stderr=""):
    if outcome.code != code or stdout not in (None, outcome.stdout) or in_stderr not in outcome.stderr:
        raise Failed(
            f"exit {outcome.code} instead of {code} after {outcome.seconds:.1f} s,"
            f" stdout {outcome.stdout!r} stderr {outcome.stderr!r}"
        )


def on_tap(**parameters):
    seed = random.randrange(1 << 32)
    return {"address": f"{BOARD}/24", "gateway": HOST, "seed": seed, **parameters}


# Tests with a TAP. Each gives columns for the table.


def fetches(machine):
    with peers.http_peer():
        outcome = run(machine, "bare", on_tap(peer=HOST, path="/f"), tap(peers.TAP))
        expect(outcome, 0, RECEIVED)
        counted = run(machine, "bare", on_tap(peer=HOST, path="/f"), tap(peers.TAP), extra=ICOUNT)
        expect(counted, 0, RECEIVED)
    cost = outcome.cost()
    if cost["damaged"] or cost["long"] or cost["dropped"] or not cost["sleeps"]:
        raise Failed(f"frames were lost, or it never slept: {cost}")
    per_byte = counted.cost()["awake"] * INSTRUCTIONS_PER_COUNT / BODY_BYTES
    return {"stack": cost["stack"], "rate": f"{per_byte:.2f}", "seconds": outcome.seconds}


def serves(machine):
    with Board(machine, "serve", on_tap(port=7, bytes=BODY_BYTES), tap(peers.TAP)) as board:
        if not board.await_line("listening", 10):
            raise Failed("it never listened")
        answer = peers.fetch(7, 20)
        outcome = board.finish(10)
    expect(outcome, 0, f"listening\nsent {BODY_BYTES}\n")
    if answer != peers.pattern(BODY_BYTES):
        raise Failed(f"{len(answer)} bytes came, or other bytes than were sent")
    return {"stack": outcome.cost()["stack"], "seconds": outcome.seconds}


def hears_refusal(machine):
    expect(
        run(machine, "bare", on_tap(peer=HOST, port=peers.CLOSED_PORT), tap(peers.TAP)),
        7,
        "",
        "the connection was refused",
    )


def sleeps_while_nobody_answers(machine):
    outcome = run(machine, "bare", on_tap(peer=NOBODY), tap(peers.TAP), extra=ICOUNT)
    expect(outcome, 7, "", "nobody answered")
    cost = outcome.cost()
    # Five ARP requests, the alarm's own period of 0.67 s, and what the kernel sends of itself.
    if cost["awake"] * 100 > cost["asleep"] or cost["sleeps"] > 60:
        raise Failed(f"it did not sleep: {cost}")


def loses_no_wake_up(machine):
    lines = "woken by the frame\nwithout its interrupt by the alarm\nnot asleep over a frame that waits\n"
    expect(run(machine, "probe", on_tap(test="wake", peer=HOST), tap(peers.TAP)), 0, lines)


# Tests without a TAP.


def keeps_time(machine):
    outcome = run(machine, "probe", {"test": "clock"})
    expect(outcome, 0, "".join(f"second {second}\n" for second in range(4)))
    # QEMU's start takes its part; a clock that is wrong is wrong by a factor.
    if not 2.9 < outcome.seconds < 6:
        raise Failed(f"3 s took {outcome.seconds:.1f} s")


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
                if not other.await_line("listening", 10):
                    raise Failed("the other board never listened")
                outcome = run(machine, "bare", on_tap(peer=HOST), wire(path, False))
                expect(outcome, 0, f"received {BODY_BYTES}\n")
                expect(other.finish(10), 0, f"listening\nsent {BODY_BYTES}\n")
        return {"stack": outcome.cost()["stack"], "seconds": outcome.seconds}

    return test_pair


def tests():
    """Pairs of (image, test's name, needs a TAP, function)."""
    yield "bare", "", True, fetches
    yield "bare", "refused", True, hears_refusal
    yield "bare", "nobody", True, sleeps_while_nobody_answers
    yield "serve", "", True, serves
    yield "probe", "wake", True, loses_no_wake_up
    for server in ("mps2-an385", "lm3s6965evb"):
        yield "bare", f"from {server}", False, fetches_from_board(server)
    yield "bare", "usage", False, refuses_nonsense
    yield "probe", "clock", False, keeps_time
    yield "probe", "file", False, keeps_files
    yield "probe", "stack", False, ends("stack", 0, "")
    yield "probe", "panic", False, ends("panic", 101, "panic")
    yield "probe", "fault", False, ends("fault", 102, "hard fault at 0x")
    yield "probe", "interrupt", False, ends("interrupt", 103, "unhandled interrupt -2")


def sizes_as_expected(board, image, bless):
    """Compares flash and RAM with expected/<board>-<image>.size, whose lines are `route flash RAM`."""
    found = flash_and_ram(image_path(board, image))
    path = EXPECTED / f"{board}-{image}.size"
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    known = {route: (int(flash), int(ram)) for route, flash, ram in lines}
    route = core_route()
    if bless:
        known[route] = found
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{name} {known[name][0]} {known[name][1]}\n" for name in sorted(known)))
        return
    if not known:
        raise Failed(f"no size is expected yet; found {found}")
    wanted = known.get(route) or next(iter(known.values()))
    tolerance = TOLERANCE_SAME_ROUTE if route in known else TOLERANCE_OTHER_ROUTE
    for name, is_bytes, was_bytes in zip(("flash", "RAM"), found, wanted):
        if abs(is_bytes - was_bytes) > was_bytes * tolerance:
            raise Failed(f"{name} {is_bytes} instead of {was_bytes} bytes (core {route})")


def row(machine, image, verdict, columns=None):
    flash, ram = flash_and_ram(image_path(MACHINES[machine], image.split(":")[0]))
    columns = columns or {}
    seconds = f"{columns['seconds']:.2f} s" if "seconds" in columns else ""
    stack, rate = columns.get("stack", "-"), columns.get("rate", "-")
    return f"{machine:<12} {image:<23} {verdict:<8} {flash:>6} {ram:>6} {stack:>6} {rate:>6} {seconds:>8}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--namespace", action="store_true", help="this network namespace is ours: make a TAP")
    parser.add_argument("--bless", action="store_true", help="take the sizes that were found as expected")
    parser.add_argument("--board", choices=MACHINES, action="append")
    parser.add_argument("--only", default="", help="run only rows that contain this, as probe:wake")
    options = parser.parse_args()

    has_tap = options.namespace and os.path.exists("/dev/net/tun")
    if has_tap:
        peers.make_tap()
    elif os.environ.get("TICKWIRE_REQUIRE_TAP") == "1":
        sys.exit("firmware: no TAP here (/dev/net/tun), but TICKWIRE_REQUIRE_TAP=1")

    rows, findings = [], []

    def attempt(machine, image, function):
        try:
            columns = function()
        except (Failed, OSError) as finding:
            findings.append(f"{machine} {image}: {finding}")
            rows.append(row(machine, image, "FAILED"))
        else:
            rows.append(row(machine, image, "ok", columns))
        print(rows[-1], file=sys.stderr, flush=True)

    for machine in options.board or MACHINES:
        for image, name, needs_tap, function in tests():
            label = f"{image}:{name}" if name else image
            if options.only not in label:
                continue
            if needs_tap and not has_tap:
                rows.append(row(machine, label, "skipped"))
            else:
                attempt(machine, label, lambda: function(machine))
        if machine in MACHINES.values() and not options.only:
            for image in IMAGES:
                attempt(machine, f"{image}:size", lambda: sizes_as_expected(machine, image, options.bless))

    for finding in findings:
        print(finding)
    print(f"{'board':<12} {'image':<23} {'result':<8} {'flash':>6} {'RAM':>6} {'stack':>6} {'i/byte':>6}")
    print("\n".join(rows))
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
