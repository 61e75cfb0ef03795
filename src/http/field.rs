//! The header fields that the head parser acts on, parsed byte by byte.

use super::Malformed;
use super::syntax::is_whitespace;

/// The field of a header line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Field {
    /// Before the first field.
    None,
    ContentLength,
    TransferEncoding,
    Location,
    /// A field that the parser ignores.
    Other,
}

/// Recognizes a field name without a copy of it.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct NameMatcher {
    /// Number of bytes that match the candidate's name.
    matched: u8,
    /// The only known field whose name still matches; `Other` if there is none.
    candidate: Field,
}

impl Field {
    /// The name in lower case; empty for fields without a known name.
    const fn name(self) -> &'static [u8] {
        match self {
            Self::ContentLength => b"content-length",
            Self::TransferEncoding => b"transfer-encoding",
            Self::Location => b"location",
            Self::None | Self::Other => b"",
        }
    }
}

impl NameMatcher {
    pub(super) const fn new() -> Self {
        Self {
            matched: 0,
            candidate: Field::None,
        }
    }

    pub(super) fn push(&mut self, byte: u8) {
        let byte = byte.to_ascii_lowercase();
        if self.candidate == Field::None {
            // No two names start with the same letter.
            self.candidate = match byte {
                b'c' => Field::ContentLength,
                b't' => Field::TransferEncoding,
                b'l' => Field::Location,
                _ => Field::Other,
            };
        }
        if self.candidate.name().get(usize::from(self.matched)) == Some(&byte) {
            self.matched += 1;
        } else {
            self.candidate = Field::Other;
        }
    }

    pub(super) const fn field(&self) -> Field {
        if self.candidate.name().len() == self.matched as usize {
            self.candidate
        } else {
            Field::Other
        }
    }
}

/// The parser's position relative to an element of a field value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum ElementPosition {
    Before,
    Inside,
    After,
}

impl ElementPosition {
    /// White space may surround an element but not split it.
    const fn after_whitespace(self) -> Self {
        match self {
            Self::Before => Self::Before,
            Self::Inside | Self::After => Self::After,
        }
    }
}

/// All Content-Length fields of one head.
///
/// Lists and repeated fields are accepted if all numbers are equal (RFC 9110, 8.6). Leading zeros do
/// not overflow, because the value is limited and not the number of digits.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct ContentLength {
    position: ElementPosition,
    /// The present number so far.
    number: u64,
    /// The value of all numbers so far.
    agreed: Option<u64>,
}

impl ContentLength {
    pub(super) const fn new() -> Self {
        Self {
            position: ElementPosition::Before,
            number: 0,
            agreed: None,
        }
    }

    pub(super) const fn agreed(&self) -> Option<u64> {
        self.agreed
    }

    pub(super) fn push(&mut self, byte: u8) -> Result<(), Malformed> {
        match (self.position, byte) {
            (position, space) if is_whitespace(space) => {
                self.position = position.after_whitespace();
            }
            (ElementPosition::Before | ElementPosition::Inside, b'0'..=b'9') => {
                self.number = self
                    .number
                    .checked_mul(10)
                    .and_then(|tens| tens.checked_add(u64::from(byte - b'0')))
                    .ok_or(Malformed::Length)?;
                self.position = ElementPosition::Inside;
            }
            (ElementPosition::Inside | ElementPosition::After, b',') => self.finish()?,
            _ => return Err(Malformed::Length),
        }
        Ok(())
    }

    /// Call this at the end of each number: at a comma, or at the end of the field.
    pub(super) fn finish(&mut self) -> Result<(), Malformed> {
        if self.position == ElementPosition::Before {
            return Err(Malformed::Length);
        }
        if self.agreed.is_some_and(|agreed| agreed != self.number) {
            return Err(Malformed::DifferingLengths);
        }
        self.agreed = Some(self.number);
        self.position = ElementPosition::Before;
        self.number = 0;
        Ok(())
    }
}

/// All Transfer-Encoding fields of one head. Only one is allowed, with the value `chunked`.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct TransferEncoding {
    position: ElementPosition,
    /// Number of bytes of `chunked` that matched.
    matched: u8,
    chunked: bool,
}

const CHUNKED: &[u8] = b"chunked";

impl TransferEncoding {
    pub(super) const fn new() -> Self {
        Self {
            position: ElementPosition::Before,
            matched: 0,
            chunked: false,
        }
    }

    pub(super) const fn is_chunked(&self) -> bool {
        self.chunked
    }

    pub(super) fn push(&mut self, byte: u8) -> Result<(), Malformed> {
        if is_whitespace(byte) {
            self.position = self.position.after_whitespace();
            return Ok(());
        }
        let expected = CHUNKED.get(usize::from(self.matched));
        // After one `chunked` nothing is left to match, so a second one is an error in every field.
        if self.position == ElementPosition::After || expected != Some(&byte.to_ascii_lowercase()) {
            return Err(Malformed::Coding);
        }
        self.position = ElementPosition::Inside;
        self.matched += 1;
        Ok(())
    }

    /// Call this at the end of the field.
    pub(super) fn finish(&mut self) -> Result<(), Malformed> {
        // A second field is an error even if it is empty.
        if self.chunked || usize::from(self.matched) != CHUNKED.len() {
            return Err(Malformed::Coding);
        }
        self.chunked = true;
        Ok(())
    }
}
