//! Messages over WebSocket that are made of pieces, and sent as far as there is room.

use heapless::Vec;

use crate::websocket::{Channel, Kind, Part};

/// Longest fragment of a message, in bytes, on the stack.
const FRAGMENT_BYTES_MAX: usize = 512;
/// Shortest fragment but the last: a shorter one waits for more room.
const FRAGMENT_BYTES_MIN: usize = 64;

/// How much of a message was sent.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Sent(usize);

/// A part of a message.
struct Fragment {
    bytes: Vec<u8, FRAGMENT_BYTES_MAX>,
    /// Number of bytes before it.
    offset: usize,
    /// Longest that is wanted.
    bytes_max: usize,
    /// Number of bytes of the message up to now.
    len: usize,
}

impl Fragment {
    /// The next piece of the message.
    fn push(&mut self, piece: &str) {
        let skipped = self.offset.saturating_sub(self.len);
        self.len += piece.len();
        let room = self.bytes_max - self.bytes.len();
        let rest = piece.as_bytes().get(skipped..).unwrap_or_default();
        let part = rest.get(..room).unwrap_or(rest);
        // There is room: it was counted.
        let _ = self.bytes.extend_from_slice(part);
    }
}

impl Sent {
    pub(super) const NOTHING: Self = Self(0);

    #[cfg(feature = "socketio")]
    /// Whether the front of a message was sent, and its rest not yet.
    pub(super) const fn is_midway(self) -> bool {
        self.0 > 0
    }

    /// Sends what has room of a text message, whose pieces `render` gives; they are the same until all
    /// is sent. Whether it is; then the next begins.
    pub(super) fn send(
        &mut self,
        channel: &mut Channel,
        render: impl Fn(&mut dyn FnMut(&str)),
    ) -> bool {
        loop {
            let room = channel.room();
            let mut fragment = Fragment {
                bytes: Vec::new(),
                offset: self.0,
                bytes_max: room.min(FRAGMENT_BYTES_MAX),
                len: 0,
            };
            render(&mut |piece| fragment.push(piece));
            let rest = fragment.len.saturating_sub(self.0);
            let is_last = fragment.bytes.len() == rest;
            if !is_last && room < FRAGMENT_BYTES_MIN {
                return false;
            }
            let part = Part {
                kind: Kind::Text,
                bytes: &fragment.bytes,
                is_last,
            };
            if !channel.send(part) {
                return false;
            }
            self.0 += fragment.bytes.len();
            if is_last {
                self.0 = 0;
                return true;
            }
        }
    }
}
