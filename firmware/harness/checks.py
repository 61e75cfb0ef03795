"""What the tests of the images share."""

import random

from peers import BOARD, HOST

# With -icount shift=0 an instruction is a nanosecond, and both boards' clock counts in 25 MHz.
ICOUNT = ("-icount", "shift=0")
INSTRUCTIONS_PER_COUNT = 40


class Failed(Exception):
    """A test's finding, in one line."""


def expect(outcome, code, stdout=None, in_stderr=""):
    if outcome.code != code or stdout not in (None, outcome.stdout) or in_stderr not in outcome.stderr:
        raise Failed(
            f"exit {outcome.code} instead of {code} after {outcome.seconds:.1f} s,"
            f" stdout {outcome.stdout[-200:]!r} stderr {outcome.stderr!r}"
        )


def await_listening(board):
    if not board.await_line("listening"):
        raise Failed("it never listened")


def on_tap(**parameters):
    seed = random.randrange(1 << 32)
    return {"address": f"{BOARD}/24", "gateway": HOST, "seed": seed, **parameters}


def without_losses(outcome):
    """The cost of a run on a quiet wire, where no frame is lost."""
    cost = outcome.cost()
    if any(cost[loss] for loss in ("damaged", "long", "overrun", "dropped", "failed")):
        raise Failed(f"frames were lost: {cost}")
    return cost


def instructions_per_byte(outcome, count):
    """Of a run under ICOUNT, everything but sleep."""
    return outcome.cost()["awake"] * INSTRUCTIONS_PER_COUNT / count


def least_rate(run_once, told, count):
    """Instructions per byte of the cheapest of three runs: what the pace of the peer adds is not the image's."""
    outcomes = [run_once() for _ in range(3)]
    for outcome in outcomes:
        expect(outcome, 0, told)
    return min(instructions_per_byte(outcome, count) for outcome in outcomes)
