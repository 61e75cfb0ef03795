"""Runs the images under QEMU and prints the table. See test.sh."""

import argparse
import os
import re
import sys

import app_tests
import board_tests
import hosttap_tests
import peers
import porting_tests
import rooms_tests
import sim_tests
import update_tests
from budgets import budget_rows
from checks import Failed
from qemu import MACHINES
from sizes import FIRMWARE, IMAGES, core_route, flash_and_ram, image_path

EXPECTED = FIRMWARE / "expected"
# Other compilers, and other builds of core, give other code: there only the order of magnitude is held.
TOLERANCE_SAME_ROUTE = 0.03
TOLERANCE_OTHER_ROUTE = 0.25
# AN386 is AN385 with another core: one test of each image is enough.
SHORT = ("mps2-an386",)
# No other board has the RAM for the simulator; docs/porting.md chose this board.
ONLY_MPS2 = ("sim", "porting", "porting-guard")


def output_as_expected(label, outcome, bless):
    """Compares exit code and stdout with expected/<label>.run, which is the same for all boards."""
    # How much is held when the power goes is up to the moment.
    stdout = re.sub(r"(resumed from|has) \d+", r"\1 N", outcome.stdout)
    text = f"{stdout}exit {outcome.code}\n"
    path = EXPECTED / f"{re.sub(r'[: ]', '-', label)}.run"
    if bless:
        path.write_text(text)
    elif not path.exists():
        raise Failed(f"{path.name} is missing; it said {text!r}")
    elif path.read_text() != text:
        raise Failed(f"it said {text!r}, which is not {path.name}")


def sizes_as_expected(board, image, bless):
    """Compares flash and RAM with expected/<board>-<image>.size, which says `route flash RAM`."""
    found = flash_and_ram(image_path(board, image))
    path = EXPECTED / f"{board}-{image}.size"
    if bless:
        path.write_text(f"{core_route()} {found[0]} {found[1]}\n")
        return
    if not path.exists():
        raise Failed(f"{path.name} is missing; found {found}")
    route, *wanted = path.read_text().split()
    tolerance = TOLERANCE_SAME_ROUTE if route == core_route() else TOLERANCE_OTHER_ROUTE
    for name, is_bytes, was_bytes in zip(("flash", "RAM"), found, map(int, wanted)):
        if abs(is_bytes - was_bytes) > was_bytes * tolerance:
            raise Failed(f"{name} {is_bytes} instead of {was_bytes} bytes (core {core_route()})")


class Table:
    """The rows so far, and what was wrong."""

    def __init__(self):
        self.rows = []
        self.findings = []
        self.columns = {}

    def attempt(self, machine, label, function):
        """Runs one test for one row; `function` gives columns, or raises what is wrong."""
        try:
            columns = function() or {}
        except Exception as finding:  # Any: a test that breaks must not take the others and the table with it.
            what = finding if isinstance(finding, Failed) else repr(finding)
            self.findings.append(f"{machine} {label}: {what}")
            self.add(machine, label, "FAILED", {})
        else:
            self.columns[machine, label] = columns
            self.add(machine, label, "ok", columns)

    def add(self, machine, label, verdict, columns):
        flash, ram = flash_and_ram(image_path(MACHINES[machine], label.split(":")[0]))
        outcome = columns.get("outcome")
        seconds = f"{outcome.seconds:.2f} s" if outcome else ""
        rate = f"{columns['rate']:.2f}" if "rate" in columns else "-"
        stack = columns.get("stack", "-")
        self.line(f"{machine:<12} {label:<22} {verdict:<8} {flash:>6} {ram:>6} {stack:>6} {rate:>7} {seconds:>9}")

    def line(self, text):
        self.rows.append(text)
        print(text, file=sys.stderr, flush=True)

    def print(self):
        for finding in self.findings:
            print(finding)
        print(f"{'board':<12} {'image':<22} {'result':<8} {'flash':>6} {'RAM':>6} {'stack':>6} {'i/byte':>7}")
        print("\n".join(self.rows))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--namespace", action="store_true", help="this network namespace is ours: make a TAP")
    parser.add_argument("--bless", action="store_true", help="take the outputs and sizes that were found as expected")
    parser.add_argument("--board", choices=MACHINES, action="append")
    parser.add_argument("--only", default="", help="run only rows that contain this, as probe:wake")
    return parser.parse_args()


def main():
    options = arguments()
    has_tap = options.namespace and os.path.exists("/dev/net/tun")
    if has_tap:
        peers.make_tap()
    elif os.environ.get("TICKWIRE_REQUIRE_TAP") == "1":
        sys.exit("firmware: no TAP here (/dev/net/tun), but TICKWIRE_REQUIRE_TAP=1")

    table = Table()
    modules = (board_tests, app_tests, update_tests, rooms_tests, hosttap_tests, porting_tests, sim_tests)
    everything = [test for module in modules for test in module.tests()]
    for machine in options.board or MACHINES:
        for image, name, needs_tap, function in everything:
            label = f"{image}:{name}" if name else image
            fits = machine == "mps2-an385" or image not in ONLY_MPS2
            if options.only not in label or (machine in SHORT and name) or not fits:
                continue
            if needs_tap and not has_tap:
                table.add(machine, label, "skipped", {})
                continue

            def test():
                columns = function(machine) or {}
                if "outcome" in columns:
                    output_as_expected(label, columns["outcome"], options.bless)
                return columns

            table.attempt(machine, label, test)
        if machine in MACHINES.values() and not options.only:
            for image in IMAGES:
                size = lambda: sizes_as_expected(machine, image, options.bless)
                table.attempt(machine, f"{image}:size", size)
    if has_tap and not options.only and not options.board:
        budget_rows(table)
    table.print()
    sys.exit(1 if table.findings else 0)


if __name__ == "__main__":
    main()
