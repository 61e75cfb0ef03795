"""Which places in the core and in smoltcp can panic, read from an image that was linked with `--emit-relocs`.

A place is the innermost line outside of Rust's own libraries on the way to a call of core's panic functions. The image
must be built without link-time optimization, which merges such calls from different places into one.
"""

import collections
import pathlib
import re
import subprocess
import sys

FIRMWARE = pathlib.Path(__file__).resolve().parent.parent
LISTED = FIRMWARE / "expected" / "panics.txt"
PANICS = re.compile(
    r"core::panicking::|core::(option|result)::(unwrap|expect)_failed|core::cell::panic_|slice_index_fail"
    r"|slice_error_fail|len_mismatch_fail|slice_\w+_fail|core::slice::index::\w+_fail"
)
CALL = re.compile(r"^([0-9a-f]+)\s+[0-9a-f]+ R_ARM_\w+\s+[0-9a-f]+\s+(.*)$", re.M)


def text(*command, given=None):
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout


def owner(path):
    """Which of our own or foreign crates a source file belongs to; None for Rust's own."""
    if match := re.search(r"/registry/src/[^/]+/([a-z0-9_-]+?)-\d", path):
        return match.group(1)
    root = str(FIRMWARE.parent)
    ours = (("/guard/src", "tickwire"), ("/src", "tickwire"))
    for folder, crate in (("/firmware/target", None), ("/firmware", "firmware"), *ours):
        if path.startswith(root + folder):
            return crate
    return None


def short(function):
    """The last name of a path, without what it is generic over."""
    while function != (function := re.sub(r"<[^<>]*>", "", function)):
        pass
    return function.rpartition("::")[2]


def places(image):
    """Triples of (crate, place, function), one for each call of a panic function that has such a line."""
    relocations = text("readelf", "-rW", str(image))
    names = [name for _, name in CALL.findall(relocations)]
    readable = text("c++filt", "-i", given="\n".join(names)).splitlines()
    calls = [address for (address, _), name in zip(CALL.findall(relocations), readable) if PANICS.search(name)]
    lines = text("addr2line", "-a", "-i", "-f", "-C", "-e", str(image), given="\n".join(calls)).splitlines()
    chains = []
    for line in lines:
        if line.startswith("0x"):
            chains.append([])
        else:
            chains[-1].append(line)
    for chain in chains:
        for function, place in zip(chain[::2], chain[1::2]):
            path, _, line = place.split(" (")[0].rpartition(":")
            if crate := owner(path):
                yield crate, path.removeprefix(f"{FIRMWARE.parent}/"), line, short(function)
                break


def listed():
    """The places of the core that may panic: `file function: invariant`."""
    known = {}
    for line in LISTED.read_text().splitlines():
        if line and not line.startswith("#"):
            place, _, invariant = line.partition(": ")
            known[place] = invariant
    return known


def main(image):
    found = sorted(set(places(image)))
    ours = {}
    for crate, path, line, function in found:
        if crate == "tickwire":
            ours.setdefault(f"{path} {function}", []).append(line)
    known = listed()
    for place, lines in ours.items():
        print(f"{place} (line {', '.join(lines)}): {known.get(place, 'NOT LISTED')}")
    unused = [place for place in known if place not in ours]
    if unused:
        print(f"listed, but they cannot panic any more: {', '.join(unused)}")
    counts = collections.Counter(crate for crate, _, _ in {place[:3] for place in found})
    others = ", ".join(f"{crate} {count}" for crate, count in sorted(counts.items()) if crate != "tickwire")
    print(f"places that can panic: tickwire {counts['tickwire']}, {others}")
    sys.exit(1 if unused or any(place not in known for place in ours) else 0)


if __name__ == "__main__":
    main(sys.argv[1])
