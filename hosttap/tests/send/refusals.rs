//! Whatever a receiver does but give a true receipt is a failure with a code of its own.

use std::fs;
use std::io::Write;

use super::{file, receiver, send};
use crate::common::{HOST, hosttap, inside};
use crate::peers::{SECONDS_MAX, finished};

/// What a receiver does with one connection, as python, and how `send` must end.
#[track_caller]
fn assert_each_ends(length: usize, options: &[&str], cases: &[(&str, i32, &str)]) {
    let (_folder, path) = file(length);
    for (act, code, words) in cases {
        let script = format!(
            "connection, _ = listener.accept()
length, digest, name = read_offer(connection)
{act}
connection.close()"
        );
        let receiver = receiver(&script, &path);
        let ended = send(&path, options).finish(SECONDS_MAX);
        let stderr = ended.stderr();
        assert_eq!(ended.code, Some(*code), "{act}\n{stderr}");
        assert!(
            stderr.contains(words),
            "{act}\n{words:?} is missing: {stderr}"
        );
        finished(receiver);
    }
}

#[test]
fn refusals_in_the_answer_are_told_by_name() {
    if !inside("send::refusals::refusals_in_the_answer_are_told_by_name") {
        return;
    }
    // Not a byte of the file may follow a refusal.
    let none = "assert until_end(connection) == b''";
    let refusals = [
        (1, "the receiver refused: too large"),
        (2, "the receiver refused: bad offer"),
        (3, "the receiver refused: busy"),
        (4, "the receiver refused: storage failed"),
        (5, "the receiver refused: digest mismatch"),
        (7, "the receiver refused: status 7"),
        (255, "the receiver refused: status 255"),
    ];
    let acts =
        refusals.map(|(status, _)| format!("connection.sendall(answer({status}, 0)); {none}"));
    let cases: Vec<_> = acts
        .iter()
        .zip(refusals)
        .map(|(act, (_, words))| (act.as_str(), 25, words))
        .collect();
    assert_each_ends(1_000, &[], &cases);
}

#[test]
fn bad_answers_and_receipts_are_no_success() {
    if !inside("send::refusals::bad_answers_and_receipts_are_no_success") {
        return;
    }
    let malformed = "answer is malformed";
    assert_each_ends(
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
                "connection.sendall(answer(FINE, 0)); exactly(connection, 1000)",
                18,
                "closed before the end",
            ),
            ("reset(connection)", 56, "reset"),
            (
                "connection.sendall(answer(FINE, 0)); exactly(connection, 1000); reset(connection)",
                56,
                "reset",
            ),
        ],
    );
}

#[test]
fn a_refusal_in_the_middle_ends_the_sending() {
    if !inside("send::refusals::a_refusal_in_the_middle_ends_the_sending") {
        return;
    }
    assert_each_ends(
        16 << 20,
        &[],
        &[
            (
                "connection.sendall(answer(FINE, 0)); exactly(connection, 100000)
connection.sendall(receipt(4, 100000))
rest = len(until_end(connection))
assert rest < 15 << 20, rest",
                25,
                "storage failed",
            ),
            (
                "connection.sendall(answer(FINE, 0)); exactly(connection, 100000)
connection.sendall(receipt(FINE, 16 << 20))",
                25,
                "answer is malformed",
            ),
        ],
    );
}

#[test]
fn a_reset_is_how_a_plain_receiver_says_no() {
    if !inside("send::refusals::a_reset_is_how_a_plain_receiver_says_no") {
        return;
    }
    assert_each_ends(
        1_000,
        &["--plain"],
        &[
            ("exactly(connection, 1000); reset(connection)", 56, "reset"),
            ("reset(connection)", 56, "reset"),
            ("exactly(connection, 1001)", 0, "all acknowledged"),
        ],
    );
}

#[test]
fn nobody_there_and_nobody_who_reads_are_told_apart() {
    if !inside("send::refusals::nobody_there_and_nobody_who_reads_are_told_apart") {
        return;
    }
    let (_folder, path) = file(16 << 20);
    let ended = send(&path, &[]).finish(SECONDS_MAX);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr());
    let path_text = path.to_str().unwrap();
    let nobody = [
        "send",
        "192.168.69.7",
        path_text,
        "--connect-timeout",
        "0.5",
    ];
    let ended = hosttap(&nobody).finish(SECONDS_MAX);
    assert_eq!(ended.code, Some(28), "{}", ended.stderr());
    assert!(
        ended.stderr().contains("the connection"),
        "{}",
        ended.stderr()
    );
    let stuck = receiver(
        "connection, _ = listener.accept()
read_offer(connection)
connection.sendall(answer(FINE, 0))
sys.stdin.read()",
        &path,
    );
    let ended = send(&path, &["--idle-timeout", "0.7"]).finish(SECONDS_MAX);
    assert_eq!(ended.code, Some(28), "{}", ended.stderr());
    assert!(
        ended.stderr().contains("acknowledgement"),
        "{}",
        ended.stderr()
    );
    drop(stuck);
}

#[test]
fn a_file_that_changes_under_way_is_an_error() {
    if !inside("send::refusals::a_file_that_changes_under_way_is_an_error") {
        return;
    }
    let (_folder, path) = file(16 << 20);
    for options in [&[][..], &["--plain"]] {
        let receiver = receiver(
            "connection, _ = listener.accept()
if read_offer(connection)[1]:
    connection.sendall(answer(FINE, 0))
exactly(connection, 100000)
say('begun')
sys.stdin.readline()
try:
    say(len(exactly(connection, 16 << 20)) < 16 << 20)
except ConnectionResetError:
    say(True)",
            &path,
        );
        let sender = send(&path, options);
        receiver.wait_for_stdout("begun", SECONDS_MAX);
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"more").unwrap();
        let mut receiver = receiver;
        receiver.type_in("go on\n");
        let ended = sender.finish(SECONDS_MAX);
        assert_eq!(ended.code, Some(26), "{}", ended.stderr());
        assert!(ended.stderr().contains("changed while it was sent"));
        assert_eq!(finished(receiver), "listening\nbegun\nTrue\n");
    }
}

#[test]
fn ctrl_c_resets_the_receiver() {
    if !inside("send::refusals::ctrl_c_resets_the_receiver") {
        return;
    }
    let (_folder, path) = file(16 << 20);
    let receiver = receiver(
        "connection, _ = listener.accept()
read_offer(connection)
connection.sendall(answer(FINE, 0))
exactly(connection, 100000)
say('begun')
sys.stdin.readline()
try:
    exactly(connection, 16 << 20)
except ConnectionResetError:
    say('reset')",
        &path,
    );
    let sender = send(&path, &[]);
    receiver.wait_for_stdout("begun", SECONDS_MAX);
    sender.interrupt();
    assert_eq!(sender.finish(SECONDS_MAX).code, Some(130));
    let mut receiver = receiver;
    receiver.type_in("go on\n");
    assert_eq!(finished(receiver), "listening\nbegun\nreset\n");
    // A port that nobody has is refused, so the one before was given back.
    assert_eq!(send(&path, &[]).finish(SECONDS_MAX).code, Some(7), "{HOST}");
}
