//! Peers that reset, vanish, or never finish their handshake.

use super::{finish_peer, listener, peer};
use crate::common::{Namespace, Running};

/// A chat that is connected with a peer which says nothing more, and waits for 13 bytes.
fn connected(namespace: &Namespace) -> (Running, Running) {
    let chat = listener(namespace, &["--once"]);
    let caller = peer(
        namespace,
        "s = dial(); s.sendall(b'hello\\n'); s.settimeout(60); print(take(s, 13))",
    );
    chat.wait_for_stdout("hello\n", 20);
    (chat, caller)
}

// It takes a minute, nearly all of it asleep.
#[test]
fn a_peer_that_vanishes_is_noticed_within_a_minute_and_a_silent_one_is_kept() {
    let (Some(quiet), Some(busy), Some(silent)) = (
        Namespace::with_tap(),
        Namespace::with_tap(),
        Namespace::with_tap(),
    ) else {
        return;
    };
    let (mut silent_chat, silent_caller) = connected(&silent);
    let (quiet_chat, _quiet_caller) = connected(&quiet);
    let (mut busy_chat, _busy_caller) = connected(&busy);
    for namespace in [&quiet, &busy] {
        assert!(namespace.sh("ip link set tap0 down").status.success());
    }
    busy_chat.type_in("anybody?\n");
    // A slow machine may notice late; that it is a minute by the machine's own clock is tested on the virtual wire.
    let ended = quiet_chat.finish_without_end(90);
    let told = ended.stderr();
    assert!(
        told.contains("timed out waiting for a sign of life"),
        "{told}"
    );
    assert_eq!(ended.code, Some(28));
    // By now the one that is only silent was asked, too, and its kernel has answered.
    silent_chat.type_in("still there?\n");
    assert_eq!(finish_peer(silent_caller), "b'still there?\\n'\n");
    assert_eq!(silent_chat.finish(20).code, Some(0));
    let ended = busy_chat.finish_without_end(90);
    let told = ended.stderr();
    let unsent = "timed out waiting for the acknowledgement of what was sent";
    assert!(told.contains(unsent), "{told}");
    assert!(told.contains("9 bytes did not reach the peer"), "{told}");
    assert_eq!(ended.code, Some(28));
}

#[test]
fn a_reset_is_told_behind_what_came_before_and_is_the_code_of_once() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let mut chat = listener(&namespace, &["--once"]);
    chat.type_in("answer\n");
    let script = "
s = dial()
s.sendall(b'one\\ntwo\\nhalf')
assert take(s, 7) == b'answer\\n'
time.sleep(0.5)
reset(s)
";
    finish_peer(peer(&namespace, script));
    let ended = chat.finish(20);
    assert_eq!(ended.stdout(), "one\ntwo\nhalf\n");
    let told = ended.stderr();
    assert!(told.ends_with(": the connection was reset\n"), "{told}");
    assert_eq!(ended.code, Some(56));
}

#[test]
fn a_listener_hears_the_next_caller_behind_a_reset() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let chat = listener(&namespace, &[]);
    let script = "
for i in range(3):
    s = redial()
    s.sendall(b'hello\\n')
    time.sleep(0.3)
    reset(s)
s = redial()
s.sendall(b'in order\\n')
s.shutdown(socket.SHUT_WR)
assert rest(s) == b''
";
    finish_peer(peer(&namespace, script));
    chat.wait_for_stdout("in order\n", 20);
    chat.interrupt();
    let ended = chat.finish(20);
    assert_eq!(ended.stdout(), "hello\nhello\nhello\nin order\n");
    assert_eq!(ended.stderr().matches("was reset").count(), 3);
}

#[test]
fn a_caller_that_vanishes_behind_its_syn_does_not_hold_the_listener() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let chat = listener(&namespace, &["--once"]);
    // The SYN comes from an address where nobody is: neither an answer nor a reset will follow.
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
time.sleep(0.2)
try:
    s = dial()
    print('heard')
except ConnectionRefusedError:
    print('refused')
    s = redial()
s.sendall(b'hello\\n')
s.close()
";
    let said = finish_peer(peer(&namespace, script));
    assert_eq!(said, "refused\n", "the SYN was taken for a call");
    let ended = chat.finish(20);
    assert_eq!(ended.stdout(), "hello\n");
    assert!(!ended.stderr().contains("timed out"), "{}", ended.stderr());
    assert_eq!(ended.code, Some(0));
}
