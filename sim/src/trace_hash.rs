//! The running hash of everything that happens in a world.

use core::hash::{Hash, Hasher};

use tickwire::{Event, Tick, chat, file, http};

use crate::SimError;
use crate::ethernet::{Fate, FrameEvent};

/// A running hash whose value is the same on every platform: sizes are widened to 64 bits, bytes
/// are read in little-endian order. If two runs of one seed have different hashes, something in
/// them depends on more than the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceHash(u64);

impl TraceHash {
    /// The hash of nothing.
    pub const EMPTY: Self = Self(0x243f_6a88_85a3_08d3);

    /// Adds an event: when, where, and all its content.
    pub fn event(&mut self, now: Tick, node: usize, task: &'static str, event: &Event) {
        self.word(now.as_millis());
        self.word(node as u64);
        self.bytes(task.as_bytes());
        self.content(event);
    }

    /// Adds the content of an event. What an app defines for itself counts where it is one of
    /// tickwire's own apps.
    fn content(&mut self, event: &Event) {
        match *event {
            Event::State { old, new } => (1, old, new).hash(self),
            Event::Listening { port } => (2, port).hash(self),
            Event::Connecting { remote } => (3, remote).hash(self),
            Event::Connected { remote, role } => (4, remote, role).hash(self),
            Event::Progress { bytes, total } => (5, bytes, total).hash(self),
            Event::Disconnected { remote } => (6, remote).hash(self),
            Event::Failed { remote, .. } => (7, remote, SimError::of(event)).hash(self),
            Event::Retrying { delay } => (8, delay.as_millis()).hash(self),
            Event::App(_) => (
                9,
                event.app::<http::Event>(),
                event.app::<chat::Event>(),
                event.app::<file::Event>(),
            )
                .hash(self),
            Event::Resolving { host } => (11, host).hash(self),
            _ => 10.hash(self),
        }
    }

    /// Adds a frame: when, where, what became of it, and its bytes where they are new.
    pub fn frame(&mut self, event: &FrameEvent, frame: &[u8]) {
        let fate = match event.fate {
            Fate::Sent => 0,
            Fate::Delivered => 1,
            Fate::Dropped(cause) => 0x100 | cause as u64,
            Fate::Changed(change) => 0x200 | change as u64,
            Fate::Duplicated => 2,
        };
        let to = event.to.map_or(0xff, |to| to as u64);
        self.word(event.at_micros);
        self.word(fate << 48 | (event.from as u64) << 40 | to << 32 | frame.len() as u64);
        if matches!(event.fate, Fate::Sent | Fate::Changed(_)) {
            self.bytes(frame);
        }
    }

    fn word(&mut self, word: u64) {
        // An odd multiplier loses no bits. The rotation moves the high bits, which depend on all
        // others, to where they change all others.
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let last = rest.iter().rev();
        self.word(last.fold(rest.len() as u64, |word, &byte| word << 8 | u64::from(byte)));
    }
}

impl Hasher for TraceHash {
    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ self.0 >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^ mixed >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        self.bytes(bytes);
    }

    fn write_u8(&mut self, number: u8) {
        self.word(number.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.word(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.word(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.word(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.word(number as u64);
    }

    fn write_i32(&mut self, number: i32) {
        self.word(i64::from(number).cast_unsigned());
    }

    fn write_isize(&mut self, number: isize) {
        // Widened with its sign, so that 32 and 64 bits agree.
        self.word((number as i64).cast_unsigned());
    }
}
