"""The simulator on a Cortex-M3: the same seeds must leave the same traces as on this machine."""

import os
import subprocess

from checks import Failed, expect
from qemu import SECONDS_MAX, run
from sizes import FIRMWARE

PROGRAM = FIRMWARE.parent / "target" / "release" / "sim"
# TICKWIRE_SIM_SEEDS=1000 compares as many seeds of each profile.
SEEDS = int(os.environ.get("TICKWIRE_SIM_SEEDS", "50"))
SECONDS_PER_SEED = 2


def trace_here(seed, profile):
    command = [PROGRAM, "--seed", str(seed), "--profile", profile]
    told = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX)
    return f"{seed} {told.stdout.splitlines()[-1]}"


def leaves_same_traces(profile):
    def test(machine):
        seconds = SECONDS_MAX + SEEDS * SECONDS_PER_SEED
        outcome = run(machine, "sim", {"count": SEEDS, "profile": profile}, seconds=seconds)
        expect(outcome, 0)
        traces = outcome.stdout.splitlines()
        if len(traces) != SEEDS:
            raise Failed(f"{len(traces)} traces of {SEEDS} seeds")
        for seed, trace in enumerate(traces):
            here = trace_here(seed, profile)
            if trace != here:
                raise Failed(f"{profile}: the board says {trace!r}, this machine {here!r}")

    return test


def tests():
    """Tuples of (image, test's name, needs a TAP, function)."""
    for profile in ("mild", "bad", "hostile"):
        yield "sim", profile, False, leaves_same_traces(profile)
