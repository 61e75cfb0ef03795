//! Transfers that were cut off, and offers that lie.

use crate::common::{hosttap, inside, sh};
use crate::peers::{Receiver, SECONDS_MAX, finished, peer, start_peer};

#[test]
fn a_transfer_goes_on_where_a_reset_stopped_it() {
    if !inside("recv::resume::a_transfer_goes_on_where_a_reset_stopped_it") {
        return;
    }
    let receiver = Receiver::start(&[]);
    let said = peer(
        "data = pattern(1 << 20)
say(send_checked(data, 'a', upto=1 << 19))
say(send_checked(data, 'a'), open(sys.argv[1] + '/a', 'rb').read() == data)",
        &[receiver.path()],
    );
    assert_eq!(
        said,
        "[('answer', 0, 0)]\n[('answer', 0, 524288), ('receipt', 0, 1048576)] True\n"
    );
    assert_eq!(receiver.partials(), [""; 0]);
    receiver
        .program
        .wait_for_stderr("524288 bytes of it are here already", 60);
}

#[test]
fn a_lost_receipt_is_repeated_and_the_file_stored_once() {
    if !inside("recv::resume::a_lost_receipt_is_repeated_and_the_file_stored_once") {
        return;
    }
    let receiver = Receiver::start(&[]);
    let said = peer(
        "for data in (b'', b'12345'):
    # Nobody reads the receipt.
    connection = dial()
    connection.sendall(offer(data, f'{len(data)}'))
    reply(connection)
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
    assert_eq!(said, [empty, empty, empty, again, again, anew].concat());
    assert_eq!(receiver.files(), ["0", "5"]);
}

#[test]
fn a_mismatch_is_thrown_away_and_does_not_poison_the_next_try() {
    if !inside("recv::resume::a_mismatch_is_thrown_away_and_does_not_poison_the_next_try") {
        return;
    }
    let receiver = Receiver::start(&[]);
    let said = peer(
        "data, other = pattern(100000), pattern(100000, 2)
digest = hashlib.sha256(data).digest()
say(send_checked(other, 'a', digest=digest))
say(send_checked(data, 'a', upto=50000), send_checked(data[:60000] + other[60000:], 'a', digest=digest))
# What is held of it is damaged, which shows only at the end.
say(send_checked(other, 'a', digest=digest, upto=50000), send_checked(data, 'a'))
say(send_checked(data, 'a'))",
        &[],
    );
    assert_eq!(
        said,
        "[('answer', 0, 0), ('receipt', 5, 0)]\n\
         [('answer', 0, 0)] [('answer', 0, 50000), ('receipt', 5, 0)]\n\
         [('answer', 0, 0)] [('answer', 0, 50000), ('receipt', 5, 0)]\n\
         [('answer', 0, 0), ('receipt', 0, 100000)]\n"
    );
    assert_eq!(receiver.files(), ["a"]);
    assert_eq!(receiver.partials(), [""; 0]);
}

#[test]
fn two_receivers_do_not_take_the_same_file_at_once() {
    if !inside("recv::resume::two_receivers_do_not_take_the_same_file_at_once") {
        return;
    }
    sh(
        "ip tuntap add dev tap1 mode tap; ip addr add 192.168.70.100/24 dev tap1; ip link set tap1 up",
    );
    let receiver = Receiver::start(&[]);
    let second = hosttap(&[
        "recv",
        "-i",
        "tap1",
        "--address",
        "192.168.70.1/24",
        "--dir",
        receiver.path(),
    ]);
    second.wait_for_stderr("Listening on", SECONDS_MAX);
    let said = peer(
        "data = pattern(1000)
first = dial()
first.sendall(offer(data, 'a') + b'')
say(reply(first))
first.sendall(data[:500])
HOST = '192.168.70.1'
def at(host, *words):
    connection = dial(host)
    connection.sendall(offer(*words))
    said = reply(connection), exactly(connection, 17)[3:8]
    return said
say(at('192.168.70.1', data, 'a'))
first.sendall(data[500:])
say(reply(first))
say(at('192.168.70.1', data, 'a'))",
        &[],
    );
    assert_eq!(
        said,
        "(b'TWA\\x81', 0, 0)\n\
         ((b'TWA\\x81', 3, 0), b'')\n\
         (b'TWR\\x81', 0, 1000)\n\
         ((b'TWA\\x81', 0, 1000), b'\\x81\\x00\\x00\\x00\\x00')\n"
    );
    second.wait_for_stderr("another receiver is at work on this file", 60);
    assert_eq!(receiver.files(), ["a"]);
}

#[test]
fn a_transfer_survives_a_link_that_goes_down_and_comes_up() {
    if !inside("recv::resume::a_transfer_survives_a_link_that_goes_down_and_comes_up") {
        return;
    }
    let receiver = Receiver::start(&[]);
    let sender = start_peer(
        "data = pattern(4 << 20)
connection = dial(timeout=200)
connection.sendall(offer(data, 'a'))
reply(connection)
connection.sendall(data[:1 << 20])
wait_until_sent(connection)
say('half')
sys.stdin.readline()
connection.sendall(data[1 << 20:])
say(reply(connection))",
        &[],
    );
    sender.wait_for_stdout("half", SECONDS_MAX);
    sh("ip link set tap0 down");
    let mut sender = sender;
    sender.type_in("go on\n");
    std::thread::sleep(std::time::Duration::from_millis(700));
    sh("ip link set tap0 up");
    assert_eq!(finished(sender), "half\n(b'TWR\\x81', 0, 4194304)\n");
    assert_eq!(receiver.files(), ["a"]);
}

#[test]
fn ctrl_c_resets_the_sender_and_keeps_what_came() {
    if !inside("recv::resume::ctrl_c_resets_the_sender_and_keeps_what_came") {
        return;
    }
    let receiver = Receiver::start(&[]);
    let sender = start_peer(
        "data = pattern(100000)
connection = dial()
connection.sendall(offer(data, 'a'))
reply(connection)
connection.sendall(data[:50000])
wait_until_sent(connection)
say('half')
try:
    connection.recv(1)
except ConnectionResetError:
    say('reset')",
        &[],
    );
    sender.wait_for_stdout("half", SECONDS_MAX);
    receiver.program.interrupt();
    let (ended, folder) = receiver.finish();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr());
    assert_eq!(finished(sender), "half\nreset\n");
    let receiver = Receiver::start_in(folder, &[]);
    assert_eq!(receiver.files(), [""; 0]);
    let said = peer("say(send_checked(pattern(100000), 'a'))", &[]);
    assert_eq!(said, "[('answer', 0, 50000), ('receipt', 0, 100000)]\n");
}
