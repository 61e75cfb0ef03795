"""Boards under QEMU: one process each, always with a time limit, always ended by its own handle."""

import dataclasses
import pathlib
import re
import subprocess
import tempfile
import time

from sizes import image_path

# Longest wait for anything. It says nothing about speed: it ends a test that hangs, and is far longer than a busy
# machine needs.
SECONDS_MAX = 600

# Images are built for a board; AN386 is AN385 with a Cortex-M4, which runs the same image.
MACHINES = {"mps2-an385": "mps2-an385", "mps2-an386": "mps2-an385", "lm3s6965evb": "lm3s6965evb"}

# What QEMU says of itself: at every start of lm3s6965evb, and of a board without network.
NOISE = re.compile(r"Timer with period zero, disabling|qemu-system-arm: warning: nic \S+ has no peer")

COST = re.compile(
    r"cost: awake (?P<awake>\d+) asleep (?P<asleep>\d+) sleeps (?P<sleeps>\d+) stack (?P<stack>\d+)"
    r" frames in (?P<received>\d+) damaged (?P<damaged>\d+) long (?P<long>\d+) overrun (?P<overrun>\d+)"
    r" out (?P<sent>\d+) dropped (?P<dropped>\d+) failed (?P<failed>\d+)"
)


@dataclasses.dataclass
class Outcome:
    """How an image ended. `code` is None when its time ran out."""

    code: int | None
    stdout: str
    stderr: str
    seconds: float

    def cost(self):
        """The counters of the image's cost line, or an empty dictionary."""
        found = COST.search(self.stderr)
        return {key: int(value) for key, value in found.groupdict().items()} if found else {}


def tap(name):
    return ["-nic", f"tap,ifname={name},script=no,downscript=no"]


def wire(path, listens):
    """One end of a cable between two boards, without TAP or privileges: a Unix socket."""
    server = ",server=on" if listens else ""
    return ["-netdev", f"stream,id=n0,addr.type=unix,addr.path={path}{server}", "-net", "nic,netdev=n0"]


class Board:
    """A running board. To be used as a context manager, which ends the process whatever happens."""

    def __init__(self, machine, image, arguments, network, extra=()):
        path = image_path(MACHINES[machine], image)
        words = [image] + [f"{key}={value}" for key, value in arguments.items()]
        semihosting = ",".join(["enable=on,target=native"] + [f"arg={word}" for word in words])
        command = ["qemu-system-arm", "-M", machine, "-kernel", str(path)]
        command += ["-display", "none", "-serial", "none", "-monitor", "none"]
        command += ["-semihosting-config", semihosting, *network, *extra]
        self.output = tempfile.TemporaryFile(mode="w+")
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.errors
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
        self.output.close()
        self.errors.close()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def text(self):
        return self._read(self.output)

    def await_line(self, line):
        """Waits until the image printed `line`. False when it ended before, or its time ran out."""
        limit = time.monotonic() + SECONDS_MAX
        while line not in self.text().splitlines():
            if time.monotonic() > limit or self.process.poll() is not None:
                return line in self.text().splitlines()
            time.sleep(0.02)
        return True

    def finish(self, seconds=SECONDS_MAX):
        """Waits for the end of the image, at most `seconds`, and then ends it."""
        try:
            code = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            code = None
        took = time.monotonic() - self.started
        self.end()
        errors = "\n".join(line for line in self._read(self.errors).splitlines() if not NOISE.fullmatch(line))
        return Outcome(code, self.text(), errors, took)

    @staticmethod
    def _read(file):
        # QEMU writes through its own descriptor; reopen to leave the shared file offset alone.
        return pathlib.Path(f"/proc/self/fd/{file.fileno()}").read_text(errors="replace")


def run(machine, image, arguments, network=("-nic", "none"), seconds=SECONDS_MAX, extra=()):
    with Board(machine, image, arguments, list(network), extra) as board:
        return board.finish(seconds)
