//! The few fields that the head parser acts on, recognised and read byte by byte.

use super::{Malformed, is_blank};

/// Which field a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Field {
    /// No field has begun yet.
    None,
    ContentLength,
    TransferEncoding,
    Location,
    /// A field of no interest.
    Other,
}

/// Recognises a field name without keeping it.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct NameMatcher {
    /// Bytes that agreed.
    seen: u8,
    /// The one known field that the name may still turn out to be; `Other` when there is none.
    candidate: Field,
}

impl Field {
    /// The name in small letters, for the fields that have one.
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
            seen: 0,
            candidate: Field::None,
        }
    }

    pub(super) fn push(&mut self, byte: u8) {
        let byte = byte.to_ascii_lowercase();
        if self.candidate == Field::None {
            // No two of the names begin alike.
            self.candidate = match byte {
                b'c' => Field::ContentLength,
                b't' => Field::TransferEncoding,
                b'l' => Field::Location,
                _ => Field::Other,
            };
        }
        if self.candidate.name().get(usize::from(self.seen)) == Some(&byte) {
            self.seen += 1;
        } else {
            self.candidate = Field::Other;
        }
    }

    pub(super) const fn field(&self) -> Field {
        if self.candidate.name().len() == self.seen as usize {
            self.candidate
        } else {
            Field::Other
        }
    }
}

/// Where a reader stands in an element of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Place {
    Before,
    Inside,
    After,
}

impl Place {
    /// White space surrounds an element and never splits it.
    const fn after_blank(self) -> Self {
        match self {
            Self::Before => Self::Before,
            Self::Inside | Self::After => Self::After,
        }
    }
}

/// All Content-Length fields of one head.
///
/// Lists and repeats of one and the same number are accepted (RFC 9110, 8.6). Digits count by their value, so
/// that zeros at the front never overflow.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct ContentLength {
    place: Place,
    /// The number that is being read.
    number: u64,
    /// The length that all numbers so far agree on.
    agreed: Option<u64>,
}

impl ContentLength {
    pub(super) const fn new() -> Self {
        Self {
            place: Place::Before,
            number: 0,
            agreed: None,
        }
    }

    pub(super) const fn agreed(&self) -> Option<u64> {
        self.agreed
    }

    pub(super) fn push(&mut self, byte: u8) -> Result<(), Malformed> {
        match (self.place, byte) {
            (place, blank) if is_blank(blank) => self.place = place.after_blank(),
            (Place::Before | Place::Inside, b'0'..=b'9') => {
                self.number = self
                    .number
                    .checked_mul(10)
                    .and_then(|tens| tens.checked_add(u64::from(byte - b'0')))
                    .ok_or(Malformed::Length)?;
                self.place = Place::Inside;
            }
            (Place::Inside | Place::After, b',') => self.finish()?,
            _ => return Err(Malformed::Length),
        }
        Ok(())
    }

    /// A number has ended, by a comma or with its field.
    pub(super) fn finish(&mut self) -> Result<(), Malformed> {
        if self.place == Place::Before {
            return Err(Malformed::Length);
        }
        if self.agreed.is_some_and(|agreed| agreed != self.number) {
            return Err(Malformed::DifferingLengths);
        }
        self.agreed = Some(self.number);
        self.place = Place::Before;
        self.number = 0;
        Ok(())
    }
}

/// All Transfer-Encoding fields of one head: there may be one, and it says `chunked`.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct TransferEncoding {
    place: Place,
    /// Bytes of `chunked` that were matched.
    matched: u8,
    chunked: bool,
}

const CHUNKED: &[u8] = b"chunked";

impl TransferEncoding {
    pub(super) const fn new() -> Self {
        Self {
            place: Place::Before,
            matched: 0,
            chunked: false,
        }
    }

    pub(super) const fn is_chunked(&self) -> bool {
        self.chunked
    }

    pub(super) fn push(&mut self, byte: u8) -> Result<(), Malformed> {
        if is_blank(byte) {
            self.place = self.place.after_blank();
            return Ok(());
        }
        let expected = CHUNKED.get(usize::from(self.matched));
        // A second `chunked`, in this field or in another, finds nothing left to match.
        if self.place == Place::After || expected != Some(&byte.to_ascii_lowercase()) {
            return Err(Malformed::Coding);
        }
        self.place = Place::Inside;
        self.matched += 1;
        Ok(())
    }

    /// The field has ended.
    pub(super) fn finish(&mut self) -> Result<(), Malformed> {
        // A field without a coding is one too many even after `chunked`.
        if self.chunked || usize::from(self.matched) != CHUNKED.len() {
            return Err(Malformed::Coding);
        }
        self.chunked = true;
        Ok(())
    }
}
