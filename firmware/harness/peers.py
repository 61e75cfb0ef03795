"""The Linux side of a TAP: the interface, and peers that run the kernel's TCP."""

import contextlib
import http.server
import socket
import subprocess
import threading

TAP = "tap0"
HOST = "192.168.69.1"
BOARD = "192.168.69.2"
# In the same network, and nobody has it.
NOBODY = "192.168.69.77"
HTTP_PORT = 80
CLOSED_PORT = 81
BODY_BYTES = 1 << 20
# What HttpPeer puts before its body.
HEAD = f"HTTP/1.0 200 OK\r\nContent-Length: {BODY_BYTES}\r\n\r\n"


def make_tap():
    """Makes the TAP in this network namespace, which must be our own."""
    for command in (
        "ip link set lo up",
        f"ip tuntap add {TAP} mode tap",
        f"ip address add {HOST}/24 dev {TAP}",
        f"ip link set {TAP} up",
    ):
        subprocess.run(command.split(), check=True, timeout=10)


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        # Without Date and Server, so that the length is known to the byte.
        self.send_response_only(200)
        self.send_header("Content-Length", str(BODY_BYTES))
        self.end_headers()
        self.wfile.write(bytes(BODY_BYTES))

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def http_peer():
    """Python's HTTP server with 1 MiB at every path."""
    server = http.server.ThreadingHTTPServer((HOST, HTTP_PORT), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def fetch(port, seconds):
    """Sends one line to the board and gives all that it answers."""
    answer = bytearray()
    with socket.create_connection((BOARD, port), timeout=seconds) as connection:
        connection.sendall(b"please\n")
        while part := connection.recv(65536):
            answer += part
    return bytes(answer)


def pattern(length):
    """What the image `serve` answers."""
    return (bytes(range(251)) * (length // 251 + 1))[:length]
