//! The Location of a redirect, in a lent buffer.

use super::Fields;
use super::syntax::is_whitespace;

/// The value of the Location field of a redirect, in a buffer that the caller lends.
///
/// The server chooses the bytes. Before they reach a terminal, remove the control characters outside
/// ASCII (C1).
#[derive(Debug)]
pub struct Location<'a> {
    /// Lent by the caller for the life of this value.
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
    /// Creates an empty Location, which keeps at most as many bytes as `buffer` has.
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        Self {
            buffer,
            length: 0,
            truncated: false,
        }
    }

    /// The value, or its start if it [is truncated](Self::is_truncated). Empty if the response had no
    /// Location.
    pub fn as_bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    /// Whether the value was longer than the buffer.
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Whether the response had no Location.
    pub const fn is_empty(&self) -> bool {
        self.length == 0 && !self.truncated
    }

    /// Forgets the value.
    #[cfg(any(feature = "download", feature = "websocket"))]
    pub(crate) const fn clear(&mut self) {
        self.length = 0;
        self.truncated = false;
    }

    /// Appends one byte of the value. White space before the value is dropped.
    pub(super) fn push(&mut self, byte: u8) {
        if self.length == 0 && is_whitespace(byte) {
            return;
        }
        match self.buffer.get_mut(self.length) {
            Some(cell) => {
                *cell = byte;
                self.length += 1;
            }
            // White space at the end is not part of the value, so it does not truncate it.
            None => self.truncated |= !is_whitespace(byte),
        }
    }

    /// Call this at the end of the value: drops white space at its end.
    pub(super) fn finish(&mut self) {
        if !self.truncated {
            self.length = self.as_bytes().trim_ascii_end().len();
        }
    }
}

impl Fields for Location<'_> {
    fn has_location(&self) -> bool {
        !self.is_empty()
    }

    fn location_byte(&mut self, byte: u8) {
        self.push(byte);
    }

    fn end_location(&mut self) {
        self.finish();
    }
}
