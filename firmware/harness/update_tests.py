"""Tests of the image `update`: downloads into flash, whatever happens to the power and to the file."""

import tempfile
import time

import peers
from app_tests import IMAGE, IMAGE_BYTES, boot, flash, image_line, url
from checks import ICOUNT, Failed, expect, instructions_per_byte, on_tap, without_losses
from qemu import SECONDS_MAX, Board, run, tap

URL = url(peers.NGINX_PORT, "/body")
FLASH_FAILED = 23
# A journal of two halves of 2 KiB, and two slots.
SMALL_FLASH_BYTES = 32 * 1024
# Three blocks of flash, the last of them in part.
SMALL, CHANGED = peers.BODY[:3000], peers.BODY[5000:7900]
# A download of that size needs fewer writes and erases.
CUTS_MAX = 100


def update(machine, path, extra=(), **parameters):
    return run(machine, "update", on_tap(url=URL, flash=path, **parameters), tap(peers.TAP), extra=extra)


def updates_whole(machine):
    with tempfile.TemporaryDirectory() as folder, peers.nginx(IMAGE):
        outcome = update(machine, flash(folder), ICOUNT)
    expect(outcome, 0, image_line(IMAGE))
    stack = without_losses(outcome)["stack"]
    return {"outcome": outcome, "stack": stack, "rate": instructions_per_byte(outcome, IMAGE_BYTES)}


def resumes_update(machine):
    """The emulator is killed when a part of the image is in the flash."""
    with tempfile.TemporaryDirectory() as folder, peers.nginx(IMAGE):
        path = flash(folder)
        with Board(machine, "update", on_tap(url=URL, flash=path), tap(peers.TAP)) as board:
            limit = time.monotonic() + SECONDS_MAX
            while IMAGE[50_000:50_100] not in path.read_bytes():
                if time.monotonic() > limit:
                    raise Failed(f"no part of the image came: {board.text()}")
                time.sleep(0.002)
            board.end()
        outcome = update(machine, path)
        has, _, _ = outcome.stdout.partition("\n")
        expect(outcome, 0, f"{has}\n{image_line(IMAGE)}")
        word, _, count = has.partition(" ")
        if word != "has" or not 49_000 < int(count) < IMAGE_BYTES:
            raise Failed(f"it went on after {has!r}")
        boot(machine, {"flash": path}, image_line(IMAGE))
    return {"outcome": outcome, "stack": without_losses(outcome)["stack"]}


def is_cut_everywhere(machine):
    """The power fails in every write and erase; in every second case the file has changed when it is back."""
    with tempfile.TemporaryDirectory() as folder, peers.nginx(SMALL) as body:
        for cut in range(CUTS_MAX):
            body.write_bytes(SMALL)
            path = flash(folder, SMALL_FLASH_BYTES)
            outcome = update(machine, path, cut=cut)
            if outcome.code == 0:
                break
            expect(outcome, FLASH_FAILED)
            # The last write may have been the record that makes it the image.
            was = run(machine, "recv", {"flash": path, "boot": 1}).stdout
            if was not in ("no image\n", image_line(SMALL)):
                raise Failed(f"cut {cut}: {was!r} is in the flash")
            data = CHANGED if cut % 2 else SMALL
            body.write_bytes(data)
            expect(update(machine, path), 0)
            boot(machine, {"flash": path}, image_line(data))
        if not 20 < cut < CUTS_MAX - 1:
            raise Failed(f"{cut} writes and erases")


def tests():
    """Tuples of (image, test's name, needs a TAP, function)."""
    yield "update", "", True, updates_whole
    yield "update", "resume", True, resumes_update
    yield "update", "cut", True, is_cut_everywhere
