//! Commands change the role of a running chat.

use super::{start_listening_peer, start_peer};
use crate::common::{hosttap, in_namespace};

#[test]
fn a_script_listens_connects_disconnects_and_listens_again() {
    in_namespace!();
    let mut chat = hosttap(&["chat", "--commands"]);
    chat.write_stdin("/listen 5000\n");
    chat.wait_for_stderr("Listening on port 5000");
    let caller = start_peer(
        "s = connect_once(5000); s.sendall(b'to the listener\\n'); print(read_to_end(s))",
    );
    chat.wait_for_stdout("to the listener\n");
    let script = "s = accept(listen(6000)); s.sendall(b'to the dialler\\n'); print(read_to_end(s))";
    let server = start_listening_peer(script);
    // The line before `/connect` still belongs to the first conversation.
    chat.write_stdin("//to the caller\n/connect 192.168.69.100:6000\nto the server\n");
    chat.wait_for_stderr("Connected with 192.168.69.100:6000 as dialler");
    assert_eq!(caller.expect_success(), "b'/to the caller\\n'\n");
    chat.wait_for_stdout("to the dialler\n");
    chat.write_stdin("/disconnect\n");
    assert_eq!(server.expect_success(), "listening\nb'to the server\\n'\n");
    chat.write_stdin("/listen 5001\n");
    chat.wait_for_stderr("Listening on port 5001");
    let caller =
        start_peer("s = connect_once(5001); s.sendall(b'again\\n'); print(read_to_end(s))");
    chat.wait_for_stdout("again\n");
    chat.write_stdin("bye\n/fly\n/quit\n");
    assert_eq!(caller.expect_success(), "b'bye\\n'\n");
    let exited = chat.finish();
    let stderr = exited.stderr();
    assert!(
        stderr.contains("/fly is not a command; /help names the commands"),
        "{stderr}"
    );
    assert_eq!(exited.stdout(), "to the listener\nto the dialler\nagain\n");
    assert_eq!(exited.code, Some(0), "{stderr}");
}

#[test]
fn each_command_of_a_script_waits_for_the_one_before() {
    in_namespace!();
    let script = "
l = listen()
for i in range(3):
    print(read_to_end(accept(l)))
";
    let server = start_listening_peer(script);
    let mut chat = hosttap(&["chat", "--commands"]);
    chat.write_stdin(
        "/connect 192.168.69.100\none\n/disconnect\n/connect 192.168.69.100\ntwo\n\
         /connect 192.168.69.100:1\n/connect 192.168.69.100:1001\nthree\n/quit\n",
    );
    let exited = chat.finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert!(
        exited
            .stderr()
            .contains("192.168.69.100:1: the connection was refused"),
        "{}",
        exited.stderr()
    );
    assert_eq!(
        server.expect_success(),
        "listening\nb'one\\n'\nb'two\\n'\nb'three\\n'\n"
    );
}

#[test]
fn a_script_without_a_conversation_exits_with_its_last_failure() {
    in_namespace!();
    for (script, code) in [
        ("/connect 192.168.69.100:4444\n", 7),
        ("/connect 192.168.69.100:4444\n/quit\n", 0),
        ("/disconnect\n/quit\n", 0),
    ] {
        let mut chat = hosttap(&["chat", "--commands"]);
        chat.write_stdin(script);
        let exited = chat.finish();
        assert_eq!(exited.code, Some(code), "{script}: {}", exited.stderr());
    }
}

#[test]
fn a_script_with_once_ends_after_one_conversation_or_attempt() {
    in_namespace!();
    let mut chat = hosttap(&["chat", "--commands", "--once"]);
    chat.write_stdin("/connect 192.168.69.100:4444\n");
    assert_eq!(chat.finish_with_open_stdin().code, Some(7));
    let server = start_listening_peer("reset(accept(listen()))");
    let mut chat = hosttap(&["chat", "--commands", "--once"]);
    chat.write_stdin("/connect 192.168.69.100\n");
    assert_eq!(chat.finish_with_open_stdin().code, Some(56));
    server.expect_success();
}

#[test]
fn without_commands_a_slash_is_text() {
    in_namespace!();
    let server = start_listening_peer("print(read_to_end(accept(listen())))");
    let arguments = ["chat", "--connect", "192.168.69.100"];
    let mut chat = hosttap(&arguments);
    chat.write_stdin("/quit\n//two\n");
    assert_eq!(chat.finish().code, Some(0));
    assert_eq!(server.expect_success(), "listening\nb'/quit\\n//two\\n'\n");
}
