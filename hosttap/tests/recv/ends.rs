//! Every failure of `recv --once` has its exit code, says why, and leaves no file.

use crate::common::{RecvProgram, in_namespace, run_file_peer};

/// Runs `recv --once` with a sender. It must fail with `code` and with `words` on stderr, and leave
/// no file. Returns the stdout of the sender.
#[track_caller]
fn assert_fails(arguments: &[&str], script: &str, code: i32, words: &str) -> String {
    let receiver = RecvProgram::start(&[&["--once"], arguments].concat());
    let output = run_file_peer(script, &[]);
    assert_eq!(receiver.files(), [""; 0], "{script}");
    let (exited, _directory) = receiver.finish();
    let stderr = exited.stderr();
    assert_eq!(exited.code, Some(code), "{script}\n{stderr}");
    assert!(stderr.contains(words), "{words:?} is missing: {stderr}");
    output
}

#[test]
fn a_bad_offer_is_answered_with_status_2_and_exits_with_8() {
    in_namespace!();
    for (fields, words) in [
        ("version=2", "unknown version or flags"),
        ("flags=1", "unknown version or flags"),
        ("length=1 << 63", "length is impossible"),
        ("first=offer(b'x', 'y' * 256)", "name is empty, too long"),
        ("first=offer(b'x', b'\\xc3')", "not UTF-8"),
    ] {
        let script = format!("say(send_checked(b'x', 'x', {fields}))");
        let output = assert_fails(&[], &script, 8, words);
        assert_eq!(output, "[('answer', 2, 0)]\n", "{fields}");
    }
    // A wrong first word may belong to another protocol, so it gets no answer.
    let script = "say(send_checked(b'x', 'x', first=b'GET\\xff'))";
    let output = assert_fails(&[], script, 8, "wrong word");
    assert_eq!(output, "[('fin',)]\n");
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_sent() {
    in_namespace!();
    let limit = ["--max-size", "10"];
    let larger = "larger than the limit";
    let output = assert_fails(&limit, "say(send_checked(b'x' * 11, 'x'))", 63, larger);
    assert_eq!(output, "[('answer', 1, 0)]\n");
    let output = assert_fails(&limit, "say(send_plain(b'x' * 11))", 63, larger);
    assert_eq!(output, "reset\n");
    // Without the option, the disk is the limit.
    let script = "say(send_checked(b'', 'x', length=1 << 62, digest=b'd' * 32))";
    let output = assert_fails(&[], script, 63, larger);
    assert_eq!(output, "[('answer', 1, 0)]\n");
    let receiver = RecvProgram::start(&limit);
    assert_eq!(
        run_file_peer("say(send_checked(b'x' * 10, 'x'))", &[]),
        "[('answer', 0, 0), ('receipt', 0, 10)]\n"
    );
    assert_eq!(receiver.files(), ["x"]);
}

#[test]
fn fewer_bytes_than_announced_are_truncated() {
    in_namespace!();
    let words = "closed before the end";
    for first in ["", "\\5", "\\5\\0\\0", "\\5\\0\\0\\0", "\\5\\0\\0\\0word"] {
        let script = format!(
            "connection = connect()
connection.sendall(b'{first}')
connection.shutdown(socket.SHUT_WR)
try:
    say(connection.recv(1))
except ConnectionResetError:
    say('reset')"
        );
        assert_eq!(assert_fails(&[], &script, 18, words), "reset\n");
    }
    let script = "connection = connect()
connection.sendall(offer(b'12', 'a'))
read_reply(connection)
connection.sendall(b'1')
connection.shutdown(socket.SHUT_WR)
try:
    say(connection.recv(1))
except ConnectionResetError:
    say('reset')";
    assert_eq!(assert_fails(&[], script, 18, words), "reset\n");
}

#[test]
fn a_reset_and_a_wrong_digest_have_their_own_exit_codes() {
    in_namespace!();
    let script = "send_checked(b'123', 'a', upto=2)";
    assert_fails(&[], script, 56, "the connection was reset");
    let script = "say(send_checked(b'123', 'a', digest=b'd' * 32))";
    let output = assert_fails(&[], script, 25, "the digest does not match");
    assert_eq!(output, "[('answer', 0, 0), ('receipt', 5, 0)]\n");
}

#[test]
fn a_silent_sender_is_a_timeout() {
    in_namespace!();
    // It may be given up before it has sent the first bytes.
    let silence = "
try:
    connection.sendall(first)
    say(connection.recv(1))
except ConnectionError:
    say('reset')";
    // In the last case the sender must first send something, even on a busy machine.
    for (first, seconds, missing) in [
        ("b''", "0.3", "the length or the offer"),
        ("b'TWF'", "0.3", "the length or the offer"),
        ("b'\\1\\0\\0\\0'", "15", "more data"),
    ] {
        let script = format!("connection, first = connect(), {first}{silence}");
        let output = assert_fails(&["--idle-timeout", seconds], &script, 28, missing);
        assert_eq!(output, "reset\n");
    }
}
