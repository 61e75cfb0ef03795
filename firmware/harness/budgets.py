"""What `get` may take of a board: the goals, what is held, and rows of the table that say so.

The guard is left out: the goals are those of TCP/IP, driver, loop and client.
"""

from checks import Failed
from sizes import core_route, flash_and_ram, image_path

# Sizes are budgeted for one way to build `core` only.
ROUTE = "built-1.97.0-nightly-debian"
BOARDS = ("mps2-an385", "lm3s6965evb")
# Two frames of 1,514 bytes, and a socket's 2,920 and 512.
BUFFER_BYTES = 2 * 1_514 + 2_920 + 512
# The guard's one.
GUARD_BUFFER_BYTES = 1_514

# (name, the most that passes, the goal where that is not reached yet)
FLASH = ("flash, in the program of docs/porting.md", 35_600, 24_000)
SHARE = ("client's share of flash", 15_900, 5_000)
RAM = ("RAM without buffers", 2_048, None)
STACK = ("stack", 3_072, None)
# The goals do not ask for these.
GUARDED_RAM = ("RAM without buffers, with the guard", 2_176, None)
GUARDED_STACK = ("stack, with the guard", 3_600, None)
RATIO = ("instructions a byte, of a bare socket's", 1.17, None)


def check(budget, found):
    """A line for the table, or the finding that `found` is too much."""
    name, limit, goal = budget
    if found > limit:
        raise Failed(f"{name}: {found} is over {limit}")
    aim = f", goal {goal}" if goal else ""
    return f"{name} {found} of {limit}{aim}"


def budget_rows(table):
    """Adds rows for the budgets; the tests whose columns they need must have run."""
    for board in BOARDS:
        labels = ("get-unguarded", "get", "bare")
        get, guarded, bare = (table.columns.get((board, label), {}) for label in labels)
        _, guarded_ram = flash_and_ram(image_path(board, "get"))
        flash, ram = flash_and_ram(image_path(board, "get-unguarded"))
        minimal_flash, _ = flash_and_ram(image_path(board, "minimal"))
        bare_flash, _ = flash_and_ram(image_path(board, "bare"))
        lines = [
            (RAM, ram - BUFFER_BYTES),
            (GUARDED_RAM, guarded_ram - BUFFER_BYTES - GUARD_BUFFER_BYTES),
        ]
        by_route = [(FLASH, minimal_flash), (SHARE, flash - bare_flash)]
        if "stack" in get:
            by_route.append((STACK, get["stack"]))
        if "stack" in guarded:
            by_route.append((GUARDED_STACK, guarded["stack"]))
        if "rate" in get and "rate" in bare:
            lines.append((RATIO, round(get["rate"] / bare["rate"], 3)))
        if core_route() == ROUTE:
            lines += by_route
        else:
            for (name, *_), found in by_route:
                table.line(f"{board:<12} {'get:budget':<22} {'skipped':<8} {name} {found}, for core is {core_route()}")
        for budget, found in lines:
            try:
                table.line(f"{board:<12} {'get:budget':<22} {'ok':<8} {check(budget, found)}")
            except Failed as finding:
                table.findings.append(f"{board} get: {finding}")
                table.line(f"{board:<12} {'get:budget':<22} {'FAILED':<8} {finding}")
