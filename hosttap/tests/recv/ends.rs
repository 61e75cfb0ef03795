//! Every way in which `recv --once` fails has its exit code, says why, and leaves no file.

use crate::common::inside;
use crate::peers::{Receiver, peer};

/// Runs `recv --once` with these arguments against a sender, whose words it returns; it must end with `code` and these
/// words on stderr, and without a file.
#[track_caller]
fn assert_ends(arguments: &[&str], script: &str, code: i32, words: &str) -> String {
    let receiver = Receiver::start(&[&["--once"], arguments].concat());
    let said = peer(script, &[]);
    assert_eq!(receiver.files(), [""; 0], "{script}");
    let (ended, _folder) = receiver.finish();
    let stderr = ended.stderr();
    assert_eq!(ended.code, Some(code), "{script}\n{stderr}");
    assert!(stderr.contains(words), "{words:?} is missing: {stderr}");
    said
}

#[test]
fn a_bad_offer_is_answered_two_and_ends_with_eight() {
    if !inside("recv::ends::a_bad_offer_is_answered_two_and_ends_with_eight") {
        return;
    }
    for (lie, words) in [
        ("version=2", "unknown version or flags"),
        ("flags=1", "unknown version or flags"),
        ("length=1 << 63", "length is impossible"),
        ("first=offer(b'x', 'y' * 256)", "name is empty, too long"),
        ("first=offer(b'x', b'\\xc3')", "not UTF-8"),
    ] {
        let script = format!("say(send_checked(b'x', 'x', {lie}))");
        let said = assert_ends(&[], &script, 8, words);
        assert_eq!(said, "[('answer', 2, 0)]\n", "{lie}");
    }
    // A wrong first word may be another protocol's: it gets no word of ours.
    let script = "say(send_checked(b'x', 'x', first=b'GET\\xff'))";
    let said = assert_ends(&[], script, 8, "wrong word");
    assert_eq!(said, "[('fin',)]\n");
}

#[test]
fn too_large_a_file_is_refused_before_it_comes() {
    if !inside("recv::ends::too_large_a_file_is_refused_before_it_comes") {
        return;
    }
    let limit = ["--max-size", "10"];
    let larger = "larger than the limit";
    let said = assert_ends(&limit, "say(send_checked(b'x' * 11, 'x'))", 63, larger);
    assert_eq!(said, "[('answer', 1, 0)]\n");
    let said = assert_ends(&limit, "say(send_plain(b'x' * 11))", 63, larger);
    assert_eq!(said, "reset\n");
    // Without a limit the disk is one.
    let script = "say(send_checked(b'', 'x', length=1 << 62, digest=b'd' * 32))";
    let said = assert_ends(&[], script, 63, larger);
    assert_eq!(said, "[('answer', 1, 0)]\n");
    let receiver = Receiver::start(&limit);
    assert_eq!(
        peer("say(send_checked(b'x' * 10, 'x'))", &[]),
        "[('answer', 0, 0), ('receipt', 0, 10)]\n"
    );
    assert_eq!(receiver.files(), ["x"]);
}

#[test]
fn fewer_bytes_than_announced_are_truncated() {
    if !inside("recv::ends::fewer_bytes_than_announced_are_truncated") {
        return;
    }
    let words = "closed before the end";
    for first in ["", "\\5", "\\5\\0\\0", "\\5\\0\\0\\0", "\\5\\0\\0\\0word"] {
        let script = format!(
            "connection = dial()
connection.sendall(b'{first}')
connection.shutdown(socket.SHUT_WR)
try:
    say(connection.recv(1))
except ConnectionResetError:
    say('reset')"
        );
        assert_eq!(assert_ends(&[], &script, 18, words), "reset\n");
    }
    let script = "connection = dial()
connection.sendall(offer(b'12', 'a'))
reply(connection)
connection.sendall(b'1')
connection.shutdown(socket.SHUT_WR)
try:
    say(connection.recv(1))
except ConnectionResetError:
    say('reset')";
    assert_eq!(assert_ends(&[], script, 18, words), "reset\n");
}

#[test]
fn a_reset_and_a_digest_that_lies_have_codes_of_their_own() {
    if !inside("recv::ends::a_reset_and_a_digest_that_lies_have_codes_of_their_own") {
        return;
    }
    let script = "send_checked(b'123', 'a', upto=2)";
    assert_ends(&[], script, 56, "the connection was reset");
    let script = "say(send_checked(b'123', 'a', digest=b'd' * 32))";
    let said = assert_ends(&[], script, 25, "the digest does not match");
    assert_eq!(said, "[('answer', 0, 0), ('receipt', 5, 0)]\n");
}

#[test]
fn a_sender_that_falls_silent_is_given_up() {
    if !inside("recv::ends::a_sender_that_falls_silent_is_given_up") {
        return;
    }
    let silence = "
try:
    say(connection.recv(1))
except ConnectionResetError:
    say('reset')";
    // The last one needs the time to say something first, also on a slow machine.
    for (first, seconds, awaited) in [
        ("b''", "0.3", "the length or the offer"),
        ("b'TWF'", "0.3", "the length or the offer"),
        ("b'\\1\\0\\0\\0'", "4", "more data"),
    ] {
        let script = format!("connection = dial()\nconnection.sendall({first}){silence}");
        let said = assert_ends(&["--idle-timeout", seconds], &script, 28, awaited);
        assert_eq!(said, "reset\n");
    }
}
