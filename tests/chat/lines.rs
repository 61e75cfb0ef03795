//! How a chat peer's bytes become messages.

use proptest::prelude::*;
use tickwire::chat::{Ending, LineSplitter};

use crate::common::segments::segments;

type Messages = Vec<(Vec<u8>, Ending)>;

fn taken(lines: &mut LineSplitter<'_>, messages: &mut Messages) {
    if let Some(message) = lines.message() {
        messages.push((message.bytes.to_vec(), message.ending));
        lines.take();
    }
}

fn feed_all(lines: &mut LineSplitter<'_>, mut bytes: &[u8], messages: &mut Messages) {
    loop {
        let (_, rest) = bytes.split_at(lines.feed(bytes));
        bytes = rest;
        if lines.message().is_none() {
            assert!(bytes.is_empty(), "without a message all bytes are taken");
            return;
        }
        taken(lines, messages);
    }
}

/// The messages of a conversation that arrives in these segments and then closes.
fn conversation(buffer_len: usize, segments: &[&[u8]]) -> Messages {
    let mut buffer = vec![0; buffer_len];
    let mut lines = LineSplitter::new(&mut buffer[..]);
    let mut messages = Vec::new();
    for segment in segments {
        feed_all(&mut lines, segment, &mut messages);
    }
    while lines.close() {
        taken(&mut lines, &mut messages);
    }
    messages
}

fn expect(buffer_len: usize, input: &[u8], wanted: &[(&[u8], Ending)]) {
    let wanted: Messages = wanted.iter().map(|(b, e)| (b.to_vec(), *e)).collect();
    for cut in 0..=input.len() {
        let (front, back) = input.split_at(cut);
        assert_eq!(
            conversation(buffer_len, &[front, back]),
            wanted,
            "{:?} with a buffer of {buffer_len}, cut at {cut}",
            input.escape_ascii().to_string()
        );
    }
    let single: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(conversation(buffer_len, &single), wanted);
}

#[test]
fn lines_end_at_lf_or_crlf_at_every_split() {
    use Ending::Line;
    expect(
        16,
        b"one\ntwo\r\nthree\n",
        &[(b"one", Line), (b"two", Line), (b"three", Line)],
    );
}

#[test]
fn empty_lines_are_messages() {
    use Ending::Line;
    expect(
        4,
        b"\n\r\n\na\n",
        &[(b"", Line), (b"", Line), (b"", Line), (b"a", Line)],
    );
}

#[test]
fn a_cr_that_no_lf_follows_is_text() {
    use Ending::{Close, Line};
    expect(16, b"a\rb\r\r\n\rc\n", &[(b"a\rb\r", Line), (b"\rc", Line)]);
    expect(16, b"a\r", &[(b"a\r", Close)]);
    expect(16, b"\r", &[(b"\r", Close)]);
}

#[test]
fn control_bytes_and_broken_utf_8_pass_as_they_came() {
    expect(
        16,
        b"\0\x1b[2J\x07\xff\xc3\n",
        &[(b"\0\x1b[2J\x07\xff\xc3", Ending::Line)],
    );
}

#[test]
fn a_line_of_exactly_the_buffer_is_whole() {
    use Ending::Line;
    expect(4, b"abcd\nef\n", &[(b"abcd", Line), (b"ef", Line)]);
    expect(4, b"abcd\r\nef\r\n", &[(b"abcd", Line), (b"ef", Line)]);
    expect(4, b"abc\r\r\n", &[(b"abc\r", Line)]);
}

#[test]
fn a_longer_line_comes_out_in_pieces() {
    use Ending::{Close, Line, Piece};
    expect(4, b"abcde\n", &[(b"abcd", Piece), (b"e", Line)]);
    expect(4, b"abcd\re\n", &[(b"abcd", Piece), (b"\re", Line)]);
    expect(4, b"abcd\r\r\n", &[(b"abcd", Piece), (b"\r", Line)]);
    expect(4, b"abcdefgh\n", &[(b"abcd", Piece), (b"efgh", Line)]);
    expect(1, b"ab\r\nc", &[(b"a", Piece), (b"b", Line), (b"c", Close)]);
}

#[test]
fn what_is_pending_at_the_close_is_the_last_line() {
    use Ending::{Close, Line, Piece};
    expect(8, b"one\ntw", &[(b"one", Line), (b"tw", Close)]);
    expect(4, b"abcd", &[(b"abcd", Close)]);
    expect(4, b"abcd\r", &[(b"abcd", Piece), (b"\r", Close)]);
    expect(4, b"", &[]);
    expect(4, b"a\n", &[(b"a", Line)]);
}

#[test]
fn a_megabyte_without_a_line_end_loses_nothing() {
    let input: Vec<u8> = (0..1 << 20).map(|i| b'a' + (i % 26) as u8).collect();
    let messages = conversation(512, &[&input]);
    assert_eq!(messages.len(), 2048);
    assert!(messages.iter().all(|(_, ending)| ending.is_partial()));
    let text: Vec<u8> = messages.into_iter().flat_map(|(bytes, _)| bytes).collect();
    assert_eq!(text, input);
}

#[test]
fn silence_ends_a_message_until_the_first_line_end() {
    let mut buffer = [0; 16];
    let mut lines = LineSplitter::new(&mut buffer[..]);
    let mut messages = Vec::new();
    assert!(!lines.awaits_silence());
    assert!(!lines.flush_silence(), "silence alone says nothing");

    feed_all(&mut lines, b"bare", &mut messages);
    assert!(lines.awaits_silence());
    assert!(lines.flush_silence());
    assert!(!lines.awaits_silence(), "a message that waits is not split");
    taken(&mut lines, &mut messages);

    feed_all(&mut lines, b"text\nthen a ", &mut messages);
    assert!(!lines.awaits_silence());
    assert!(!lines.flush_silence(), "a slow line is one line");
    feed_all(&mut lines, b"line\n", &mut messages);
    assert_eq!(
        messages,
        [
            (b"bare".to_vec(), Ending::Silence),
            (b"text".to_vec(), Ending::Line),
            (b"then a line".to_vec(), Ending::Line),
        ]
    );
}

#[test]
fn a_line_end_right_after_silence_belongs_to_the_message_before() {
    for late_end in [&b"\n"[..], b"\r\n"] {
        let mut buffer = [0; 16];
        let mut lines = LineSplitter::new(&mut buffer[..]);
        let mut messages = Vec::new();
        feed_all(&mut lines, b"slow", &mut messages);
        assert!(lines.flush_silence());
        taken(&mut lines, &mut messages);
        for byte in late_end {
            feed_all(&mut lines, &[*byte], &mut messages);
            assert!(!lines.flush_silence());
        }
        feed_all(&mut lines, b"\nnext\n", &mut messages);
        assert_eq!(
            messages,
            [
                (b"slow".to_vec(), Ending::Silence),
                (b"".to_vec(), Ending::Line),
                (b"next".to_vec(), Ending::Line),
            ]
        );
    }
}

#[test]
fn silence_between_cr_and_lf_neither_shows_the_cr_nor_an_empty_line() {
    let mut buffer = [0; 16];
    let mut lines = LineSplitter::new(&mut buffer[..]);
    let mut messages = Vec::new();
    feed_all(&mut lines, b"half\r", &mut messages);
    assert!(lines.flush_silence());
    taken(&mut lines, &mut messages);
    assert!(!lines.awaits_silence(), "the line has ended");
    feed_all(&mut lines, b"\nnext\n", &mut messages);
    assert_eq!(
        messages,
        [
            (b"half".to_vec(), Ending::Line),
            (b"next".to_vec(), Ending::Line),
        ]
    );
}

#[test]
fn a_cr_that_silence_follows_is_a_line_end() {
    let mut buffer = [0; 16];
    let mut lines = LineSplitter::new(&mut buffer[..]);
    let mut messages = Vec::new();
    // The third line is empty, and the last one has its CR split from its LF.
    for line in [&b"one\r"[..], b"two\r", b"\r", b"three\r", b"\nfour\r\n"] {
        feed_all(&mut lines, line, &mut messages);
        lines.flush_silence();
        taken(&mut lines, &mut messages);
    }
    let wanted = [&b"one"[..], b"two", b"", b"three", b"four"];
    assert_eq!(messages, wanted.map(|line| (line.to_vec(), Ending::Line)));
    // It belongs to the message that silence has ended before it.
    let mut lines = LineSplitter::new(&mut buffer[..]);
    let mut messages = Vec::new();
    for part in [&b"slow"[..], b"\r", b"next\r"] {
        feed_all(&mut lines, part, &mut messages);
        lines.flush_silence();
        taken(&mut lines, &mut messages);
    }
    assert_eq!(
        messages,
        [
            (b"slow".to_vec(), Ending::Silence),
            (b"next".to_vec(), Ending::Line),
        ]
    );
}

#[test]
fn a_message_waits_until_it_was_taken() {
    let mut buffer = [0; 16];
    let mut lines = LineSplitter::new(&mut buffer[..]);
    assert_eq!(lines.feed(b"first\nsecond\n"), 6);
    assert_eq!(lines.feed(b"second\n"), 0);
    lines.advance(3);
    assert_eq!(lines.message().unwrap().bytes, b"st");
    lines.advance(usize::MAX);
    assert_eq!(lines.message().unwrap().bytes, b"");
    lines.take();
    assert!(lines.message().is_none());
    assert_eq!(lines.feed(b"second\n"), 7);
    assert_eq!(lines.message().unwrap().bytes, b"second");
}

#[test]
fn reset_starts_a_new_conversation() {
    let mut buffer = [0; 16];
    let mut lines = LineSplitter::new(&mut buffer[..]);
    lines.feed(b"a\n");
    lines.take();
    lines.feed(b"left over\r");
    lines.reset();
    lines.feed(b"new");
    assert!(lines.awaits_silence(), "the old line end is forgotten");
    assert!(lines.close());
    assert_eq!(lines.message().unwrap().bytes, b"new");
}

/// The rule for the whole input at once: lines at LF or CRLF, cut into pieces of the buffer's
/// length.
fn model(input: &[u8], buffer_len: usize) -> Messages {
    let mut messages = Vec::new();
    let mut parts = input.split(|byte| *byte == b'\n').peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let line = match part.strip_suffix(b"\r") {
            Some(line) if !last => line,
            _ => part,
        };
        let ending = if last { Ending::Close } else { Ending::Line };
        let count = line.len().div_ceil(buffer_len);
        for (i, piece) in line.chunks(buffer_len).enumerate() {
            let ending = if i + 1 == count {
                ending
            } else {
                Ending::Piece
            };
            messages.push((piece.to_vec(), ending));
        }
        if count == 0 && !last {
            messages.push((Vec::new(), Ending::Line));
        }
    }
    messages
}

fn chatty_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => Just(b'\n'), 3 => Just(b'\r'), 4 => Just(b'x'), 1 => any::<u8>()
    ];
    prop::collection::vec(byte, 0..80)
}

proptest! {
    #[test]
    fn any_bytes_in_any_segments_follow_the_rule(
        input in chatty_bytes(),
        buffer_len in 1..12usize,
        cuts in prop::collection::vec(1..9usize, 80),
    ) {
        let segments = segments(&input, &cuts);
        prop_assert_eq!(conversation(buffer_len, &segments), model(&input, buffer_len));
    }

    #[test]
    fn nothing_is_lost_whenever_the_peer_is_silent(
        input in chatty_bytes(),
        buffer_len in 1..12usize,
        silent in prop::collection::vec(any::<bool>(), 80),
    ) {
        let mut buffer = vec![0; buffer_len];
        let mut lines = LineSplitter::new(&mut buffer[..]);
        let mut messages = Vec::new();
        // The same input with a line end in the place of each CR that silence follows.
        let mut ended = Vec::new();
        let mut owes_lf = false;
        for (&byte, silent) in input.iter().zip(silent) {
            feed_all(&mut lines, &[byte], &mut messages);
            if silent && lines.flush_silence() {
                taken(&mut lines, &mut messages);
            }
            if !(owes_lf && byte == b'\n') {
                ended.push(byte);
            }
            owes_lf = silent && byte == b'\r';
            if owes_lf {
                ended.push(b'\n');
            }
        }
        while lines.close() {
            taken(&mut lines, &mut messages);
        }
        let lines_in = model(&ended, usize::MAX).into_iter().flat_map(|(bytes, _)| bytes);
        let text: Vec<u8> = messages.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        prop_assert_eq!(text, lines_in.collect::<Vec<u8>>());
        let first_line = messages.iter().position(|(_, ending)| *ending == Ending::Line);
        let last_silence = messages.iter().rposition(|(_, ending)| *ending == Ending::Silence);
        prop_assert!(first_line.is_none() || last_silence < first_line);
    }
}
