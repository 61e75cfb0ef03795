"""Makes the project of docs/porting.md from the page's own blocks. See porting.sh."""

import pathlib
import re
import sys

from sizes import FIRMWARE

PAGE = FIRMWARE.parent / "docs" / "porting.md"
BUILT = FIRMWARE / "target" / "porting"
FILES = ("Cargo.toml", ".cargo/config.toml", "src/main.rs")
WITHOUT_GUARD = 'tickwire = { path = "../tickwire", default-features = false, features = ["http"] }'
WITH_GUARD = WITHOUT_GUARD.replace('"http"', '"http", "guard"')


def blocks(page):
    """The text of each file: the block after a line that begins with its name."""
    found = re.findall(r"^`([^`]+)`[^\n]*:\n\n```(?!diff)\w+\n(.*?)^```$", page, re.M | re.S)
    files = dict(found)
    if sorted(files) != sorted(FILES):
        sys.exit(f"docs/porting.md has blocks for {sorted(files)}, not for {sorted(FILES)}")
    return files


def replaced(text, old, new):
    if text.count(old) != 1:
        sys.exit(f"docs/porting.md: {old!r} is there {text.count(old)} times")
    return text.replace(old, new)


def with_changes(text, changes):
    """Applies a diff whose parts `@@` separates; their unchanged and `-` lines together name the place."""
    for part in changes.split("@@\n"):
        lines = [(line[:1], line[1:]) for line in part.splitlines(keepends=True)]
        old = "".join(line for mark, line in lines if mark in " -")
        new = "".join(line for mark, line in lines if mark in " +")
        text = replaced(text, old, new)
    return text


def main(folder, *options):
    page = PAGE.read_text()
    files = blocks(page)
    if options == ("--guard",):
        (changes,) = re.findall(r"^```diff\n(.*?)^```$", page, re.M | re.S)
        files["src/main.rs"] = with_changes(files["src/main.rs"], changes)
        files["Cargo.toml"] = replaced(files["Cargo.toml"], WITHOUT_GUARD, WITH_GUARD)
    for name, text in files.items():
        path = pathlib.Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
