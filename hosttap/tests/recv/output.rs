//! What `recv` prints.

use std::process::Stdio;

use hosttap::system::clock::Clock;

use crate::common::{
    Process, Pty, RecvProgram, hosttap_command, in_namespace, run_file_peer, start_file_peer,
};

#[test]
fn each_transfer_is_reported_with_sender_name_bytes_digest_and_rate() {
    in_namespace!();
    let clock = Clock::start();
    let receiver = RecvProgram::start(&[]);
    // The two bytes after the end of the file are dropped.
    run_file_peer(
        "send_checked(b'Hello over the wire!\\n', 'hello.txt', extra=b'xx')
send_checked(b'Hello over the wire!\\n', 'hello.txt')
send_plain(b'abc')",
        &[],
    );
    receiver.process.wait_for_stderr("-1.bin");
    receiver.process.interrupt();
    let (exited, directory) = receiver.finish();
    let stderr = exited.stderr();
    let path = directory.path().display().to_string();
    let digest = "sha256 72d43296325dac24ccb332966af7d1fa23e889cb7b008caa34f86f79ec70b45f";
    for words in [
        "hosttap: Listening on port 2001\n",
        " sends 'hello.txt', 21 bytes\n",
        " has sent 'hello.txt': 21 bytes in ",
        &format!("B/s), {digest}, stored as {path}/hello.txt\n"),
        "2 bytes after the end of the file were dropped\n",
        &format!(" has sent 'hello.txt' before: {digest}, still there as {path}/hello.txt\n"),
        " sends a file without a name, 3 bytes\n",
        &format!("stored as {path}/received-20"),
        "hosttap: interrupted\n",
    ] {
        assert!(stderr.contains(words), "{words:?} is missing: {stderr}");
    }
    // The time that is told has passed since the test began.
    let (_, told) = stderr.split_once("21 bytes in ").unwrap();
    let told: f64 = told.split_once(" s ").unwrap().0.parse().unwrap();
    assert!(
        told * 1_000.0 <= clock.now().as_millis() as f64 + 1.0,
        "{stderr}"
    );
    assert_eq!(stderr.matches("Listening").count(), 1, "{stderr}");
    assert_eq!((exited.code, exited.stdout().as_str()), (Some(130), ""));
}

#[test]
fn a_terminal_shows_progress_and_gets_no_commands_of_the_sender() {
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    let pty = Pty::open();
    let mut command = hosttap_command(&["recv", "--once", "--dir"]);
    command.arg(directory.path());
    let receiver = Process::start_with(&mut command, Stdio::piped(), pty.as_stdio());
    let mut sender = start_file_peer(
        "data = pattern(4 << 20)
connection = connect()
connection.sendall(offer(data, 'evil\\x1b[2J\\u202e.txt'))
read_reply(connection)
connection.sendall(data[:2 << 20])
sys.stdin.readline()
connection.sendall(data[2 << 20:])
say(read_reply(connection))",
        &[],
    );
    pty.wait_for(" MB/4.19 MB");
    sender.write_stdin("go on\n");
    assert_eq!(sender.expect_success(), "(b'TWR\\x81', 0, 4194304)\n");
    assert_eq!(receiver.finish().code, Some(0));
    let shown = pty.finish();
    assert!(shown.contains("'evil\u{241b}[2J\u{fffd}.txt'"), "{shown}");
    assert!(
        !shown.contains("\x1b[2J") && !shown.contains('\u{202e}'),
        "{shown}"
    );
}
