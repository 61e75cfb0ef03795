"""Sender and receiver of docs/wire.md, over the kernel's sockets, for the tests: they share no line with tickwire.

Everything that a test may want to go wrong is a keyword. What happened is printed, a line each.
"""
import hashlib, os, socket, struct, sys, time

FILE, ANSWER, RECEIPT = b"TWF\x81", b"TWA\x81", b"TWR\x81"
FINE, WORKING = 0, 6
HOST, PORT = "192.168.69.1", 2001
# How often a receiver said that it is still working.
signs_of_life = 0


def say(*words):
    print(*words, flush=True)


def exactly(connection, count):
    """So many bytes, or fewer at the peer's FIN."""
    data = b""
    while len(data) < count:
        piece = connection.recv(min(count - len(data), 1 << 20))
        if not piece:
            break
        data += piece
    return data


def until_end(connection):
    """Everything until the peer's FIN or RST."""
    data = b""
    try:
        while piece := connection.recv(1 << 20):
            data += piece
    except ConnectionResetError:
        pass
    return data


def reply(connection):
    """Magic, status and number of the next reply that is no sign of life; None at FIN."""
    global signs_of_life
    while True:
        data = exactly(connection, 16)
        if len(data) < 16:
            assert not data, f"half a reply: {data!r}"
            return None
        magic, status, number = data[:4], data[4], struct.unpack("<Q", data[8:])[0]
        if status != WORKING:
            return magic, status, number
        signs_of_life += 1


def reset(connection):
    """Ends a connection by RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def offer(data, name, length=None, digest=None, version=1, flags=0):
    name = name if isinstance(name, bytes) else name.encode()
    digest = digest or hashlib.sha256(data).digest()
    length = len(data) if length is None else length
    return FILE + struct.pack("<BBHQ", version, flags, len(name), length) + digest + name


def dial(host=HOST, port=PORT, timeout=120):
    """Connects; the receiver hears again within a second after a conversation, so a refusal is tried again."""
    until = time.monotonic() + timeout
    while True:
        try:
            connection = socket.create_connection((host, port), timeout=timeout)
            return connection
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def send_checked(data, name, upto=None, extra=b"", first=None, timeout=120, **lies):
    """Offers and sends; returns what was said, as ('answer', status, offset) and ('receipt', status, stored).

    With `upto` the connection is reset when so many bytes of the file have been sent.
    """
    connection, said = dial(timeout=timeout), []
    with connection:
        connection.sendall(first or offer(data, name, **lies))
        got = reply(connection)
        if got is None:
            return [("fin",)]
        assert got[0] == ANSWER, got
        said.append(("answer",) + got[1:])
        if got[1] != FINE:
            assert exactly(connection, 1) == b"", "more than a last word"
            return said
        offset = got[2]
        assert offset <= len(data), f"offset {offset}"
        end = len(data) if upto is None else upto
        try:
            connection.sendall(data[offset:end] + extra)
        except (BrokenPipeError, ConnectionResetError):
            pass
        if upto is not None:
            wait_until_sent(connection)
            reset(connection)
            return said
        got = reply(connection)
        if got is None:
            return said + [("fin",)]
        assert got[0] == RECEIPT, got
        said.append(("receipt",) + got[1:])
        assert exactly(connection, 1) == b"", "more than a last word"
        return said


def wait_until_sent(connection):
    """Until TCP has acknowledged all (SIOCOUTQ)."""
    import fcntl, termios
    while struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))[0]:
        time.sleep(0.002)


def send_plain(data, announced=None, extra=b"", timeout=120):
    """Sends the plain form and tells how the receiver ended it: 'fin' or 'reset'."""
    with dial(timeout=timeout) as connection:
        try:
            connection.sendall(struct.pack("<I", len(data) if announced is None else announced) + data + extra)
            connection.shutdown(socket.SHUT_WR)
            return "fin" if connection.recv(1) == b"" else "data"
        except TimeoutError:
            raise
        except OSError:
            # A reset shows as what it interrupts.
            return "reset"


def listen(port=PORT):
    listener = socket.create_server(("0.0.0.0", port))
    say("listening")
    return listener


def read_offer(connection):
    """Length, digest and name of a checked offer; the length alone of a plain one; None where nothing comes."""
    word = exactly(connection, 4)
    if len(word) < 4:
        return None
    if word[3] < 0x80:
        return struct.unpack("<I", word)[0], None, None
    assert word == FILE, word
    version, flags, name_len, length = struct.unpack("<BBHQ", exactly(connection, 12))
    assert (version, flags) == (1, 0), (version, flags)
    digest = exactly(connection, 32)
    return length, digest, exactly(connection, name_len).decode()


def answer(status, offset, magic=ANSWER):
    return magic + bytes([status, 1, 2, 3]) + struct.pack("<Q", offset)


def receipt(status, stored):
    return answer(status, stored, RECEIPT)


def pattern(count, seed=1):
    """Bytes that no mistake in an offset leaves the same."""
    block = hashlib.shake_128(str(seed).encode()).digest(min(count, 1 << 20) + 251)
    return (block * (count // len(block) + 1))[:count]
