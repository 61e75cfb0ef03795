//! Where the Location of a redirect is kept.

use super::is_blank;

/// The value of a redirect's Location, in a buffer that the caller lends.
///
/// The bytes are the peer's: before they reach a terminal, control bytes beyond ASCII (C1) must be taken out.
#[derive(Debug)]
pub struct Location<'a> {
    /// The caller's, for as long as this value lives.
    buffer: &'a mut [u8],
    length: usize,
    truncated: bool,
}

#[cfg(feature = "defmt")]
impl defmt::Format for Location<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Location {{ length: {=usize}, truncated: {=bool} }}",
            self.length,
            self.truncated
        );
    }
}

impl<'a> Location<'a> {
    /// An empty Location that keeps as many bytes as `buffer` has; an empty buffer keeps none.
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        Self {
            buffer,
            length: 0,
            truncated: false,
        }
    }

    /// What was kept of the value: all of it, unless it [is truncated](Self::is_truncated). Empty when there was none.
    pub fn as_bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    /// Whether the value was longer than the buffer.
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Whether there was no Location.
    pub const fn is_empty(&self) -> bool {
        self.length == 0 && !self.truncated
    }

    /// Takes one byte of the value; blanks before its first byte are left out.
    pub(super) fn push(&mut self, byte: u8) {
        if self.length == 0 && is_blank(byte) {
            return;
        }
        match self.buffer.get_mut(self.length) {
            Some(slot) => {
                *slot = byte;
                self.length += 1;
            }
            // Blanks at the end are no part of the value, so they alone cut nothing off.
            None => self.truncated |= !is_blank(byte),
        }
    }

    /// The value has ended: the blanks at its end go.
    pub(super) fn finish(&mut self) {
        if !self.truncated {
            self.length = self.as_bytes().trim_ascii_end().len();
        }
    }
}
