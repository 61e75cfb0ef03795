//! Silence that ends a message of a peer which sends no line ends.

use super::LineSplitter;
use crate::{Duration, Tick};

/// Silence that ends a message of a peer which has not sent a line end yet, and that makes a CR a
/// line end.
const SILENCE: Duration = Duration::from_millis(200);

/// The same where all that is pending came character by character, as somebody types it.
const TYPING_SILENCE: Duration = Duration::from_secs(2);

/// The longest character in bytes, in UTF-8.
const CHARACTER_LEN_MAX: usize = 4;

/// How long a peer has been silent, and how long it may be in mid-line.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Silence {
    /// When bytes came last.
    fed_at: Tick,
    /// All that is pending came character by character.
    is_typed: bool,
}

impl Silence {
    pub(crate) const fn new() -> Self {
        Self {
            fed_at: Tick::ZERO,
            is_typed: false,
        }
    }

    /// Feeds `lines` with bytes that have come, and returns how many it took.
    pub(crate) fn feed(&mut self, now: Tick, lines: &mut LineSplitter, bytes: &[u8]) -> usize {
        let is_first = !lines.awaits_silence();
        self.fed_at = now;
        self.is_typed = is_one_character(bytes) && (self.is_typed || is_first);
        lines.feed(bytes)
    }

    /// When silence ends what is pending in `lines`.
    pub(crate) fn ends_at(&self, lines: &LineSplitter) -> Tick {
        // Somebody who types is done with the line after Enter, which may be a CR.
        let is_typing = self.is_typed && !lines.ends_in_cr();
        self.fed_at + if is_typing { TYPING_SILENCE } else { SILENCE }
    }
}

/// Whether this is what one key sends.
fn is_one_character(bytes: &[u8]) -> bool {
    let is_ascii = bytes.first().is_some_and(u8::is_ascii);
    bytes.len() == 1 || !is_ascii && bytes.len() <= CHARACTER_LEN_MAX
}
