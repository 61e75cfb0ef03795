//! The value of a field of a fixed form.

use heapless::Vec;

use super::syntax::is_whitespace;

/// Longest value that is kept: a Content-Range with three numbers of 20 digits is the longest of them.
const VALUE_BYTES_MAX: usize = 72;

/// The value of one field, without the white space around it.
#[derive(Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Value {
    bytes: Vec<u8, VALUE_BYTES_MAX>,
    /// The field has come, perhaps without a value.
    is_present: bool,
    /// It came twice, or is too long: as if it were not there.
    is_void: bool,
}

impl Value {
    /// The value begins.
    pub(crate) const fn begin(&mut self) {
        self.is_void = self.is_present;
        self.is_present = true;
    }

    /// The next byte of it.
    pub(crate) fn push(&mut self, byte: u8) {
        let is_leading = self.bytes.is_empty() && is_whitespace(byte);
        if !is_leading && self.bytes.push(byte).is_err() {
            self.is_void = true;
        }
    }

    /// Forgets it.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.is_present = false;
        self.is_void = false;
    }

    /// Nothing where the field is missing or cannot be believed.
    pub(crate) fn get(&self) -> Option<&[u8]> {
        let value = self.bytes.trim_ascii_end();
        (!self.is_void && !value.is_empty()).then_some(value)
    }
}
