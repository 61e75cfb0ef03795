"""What an image takes of a board's memory, read from its ELF section headers."""

import pathlib
import struct
import sys

FIRMWARE = pathlib.Path(__file__).resolve().parent.parent
IMAGES = (
    "bare", "minimal", "get", "get-unguarded", "join", "join-names", "echo", "chat", "recv", "update", "rooms", "serve",
    "probe",
)

# ELF-32 (System V ABI, chapter 4): section types and flags.
SHT_NOBITS = 8
SHF_WRITE, SHF_ALLOC = 1, 2


def image_path(board, image):
    return FIRMWARE / "target" / board / image


def flash_and_ram(path):
    """Bytes of flash and of static RAM. Initialised data takes both; the stack is not counted."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x01\x01":
        raise ValueError(f"{path} is no little-endian ELF-32")
    (offset,) = struct.unpack_from("<I", data, 0x20)
    entry_bytes, count = struct.unpack_from("<HH", data, 0x2E)
    flash = ram = 0
    for index in range(count):
        _, kind, flags, _, _, size = struct.unpack_from("<6I", data, offset + index * entry_bytes)
        if not flags & SHF_ALLOC:
            continue
        if kind != SHT_NOBITS:
            flash += size
        if flags & SHF_WRITE:
            ram += size
    return flash, ram


def core_route():
    """How this build found `core`: sizes compare exactly only within one route."""
    return (FIRMWARE / "target" / "core-route").read_text().strip()


def main(boards):
    print(f"{'board':<12} {'image':<13} {'flash':>7} {'RAM':>7}   bytes, core {core_route()}")
    for board in boards:
        for image in IMAGES:
            flash, ram = flash_and_ram(image_path(board, image))
            print(f"{board:<12} {image:<13} {flash:>7} {ram:>7}")


if __name__ == "__main__":
    main(sys.argv[1:])
