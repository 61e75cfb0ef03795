//! Chats that connect to a peer, or fail to.

use super::{start_listening_peer, start_peer};
use crate::common::{Exited, hosttap, in_namespace, sh};

#[test]
fn the_end_of_stdin_closes_our_side_and_the_peers_messages_still_arrive() {
    in_namespace!();
    let script = "
s = accept(listen())
print(read_to_end(s))
time.sleep(0.5)
s.sendall(b'late answer\\n')
s.close()
";
    let server = start_listening_peer(script);
    let mut chat = hosttap(&["chat", "--connect", "192.168.69.100"]);
    chat.write_stdin("question\n");
    chat.close_stdin();
    let exited = chat.finish();
    assert_eq!(server.expect_success(), "listening\nb'question\\n'\n");
    assert_eq!(exited.stdout(), "late answer\n");
    let message = "Connected with 192.168.69.100:1001 as dialler\n";
    assert!(exited.stderr().contains(message), "{}", exited.stderr());
    assert_eq!(exited.code, Some(0));
}

#[test]
fn a_failed_connection_names_the_address_and_the_cause_once() {
    in_namespace!();
    let connect =
        |remote: &str| -> Exited { hosttap(&["-q", "chat", "--connect", remote]).finish() };
    for (remote, message, code) in [
        (
            "192.168.69.100:4444",
            "192.168.69.100:4444: the connection was refused",
            7,
        ),
        (
            "192.168.69.77",
            "192.168.69.77:1001: timed out waiting for the connection",
            28,
        ),
        (
            "192.168.69.1",
            "192.168.69.1:1001: this address cannot be a peer",
            7,
        ),
        (
            "10.0.0.1",
            "10.0.0.1:1001: no source address or route to this peer",
            7,
        ),
        (
            "a.example",
            "a.example: cannot resolve the name: no name server can be asked; --dns gives one",
            6,
        ),
    ] {
        let exited = connect(remote);
        assert_eq!(exited.stderr(), format!("hosttap: {message}\n"));
        assert_eq!((exited.code, exited.stdout()), (Some(code), String::new()));
    }
}

#[test]
fn unsent_bytes_are_reported() {
    in_namespace!();
    // A file is read completely before the connection attempt times out.
    let directory = tempfile::tempdir().unwrap();
    let lines = directory.path().join("lines");
    std::fs::write(&lines, "unsent one\n").unwrap();
    let output = sh(&format!(
        "exec 2>&1; $hosttap chat --connect 192.168.69.77 < {} || echo code $?",
        lines.display()
    ));
    assert!(
        output.contains("11 bytes did not reach the peer\n"),
        "{output}"
    );
    assert!(output.ends_with("code 28\n"), "{output}");
}

#[test]
fn with_retry_a_chat_reconnects_until_the_peer_listens_and_keeps_its_lines() {
    in_namespace!();
    let arguments = ["chat", "--connect", "192.168.69.100:4444", "--retry"];
    let mut chat = hosttap(&arguments);
    chat.write_stdin("patience\n");
    chat.wait_for_stderr("Calling again in 1 s");
    chat.wait_for_stderr("Calling again in 2 s");
    let script = "
l = listen(4444)
for i in range(2):
    s = accept(l)
    s.sendall(b'at last\\n')
    s.shutdown(socket.SHUT_WR)
    print(read_to_end(s))
";
    let server = start_peer(script);
    assert_eq!(server.expect_success(), "listening\nb'patience\\n'\nb''\n");
    chat.wait_for_stdout("at last\nat last\n");
    chat.interrupt();
    assert_eq!(chat.finish().code, Some(130));
}

#[test]
fn five_conversations_in_a_row_with_one_listener() {
    in_namespace!();
    let script = "
l = listen()
for i in range(5):
    s = accept(l)
    assert read_to_end(s) == b'hello\\n'
    s.sendall(b'answer %d\\n' % i)
    s.close()
";
    let server = start_listening_peer(script);
    for round in 0..5 {
        let mut chat = hosttap(&["chat", "--connect", "192.168.69.100", "--once"]);
        chat.write_stdin("hello\n");
        let exited = chat.finish();
        assert_eq!(exited.stdout(), format!("answer {round}\n"));
        assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    }
    server.expect_success();
}
