//! What a head parser tells of the fields that it does not need itself.

/// Hears the fields of a response.
///
/// A field comes as [`begin_name`](Self::begin_name), the bytes of its name,
/// [`begin_value`](Self::begin_value), the bytes of its value and [`end_value`](Self::end_value). The
/// fields that frame the message are the parser's own: of those only the name is heard. The first
/// Location of a redirect has calls of its own, so that a program that wants nothing else pays for
/// nothing else.
pub trait Fields {
    /// A status line was read; its fields follow. Forget what an interim head has told.
    fn begin_head(&mut self, status: u16) {
        let _ = status;
    }

    /// A field begins.
    fn begin_name(&mut self) {}

    /// The next byte of its name.
    fn name_byte(&mut self, byte: u8) {
        let _ = byte;
    }

    /// Its name is complete.
    fn begin_value(&mut self) {}

    /// The next byte of its value, white space around it included.
    fn value_byte(&mut self, byte: u8) {
        let _ = byte;
    }

    /// Its value is complete.
    fn end_value(&mut self) {}

    /// Whether a Location has been heard; only the first one counts.
    fn has_location(&self) -> bool;

    /// The next byte of the Location of a redirect, white space around it included.
    fn location_byte(&mut self, byte: u8);

    /// The Location is complete.
    fn end_location(&mut self);
}
