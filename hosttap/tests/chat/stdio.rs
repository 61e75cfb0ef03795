//! Back pressure of stdin and stdout, and their ends.

use std::process::Stdio;

use super::{run_peer, start_listener, start_peer};
use crate::common::{Process, hosttap_command, in_namespace, killed_with_test};

/// Starts a shell pipeline with a chat that listens, and waits until it does. The program is `$0`.
fn start_pipeline(script: &str, argument: &str) -> Process {
    let program = env!("CARGO_BIN_EXE_hosttap");
    let mut command = killed_with_test("sh");
    let process = Process::start(command.args(["-c", script, program, argument]));
    process.wait_for_stderr("Listening on port");
    process
}

#[test]
fn an_unread_stdout_closes_the_window_and_nothing_is_lost() {
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    let go = directory.path().join("go");
    let script = "\"$0\" chat --once | { until [ -e \"$1\" ]; do sleep 0.05; done; sha256sum; }";
    let chat = start_pipeline(script, go.to_str().unwrap());
    let script = "
import hashlib
text = b''.join(b'line %d\\n' % i for i in range(200000))
s = connect_once()
flood(s, text)
s.close()
print(hashlib.sha256(text).hexdigest())
";
    let sender = start_peer(script);
    sender.wait_for_stdout("\n");
    std::fs::write(&go, "").unwrap();
    let output = sender.expect_success();
    let digest = output.strip_prefix("blocked\n").unwrap().trim_end();
    let exited = chat.finish();
    assert_eq!(exited.stdout(), format!("{digest}  -\n"));
}

#[test]
fn unread_messages_outlive_the_conversation() {
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    let go = directory.path().join("go");
    // Our FIN comes first, so the TIME-WAIT state, which ends after 10 s, is ours.
    let script =
        "\"$0\" chat --once < /dev/null | { until [ -e \"$1\" ]; do sleep 0.05; done; wc -c; }";
    let chat = start_pipeline(script, go.to_str().unwrap());
    let script = "
s = connect_once()
assert read_to_end(s) == b''
s.sendall(b'0123456\\n' * 30000)
s.close()
time.sleep(13)
";
    run_peer(script);
    std::fs::write(&go, "").unwrap();
    assert_eq!(chat.finish().stdout().trim(), "240000");
}

#[test]
fn stdin_waits_while_the_queue_is_full_and_nothing_is_lost() {
    in_namespace!();
    let script = "{ seq 200000; echo all was read >&2; } | \"$0\" chat --once";
    let chat = start_pipeline(script, "");
    // 1.3 MB are more than queue and pipe can hold, so this message cannot appear yet, however long
    // the test waits.
    assert!(!chat.stderr_so_far().contains("all was read"));
    let script = "
s = connect_once()
wanted = b''.join(b'%d\\n' % i for i in range(1, 200001))
assert read_to_end(s) == wanted
s.close()
";
    run_peer(script);
    let exited = chat.finish();
    assert!(
        exited.stderr().contains("all was read"),
        "{}",
        exited.stderr()
    );
    assert_eq!(exited.code, Some(0));
}

#[test]
fn a_closed_stdout_is_an_error_and_resets_the_peer() {
    in_namespace!();
    // Its reader is gone before the program starts.
    let (_, stdout) = std::io::pipe().unwrap();
    let chat = Process::start_with(
        &mut hosttap_command(&["chat"]),
        stdout.into(),
        Stdio::piped(),
    );
    chat.wait_for_stderr("Listening on port");
    let script = "
s = connect_once()
s.sendall(b'unread\\n')
try:
    print(read_to_end(s))
except ConnectionResetError:
    print('reset')
";
    assert_eq!(run_peer(script), "reset\n");
    let exited = chat.finish();
    let stderr = exited.stderr();
    let expected = "stdout: the data cannot be written: Broken pipe\n";
    assert!(stderr.ends_with(expected), "{stderr}");
    assert_eq!(exited.code, Some(23));
}

#[test]
fn an_interrupt_resets_the_conversation() {
    in_namespace!();
    let chat = start_listener(&[]);
    let script = "
s = connect_once()
s.sendall(b'hello\\n')
try:
    print(read_to_end(s))
except ConnectionResetError:
    print('reset')
";
    let peer = start_peer(script);
    chat.wait_for_stdout("hello\n");
    chat.interrupt();
    assert_eq!(peer.expect_success(), "reset\n");
    assert_eq!(chat.finish().code, Some(130));
}
