# Sender and receiver of docs/wire.md, which share no code with tickwire. Everything that a test may
# want to go wrong is a keyword argument.
import hashlib, os

FILE, ANSWER, RECEIPT = b"TWF\x81", b"TWA\x81", b"TWR\x81"
FINE, WORKING = 0, 6
PORT = 2001
# How often a receiver reported that it is still working.
signs_of_life = 0


def read_until_closed(connection):
    """Everything until the peer's FIN or RST."""
    try:
        return read_to_end(connection)
    except ConnectionResetError:
        return b""


def read_reply(connection):
    """Magic, status and number of the next reply, signs of life excluded; None at FIN."""
    global signs_of_life
    while True:
        data = read_exactly(connection, 16)
        if len(data) < 16:
            assert not data, f"half a reply: {data!r}"
            return None
        magic, status, number = data[:4], data[4], struct.unpack("<Q", data[8:])[0]
        if status != WORKING:
            return magic, status, number
        signs_of_life += 1


def offer(data, name, length=None, digest=None, version=1, flags=0):
    name = name if isinstance(name, bytes) else name.encode()
    digest = digest or hashlib.sha256(data).digest()
    length = len(data) if length is None else length
    return FILE + struct.pack("<BBHQ", version, flags, len(name), length) + digest + name


def send_checked(data, name, upto=None, extra=b"", first=None, **offer_fields):
    """Offers a file and sends it. Returns the replies, as ('answer', status, offset) and
    ('receipt', status, stored).

    With `upto`, the connection is reset after this many bytes of the file.
    """
    connection, replies = connect(), []
    with connection:
        connection.sendall(first or offer(data, name, **offer_fields))
        reply = read_reply(connection)
        if reply is None:
            return [("fin",)]
        assert reply[0] == ANSWER, reply
        replies.append(("answer",) + reply[1:])
        if reply[1] != FINE:
            assert read_exactly(connection, 1) == b"", "bytes after the last reply"
            return replies
        offset = reply[2]
        assert offset <= len(data), f"offset {offset}"
        end = len(data) if upto is None else upto
        try:
            connection.sendall(data[offset:end] + extra)
        except (BrokenPipeError, ConnectionResetError):
            pass
        if upto is not None:
            wait_until_acknowledged(connection)
            reset(connection)
            return replies
        reply = read_reply(connection)
        if reply is None:
            return replies + [("fin",)]
        assert reply[0] == RECEIPT, reply
        replies.append(("receipt",) + reply[1:])
        assert read_exactly(connection, 1) == b"", "bytes after the last reply"
        return replies


def send_plain(data, announced=None, extra=b""):
    """Sends the plain form. Returns how the receiver ended it: 'fin' or 'reset'."""
    with connect() as connection:
        try:
            length = len(data) if announced is None else announced
            connection.sendall(struct.pack("<I", length) + data + extra)
            connection.shutdown(socket.SHUT_WR)
            return "fin" if connection.recv(1) == b"" else "data"
        except TimeoutError:
            raise
        except OSError:
            # A reset can interrupt any of these calls.
            return "reset"


def read_offer(connection):
    """Length, digest and name of a checked offer, or the length of a plain one; None at FIN."""
    word = read_exactly(connection, 4)
    if len(word) < 4:
        return None
    if word[3] < 0x80:
        return struct.unpack("<I", word)[0], None, None
    assert word == FILE, word
    version, flags, name_len, length = struct.unpack("<BBHQ", read_exactly(connection, 12))
    assert (version, flags) == (1, 0), (version, flags)
    digest = read_exactly(connection, 32)
    return length, digest, read_exactly(connection, name_len).decode()


def answer(status, offset, magic=ANSWER):
    return magic + bytes([status, 1, 2, 3]) + struct.pack("<Q", offset)


def receipt(status, stored):
    return answer(status, stored, RECEIPT)


def pattern(count, seed=1):
    """Bytes in which every wrong offset shows."""
    block = hashlib.shake_128(str(seed).encode()).digest(min(count, 1 << 20) + 251)
    return (block * (count // len(block) + 1))[:count]
