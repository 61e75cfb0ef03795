//! stdin and stdout that press back, and those that end.

use std::process::Command;

use super::{PRELUDE, finish_peer, listener, peer};
use crate::common::{Namespace, Running};

/// Runs a shell pipeline inside, with the program as `$0`.
fn pipeline(namespace: &Namespace, script: &str, argument: &str) -> Running {
    let mut command: Command = namespace.command("sh");
    let program = env!("CARGO_BIN_EXE_hosttap");
    Running::start(command.args(["-c", script, program, argument]))
}

#[test]
fn a_stdout_that_nobody_reads_closes_the_window_and_nothing_is_lost() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let script = "\"$0\" chat --once | { until [ -e \"$1\" ]; do sleep 0.05; done; sha256sum; }";
    let chat = pipeline(&namespace, script, go.to_str().unwrap());
    chat.wait_for_stderr("Listening on port", 20);
    let script = "
import hashlib
text = b''.join(b'line %d\\n' % i for i in range(200000))
s = dial()
flood(s, text)
s.close()
print(hashlib.sha256(text).hexdigest())
";
    let sender = peer(&namespace, script);
    sender.wait_for_stdout("\n", 60);
    std::fs::write(&go, "").unwrap();
    let said = finish_peer(sender);
    let digest = said.strip_prefix("blocked\n").unwrap().trim_end();
    let ended = chat.finish(60);
    assert_eq!(ended.stdout(), format!("{digest}  -\n"));
}

#[test]
fn what_stays_unread_outlives_the_conversation() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    // Our FIN comes first, so that TIME-WAIT, which ends after 10 s, is ours.
    let script =
        "\"$0\" chat --once < /dev/null | { until [ -e \"$1\" ]; do sleep 0.05; done; wc -c; }";
    let chat = pipeline(&namespace, script, go.to_str().unwrap());
    chat.wait_for_stderr("Listening on port", 20);
    let script = "
s = dial()
assert rest(s) == b''
s.sendall(b'0123456\\n' * 30000)
s.close()
time.sleep(13)
";
    finish_peer(peer(&namespace, script));
    std::fs::write(&go, "").unwrap();
    assert_eq!(chat.finish(30).stdout().trim(), "240000");
}

#[test]
fn stdin_waits_while_the_queue_is_full_and_nothing_is_lost() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let script = "{ seq 200000; echo all was read >&2; } | \"$0\" chat --once";
    let chat = pipeline(&namespace, script, "");
    chat.wait_for_stderr("Listening on port", 20);
    // 1.3 MB are more than queue and pipe hold together, so this cannot be told yet, however long one waits.
    assert!(!chat.stderr_so_far().contains("all was read"));
    let script = "
s = dial()
wanted = b''.join(b'%d\\n' % i for i in range(1, 200001))
assert rest(s) == wanted
s.close()
";
    finish_peer(peer(&namespace, script));
    let ended = chat.finish(20);
    assert!(
        ended.stderr().contains("all was read"),
        "{}",
        ended.stderr()
    );
    assert_eq!(ended.code, Some(0));
}

#[test]
fn a_closed_stdout_is_an_error_and_the_peer_learns_of_it() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let script = "{ \"$0\" chat; echo \"code $?\" >&2; } | true";
    let chat = pipeline(&namespace, script, "");
    chat.wait_for_stderr("Listening on port", 20);
    let script = "
s = dial()
s.sendall(b'for nobody\\n')
try:
    print(rest(s))
except ConnectionResetError:
    print('reset')
";
    assert_eq!(finish_peer(peer(&namespace, script)), "reset\n");
    let told = chat.finish(20).stderr();
    let expected = "stdout: the data cannot be written: Broken pipe\ncode 23\n";
    assert!(told.ends_with(expected), "{told}");
}

#[test]
fn an_interrupt_resets_the_conversation() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let chat = listener(&namespace, &[]);
    let script = format!(
        "{PRELUDE}
s = dial()
s.sendall(b'hello\\n')
try:
    print(rest(s))
except ConnectionResetError:
    print('reset')
"
    );
    let caller = namespace.python(&script, &[]);
    chat.wait_for_stdout("hello\n", 20);
    chat.interrupt();
    assert_eq!(finish_peer(caller), "reset\n");
    assert_eq!(chat.finish(20).code, Some(130));
}
