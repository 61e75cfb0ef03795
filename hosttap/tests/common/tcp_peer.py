# What every TCP peer needs. The code after this sets PORT, the port that hosttap or the peer
# listens on.
import fcntl, socket, struct, sys, termios, time

HOSTTAP_ADDRESS = "192.168.69.1"
# After this number of seconds a blocked socket fails the test, however slow the machine.
TIMEOUT = 600


def say(*words):
    print(*words, flush=True)


def connect_once(port=None, host=None):
    """Connects to hosttap."""
    address = (host or HOSTTAP_ADDRESS, port or PORT)
    return socket.create_connection(address, TIMEOUT)


def connect(port=None, host=None):
    """Connects to hosttap, and retries while it refuses: it may not listen yet, or not again."""
    end = time.monotonic() + TIMEOUT
    while True:
        try:
            return connect_once(port, host)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def listen(port=None):
    listener = socket.create_server(("", port or PORT))
    listener.settimeout(TIMEOUT)
    say("listening")
    return listener


def accept(listener):
    connection, _ = listener.accept()
    connection.settimeout(TIMEOUT)
    return connection


def read_exactly(connection, count):
    """`count` bytes, or fewer if the peer's FIN comes first."""
    data = b""
    while len(data) < count:
        piece = connection.recv(min(count - len(data), 1 << 20))
        if not piece:
            break
        data += piece
    return data


def read_to_end(connection):
    """Everything until the peer's FIN. A reset raises ConnectionResetError."""
    data = b""
    while piece := connection.recv(1 << 20):
        data += piece
    return data


def wait_until_acknowledged(connection):
    """Waits until TCP has acknowledged everything (SIOCOUTQ)."""
    while struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))[0]:
        time.sleep(0.002)


def reset(connection):
    """Closes a connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
