//! What `recv` says.

use std::process::Stdio;

use crate::common::{Pty, Running, inside, mortal};
use crate::peers::{Receiver, SECONDS_MAX, peer};

#[test]
fn each_transfer_is_told_with_sender_name_bytes_digest_and_rate() {
    if !inside("recv::output::each_transfer_is_told_with_sender_name_bytes_digest_and_rate") {
        return;
    }
    let receiver = Receiver::start(&[]);
    // The two that the sender sends too much are dropped.
    peer(
        "send_checked(b'Hello over the wire!\\n', 'hello.txt', extra=b'xx')
send_checked(b'Hello over the wire!\\n', 'hello.txt')
send_plain(b'abc')",
        &[],
    );
    receiver.program.wait_for_stderr("-1.bin", SECONDS_MAX);
    receiver.program.interrupt();
    let (ended, folder) = receiver.finish();
    let stderr = ended.stderr();
    let path = folder.path().display().to_string();
    let digest = "sha256 72d43296325dac24ccb332966af7d1fa23e889cb7b008caa34f86f79ec70b45f";
    for words in [
        "hosttap: Listening on port 2001\n",
        " sends 'hello.txt', 21 bytes\n",
        " has sent 'hello.txt': 21 bytes in 0.",
        &format!(" MB/s), {digest}, stored as {path}/hello.txt\n"),
        "2 bytes after the end of the file were dropped\n",
        &format!(" has sent 'hello.txt' before: {digest}, still there as {path}/hello.txt\n"),
        " sends a file without a name, 3 bytes\n",
        &format!("stored as {path}/received-20"),
        "hosttap: interrupted\n",
    ] {
        assert!(stderr.contains(words), "{words:?} is missing: {stderr}");
    }
    assert_eq!(stderr.matches("Listening").count(), 1, "{stderr}");
    assert_eq!((ended.code, ended.stdout().as_str()), (Some(130), ""));
}

#[test]
fn a_terminal_shows_progress_and_no_command_of_the_sender() {
    if !inside("recv::output::a_terminal_shows_progress_and_no_command_of_the_sender") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pty = Pty::open();
    let mut command = mortal(env!("CARGO_BIN_EXE_hosttap"));
    command.args(["recv", "--once", "--dir"]).arg(folder.path());
    let receiver = Running::start_with(&mut command, Stdio::piped(), pty.as_stdio());
    // The pause is longer than the time between two drawings.
    let said = peer(
        "data = pattern(4 << 20)
connection = dial()
connection.sendall(offer(data, 'evil\\x1b[2J\\u202e.txt'))
reply(connection)
connection.sendall(data[:2 << 20])
time.sleep(0.3)
connection.sendall(data[2 << 20:])
say(reply(connection))",
        &[],
    );
    assert_eq!(said, "(b'TWR\\x81', 0, 4194304)\n");
    assert_eq!(receiver.finish(SECONDS_MAX).code, Some(0));
    let shown = pty.end();
    assert!(shown.contains("MiB/4.00 MiB"), "{shown}");
    assert!(shown.contains("'evil\u{241b}[2J\u{fffd}.txt'"), "{shown}");
    assert!(
        !shown.contains("\x1b[2J") && !shown.contains('\u{202e}'),
        "{shown}"
    );
}
