//! `hosttap chat --ws` with servers that behave and with some that do not.

use super::*;
use crate::common::Exited;

/// Starts a server of one caller: `peer` is the connection after the handshake.
fn start_server(script: &str) -> Process {
    let script = format!(
        "{PEER_PY}
with socket.create_server((\"\", 9001)) as listener:
    listener.settimeout(TIMEOUT_SECONDS)
    print(\"listening\", flush=True)
    peer = accept(listener)
{script}"
    );
    let server = start_python(&script, &[]);
    server.wait_for_stdout("listening\n");
    server
}

fn start_chat(arguments: &[&str]) -> Process {
    let url = format!("ws://{KERNEL_ADDRESS}:9001/chat");
    hosttap(&[&["chat", "--ws", &url], arguments].concat())
}

/// How a chat ends with this server, when its user says nothing.
fn end_with(script: &str) -> Exited {
    let server = start_server(script);
    let exited = start_chat(&[]).finish_with_open_stdin();
    server.expect_success();
    exited
}

#[test]
fn lines_are_text_messages_both_ways_and_the_end_of_stdin_closes() {
    in_namespace!();
    let server = start_server(
        "
    peer.send(peer.frame(TEXT, 'grüße'.encode()))
    peer.send(peer.frame(TEXT, b'in two ', fin=False), peer.frame(CONTINUATION, b'parts'))
    peer.expect((\"message\", TEXT, 'question'.encode()), (\"message\", TEXT, b''))
    peer.expect((\"message\", TEXT, ('long ' * 20000).encode()))
    peer.expect((\"close\", 1000))
    peer.send(peer.frame(TEXT, b'last words'), peer.close_frame(1000))
    peer.expect_end()
",
    );
    let mut chat = start_chat(&[]);
    chat.write_stdin("question\n\n");
    chat.write_stdin(&format!("{}\n", "long ".repeat(20_000)));
    chat.wait_for_stdout("parts\n");
    chat.close_stdin();
    let exited = chat.finish();
    server.expect_success();
    assert_eq!(exited.stdout(), "grüße\nin two parts\nlast words\n");
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
}

#[test]
fn bytes_that_are_no_text_are_replaced_and_binary_messages_refused() {
    in_namespace!();
    let server = start_server(
        "
    peer.expect((\"message\", TEXT, b'a\\xef\\xbf\\xbdb'))
    peer.send(peer.frame(BINARY, b'\\x00\\xff'))
    peer.expect_close(1003)
",
    );
    // A terminal's user cannot type it, but a pipe can bring it.
    let mut chat = start_chat(&[]);
    chat.write_stdin_bytes(b"a\xffb\n");
    let exited = chat.finish_with_open_stdin();
    server.expect_success();
    let stderr = exited.stderr();
    assert!(stderr.contains("closed with code 1003"), "{stderr}");
}

#[test]
fn each_end_has_its_exit_code() {
    in_namespace!();
    for (script, code, text) in [
        (
            "    peer.send(peer.close_frame(1001)); peer.expect((\"close\", 1001))",
            0,
            "The server has closed with code 1001",
        ),
        (
            "    peer.send(peer.close_frame(1011)); peer.expect((\"close\", 1011))",
            56,
            "the peer closed with code 1011",
        ),
        ("    peer.connection.close()", 18, "without a Close"),
        (
            "    peer.send(peer.frame(TEXT, b'\\xff')); peer.expect((\"close\", 1007))",
            8,
            "not UTF-8",
        ),
    ] {
        let exited = end_with(script);
        let stderr = exited.stderr();
        assert_eq!(exited.code, Some(code), "{script}: {stderr}");
        assert!(stderr.contains(text), "{stderr}");
    }
}

#[test]
fn a_refused_handshake_and_a_bad_url_have_their_exit_codes_too() {
    in_namespace!();
    let refuse = "
import socket
with socket.create_server((\"\", 9001)) as listener:
    print(\"listening\", flush=True)
    connection, _ = listener.accept()
    connection.recv(4096)
    connection.sendall(b\"HTTP/1.1 403 Forbidden\\r\\nContent-Length: 0\\r\\n\\r\\n\")
    connection.recv(4096)
";
    let server = start_python(refuse, &[]);
    server.wait_for_stdout("listening\n");
    let exited = start_chat(&[]).finish_with_open_stdin();
    assert_eq!(exited.code, Some(22), "{}", exited.stderr());
    server.expect_success();
    let exited = start_chat(&[]).finish_with_open_stdin();
    assert_eq!(exited.code, Some(7), "{}", exited.stderr());
    for (arguments, code) in [
        (&["--ws", "wss://192.168.69.100/"][..], 3),
        (&["--ws", "http://192.168.69.100/"], 3),
        (&["--ws", "ws://192.168.69.100/", "--encoding", "euc-kr"], 2),
        (&["--ws", "ws://192.168.69.100/", "--listen"], 2),
    ] {
        let arguments = [&["chat"], arguments].concat();
        assert_eq!(hosttap(&arguments).finish().code, Some(code));
    }
    for url in ["http://192.168.69.100/", "192.168.69.100"] {
        let exited = hosttap(&["chat", "--ws", url]).finish();
        let stderr = exited.stderr();
        assert!(stderr.contains("begins with ws://"), "{stderr}");
    }
}

#[test]
fn who_has_nothing_to_say_is_told_that_nobody_answers() {
    in_namespace!();
    // `finish` closes stdin at once.
    let exited = start_chat(&[]).finish();
    assert_eq!(exited.code, Some(7), "{}", exited.stderr());
    let server = start_server("    peer.expect_close(1000)\n");
    let exited = start_chat(&[]).finish();
    server.expect_success();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
}

#[test]
fn a_server_that_closes_in_order_is_asked_again_until_the_user_ends() {
    in_namespace!();
    let server = start_server(
        "
    peer.send(peer.close_frame(1001)); peer.expect((\"close\", 1001))
    peer = accept(listener)
    peer.send(peer.frame(TEXT, b'again'))
    peer.expect_close(1000)
",
    );
    let mut chat = start_chat(&["--retry"]);
    chat.wait_for_stdout("again\n");
    // By chance a little less, which is not 0.
    chat.wait_for_stderr("Calling again in 1 s\n");
    chat.close_stdin();
    let exited = chat.finish();
    server.expect_success();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
}

#[test]
fn lines_that_nobody_got_are_counted() {
    in_namespace!();
    let mut chat = start_chat(&[]);
    chat.write_stdin("are you there?\n");
    let exited = chat.finish_with_open_stdin();
    let stderr = exited.stderr();
    assert_eq!(exited.code, Some(7), "{stderr}");
    assert!(stderr.contains("15 bytes did not reach"), "{stderr}");
}

#[test]
fn the_next_server_gets_the_lines_that_were_not_begun_and_no_half_one() {
    in_namespace!();
    // The first connection ends in the middle of a line that is longer than all buffers.
    let server = start_server(
        "
    peer.read(1000)
    linger = struct.pack('ii', 1, 0)
    peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    peer.connection.close()
    peer = accept(listener)
    peer.expect((\"message\", TEXT, b'second'), (\"message\", TEXT, b'third'))
    peer.expect_close(1000)
",
    );
    let mut chat = start_chat(&["--retry"]);
    chat.write_stdin(&format!("{}\nsecond\nthird\n", "x".repeat(8_000_000)));
    chat.close_stdin();
    let exited = chat.finish();
    let stderr = exited.stderr();
    server.expect_success();
    assert_eq!(exited.code, Some(0), "{stderr}");
    assert!(stderr.contains("bytes did not reach the peer"), "{stderr}");
}

#[test]
fn an_echo_asks_a_server_that_sends_nothing_at_most_ten_times_a_second() {
    in_namespace!();
    let server = start_server(
        "
    import time
    end, count = time.monotonic() + 2, 0
    while time.monotonic() < end:
        peer.send(peer.close_frame(1000)); peer.expect((\"close\", 1000))
        peer, count = accept(listener), count + 1
    assert count <= 21, count
",
    );
    let url = format!("ws://{KERNEL_ADDRESS}:9001/");
    let echo = hosttap(&["echo", "--connect", &url]);
    server.expect_success();
    echo.interrupt();
    assert_eq!(echo.finish().code, Some(130));
}
