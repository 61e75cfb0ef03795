"""The Linux side of a TAP: the interface, and peers that run the kernel's TCP."""

import contextlib
import http.server
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from qemu import SECONDS_MAX
from sizes import FIRMWARE

sys.path.append(str(FIRMWARE.parent / "hosttap/tests/common"))
import tcp_peer  # What the peers of hosttap's tests need.

TAP = "tap0"
HOST = "192.168.69.1"
BOARD = "192.168.69.2"
# In the same network, and nobody has it.
NOBODY = "192.168.69.77"
HTTP_PORT = 80
NGINX_PORT = 8080
RAW_PORT = 8081
CLOSED_PORT = 81
BODY_BYTES = 1 << 20
# The same in every run, so that outputs can be compared.
BODY = random.Random(7).randbytes(BODY_BYTES)
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
        subprocess.run(command.split(), check=True, timeout=SECONDS_MAX)


def send_long_frames(count):
    """Frames that no Ethernet has, longer than the buffer that the board lends for one; each of another length."""
    subprocess.run(["ip", "link", "set", TAP, "mtu", "2000"], check=True, timeout=SECONDS_MAX)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((TAP, 0))
        for index in range(count):
            # To everybody, of a type for experiments (IEEE 802): smoltcp would ignore it, were it short.
            raw.send(b"\xff" * 6 + b"\x02" + b"\0" * 5 + b"\x88\xb5" + BODY[: 1_501 + index])
    subprocess.run(["ip", "link", "set", TAP, "mtu", "1500"], check=True, timeout=SECONDS_MAX)


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        # Without Date and Server, so that the length is known to the byte.
        self.send_response_only(200)
        self.send_header("Content-Length", str(BODY_BYTES))
        self.end_headers()
        self.wfile.write(BODY)

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


def fetch(port):
    """Sends one line to the board and gives all that it answers."""
    answer = bytearray()
    with socket.create_connection((BOARD, port), timeout=SECONDS_MAX) as connection:
        connection.sendall(b"please\n")
        while part := connection.recv(65536):
            answer += part
    return bytes(answer)


def pattern(length):
    """What the image `serve` answers."""
    return (bytes(range(251)) * (length // 251 + 1))[:length]


@contextlib.contextmanager
def process(command, **options):
    """A process that ends with its block, whatever happens."""
    running = subprocess.Popen(command, **options)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.wait()


def await_port(port):
    """Waits until somebody in this namespace listens on `port`."""
    limit = time.monotonic() + SECONDS_MAX
    # The columns local address and state of /proc/net/tcp; 0A is LISTEN.
    wanted = (f":{port:04X}", "0A")
    while True:
        rows = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        if any(row.split()[1].endswith(wanted[0]) and row.split()[3] == wanted[1] for row in rows):
            return
        if time.monotonic() > limit:
            raise OSError(f"nobody listens on port {port}")
        time.sleep(0.02)


NGINX_CONF = """
daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events {{ }}
http {{
    access_log off; client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
    server {{ listen {address}:{port}; root {root}; }}
}}
"""


@contextlib.contextmanager
def nginx(body=BODY):
    """nginx with `body` at /body, and nothing else; gives the file's path."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "body")
        path.write_bytes(body)
        configuration = pathlib.Path(folder, "nginx.conf")
        configuration.write_text(NGINX_CONF.format(address=HOST, port=NGINX_PORT, root=folder))
        command = ["nginx", "-p", folder, "-c", str(configuration)]
        with process(command, stdin=subprocess.DEVNULL):
            await_port(NGINX_PORT)
            yield path


@contextlib.contextmanager
def raw_peer(answer):
    """A peer for one caller: reads its request and calls `answer` with the connection, which it then closes."""
    listener = socket.create_server((HOST, RAW_PORT))

    def serve():
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(SECONDS_MAX)
                request = b""
                while b"\r\n\r\n" not in request:
                    part = connection.recv(65536)
                    if not part:
                        return
                    request += part
                answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        # Wakes an accept that nobody called, too.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=SECONDS_MAX)


def chunked(connection):
    """The body in chunks of many sizes, with an extension and a trailer."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    sizes = random.Random(8)
    place = 0
    while piece := BODY[place : place + sizes.randint(1, 9000)]:
        connection.sendall(b"%x;a=b\r\n%s\r\n" % (len(piece), piece))
        place += len(piece)
    connection.sendall(b"0\r\nSum: none\r\n\r\n")


def announces(count, then=None):
    """Announces the body, sends `count` bytes of it, and then does `then` or closes."""

    def answer(connection):
        connection.sendall(HEAD.encode() + BODY[:count])
        if then:
            then(connection)

    return answer


def reset(connection):
    """RST instead of FIN."""
    # What is sent must have arrived: a RST throws away what was not read yet.
    tcp_peer.wait_until_acknowledged(connection)
    tcp_peer.reset(connection)


def wait_for_close(connection):
    """Silence, until the board gives up."""
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass


def drip(connection):
    """A byte of the body now and then, for ever."""
    with contextlib.suppress(OSError):
        for byte in BODY:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)


def echo(data, port):
    """Sends `data` to the board while it reads what comes back, and gives that."""
    answer = bytearray()
    with socket.create_connection((BOARD, port), timeout=SECONDS_MAX) as connection:

        def send():
            with contextlib.suppress(OSError):
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        while part := connection.recv(65536):
            answer += part
        sender.join(timeout=SECONDS_MAX)
    return bytes(answer)


# The one address that dnsmasq lends.
LEASED = "192.168.69.50"
# A name that it knows, and nobody has the first of its addresses.
NAME = "www.lan.test"
KNOWN = [f"--host-record={NAME},{address}" for address in (NOBODY, HOST)]
# Its own address is that of the name server, too.
WITH_NAMES = ["--port=53", "--no-resolv", "--no-hosts", *KNOWN, f"--dhcp-option=option:ntp-server,{HOST}"]


@contextlib.contextmanager
def dnsmasq(options=("--port=0",)):
    """dnsmasq, which lends one address; its log, for what it was told."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile(mode="w+") as log:
        command = ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--user=root", *options]
        command += [f"--interface={TAP}", "--bind-dynamic", "--no-ping", f"--dhcp-leasefile={folder}/leases"]
        command += [f"--dhcp-range={LEASED},{LEASED},255.255.255.0,2m"]
        with process(command, stdin=subprocess.DEVNULL, stderr=log):
            yield lambda: (log.seek(0), log.read())[1]


NTP_PORT = 123
# From 1900 on, in which NTP counts; and what it is in seconds of Unix.
NTP_SECONDS = 3_976_214_400
UNIX_SECONDS = NTP_SECONDS - 2_208_988_800


@contextlib.contextmanager
def time_server():
    """An SNTP server (RFC 4330) whose clock stands still."""
    answering = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answering.bind((HOST, NTP_PORT))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                question, caller = answering.recvfrom(1024)
                if caller is None:
                    return
                # Version 4, server, stratum 2. What the client sent as its time comes back.
                head = struct.pack(">BBbb12x", 0x24, 2, 6, -20)
                now = struct.pack(">II", NTP_SECONDS, 0)
                answering.sendto(head + now + question[40:48] + now + now, caller)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            answering.shutdown(socket.SHUT_RDWR)
        answering.close()
        thread.join(timeout=SECONDS_MAX)
