//! Interrupted transfers that are resumed, and offers with a wrong digest.

use crate::common::{
    RecvProgram, create_tap, hosttap, in_namespace, run_file_peer, sh, start_file_peer,
};

#[test]
fn a_transfer_resumes_after_a_reset() {
    in_namespace!();
    let receiver = RecvProgram::start(&[]);
    let output = run_file_peer(
        "data = pattern(1 << 20)
say(send_checked(data, 'a', upto=1 << 19))
say(send_checked(data, 'a'), open(sys.argv[1] + '/a', 'rb').read() == data)",
        &[receiver.path()],
    );
    assert_eq!(
        output,
        "[('answer', 0, 0)]\n[('answer', 0, 524288), ('receipt', 0, 1048576)] True\n"
    );
    assert_eq!(receiver.partials(), [""; 0]);
    receiver
        .process
        .wait_for_stderr("524288 bytes of it are here already");
}

#[test]
fn a_lost_receipt_is_repeated_and_the_file_stored_once() {
    in_namespace!();
    let receiver = RecvProgram::start(&[]);
    let output = run_file_peer(
        "for data in (b'', b'12345'):
    # The receipt is not read.
    connection = connect()
    connection.sendall(offer(data, f'{len(data)}'))
    read_reply(connection)
    connection.sendall(data)
    while not os.path.exists(f'{sys.argv[1]}/{len(data)}'):
        time.sleep(0.005)
    reset(connection)
    say(send_checked(data, f'{len(data)}'))
    say(send_checked(data, f'{len(data)}'))
    os.remove(f'{sys.argv[1]}/{len(data)}')
    say(send_checked(data, f'{len(data)}'))",
        &[receiver.path()],
    );
    let empty = "[('answer', 0, 0), ('receipt', 0, 0)]\n";
    let again = "[('answer', 0, 5), ('receipt', 0, 5)]\n";
    let anew = "[('answer', 0, 0), ('receipt', 0, 5)]\n";
    assert_eq!(output, [empty, empty, empty, again, again, anew].concat());
    assert_eq!(receiver.files(), ["0", "5"]);
}

#[test]
fn a_file_with_a_wrong_digest_is_discarded_and_the_next_attempt_succeeds() {
    in_namespace!();
    let receiver = RecvProgram::start(&[]);
    let output = run_file_peer(
        "data, other = pattern(100000), pattern(100000, 2)
digest = hashlib.sha256(data).digest()
say(send_checked(other, 'a', digest=digest))
say(send_checked(data, 'a', upto=50000), send_checked(data[:60000] + other[60000:], 'a', digest=digest))
# The partial file is damaged, which shows only at the end.
say(send_checked(other, 'a', digest=digest, upto=50000), send_checked(data, 'a'))
say(send_checked(data, 'a'))",
        &[],
    );
    assert_eq!(
        output,
        "[('answer', 0, 0), ('receipt', 5, 0)]\n\
         [('answer', 0, 0)] [('answer', 0, 50000), ('receipt', 5, 0)]\n\
         [('answer', 0, 0)] [('answer', 0, 50000), ('receipt', 5, 0)]\n\
         [('answer', 0, 0), ('receipt', 0, 100000)]\n"
    );
    assert_eq!(receiver.files(), ["a"]);
    assert_eq!(receiver.partials(), [""; 0]);
}

#[test]
fn two_receivers_do_not_receive_the_same_file_at_once() {
    in_namespace!();
    create_tap("tap1", 70);
    let receiver = RecvProgram::start(&[]);
    let second = hosttap(&[
        "recv",
        "-i",
        "tap1",
        "--address",
        "192.168.70.1/24",
        "--dir",
        receiver.path(),
    ]);
    second.wait_for_stderr("Listening on");
    let output = run_file_peer(
        "data = pattern(1000)
first = connect()
first.sendall(offer(data, 'a') + b'')
say(read_reply(first))
first.sendall(data[:500])
def offer_to(host, *fields):
    connection = connect(host=host)
    connection.sendall(offer(*fields))
    replies = read_reply(connection), read_exactly(connection, 17)[3:8]
    return replies
say(offer_to('192.168.70.1', data, 'a'))
first.sendall(data[500:])
say(read_reply(first))
say(offer_to('192.168.70.1', data, 'a'))",
        &[],
    );
    assert_eq!(
        output,
        "(b'TWA\\x81', 0, 0)\n\
         ((b'TWA\\x81', 3, 0), b'')\n\
         (b'TWR\\x81', 0, 1000)\n\
         ((b'TWA\\x81', 0, 1000), b'\\x81\\x00\\x00\\x00\\x00')\n"
    );
    second.wait_for_stderr("another receiver is at work on this file");
    assert_eq!(receiver.files(), ["a"]);
}

#[test]
fn a_transfer_survives_a_link_that_goes_down_and_up() {
    in_namespace!();
    // A busy machine may need longer for `ip link` than a receiver waits by default.
    let receiver = RecvProgram::start(&["--idle-timeout", "1000"]);
    let sender = start_file_peer(
        "data = pattern(4 << 20)
connection = connect()
connection.sendall(offer(data, 'a'))
read_reply(connection)
connection.sendall(data[:1 << 20])
wait_until_acknowledged(connection)
say('half')
sys.stdin.readline()
connection.sendall(data[1 << 20:])
say(read_reply(connection))",
        &[],
    );
    sender.wait_for_stdout("half");
    sh("ip link set tap0 down");
    let mut sender = sender;
    sender.write_stdin("continue\n");
    std::thread::sleep(std::time::Duration::from_millis(700));
    sh("ip link set tap0 up");
    assert_eq!(sender.expect_success(), "half\n(b'TWR\\x81', 0, 4194304)\n");
    assert_eq!(receiver.files(), ["a"]);
}

#[test]
fn ctrl_c_resets_the_sender_and_keeps_the_partial_file() {
    in_namespace!();
    let receiver = RecvProgram::start(&[]);
    let sender = start_file_peer(
        "data = pattern(100000)
connection = connect()
connection.sendall(offer(data, 'a'))
read_reply(connection)
connection.sendall(data[:50000])
wait_until_acknowledged(connection)
say('half')
try:
    connection.recv(1)
except ConnectionResetError:
    say('reset')",
        &[],
    );
    sender.wait_for_stdout("half");
    receiver.process.interrupt();
    let (exited, directory) = receiver.finish();
    assert_eq!(exited.code, Some(130), "{}", exited.stderr());
    assert_eq!(sender.expect_success(), "half\nreset\n");
    let receiver = RecvProgram::start_in(directory, &[]);
    assert_eq!(receiver.files(), [""; 0]);
    let output = run_file_peer("say(send_checked(pattern(100000), 'a'))", &[]);
    assert_eq!(output, "[('answer', 0, 50000), ('receipt', 0, 100000)]\n");
}
