"""The cases 1 to 10 of the Autobahn test suite, written anew from their descriptions.

The suite itself runs on Python 2 alone. Each case talks with an echo: as `server HOST PORT` with one that
listens there, as `client PORT` with one that connects to us. A line for each case says how it ended.
"""

import socket
import sys
import time

# How long a case waits to see that nothing comes.
QUIET_SECONDS = 0.2
HELLO = b"Hello, world!"
ALL = []


def case(name):
    """Adds a case to the list."""

    def add(function):
        ALL.append((name, function))
        return function

    return add


def add(name, function, *arguments):
    ALL.append((name, lambda peer: function(peer, *arguments)))


def echoes(peer, opcode, payload, chop=None):
    """A message comes back as it is, then we close."""
    peer.send(peer.frame(opcode, payload), chop=chop)
    peer.expect(("message", opcode, payload))
    peer.close()


def fails(peer, frames, code=1002, before=(), chop=None, framewise=False):
    """After `before` nothing comes but the Close that says what was wrong, and the end."""
    if framewise:
        peer.send_framewise(*frames)
    else:
        peer.send(*frames, chop=chop)
    peer.expect(*before)
    peer.expect_close(code)


# 1: messages of all lengths.
for group, opcode, byte in ((1, TEXT, b"*"), (2, BINARY, b"\xfe")):
    for number, size in enumerate((0, 125, 126, 127, 128, 65535, 65536), 1):
        add(f"1.{group}.{number}", echoes, opcode, byte * size)
    add(f"1.{group}.8", echoes, opcode, byte * 65536, 997)


# 2: Ping and Pong.
def pings(peer, payload, chop=None):
    peer.send(peer.frame(PING, payload), chop=chop)
    peer.expect(("pong", payload))
    peer.close()


add("2.1", pings, b"")
add("2.2", pings, HELLO)
add("2.3", pings, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")
add("2.4", pings, b"\xfe" * 125)
add("2.5", lambda peer: fails(peer, [peer.frame(PING, b"\xfe" * 126)]))
add("2.6", pings, b"\xfe" * 125, 1)


def lone_pong(peer, payload):
    peer.send(peer.frame(PONG, payload))
    peer.close()


add("2.7", lone_pong, b"")
add("2.8", lone_pong, b"unsolicited pong payload")


@case("2.9")
def pong_then_ping(peer):
    peer.send(peer.frame(PONG, b"unsolicited"))
    pings(peer, b"ping payload")


def ten_pings(peer, chop):
    payloads = [f"payload-{number}".encode() for number in range(10)]
    peer.send(*[peer.frame(PING, payload) for payload in payloads], chop=chop)
    peer.expect(*[("pong", payload) for payload in payloads])
    peer.close()


add("2.10", ten_pings, None)
add("2.11", ten_pings, 1)


# 3: reserved bits. 4: reserved opcodes. After a good message the echo comes first.
def after_hello(peer, wrong, chop=None, framewise=False):
    frames = [peer.frame(TEXT, HELLO), wrong(peer), peer.frame(PING)]
    fails(peer, frames, 1002, [("message", TEXT, HELLO)], chop, framewise)


add("3.1", lambda peer: fails(peer, [peer.frame(TEXT, HELLO, rsv=1)]))
add("3.2", after_hello, lambda peer: peer.frame(TEXT, HELLO, rsv=2))
add("3.3", after_hello, lambda peer: peer.frame(TEXT, HELLO, rsv=3), None, True)
add("3.4", after_hello, lambda peer: peer.frame(TEXT, HELLO, rsv=4), 1)
add("3.5", lambda peer: fails(peer, [peer.frame(BINARY, b"\x00\xff\xfe\xfd", rsv=5)]))
add("3.6", lambda peer: fails(peer, [peer.frame(PING, HELLO, rsv=6)]))
add("3.7", lambda peer: fails(peer, [peer.frame(CLOSE, rsv=7)]))

for group, first in ((1, 3), (2, 11)):
    for number in range(1, 6):
        opcode = first + number - 1
        payload = b"" if number in (1, 3) else b"reserved opcode payload"
        if number < 3:
            add(f"4.{group}.{number}", lambda peer, o=opcode, p=payload: fails(peer, [peer.frame(o, p)]))
        else:
            wrong = lambda peer, o=opcode, p=payload: peer.frame(o, p)
            add(f"4.{group}.{number}", after_hello, wrong, 1 if number == 4 else None)


# 5: fragments.
def fragments(peer, payloads, opcode=TEXT):
    last = len(payloads) - 1
    return [
        peer.frame(opcode if index == 0 else CONTINUATION, payload, fin=index == last)
        for index, payload in enumerate(payloads)
    ]


def halves(peer, between=(), chop=None, framewise=False):
    frames = fragments(peer, [b"fragment1", b"fragment2"])
    frames[1:1] = [peer.frame(PING, payload) for payload in between]
    if framewise:
        peer.send_framewise(*frames)
    else:
        peer.send(*frames, chop=chop)
    peer.expect(*[("pong", payload) for payload in between])
    peer.expect(("message", TEXT, b"fragment1fragment2"))
    peer.close()


def control_in_halves(peer, opcode):
    frames = [peer.frame(opcode, b"fragment1", fin=False), peer.frame(CONTINUATION, b"fragment2")]
    fails(peer, frames)


def nothing_to_continue(peer, fin, chop=None, framewise=False):
    frames = [peer.frame(CONTINUATION, b"non-continuation", fin=fin), peer.frame(TEXT, HELLO)]
    fails(peer, frames, chop=chop, framewise=framewise)


add("5.1", control_in_halves, PING)
add("5.2", control_in_halves, PONG)
add("5.3", halves)
add("5.4", halves, (), None, True)
add("5.5", halves, (), 1)
add("5.6", halves, (b"ping payload",))
add("5.7", halves, (b"ping payload",), None, True)
add("5.8", halves, (b"ping payload",), 1)
for number, fin in ((9, True), (12, False)):
    add(f"5.{number}", nothing_to_continue, fin)
    add(f"5.{number + 1}", nothing_to_continue, fin, None, True)
    add(f"5.{number + 2}", nothing_to_continue, fin, 1)


@case("5.15")
def continuation_after_a_message(peer):
    frames = fragments(peer, [b"fragment1", b"fragment2"])
    frames.append(peer.frame(CONTINUATION, b"fragment3", fin=False))
    frames.append(peer.frame(TEXT, b"fragment4"))
    fails(peer, frames, 1002, [("message", TEXT, b"fragment1fragment2")])


def twice_nothing_to_continue(peer, fin):
    once = [peer.frame(CONTINUATION, b"fragment1", fin=fin)]
    fails(peer, (once + fragments(peer, [b"fragment2", b"fragment3"])) * 2)


add("5.16", twice_nothing_to_continue, False)
add("5.17", twice_nothing_to_continue, True)
add(
    "5.18",
    lambda peer: fails(
        peer, [peer.frame(TEXT, b"fragment1", fin=False), peer.frame(TEXT, b"fragment2")]
    ),
)


def five_fragments(peer, framewise):
    payloads = [f"fragment{number}".encode() for number in range(1, 6)]
    frames = fragments(peer, payloads)
    first = frames[:2] + [peer.frame(PING, b"pongme 1!")]
    last = frames[2:4] + [peer.frame(PING, b"pongme 2!"), frames[4]]
    send = peer.send_framewise if framewise else peer.send
    send(*first)
    peer.expect(("pong", b"pongme 1!"))
    time.sleep(QUIET_SECONDS)
    send(*last)
    peer.expect(("pong", b"pongme 2!"), ("message", TEXT, b"".join(payloads)))
    peer.close()


add("5.19", five_fragments, False)
add("5.20", five_fragments, True)


# 6: UTF-8.
def in_fragments(peer, payloads):
    peer.send(*fragments(peer, payloads))
    peer.expect(("message", TEXT, b"".join(payloads)))
    peer.close()


GREEK = bytes.fromhex("cebae1bdb9cf83cebcceb5")
MIXED = b"Hello-" + "µ@ßöäüàá".encode() + b"-UTF-8!!"
WRONG = GREEK + b"\xed\xa0\x80edited"
TOO_HIGH = (GREEK, b"\xf4\x90\x80\x80", b"edited")


def octets(payload):
    return [payload[index : index + 1] for index in range(len(payload))]


add("6.1.1", echoes, TEXT, b"")
add("6.1.2", in_fragments, [b"", b"", b""])
add("6.1.3", in_fragments, [b"", b"middle frame payload", b""])
add("6.2.1", echoes, TEXT, MIXED)
add("6.2.2", in_fragments, [MIXED[:10], MIXED[10:]])
add("6.2.3", in_fragments, octets(MIXED))
add("6.2.4", in_fragments, octets(GREEK))
add("6.3.1", lambda peer: fails(peer, [peer.frame(TEXT, WRONG)], 1007))
add("6.3.2", lambda peer: fails(peer, fragments(peer, octets(WRONG)), 1007))


def fails_at_the_second(peer, pieces):
    """What is wrong is found when it comes, before the message or frame is whole."""
    peer.send(pieces[0])
    is_quiet = peer.is_quiet(QUIET_SECONDS)
    # An echo that streams may have sent its first part.
    check(is_quiet or peer.buffer, "the first part was refused")
    peer.send(pieces[1])
    peer.expect_close(1007)


def in_three_frames(parts):
    return lambda peer: fails_at_the_second(peer, fragments(peer, parts))


def in_three_chops(parts):
    def run(peer):
        frame = peer.frame(TEXT, b"".join(parts))
        end = len(frame) - len(b"".join(parts[1:]))
        second = end + len(parts[1])
        fails_at_the_second(peer, [frame[:end], frame[end:second]])

    return run


ONE_OCTET = (GREEK + b"\xf4", b"\x90", b"\x80\x80edited")
add("6.4.1", in_three_frames(TOO_HIGH))
add("6.4.2", in_three_frames(ONE_OCTET))
add("6.4.3", in_three_chops(TOO_HIGH))
add("6.4.4", in_three_chops(ONE_OCTET))


def text_or_not(peer, payload):
    """Comes back if it is UTF-8, and else ends the connection."""
    try:
        payload.decode()
    except UnicodeDecodeError:
        fails(peer, [peer.frame(TEXT, payload)], 1007)
    else:
        echoes(peer, TEXT, payload)


def spaced(first, last):
    return b"".join(bytes([byte, 0x20]) for byte in range(first, last))


CUT = ["c0", "e080", "f08080", "f8808080", "fc80808080"]
CUT += ["df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"]
PLANES = ["efbfbe", "efbfbf"] + [
    f"f{plane:x}{row}bf{end}"
    for plane in range(5)
    for row in ("8f", "9f", "af", "bf")
    for end in ("be", "bf")
    if (plane > 0 or row != "8f") and (plane < 4 or row == "8f")
]
# Of Markus Kuhn's UTF-8 stress test, in its order.
SEQUENCES = {
    5: ["68656c6c6f" + middle + "776f726c64" for middle in ("24", "c2a2", "e282ac", "f0a4ada2")]
    + [GREEK.hex()],
    6: [GREEK[:length].hex() for length in range(1, len(GREEK) + 1)],
    7: ["00", "c280", "e0a080", "f0908080"],
    8: ["f888808080", "fc8480808080"],
    9: ["7f", "dfbf", "efbfbf", "f48fbfbf"],
    10: ["f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"],
    11: ["ed9fbf", "ee8080", "efbfbd", "f48fbfbf", "f4908080"],
    12: ["80", "bf"]
    + ["80bf" * (length // 2) + "80" * (length % 2) for length in range(2, 7)]
    + [bytes(range(0x80, 0xBF)).hex()],
    13: [
        spaced(first, last).hex()
        for first, last in ((0xC0, 0xDF), (0xE0, 0xEF), (0xF0, 0xF7), (0xF8, 0xFB), (0xFC, 0xFD))
    ],
    14: CUT,
    15: ["".join(CUT)],
    16: ["fe", "ff", "fefeffff"],
    17: ["c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"],
    18: ["c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"],
    19: ["c080", "e08080", "f0808080", "f880808080", "fc8080808080"],
    20: ["eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"],
    21: [high + low for high in ("eda080", "edadbf", "edae80", "edafbf") for low in ("edb080", "edbfbf")],
    22: PLANES,
    23: [f"efbfb{last}" for last in "9abcdef"],
}
for group, texts in SEQUENCES.items():
    for number, text in enumerate(texts, 1):
        add(f"6.{group}.{number}", text_or_not, bytes.fromhex(text))


# 7: closing.
@case("7.1.1")
def message_then_close(peer):
    echoes(peer, TEXT, HELLO)


def close_and_more(peer, *more):
    """What follows our Close is ignored."""
    peer.send(peer.close_frame(1000), *more)
    peer.expect_close(1000)


add("7.1.2", lambda peer: close_and_more(peer, peer.close_frame(1000)))
add("7.1.3", lambda peer: close_and_more(peer, peer.frame(PING)))
add("7.1.4", lambda peer: close_and_more(peer, peer.frame(TEXT, HELLO)))


@case("7.1.5")
def close_between_fragments(peer):
    first, last = fragments(peer, [b"fragment1", b"fragment2"])
    peer.send(first, peer.close_frame(1000), last)
    peer.expect_close(1000)


@case("7.1.6")
def long_message_then_close(peer):
    payload = b"BAsd7&jh23" * 26214 + b"BAsd"
    frames = [peer.frame(TEXT, payload), peer.frame(TEXT, HELLO)]
    peer.send(*frames, peer.close_frame(1000), peer.frame(PING))
    peer.expect(("message", TEXT, payload), ("message", TEXT, HELLO))
    peer.expect_close(1000)


def closes_with(peer, payload, *codes):
    peer.send(peer.frame(CLOSE, payload))
    peer.expect_close(*codes)


add("7.3.1", closes_with, b"", None, 1000)
add("7.3.2", closes_with, b"a", 1002)
add("7.3.3", closes_with, b"\x03\xe8", 1000)
add("7.3.4", closes_with, b"\x03\xe8" + HELLO, 1000)
add("7.3.5", closes_with, b"\x03\xe8" + b"*" * 123, 1000)
add("7.3.6", closes_with, b"\x03\xe8" + b"*" * 124, 1002)
add("7.5.1", closes_with, b"\x03\xe8" + WRONG, 1007)
VALID = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
for number, code in enumerate(VALID, 1):
    add(f"7.7.{number}", closes_with, code.to_bytes(2), code)
INVALID = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)
for number, code in enumerate(INVALID, 1):
    add(f"7.9.{number}", closes_with, code.to_bytes(2), 1002)
# The suite judges these two by nothing.
add("7.13.1", closes_with, (5000).to_bytes(2), 1002)
add("7.13.2", closes_with, (65535).to_bytes(2), 1002)


# 9: much data.
KIB = 1 << 10
MIB = 1 << 20


def long_text(size):
    return (b"BAsd7&jh23" * (size // 10 + 1))[:size]


def long_bytes(size):
    return (b"\x00\xfe\x23\xfa\xf0" * (size // 5 + 1))[:size]


def pieces(peer, opcode, payload, size):
    parts = [payload[start : start + size] for start in range(0, len(payload), size)]
    send_while_reading(peer, b"".join(fragments(peer, parts, opcode)))
    peer.expect(("message", opcode, payload))
    peer.close()


def long_echo(peer, opcode, payload, chop=None):
    send_while_reading(peer, peer.frame(opcode, payload), chop)
    peer.expect(("message", opcode, payload))
    peer.close()


def send_while_reading(peer, data, chop=None):
    """An echo may answer before it has heard all."""
    view = memoryview(data)
    peer.connection.setblocking(False)
    try:
        while view:
            readable, writable, _ = select.select([peer.connection], [peer.connection], [], 60)
            check(readable or writable, "nothing moves")
            if readable:
                more = peer.connection.recv(READ_BYTES)
                check(more, "the connection ended")
                peer.buffer += more
            if writable:
                view = view[peer.connection.send(view[: chop or READ_BYTES]) :]
    finally:
        peer.connection.settimeout(TIMEOUT_SECONDS)


for group, opcode, make in ((1, TEXT, long_text), (2, BINARY, long_bytes)):
    for number, size in enumerate((64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB), 1):
        add(f"9.{group}.{number}", long_echo, opcode, make(size))
    sizes = (64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB)
    for number, size in enumerate(sizes, 1):
        add(f"9.{group + 2}.{number}", pieces, opcode, make(4 * MIB), size)
    for number, size in enumerate((64, 128, 256, 512, KIB, 2 * KIB), 1):
        add(f"9.{group + 4}.{number}", long_echo, opcode, make(MIB), size)


def round_trips(peer, opcode, payload):
    for _ in range(1000):
        peer.send(peer.frame(opcode, payload))
        peer.expect(("message", opcode, payload))
    peer.close()


for group, opcode, byte in ((7, TEXT, b"*"), (8, BINARY, b"\xfe")):
    for number, size in enumerate((0, 16, 64, 256, KIB, 4 * KIB), 1):
        add(f"9.{group}.{number}", round_trips, opcode, byte * size)


# 10: fragments of one size.
@case("10.1.1")
def auto_fragments(peer):
    pieces(peer, TEXT, b"*" * 65536, 1300)


def run(open_peer, prefixes):
    chosen = [each for each in ALL if not prefixes or each[0].split(".")[0] in prefixes]
    failed = 0
    for name, function in chosen:
        started = time.monotonic()
        peer = open_peer()
        try:
            function(peer)
            outcome = "ok"
        except Exception as error:  # Each case must be judged.
            outcome = f"FAILED: {type(error).__name__}: {error}"
            failed += 1
        peer.connection.close()
        print(f"{name} {outcome} {time.monotonic() - started:.3f}", flush=True)
    print(f"{len(chosen)} cases, {failed} failed", flush=True)
    return 1 if failed or not chosen else 0


def main(arguments):
    if arguments[0] == "server":
        host, port, *prefixes = arguments[1:]
        return run(lambda: connect(host, int(port)), prefixes)
    port, *prefixes = arguments[1:]
    with socket.create_server(("", int(port))) as listener:
        listener.settimeout(TIMEOUT_SECONDS)
        print("ready", flush=True)
        return run(lambda: accept(listener), prefixes)


sys.exit(main(sys.argv[1:]))
