"""Compares the images of unused.sh."""

import pathlib
import sys

from sizes import flash_and_ram


def main(folder):
    folder = pathlib.Path(folder)
    without = folder / "without"
    if without.read_bytes() != (folder / "deleted").read_bytes():
        sys.exit("unused.sh: an image without the features has something of what they bring")
    flash, ram = flash_and_ram(without)
    print(f"without the features, and from a core without their sources: the same image, {flash} bytes of flash")
    for feature in ("dhcp", "sntp", "dns"):
        more_flash, more_ram = flash_and_ram(folder / feature)
        print(f"with {feature} switched on and not used: {more_flash - flash} more, and {more_ram - ram} of RAM")


if __name__ == "__main__":
    main(sys.argv[1])
