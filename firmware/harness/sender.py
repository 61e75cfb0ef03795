"""The sender of docs/wire.md's file transfer, independent of the core's."""

import hashlib
import socket
import struct

from qemu import SECONDS_MAX

REPLY_BYTES = 16
FINE, STILL_WORKING = 0, 6


def offer(name, data):
    """The offer of the checked form."""
    digest = hashlib.sha256(data).digest()
    return struct.pack("<4sBBHQ32s", b"TWF\x81", 1, 0, len(name), len(data), digest) + name


def reply(connection, magic):
    """The next answer or receipt that is not `still working`: its status and its number."""
    while True:
        raw = b""
        while len(raw) < REPLY_BYTES:
            part = connection.recv(REPLY_BYTES - len(raw))
            if not part:
                raise OSError(f"the receiver closed after {len(raw)} bytes of {magic!r}")
            raw += part
        found, status, number = struct.unpack("<4sB3xQ", raw)
        if found != magic:
            raise OSError(f"{found!r} came instead of {magic!r}")
        if status != STILL_WORKING:
            return status, number


class Sender:
    """One connection to a receiver, up to its answer."""

    def __init__(self, address, data, name=b"image.bin"):
        self.data = data
        self.connection = socket.create_connection(address, timeout=SECONDS_MAX)
        self.connection.sendall(offer(name, data))
        self.status, self.offset = reply(self.connection, b"TWA\x81")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send(self, end=None):
        """Sends the data from the offset to `end`, by default all of it."""
        self.connection.sendall(self.data[self.offset : end])

    def receipt(self):
        """The receipt's status and number, after which the receiver must close."""
        result = reply(self.connection, b"TWR\x81")
        if self.connection.recv(1):
            raise OSError("the receiver spoke behind its receipt")
        return result


def send_plain(address, data):
    """The plain form: the length and the data, then FIN, and the receiver's FIN."""
    with socket.create_connection(address, timeout=SECONDS_MAX) as connection:
        connection.sendall(struct.pack("<I", len(data)) + data)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(1)
