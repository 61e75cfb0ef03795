//! Frames of a WebSocket: the same messages at every split and in both ways of delivery, and text that
//! is text.

use tickwire::Role;
use tickwire::websocket::{CloseCode, Decoder, Delivery, Incoming, Kind, Violation};

use crate::pieces::Cuts;

/// The bytes of a peer, the length of the message buffer and our role, and the cuts.
pub fn run(data: &[u8]) {
    let Some((bytes, cuts)) = Cuts::split_off(data) else {
        return;
    };
    let Some((bytes, &[choice])) = bytes.split_last_chunk() else {
        return;
    };
    let role = if choice % 2 == 0 {
        Role::Server
    } else {
        Role::Client
    };
    let buffer = 4 + usize::from(choice / 2);
    let whole = hear(bytes, role, Delivery::Whole, buffer, None);
    let parts = hear(bytes, role, Delivery::Parts, buffer, None);
    for (delivery, uncut) in [(Delivery::Whole, &whole), (Delivery::Parts, &parts)] {
        let cut = hear(bytes, role, delivery, buffer, Some(cuts));
        assert_eq!(uncut, &cut, "the cuts changed the result");
    }
    check_deliveries(&whole, joined(&parts.0));
}

/// What was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Part(Kind, Vec<u8>, bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<CloseCode>, String),
}

type Conversation = (Vec<Heard>, Option<Violation>);

fn hear(
    bytes: &[u8],
    role: Role,
    delivery: Delivery,
    buffer: usize,
    cuts: Option<Cuts>,
) -> Conversation {
    let mut memory = vec![0xaa; buffer];
    let mut decoder = Decoder::new(&mut memory[..], delivery, u64::MAX, role);
    // The first bytes of another peer, of which nothing may be left.
    let _ = decoder.feed(b"\x01\x85ab");
    decoder.reset();
    let mut heard = Vec::new();
    let pieces: Vec<&[u8]> = match cuts {
        None => vec![bytes],
        Some(cuts) => cuts.pieces(bytes).collect(),
    };
    for mut piece in pieces {
        while !piece.is_empty() {
            match decoder.feed(piece) {
                Ok(taken) => piece = &piece[taken..],
                Err(how) => return (heard, Some(how)),
            }
            assert!(decoder.is_ready() || piece.is_empty(), "bytes are left");
            heard.extend(decoder.ready().map(|incoming| note(incoming, buffer)));
            decoder.take();
        }
    }
    (heard, None)
}

fn note(incoming: Incoming, buffer: usize) -> Heard {
    match incoming {
        Incoming::Part(part) => {
            assert!(part.bytes.len() <= buffer);
            let is_text = std::str::from_utf8(part.bytes).is_ok();
            assert!(
                part.kind == Kind::Binary || is_text,
                "no part cuts a character"
            );
            Heard::Part(part.kind, part.bytes.to_vec(), part.is_last)
        }
        Incoming::Ping(payload) => Heard::Ping(payload.to_vec()),
        Incoming::Pong(payload) => Heard::Pong(payload.to_vec()),
        Incoming::Close(code, reason) => {
            assert!(code.is_none_or(CloseCode::is_sendable));
            Heard::Close(code, reason.to_owned())
        }
    }
}

/// The messages that the parts make up, in their places; one that did not end is left out.
fn joined(parts: &[Heard]) -> Vec<Heard> {
    let mut message = Vec::new();
    let mut heard = Vec::new();
    for each in parts {
        match each {
            Heard::Part(kind, bytes, is_last) => {
                message.extend_from_slice(bytes);
                if *is_last {
                    heard.push(Heard::Part(*kind, std::mem::take(&mut message), true));
                }
            }
            control => heard.push(control.clone()),
        }
    }
    heard
}

/// Both deliveries say the same, up to a message that is too long for the one of them.
fn check_deliveries((whole, how): &Conversation, parts: Vec<Heard>) {
    if *how == Some(Violation::TooLong) {
        assert!(parts.starts_with(whole));
    } else {
        assert_eq!(whole, &parts);
    }
}
