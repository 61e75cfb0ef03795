"""The programs of docs/porting.md, run as the page says: by its own QEMU command, against Python's own server."""

import pathlib
import subprocess
import sys
import tempfile
import tomllib

import peers
from checks import Failed
from porting import BUILT
from qemu import NOISE, SECONDS_MAX
from sizes import image_path


def runner():
    """The command that the page gives to `cargo run`."""
    configuration = tomllib.loads((BUILT / "config.toml").read_text())
    return configuration["target"]["thumbv7m-none-eabi"]["runner"]


def fetches(image):
    def test(machine):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile(mode="w+") as log:
            pathlib.Path(folder, "body").write_bytes(peers.BODY)
            server = [sys.executable, "-m", "http.server", str(peers.NGINX_PORT), "--bind", "127.0.0.1"]
            with peers.process(server, cwd=folder, stdout=subprocess.DEVNULL, stderr=log):
                peers.await_port(peers.NGINX_PORT)
                command = [*runner(), str(image_path(machine, image))]
                told = subprocess.run(
                    command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS_MAX
                )
            log.seek(0)
            requests = log.read()
        said = [line for line in (told.stdout + told.stderr).splitlines() if not NOISE.fullmatch(line)]
        if told.returncode != 0 or said:
            raise Failed(f"exit {told.returncode} instead of 0, and it said {said}")
        if requests.count('"GET /body HTTP/1.0" 200') != 1:
            raise Failed(f"the server tells of {requests!r}")

    return test


def tests():
    """Tuples of (image, test's name, needs a TAP, function). No TAP, but a port 8080 that nobody else has."""
    for image in ("porting", "porting-guard"):
        yield image, "", True, fetches(image)
