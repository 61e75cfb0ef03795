//! Tests of what works on bytes alone.

extern crate std;

mod close;
mod decoder;
mod frame;
mod queue;
mod text;

use std::vec::Vec;

use super::{CloseCode, Decoder, Delivery, FrameHeader, Incoming, Kind, Mask, Opcode, Violation};
use crate::Role;

const MASK: Mask = Mask([0x37, 0xFA, 0x21, 0x3D]);

/// What a decoder handed over, with memory of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Part(Kind, Vec<u8>, bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<CloseCode>, std::string::String),
}

impl From<Incoming<'_>> for Heard {
    fn from(incoming: Incoming<'_>) -> Self {
        match incoming {
            Incoming::Part(part) => Self::Part(part.kind, part.bytes.to_vec(), part.is_last),
            Incoming::Ping(payload) => Self::Ping(payload.to_vec()),
            Incoming::Pong(payload) => Self::Pong(payload.to_vec()),
            Incoming::Close(code, reason) => Self::Close(code, reason.into()),
        }
    }
}

/// A frame, masked where `role`, which receives it, wants that.
fn frame(role: Role, is_last: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mask = (role == Role::Server).then_some(MASK);
    let header = FrameHeader {
        is_last,
        opcode,
        mask,
        length: payload.len() as u64,
    };
    let mut bytes = header.encode().to_vec();
    let mut payload = payload.to_vec();
    if let Some(mask) = mask {
        mask.apply(0, &mut payload);
    }
    bytes.extend(payload);
    bytes
}

/// Feeds `pieces` one after the other, and gives everything that was heard, and the violation that
/// ended it.
fn hear<'p>(
    decoder: &mut Decoder,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> (Vec<Heard>, Option<Violation>) {
    let mut heard = Vec::new();
    for piece in pieces {
        let mut rest = piece;
        while !rest.is_empty() {
            match decoder.feed(rest) {
                Ok(taken) => rest = &rest[taken..],
                Err(how) => {
                    assert_eq!(decoder.feed(b"x"), Err(how), "an error stays");
                    return (heard, Some(how));
                }
            }
            assert!(decoder.is_ready() || rest.is_empty());
            heard.extend(decoder.ready().map(Heard::from));
            decoder.take();
        }
    }
    (heard, None)
}

/// Memory that outlives the test.
fn memory(bytes: usize) -> &'static mut [u8] {
    std::vec![0; bytes].leak()
}

/// What a server hears of `bytes`.
fn hear_all(bytes: &[u8], buffer: usize, delivery: Delivery) -> (Vec<Heard>, Option<Violation>) {
    let mut decoder = Decoder::new(memory(buffer), delivery, u64::MAX, Role::Server);
    hear(&mut decoder, [bytes])
}

#[test]
fn a_peer_takes_little_memory_beside_its_buffers() {
    use super::{Channel, Endpoint, Part, WebSocket};

    struct Nothing;

    impl Endpoint for Nothing {
        fn on_part(&mut self, _: &mut Channel, _: Part) -> bool {
            true
        }
    }

    // Two control frames of 125 bytes are the most of it.
    let bytes = size_of::<WebSocket<'static, Nothing>>();
    assert!(bytes <= 800, "{bytes} bytes");
    std::println!("{bytes} bytes");
}
