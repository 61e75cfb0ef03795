//! What becomes of bytes: lines, bare text, encodings, and bytes that are no text.

use super::{finish_peer, listener, peer};
use crate::common::Namespace;

#[test]
fn bare_text_is_understood_and_spoken_on_the_ports_of_old_programs() {
    for port in ["1001", "4444"] {
        let Some(namespace) = Namespace::with_tap() else {
            return;
        };
        let mut chat = listener(&namespace, &["--listen", port, "--raw", "--once"]);
        // An old program: what one send carries is a message, and so is what one receive brings.
        let script = format!(
            "
s = dial({port})
s.sendall(b'bare')
print(s.recv(100))
s.sendall(b'text')
print(s.recv(100))
s.close()
"
        );
        let old = peer(&namespace, &script);
        chat.wait_for_stdout("bare\n", 20);
        chat.type_in("no line end\n");
        chat.wait_for_stdout("text\n", 20);
        chat.type_in("here\n");
        assert_eq!(finish_peer(old), "b'no line end'\nb'here'\n");
        let ended = chat.finish(20);
        assert_eq!(ended.stdout(), "bare\ntext\n");
        assert!(
            !ended.stderr().contains("part of a line"),
            "{}",
            ended.stderr()
        );
    }
}

#[test]
fn an_old_program_that_listens_is_understood_too() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let script = "
s = answer(server(4444))
s.sendall(b'bare')
print(s.recv(100))
s.close()
";
    let old = peer(&namespace, script);
    old.wait_for_stdout("ready", 20);
    let arguments = ["chat", "--connect", "192.168.69.100:4444", "--raw"];
    let mut chat = namespace.hosttap(&arguments);
    chat.wait_for_stdout("bare\n", 20);
    chat.type_in("answer\n");
    assert_eq!(finish_peer(old), "ready\nb'answer'\n");
    assert_eq!(chat.finish(20).code, Some(0));
}

#[test]
fn a_hundred_thousand_bytes_without_a_line_end_come_whole_both_ways() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let mut chat = listener(&namespace, &["--once"]);
    let script = "
s = dial()
s.sendall(b'x' * 100000)
data = take(s, 100001)
assert data == b'y' * 100000 + b'\\n', len(data)
s.close()
";
    let long = peer(&namespace, script);
    chat.type_in(&("y".repeat(100_000) + "\n"));
    finish_peer(long);
    let ended = chat.finish(20);
    let text = ended.stdout();
    assert_eq!(text.replace('\n', ""), "x".repeat(100_000));
    // It may come in more pieces where the wire is slow, but the first is as long as a line can be.
    assert!(text.starts_with(&("x".repeat(65_536) + "\n")));
    assert!(
        ended
            .stderr()
            .contains("the message above is only part of a line")
    );
    assert_eq!(ended.code, Some(0));
}

#[test]
fn korean_goes_both_ways_in_its_old_encoding() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let mut chat = listener(&namespace, &["--once", "--encoding", "euc-kr"]);
    // Every byte is a segment of its own, and the last line ends inside a character.
    let script = "
s = dial()
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for byte in '한글 테스트\\n'.encode('euc-kr') + b'cut \\xc7\\nA\\n' + '똠방각하\\n'.encode('cp949'):
    s.sendall(bytes([byte]))
    time.sleep(0.01)
wanted = '안녕, 펲시\\n'.encode('cp949') + b'wave ?\\n'
data = take(s, len(wanted))
assert data == wanted, data
s.close()
";
    let old = peer(&namespace, script);
    chat.type_in("안녕, 펲시\nwave 👋\n");
    finish_peer(old);
    let ended = chat.finish(20);
    assert_eq!(ended.stdout(), "한글 테스트\ncut \u{fffd}\nA\n똠방각하\n");
    let told = "EUC-KR lacks 1 of these characters; the peer gets ? instead";
    assert!(ended.stderr().contains(told), "{}", ended.stderr());
}

#[test]
fn bytes_that_are_no_text_pass_into_a_pipe_as_they_came() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let chat = listener(&namespace, &["--once"]);
    let script = "
s = dial()
s.sendall(bytes(range(256)) + b'\\n\\x1b[2J\\xff\\r\\n')
s.close()
";
    finish_peer(peer(&namespace, script));
    let ended = chat.finish(20);
    let every: Vec<u8> = (0..=255).collect();
    let expected = [&every[..], b"\n\x1b[2J\xff\n"].concat();
    assert_eq!(ended.stdout_bytes, expected);
}

#[test]
fn an_encoding_that_nobody_knows_is_wrong_usage() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    for label in ["klingon", "utf-16"] {
        let ended = namespace.hosttap(&["chat", "--encoding", label]).finish(20);
        assert_eq!(ended.code, Some(2), "{label}");
        assert!(ended.stderr().contains(label), "{}", ended.stderr());
    }
}
