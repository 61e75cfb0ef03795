//! Conversations that we begin, or cannot begin.

use super::{finish_peer, peer};
use crate::common::{Ended, Namespace};

#[test]
fn a_dialler_ends_its_half_with_stdin_and_receives_until_the_peer_closes() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let script = "
s = answer(server())
print(rest(s))
time.sleep(0.5)
s.sendall(b'late answer\\n')
s.close()
";
    let server = peer(&namespace, script);
    server.wait_for_stdout("ready", 20);
    let mut chat = namespace.hosttap(&["chat", "--connect", "192.168.69.100"]);
    chat.type_in("question\n");
    chat.close_stdin();
    let ended = chat.finish(20);
    assert_eq!(finish_peer(server), "ready\nb'question\\n'\n");
    assert_eq!(ended.stdout(), "late answer\n");
    let told = "Connected with 192.168.69.100:1001 as dialler\n";
    assert!(ended.stderr().contains(told), "{}", ended.stderr());
    assert_eq!(ended.code, Some(0));
}

#[test]
fn a_dialler_that_fails_names_the_address_and_the_cause_once() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let dial = |remote: &str| -> Ended {
        namespace
            .hosttap(&["-q", "chat", "--connect", remote])
            .finish(30)
    };
    for (remote, told, code) in [
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
            "cannot resolve 'a.example': names are not supported, give an address",
            6,
        ),
    ] {
        let ended = dial(remote);
        assert_eq!(ended.stderr(), format!("hosttap: {told}\n"));
        assert_eq!((ended.code, ended.stdout()), (Some(code), String::new()));
    }
}

#[test]
fn what_could_not_be_sent_is_told() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    // A file is read in any case before nobody has answered.
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines");
    std::fs::write(&lines, "for nobody\n").unwrap();
    let program = env!("CARGO_BIN_EXE_hosttap");
    let script = format!(
        "exec {program} chat --connect 192.168.69.77 < {}",
        lines.display()
    );
    let ended = namespace.sh(&script);
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(told.contains("11 bytes did not reach the peer\n"), "{told}");
    assert_eq!(ended.status.code(), Some(28));
}

#[test]
fn a_dialler_calls_again_until_somebody_listens_and_keeps_its_lines() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let arguments = ["chat", "--connect", "192.168.69.100:4444", "--retry"];
    let mut chat = namespace.hosttap(&arguments);
    chat.type_in("patience\n");
    chat.wait_for_stderr("Calling again in 1 s", 20);
    chat.wait_for_stderr("Calling again in 2 s", 20);
    let script = "
l = server(4444)
for i in range(2):
    s = answer(l)
    s.sendall(b'at last\\n')
    s.shutdown(socket.SHUT_WR)
    print(rest(s))
";
    let server = peer(&namespace, script);
    assert_eq!(finish_peer(server), "ready\nb'patience\\n'\nb''\n");
    chat.wait_for_stdout("at last\nat last\n", 20);
    chat.interrupt();
    assert_eq!(chat.finish(20).code, Some(130));
}

#[test]
fn five_conversations_in_a_row_with_one_listener() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let script = "
l = server()
for i in range(5):
    s = answer(l)
    assert rest(s) == b'hello\\n'
    s.sendall(b'answer %d\\n' % i)
    s.close()
";
    let server = peer(&namespace, script);
    server.wait_for_stdout("ready", 20);
    for round in 0..5 {
        let mut chat = namespace.hosttap(&["chat", "--connect", "192.168.69.100", "--once"]);
        chat.type_in("hello\n");
        let ended = chat.finish(20);
        assert_eq!(ended.stdout(), format!("answer {round}\n"));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr());
    }
    finish_peer(server);
}
