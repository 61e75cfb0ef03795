//! Anything but a correct receipt is a failure with its own exit code.

use std::fs;
use std::io::Write;

use super::{create_file, start_receiver, start_send};
use crate::common::{hosttap, in_namespace};

/// Runs `send` for each case. A case is what the receiver does with the connection, as Python, and
/// the exit code and words on stderr with which `send` must end.
#[track_caller]
fn assert_each_exits(length: usize, options: &[&str], cases: &[(&str, i32, &str)]) {
    let (_directory, path) = create_file(length);
    for (action, code, words) in cases {
        let script = format!(
            "connection, _ = listener.accept()
length, digest, name = read_offer(connection)
{action}
connection.close()"
        );
        let receiver = start_receiver(&script, &path);
        let exited = start_send(&path, options).finish();
        let stderr = exited.stderr();
        assert_eq!(exited.code, Some(*code), "{action}\n{stderr}");
        assert!(
            stderr.contains(words),
            "{action}\n{words:?} is missing: {stderr}"
        );
        receiver.expect_success();
    }
}

#[test]
fn a_refusal_in_the_answer_is_reported_by_name() {
    in_namespace!();
    // No byte of the file may follow a refusal.
    let no_data = "assert read_until_closed(connection) == b''";
    let refusals = [
        (1, "the receiver refused: too large"),
        (2, "the receiver refused: bad offer"),
        (3, "the receiver refused: busy"),
        (4, "the receiver refused: storage failed"),
        (5, "the receiver refused: digest mismatch"),
        (7, "the receiver refused: status 7"),
        (255, "the receiver refused: status 255"),
    ];
    let actions =
        refusals.map(|(status, _)| format!("connection.sendall(answer({status}, 0)); {no_data}"));
    let cases: Vec<_> = actions
        .iter()
        .zip(refusals)
        .map(|(action, (_, words))| (action.as_str(), 25, words))
        .collect();
    assert_each_exits(1_000, &[], &cases);
}

#[test]
fn bad_answers_and_receipts_are_failures() {
    in_namespace!();
    let malformed = "answer is malformed";
    assert_each_exits(
        1_000,
        &[],
        &[
            ("connection.sendall(answer(FINE, 1001))", 25, malformed),
            (
                "connection.sendall(answer(FINE, (1 << 64) - 1))",
                25,
                malformed,
            ),
            (
                "connection.sendall(answer(FINE, 0, b'TWA\\0'))",
                25,
                malformed,
            ),
            ("connection.sendall(receipt(FINE, 1000))", 25, malformed),
            (
                "connection.sendall(answer(FINE, 0) + receipt(FINE, 999))",
                25,
                malformed,
            ),
            (
                "connection.sendall(answer(FINE, 0) + answer(FINE, 0))",
                25,
                malformed,
            ),
            (
                "connection.sendall(answer(FINE, 0) + receipt(5, 0))",
                25,
                "digest mismatch",
            ),
            (
                "connection.sendall(answer(FINE, 0) + b'HTTP/1.0 200 OK\\r\\n')",
                25,
                malformed,
            ),
            ("", 18, "closed before the end"),
            (
                "connection.sendall(answer(FINE, 0)[:15])",
                18,
                "closed before the end",
            ),
            (
                "connection.sendall(answer(FINE, 0)); read_exactly(connection, 1000)",
                18,
                "closed before the end",
            ),
            ("reset(connection)", 56, "reset"),
            (
                "connection.sendall(answer(FINE, 0)); read_exactly(connection, 1000); reset(connection)",
                56,
                "reset",
            ),
        ],
    );
}

#[test]
fn a_refusal_during_the_transfer_stops_the_sender() {
    in_namespace!();
    assert_each_exits(
        16 << 20,
        &[],
        &[
            (
                "connection.sendall(answer(FINE, 0)); read_exactly(connection, 100000)
connection.sendall(receipt(4, 100000))
rest = len(read_until_closed(connection))
assert rest < 15 << 20, rest",
                25,
                "storage failed",
            ),
            (
                "connection.sendall(answer(FINE, 0)); read_exactly(connection, 100000)
connection.sendall(receipt(FINE, 16 << 20))",
                25,
                "answer is malformed",
            ),
        ],
    );
}

#[test]
fn a_reset_by_a_plain_receiver_is_a_failure() {
    in_namespace!();
    assert_each_exits(
        1_000,
        &["--plain"],
        &[
            (
                "read_exactly(connection, 1000); reset(connection)",
                56,
                "reset",
            ),
            ("reset(connection)", 56, "reset"),
            ("read_exactly(connection, 1001)", 0, "all acknowledged"),
        ],
    );
}

#[test]
fn a_missing_receiver_and_one_that_does_not_read_are_different_errors() {
    in_namespace!();
    let (_directory, path) = create_file(16 << 20);
    let exited = start_send(&path, &[]).finish();
    assert_eq!(exited.code, Some(7), "{}", exited.stderr());
    let path_text = path.to_str().unwrap();
    let missing = [
        "send",
        "192.168.69.7",
        path_text,
        "--connect-timeout",
        "0.5",
    ];
    let exited = hosttap(&missing).finish();
    assert_eq!(exited.code, Some(28), "{}", exited.stderr());
    assert!(
        exited.stderr().contains("the connection"),
        "{}",
        exited.stderr()
    );
    let stuck = start_receiver(
        "connection, _ = listener.accept()
read_offer(connection)
connection.sendall(answer(FINE, 0))
sys.stdin.read()",
        &path,
    );
    // Until then the receiver has answered, even on a busy machine.
    let exited = start_send(&path, &["--idle-timeout", "15"]).finish();
    assert_eq!(exited.code, Some(28), "{}", exited.stderr());
    assert!(
        exited.stderr().contains("acknowledgement"),
        "{}",
        exited.stderr()
    );
    drop(stuck);
}

#[test]
fn a_file_that_changes_during_the_transfer_is_an_error() {
    in_namespace!();
    let (_directory, path) = create_file(16 << 20);
    for options in [&[][..], &["--plain"]] {
        let receiver = start_receiver(
            "connection, _ = listener.accept()
if read_offer(connection)[1]:
    connection.sendall(answer(FINE, 0))
read_exactly(connection, 100000)
say('started')
sys.stdin.readline()
try:
    say(len(read_exactly(connection, 16 << 20)) < 16 << 20)
except ConnectionResetError:
    say(True)",
            &path,
        );
        let sender = start_send(&path, options);
        receiver.wait_for_stdout("started");
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"more").unwrap();
        let mut receiver = receiver;
        receiver.write_stdin("continue\n");
        let exited = sender.finish();
        assert_eq!(exited.code, Some(26), "{}", exited.stderr());
        assert!(exited.stderr().contains("changed while it was sent"));
        assert_eq!(receiver.expect_success(), "listening\nstarted\nTrue\n");
    }
}

#[test]
fn ctrl_c_resets_the_receiver() {
    in_namespace!();
    let (_directory, path) = create_file(16 << 20);
    let receiver = start_receiver(
        "connection, _ = listener.accept()
read_offer(connection)
connection.sendall(answer(FINE, 0))
read_exactly(connection, 100000)
say('started')
sys.stdin.readline()
try:
    read_exactly(connection, 16 << 20)
except ConnectionResetError:
    say('reset')",
        &path,
    );
    let sender = start_send(&path, &[]);
    receiver.wait_for_stdout("started");
    sender.interrupt();
    assert_eq!(sender.finish().code, Some(130));
    let mut receiver = receiver;
    receiver.write_stdin("continue\n");
    assert_eq!(receiver.expect_success(), "listening\nstarted\nreset\n");
    // The receiver is gone, so the next connection is refused.
    assert_eq!(start_send(&path, &[]).finish().code, Some(7));
}
