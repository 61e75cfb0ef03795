//! Peers that reset, vanish, or never complete the handshake.

use super::{run_peer, start_listener, start_peer};
use crate::common::{Process, create_tap, in_namespace, sh};

/// A chat on a TAP of its own, connected with a peer that sends nothing more and waits for 13
/// bytes. `network` is the third byte of their addresses.
fn connected_on(tap: &str, network: u8) -> (Process, Process) {
    let address = format!("192.168.{network}.1");
    let cidr = format!("{address}/24");
    let chat = start_listener(&["--once", "--tap", tap, "--address", &cidr]);
    let peer = start_peer(&format!(
        "s = connect_once(host='{address}')
s.sendall(b'hello\\n')
print(read_exactly(s, 13))"
    ));
    chat.wait_for_stdout("hello\n");
    (chat, peer)
}

// This takes a minute, nearly all of it asleep.
#[test]
fn a_vanished_peer_is_detected_within_a_minute_and_a_silent_one_is_kept() {
    in_namespace!();
    create_tap("tap1", 70);
    create_tap("tap2", 71);
    let (mut silent_chat, silent_peer) = connected_on("tap0", 69);
    let (quiet_chat, _quiet_peer) = connected_on("tap1", 70);
    let (mut busy_chat, _busy_peer) = connected_on("tap2", 71);
    sh("ip link set tap1 down; ip link set tap2 down");
    busy_chat.write_stdin("anybody?\n");
    // A slow machine may detect it late. Tests under a virtual clock check the minute itself.
    let exited = quiet_chat.finish_with_open_stdin();
    let stderr = exited.stderr();
    let cause = "timed out waiting for a sign of life";
    assert!(stderr.contains(cause), "{stderr}");
    assert_eq!(exited.code, Some(28));
    // By now the silent peer was probed too, and its kernel has answered.
    silent_chat.write_stdin("still there?\n");
    assert_eq!(silent_peer.expect_success(), "b'still there?\\n'\n");
    assert_eq!(silent_chat.finish().code, Some(0));
    let exited = busy_chat.finish_with_open_stdin();
    let stderr = exited.stderr();
    let cause = "timed out waiting for the acknowledgement of what was sent";
    assert!(stderr.contains(cause), "{stderr}");
    let unsent = "9 bytes did not reach the peer";
    assert!(stderr.contains(unsent), "{stderr}");
    assert_eq!(exited.code, Some(28));
}

#[test]
fn a_reset_is_reported_after_the_messages_before_it_and_once_exits_with_its_code() {
    in_namespace!();
    let mut chat = start_listener(&["--once"]);
    chat.write_stdin("answer\n");
    let script = "
s = connect_once()
s.sendall(b'one\\ntwo\\nhalf')
assert read_exactly(s, 7) == b'answer\\n'
wait_until_acknowledged(s)
reset(s)
";
    run_peer(script);
    let exited = chat.finish();
    assert_eq!(exited.stdout(), "one\ntwo\nhalf\n");
    let stderr = exited.stderr();
    assert!(stderr.ends_with(": the connection was reset\n"), "{stderr}");
    assert_eq!(exited.code, Some(56));
}

#[test]
fn a_listener_accepts_the_next_peer_after_a_reset() {
    in_namespace!();
    let chat = start_listener(&[]);
    let script = "
for i in range(3):
    s = connect()
    s.sendall(b'hello\\n')
    wait_until_acknowledged(s)
    reset(s)
s = connect()
s.sendall(b'in order\\n')
s.shutdown(socket.SHUT_WR)
assert read_to_end(s) == b''
";
    run_peer(script);
    chat.wait_for_stdout("in order\n");
    chat.interrupt();
    let exited = chat.finish();
    assert_eq!(exited.stdout(), "hello\nhello\nhello\nin order\n");
    assert_eq!(exited.stderr().matches("was reset").count(), 3);
}

#[test]
fn a_peer_that_vanishes_after_its_syn_does_not_block_the_listener() {
    in_namespace!();
    let chat = start_listener(&["--once"]);
    // The SYN comes from an address without a host, so neither an ACK nor a reset will follow.
    let script = "
def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff
source, target = socket.inet_aton('192.168.69.50'), socket.inet_aton('192.168.69.1')
def tcp(check):
    return struct.pack('!HHIIBBHHH', 5000, 1001, 1, 0, 5 << 4, 2, 1000, check, 0)
def ip(check):
    return struct.pack('!BBHHHBBH4s4s', 0x45, 0, 40, 1, 0, 64, 6, check, source, target)
pseudo = source + target + struct.pack('!BBH', 0, 6, 20)
mac = bytes.fromhex('0200c0a84501') + bytes.fromhex('02000000aa50') + b'\\x08\\x00'
frame = mac + ip(checksum(ip(0))) + tcp(checksum(pseudo + tcp(0)))
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind(('tap0', 0))
raw.send(frame)
try:
    s = connect_once()
    print('accepted')
except ConnectionRefusedError:
    print('refused')
    s = connect()
s.sendall(b'hello\\n')
s.close()
";
    let output = run_peer(script);
    assert_eq!(output, "refused\n", "the SYN counted as a connection");
    let exited = chat.finish();
    assert_eq!(exited.stdout(), "hello\n");
    assert!(
        !exited.stderr().contains("timed out"),
        "{}",
        exited.stderr()
    );
    assert_eq!(exited.code, Some(0));
}
