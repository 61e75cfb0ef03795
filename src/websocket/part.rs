//! Messages and their parts.

/// What a message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// A message, or a part of one.
///
/// Parts of a text that was received end between two characters. Of one that is sent only the whole
/// must be UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Part<'m> {
    /// What the message carries; the same for all of its parts.
    pub kind: Kind,
    /// The payload, which may be empty.
    pub bytes: &'m [u8],
    /// Whether the message ends here.
    pub is_last: bool,
}

impl<'m> Part<'m> {
    /// A whole message of text.
    pub const fn text(text: &'m str) -> Self {
        Self {
            kind: Kind::Text,
            bytes: text.as_bytes(),
            is_last: true,
        }
    }

    /// A whole message of bytes.
    pub const fn binary(bytes: &'m [u8]) -> Self {
        Self {
            kind: Kind::Binary,
            bytes,
            is_last: true,
        }
    }

    /// The text; `None` where the part is none, or is no UTF-8.
    pub const fn as_text(&self) -> Option<&'m str> {
        match (self.kind, str::from_utf8(self.bytes)) {
            (Kind::Text, Ok(text)) => Some(text),
            _ => None,
        }
    }
}
