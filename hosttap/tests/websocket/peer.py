"""A WebSocket peer that can send anything, and that is strict about what it receives (RFC 6455)."""

import base64
import hashlib
import os
import select
import socket
import struct
import time

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
TIMEOUT_SECONDS = 600
# What one read takes.
READ_BYTES = 1 << 18


def check(condition, why):
    if not condition:
        raise AssertionError(why)


def xor(payload, key):
    """Masks or unmasks."""
    size = len(payload)
    keys = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(keys)).to_bytes(size)


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


class Peer:
    """One connection after the handshake. A client masks, a server does not."""

    def __init__(self, connection, is_client, left=b""):
        self.connection = connection
        self.is_client = is_client
        self.buffer = bytearray(left)
        self.message = None
        connection.settimeout(TIMEOUT_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def frame(self, opcode, payload=b"", fin=True, rsv=0):
        """The bytes of a frame, which may break every rule."""
        size = len(payload)
        masked = 0x80 if self.is_client else 0
        head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
        if size < 126:
            head += bytes([masked | size])
        elif size < 1 << 16:
            head += bytes([masked | 126]) + struct.pack("!H", size)
        else:
            head += bytes([masked | 127]) + struct.pack("!Q", size)
        if self.is_client:
            key = os.urandom(4)
            return head + key + xor(payload, key)
        return head + payload

    def close_frame(self, code=None, reason=b""):
        return self.frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)

    def send(self, *frames, chop=None):
        """Sends the frames in one go, or in pieces of `chop` bytes."""
        data = b"".join(frames)
        try:
            if chop is None:
                self.connection.sendall(data)
            else:
                for start in range(0, len(data), chop):
                    self.connection.sendall(data[start : start + chop])
        except (BrokenPipeError, ConnectionResetError):
            # It may have closed before the end of what was wrong anyway.
            pass

    def send_framewise(self, *frames):
        for frame in frames:
            self.send(frame)

    def read(self, count):
        """`count` bytes, or None at the end."""
        while len(self.buffer) < count:
            data = self.connection.recv(READ_BYTES)
            if not data:
                check(not self.buffer, "the connection ended in the middle of a frame")
                return None
            self.buffer += data
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def read_frame(self):
        head = self.read(2)
        if head is None:
            return None
        opcode, size = head[0] & 0x0F, head[1] & 0x7F
        check(head[0] & 0x70 == 0, "a reserved bit is set")
        check((head[1] & 0x80 != 0) == (not self.is_client), "masked by the wrong side")
        if size == 126:
            size = struct.unpack("!H", self.read(2))[0]
            check(size >= 126, "a length that is not in its shortest form")
        elif size == 127:
            size = struct.unpack("!Q", self.read(8))[0]
            check(size >= 1 << 16, "a length that is not in its shortest form")
        key = None if self.is_client else self.read(4)
        payload = self.read(size)
        check(payload is not None, "the connection ended in the middle of a frame")
        if key is not None:
            payload = xor(payload, key)
        return head[0] & 0x80 != 0, opcode, payload

    def event(self):
        """The next of: ("message", opcode, payload), ("pong", payload), ("close", code), ("end",)."""
        while True:
            frame = self.read_frame()
            if frame is None:
                return ("end",)
            fin, opcode, payload = frame
            if opcode >= 8:
                check(fin and len(payload) <= 125, "a control frame that must not be")
            if opcode == PING:
                self.send(self.frame(PONG, payload))
            elif opcode == PONG:
                return ("pong", payload)
            elif opcode == CLOSE:
                check(len(payload) != 1, "a close code of one byte")
                return ("close", struct.unpack("!H", payload[:2])[0] if payload else None)
            elif opcode in (TEXT, BINARY):
                check(self.message is None, "a message within another")
                self.message = (opcode, [payload])
            else:
                check(opcode == CONTINUATION, "a reserved opcode")
                check(self.message is not None, "a continuation without a beginning")
                self.message[1].append(payload)
            if opcode < 8 and fin:
                kind, pieces = self.message
                self.message = None
                payload = b"".join(pieces)
                if kind == TEXT:
                    payload.decode()
                return ("message", kind, payload)

    def expect(self, *expected):
        for event in expected:
            got = self.event()
            check(got == event, f"{shown(got)} in place of {shown(event)}")

    def expect_end(self):
        """The server ends the connection, the client answers."""
        if not self.is_client:
            self.connection.shutdown(socket.SHUT_WR)
        self.expect(("end",))

    def expect_close(self, *codes):
        event = self.event()
        check(event[0] == "close" and event[1] in codes, f"{shown(event)} in place of close {codes}")
        self.expect_end()

    def close(self, code=1000):
        """A clean close by us."""
        self.send(self.close_frame(code))
        self.expect_close(code)

    def is_quiet(self, seconds):
        """Whether nothing comes for some time."""
        self.connection.settimeout(seconds)
        try:
            data = self.connection.recv(READ_BYTES)
            self.buffer += data
            return False
        except TimeoutError:
            return True
        finally:
            self.connection.settimeout(TIMEOUT_SECONDS)


def shown(event):
    text = repr(event)
    return text if len(text) < 100 else f"{text[:80]}... ({len(text)} characters)"


def read_head(connection):
    """A head of HTTP, and what came after it."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(4096)
        check(more, f"the connection ended in {data!r}")
        data += more
    head, _, left = data.partition(b"\r\n\r\n")
    return head.decode(), left


def connect(host, port, path="/cases"):
    """A client of the server under test."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            connection = socket.create_connection((host, port), timeout=TIMEOUT_SECONDS)
            break
        except OSError:
            check(time.monotonic() < deadline, f"nobody listens on {host}:{port}")
            time.sleep(0.05)
    key = base64.b64encode(os.urandom(16))
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key.decode()}\r\n\r\n".encode()
    )
    head, left = read_head(connection)
    check(head.startswith("HTTP/1.1 101 "), head)
    check(accept_of(key).decode() in head, "the key is not answered")
    return Peer(connection, True, left)


def accept(listener):
    """A server for the client under test."""
    connection, _ = listener.accept()
    connection.settimeout(TIMEOUT_SECONDS)
    head, left = read_head(connection)
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    fields = {name.lower(): value for name, value in fields.items()}
    check(head.startswith("GET ") and fields["upgrade"] == "websocket", head)
    check(fields["sec-websocket-version"] == "13", head)
    key = fields["sec-websocket-key"].encode()
    check(len(base64.b64decode(key, validate=True)) == 16, head)
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept_of(key) + b"\r\n\r\n"
    )
    return Peer(connection, False, left)
