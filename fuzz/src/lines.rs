//! Chat lines: the same messages at every split and with every buffer, and no byte lost.

use tickwire::chat::{Ending, LineSplitter};

use crate::pieces::Cuts;

/// Stands between bytes that silence parts; it is no text.
const SILENCE: u8 = 0xff;

/// The bytes of a conversation, the length of the line buffer, and the cuts.
pub fn run(data: &[u8]) {
    let Some((bytes, cuts)) = Cuts::split_off(data) else {
        return;
    };
    let Some((bytes, &[buffer])) = bytes.split_last_chunk() else {
        return;
    };
    let buffer = 1 + usize::from(buffer % 32);
    let whole = converse(bytes, buffer, None);
    assert_eq!(
        whole,
        converse(bytes, buffer, Some(cuts)),
        "the cuts changed the result"
    );
    assert!(whole.iter().all(|(text, _)| text.len() <= buffer));
    if bytes.contains(&SILENCE) {
        check_silence(bytes, &whole);
    } else {
        assert_eq!(whole, specified(bytes, buffer));
    }
}

type Messages = Vec<(Vec<u8>, Ending)>;

fn converse(bytes: &[u8], buffer: usize, cuts: Option<Cuts>) -> Messages {
    let mut memory = vec![0xaa; buffer];
    let mut lines = LineSplitter::new(&mut memory[..]);
    // The first bytes of another conversation, of which nothing may be left.
    lines.feed(b"\r");
    lines.reset();
    let mut messages = Vec::new();
    for (index, spoken) in bytes.split(|&byte| byte == SILENCE).enumerate() {
        if index > 0 && lines.flush_silence() {
            take(&mut lines, &mut messages);
        }
        match cuts {
            None => feed(&mut lines, spoken, &mut messages),
            Some(cuts) => {
                for piece in cuts.pieces(spoken) {
                    feed(&mut lines, piece, &mut messages);
                }
            }
        }
    }
    while lines.close() {
        take(&mut lines, &mut messages);
    }
    messages
}

fn feed(lines: &mut LineSplitter<'_>, mut bytes: &[u8], messages: &mut Messages) {
    loop {
        let taken = lines.feed(bytes);
        bytes = &bytes[taken..];
        if lines.message().is_none() {
            return assert!(bytes.is_empty(), "all is taken when no message is ready");
        }
        take(lines, messages);
    }
}

/// Takes the message that is ready, as a slow reader would: one byte, then the rest.
fn take(lines: &mut LineSplitter<'_>, messages: &mut Messages) {
    let message = lines.message().expect("a message is ready");
    let (text, ending) = (message.bytes.to_vec(), message.ending);
    lines.advance(1);
    let rest = lines.message().expect("it waits until it is taken");
    assert_eq!(rest.bytes, text.get(1..).unwrap_or_default());
    assert_eq!(lines.feed(b"x"), 0, "nothing is fed meanwhile");
    lines.take();
    messages.push((text, ending));
}

/// What comes out of bytes that no silence parts.
fn specified(bytes: &[u8], buffer: usize) -> Messages {
    let mut messages = Vec::new();
    let mut lines: Vec<_> = bytes.split(|&byte| byte == b'\n').collect();
    let last = lines.pop().unwrap_or_default();
    for line in lines {
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        push_pieces(text, buffer, Ending::Line, &mut messages);
    }
    if !last.is_empty() {
        push_pieces(last, buffer, Ending::Close, &mut messages);
    }
    messages
}

fn push_pieces(text: &[u8], buffer: usize, ending: Ending, messages: &mut Messages) {
    let pieces: Vec<_> = text.chunks(buffer).collect();
    let (last, pieces) = pieces
        .split_last()
        .map_or((&[][..], &[][..]), |(last, pieces)| (*last, pieces));
    messages.extend(pieces.iter().map(|piece| (piece.to_vec(), Ending::Piece)));
    messages.push((last.to_vec(), ending));
}

/// Silence moves the ends of messages, but never text, and it ends none behind the first line end.
fn check_silence(bytes: &[u8], messages: &Messages) {
    let text = |bytes: &mut dyn Iterator<Item = u8>| {
        let is_text = |byte: &u8| !matches!(*byte, b'\r' | b'\n' | SILENCE);
        bytes.filter(is_text).collect::<Vec<_>>()
    };
    let spoken = text(&mut bytes.iter().copied());
    assert_eq!(
        spoken,
        text(&mut messages.iter().flat_map(|(text, _)| text.clone()))
    );
    let first_line = messages
        .iter()
        .position(|(_, ending)| *ending == Ending::Line);
    let behind = messages.iter().skip(first_line.unwrap_or(messages.len()));
    assert!(
        behind
            .into_iter()
            .all(|(_, ending)| *ending != Ending::Silence)
    );
}
