"""Tests of the boards against hosttap, the same apps on this machine: two TAPs on a bridge, and the kernel has no part."""

import contextlib
import pathlib
import re
import subprocess
import tempfile

import peers
from app_tests import IMAGE, await_written, boot, flash, image_line
from checks import Failed, await_listening, expect, on_tap
from peers import BOARD, HOST
from qemu import SECONDS_MAX, Board, tap
from sizes import FIRMWARE

HOSTTAP = FIRMWARE.parent / "target" / "debug" / "hosttap"
BRIDGE, BOARD_TAP, OUR_TAP = "tickwire0", "boardtap0", "hosttap0"


@contextlib.contextmanager
def bridge():
    """A TAP for the board and one for hosttap."""
    commands = [f"ip link add {BRIDGE} type bridge", f"ip link set {BRIDGE} up"]
    for name in (BOARD_TAP, OUR_TAP):
        commands += [f"ip tuntap add {name} mode tap", f"ip link set {name} master {BRIDGE} up"]
    for command in commands:
        subprocess.run(command.split(), check=True, timeout=SECONDS_MAX)
    try:
        yield
    finally:
        for name in (OUR_TAP, BOARD_TAP, BRIDGE):
            subprocess.run(["ip", "link", "del", name], check=False, timeout=SECONDS_MAX)


def hosttap(*arguments):
    command = [HOSTTAP, "--tap", OUR_TAP, "--address", f"{HOST}/24", *arguments]
    return peers.process(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(sender):
    _, errors = sender.communicate(timeout=SECONDS_MAX)
    if sender.returncode != 0:
        raise Failed(f"hosttap ended with {sender.returncode}: {errors[-300:]!r}")


def resumes_from_hosttap(machine):
    """hosttap sends; the board's power goes in the middle; hosttap tries again and goes on."""
    with tempfile.TemporaryDirectory() as folder, bridge():
        file = pathlib.Path(folder, "image.bin")
        file.write_bytes(IMAGE)
        parameters = {"flash": flash(folder)}
        with Board(machine, "recv", on_tap(**parameters), tap(BOARD_TAP)) as board:
            await_listening(board)
            with hosttap("send", "--retry", "--idle-timeout", "2", BOARD, str(file)) as sender:
                await_written(parameters["flash"])
                board.end()
                with Board(machine, "recv", on_tap(**parameters), tap(BOARD_TAP)) as board:
                    finish(sender)
                    outcome = board.finish()
        expect(outcome, 0)
        if not re.search(r"^resumed from [1-9]", outcome.stdout, re.M):
            raise Failed(f"it began anew: {outcome.stdout!r}")
        boot(machine, parameters, image_line(IMAGE))
    return {"outcome": outcome}


def tests():
    """Tuples of (image, test's name, needs a TAP, function)."""
    yield "recv", "hosttap", True, resumes_from_hosttap
