//! One run plays both parts, by commands.

use super::{PRELUDE, finish_peer, peer};
use crate::common::Namespace;

#[test]
fn a_script_listens_dials_disconnects_and_listens_again() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let mut chat = namespace.hosttap(&["chat", "--commands"]);
    chat.type_in("/listen 5000\n");
    chat.wait_for_stderr("Listening on port 5000", 20);
    let caller = peer(
        &namespace,
        "s = dial(5000); s.sendall(b'to the listener\\n'); print(rest(s))",
    );
    chat.wait_for_stdout("to the listener\n", 20);
    let script = "s = answer(server(6000)); s.sendall(b'to the dialler\\n'); print(rest(s))";
    let server = peer(&namespace, script);
    server.wait_for_stdout("ready", 20);
    // From a conversation to a call: what was said before is still for the caller.
    chat.type_in("//to the caller\n/connect 192.168.69.100:6000\nto the server\n");
    chat.wait_for_stderr("Connected with 192.168.69.100:6000 as dialler", 20);
    assert_eq!(finish_peer(caller), "b'/to the caller\\n'\n");
    chat.wait_for_stdout("to the dialler\n", 20);
    chat.type_in("/disconnect\n");
    assert_eq!(finish_peer(server), "ready\nb'to the server\\n'\n");
    chat.type_in("/listen 5001\n");
    chat.wait_for_stderr("Listening on port 5001", 20);
    let caller = peer(
        &namespace,
        "s = dial(5001); s.sendall(b'again\\n'); print(rest(s))",
    );
    chat.wait_for_stdout("again\n", 20);
    chat.type_in("bye\n/fly\n/quit\n");
    assert_eq!(finish_peer(caller), "b'bye\\n'\n");
    let ended = chat.finish(20);
    let told = ended.stderr();
    assert!(
        told.contains("/fly is not a command; use /connect HOST[:PORT]"),
        "{told}"
    );
    assert_eq!(ended.stdout(), "to the listener\nto the dialler\nagain\n");
    assert_eq!(ended.code, Some(0), "{told}");
}

#[test]
fn each_command_of_a_script_waits_for_the_one_before() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let script = "
l = server()
for i in range(3):
    print(rest(answer(l)))
";
    let server = peer(&namespace, script);
    server.wait_for_stdout("ready", 20);
    let mut chat = namespace.hosttap(&["chat", "--commands"]);
    chat.type_in(
        "/connect 192.168.69.100\none\n/disconnect\n/connect 192.168.69.100\ntwo\n\
         /connect 192.168.69.100:1\n/connect 192.168.69.100:1001\nthree\n/quit\n",
    );
    let ended = chat.finish(20);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());
    assert!(
        ended
            .stderr()
            .contains("192.168.69.100:1: the connection was refused"),
        "{}",
        ended.stderr()
    );
    assert_eq!(
        finish_peer(server),
        "ready\nb'one\\n'\nb'two\\n'\nb'three\\n'\n"
    );
}

#[test]
fn a_script_that_ends_without_a_conversation_ends_with_its_last_failure() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    for (script, code) in [
        ("/connect 192.168.69.100:4444\n", 7),
        ("/connect 192.168.69.100:4444\n/quit\n", 0),
        ("/disconnect\n/quit\n", 0),
    ] {
        let mut chat = namespace.hosttap(&["chat", "--commands"]);
        chat.type_in(script);
        let ended = chat.finish(20);
        assert_eq!(ended.code, Some(code), "{script}: {}", ended.stderr());
    }
}

#[test]
fn a_script_for_one_conversation_ends_with_it_and_with_the_attempt() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let mut chat = namespace.hosttap(&["chat", "--commands", "--once"]);
    chat.type_in("/connect 192.168.69.100:4444\n");
    assert_eq!(chat.finish_without_end(20).code, Some(7));
    let server = peer(&namespace, "reset(answer(server()))");
    server.wait_for_stdout("ready", 20);
    let mut chat = namespace.hosttap(&["chat", "--commands", "--once"]);
    chat.type_in("/connect 192.168.69.100\n");
    assert_eq!(chat.finish_without_end(20).code, Some(56));
    finish_peer(server);
}

#[test]
fn without_commands_a_slash_is_text() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let script = format!("{PRELUDE}\nprint(rest(answer(server())))");
    let server = namespace.python(&script, &[]);
    server.wait_for_stdout("ready", 20);
    let arguments = ["chat", "--connect", "192.168.69.100"];
    let mut chat = namespace.hosttap(&arguments);
    chat.type_in("/quit\n//two\n");
    assert_eq!(chat.finish(20).code, Some(0));
    assert_eq!(finish_peer(server), "ready\nb'/quit\\n//two\\n'\n");
}
