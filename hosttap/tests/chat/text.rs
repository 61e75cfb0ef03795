//! Line ends, bare text, encodings, and bytes that are not text.

use super::{run_peer, start_listener, start_listening_peer, start_peer};
use crate::common::{hosttap, in_namespace};

#[test]
fn bare_text_goes_both_ways_on_the_ports_of_old_programs() {
    in_namespace!();
    for port in ["1001", "4444"] {
        let mut chat = start_listener(&["--listen", port, "--raw", "--once"]);
        // An old program: each of its send and recv calls carries one message.
        let script = format!(
            "
s = connect_once({port})
s.sendall(b'bare')
print(s.recv(100))
s.sendall(b'text')
print(s.recv(100))
s.close()
"
        );
        let old = start_peer(&script);
        chat.wait_for_stdout("bare\n");
        chat.write_stdin("no line end\n");
        chat.wait_for_stdout("text\n");
        chat.write_stdin("here\n");
        assert_eq!(old.expect_success(), "b'no line end'\nb'here'\n");
        let exited = chat.finish();
        assert_eq!(exited.stdout(), "bare\ntext\n");
        assert!(
            !exited.stderr().contains("part of a line"),
            "{}",
            exited.stderr()
        );
    }
}

#[test]
fn bare_text_works_with_an_old_program_that_listens() {
    in_namespace!();
    let script = "
s = accept(listen(4444))
s.sendall(b'bare')
print(s.recv(100))
s.close()
";
    let old = start_listening_peer(script);
    let arguments = ["chat", "--connect", "192.168.69.100:4444", "--raw"];
    let mut chat = hosttap(&arguments);
    chat.wait_for_stdout("bare\n");
    chat.write_stdin("answer\n");
    assert_eq!(old.expect_success(), "listening\nb'answer'\n");
    assert_eq!(chat.finish().code, Some(0));
}

#[test]
fn a_line_of_100000_bytes_arrives_whole_both_ways() {
    in_namespace!();
    let mut chat = start_listener(&["--once"]);
    let script = "
s = connect_once()
s.sendall(b'x' * 100000)
data = read_exactly(s, 100001)
assert data == b'y' * 100000 + b'\\n', len(data)
s.close()
";
    let long = start_peer(script);
    chat.write_stdin(&("y".repeat(100_000) + "\n"));
    long.expect_success();
    let exited = chat.finish();
    let text = exited.stdout();
    assert_eq!(text.replace('\n', ""), "x".repeat(100_000));
    // A slow peer may cause more pieces, but the first one is as long as a line can be.
    assert!(text.starts_with(&("x".repeat(65_536) + "\n")));
    assert!(
        exited
            .stderr()
            .contains("the message above is only a part of a line")
    );
    assert_eq!(exited.code, Some(0));
}

#[test]
fn korean_text_goes_both_ways_in_euc_kr() {
    in_namespace!();
    let mut chat = start_listener(&["--once", "--encoding", "euc-kr"]);
    // Each byte is its own segment, and one line ends inside a character.
    let script = "
s = connect_once()
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for byte in '한글 테스트\\n'.encode('euc-kr') + b'cut \\xc7\\nA\\n' + '똠방각하\\n'.encode('cp949'):
    s.sendall(bytes([byte]))
    time.sleep(0.01)
wanted = '안녕, 펲시\\n'.encode('cp949') + b'wave ?\\n'
data = read_exactly(s, len(wanted))
assert data == wanted, data
s.close()
";
    let old = start_peer(script);
    chat.write_stdin("안녕, 펲시\nwave 👋\n");
    old.expect_success();
    let exited = chat.finish();
    assert_eq!(exited.stdout(), "한글 테스트\ncut \u{fffd}\nA\n똠방각하\n");
    let message = "EUC-KR lacks 1 of these characters; the peer gets ? instead";
    assert!(exited.stderr().contains(message), "{}", exited.stderr());
}

#[test]
fn bytes_that_are_not_text_are_unchanged_in_a_pipe() {
    in_namespace!();
    let chat = start_listener(&["--once"]);
    let script = "
s = connect_once()
s.sendall(bytes(range(256)) + b'\\n\\x1b[2J\\xff\\r\\n')
s.close()
";
    run_peer(script);
    let exited = chat.finish();
    let every: Vec<u8> = (0..=255).collect();
    let expected = [&every[..], b"\n\x1b[2J\xff\n"].concat();
    assert_eq!(exited.stdout_bytes, expected);
}

#[test]
fn an_unknown_encoding_is_a_usage_error() {
    in_namespace!();
    for label in ["klingon", "utf-16"] {
        let exited = hosttap(&["chat", "--encoding", label]).finish();
        assert_eq!(exited.code, Some(2), "{label}");
        assert!(exited.stderr().contains(label), "{}", exited.stderr());
    }
}
