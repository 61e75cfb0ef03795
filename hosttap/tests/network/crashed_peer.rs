//! A peer that lost its connection without a word, and one that is said to have reset it.

use crate::common::{RecvProgram, in_namespace, run_file_peer, start_file_peer};

/// A connection to hosttap can lose its state as in a power failure: nothing leaves (TCP_REPAIR).
const CRASH_PY: &str = "
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, SEND_QUEUE = 19, 20, 21, 2

def crash(connection):
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    connection.close()

def next_sequence_number(connection):
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, SEND_QUEUE)
    number = connection.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ)
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, -1)
    return number & 0xffffffff

def connect_from(port):
    while True:
        try:
            return socket.create_connection((HOSTTAP_ADDRESS, PORT), TIMEOUT, ('', port))
        except ConnectionRefusedError:
            # It may have heard that the old one is gone, and not listen again yet.
            time.sleep(0.01)

def internet_sum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total

def send_reset(connection, number):
    '''A RST of this connection, as anyone could send it.'''
    ours, theirs = connection.getsockname(), connection.getpeername()
    header = struct.pack('!HHIIBBHHH', ours[1], theirs[1], number, 0, 0x50, 4, 0, 0, 0)
    pseudo = socket.inet_aton(ours[0]) + socket.inet_aton(theirs[0]) + struct.pack('!HH', 6, 20)
    check = 0xffff ^ internet_sum(pseudo + header)
    header = header[:16] + struct.pack('!H', check) + header[18:]
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    raw.sendto(header, (theirs[0], 0))
";

#[test]
fn a_sender_that_crashed_and_calls_again_from_the_same_port_is_heard_at_once() {
    in_namespace!();
    // The lost connection would be given up after this time, which is longer than the test.
    let receiver = RecvProgram::start(&["--idle-timeout", "1000"]);
    let script = format!(
        "{CRASH_PY}
first = connect_from(40000)
first.sendall(offer(b'12', 'a'))
say(read_reply(first))
first.sendall(b'1')
wait_until_acknowledged(first)
crash(first)
second = connect_from(40000)
second.sendall(offer(b'12', 'a'))
say(read_reply(second))
second.sendall(b'2')
say(read_reply(second))"
    );
    assert_eq!(
        run_file_peer(&script, &[]),
        "(b'TWA\\x81', 0, 0)\n(b'TWA\\x81', 0, 1)\n(b'TWR\\x81', 0, 2)\n"
    );
    assert_eq!(receiver.files(), ["a"]);
}

#[test]
fn a_reset_is_obeyed_only_with_the_next_sequence_number() {
    in_namespace!();
    let receiver = RecvProgram::start(&["--once", "--idle-timeout", "1000"]);
    let script = format!(
        "{CRASH_PY}
connection = connect()
connection.sendall(offer(b'12', 'a'))
say(read_reply(connection))
number = next_sequence_number(connection)
for distance in (1, 100, 1000, -1, 1 << 31):
    send_reset(connection, (number + distance) & 0xffffffff)
connection.sendall(b'1')
wait_until_acknowledged(connection)
send_reset(connection, (number + 1) & 0xffffffff)
# The end of this program would be another end.
sys.stdin.read()"
    );
    let peer = start_file_peer(&script, &[]);
    let (exited, _directory) = receiver.finish();
    assert_eq!(exited.code, Some(56), "{}", exited.stderr());
    assert_eq!(peer.expect_success(), "(b'TWA\\x81', 0, 0)\n");
}
