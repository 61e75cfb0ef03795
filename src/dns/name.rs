//! Domain names.

use core::fmt::{self, Write};

/// Longest name in its wire form, in bytes: lengths, labels and the root's zero (RFC 1035, 2.3.4).
pub const NAME_BYTES_MAX: usize = 255;
/// Longest label, in bytes.
pub const LABEL_BYTES_MAX: usize = 63;

/// A domain name in its wire form: each label after its length, and a zero at the end.
///
/// Names are equal whatever the case of their ASCII letters (RFC 4343).
#[derive(Clone, Copy)]
pub struct Name {
    bytes: [u8; NAME_BYTES_MAX],
    /// With the zero at the end.
    len: u8,
}

/// Why a text is no name. Returned by [`Name::parse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NameError {
    /// Nothing, or two dots in a row, or a dot at the front.
    EmptyLabel,
    /// A label of more than 63 bytes.
    LabelTooLong,
    /// More than 253 bytes, without a dot at the end.
    TooLong,
    /// A byte other than a letter, a digit, `-` or `_`. Names of other scripts have an ASCII form
    /// (RFC 5891), which is not made here.
    BadByte,
    /// The last label is a number: an address that is not well formed, and no name.
    Number,
}

impl Name {
    /// The name of the root, which is empty.
    pub const ROOT: Self = Self {
        bytes: [0; NAME_BYTES_MAX],
        len: 1,
    };

    /// Parses a host name: labels of letters, digits, `-` and `_`. A dot at the end changes nothing.
    ///
    /// # Errors
    /// The first error from left to right.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let mut name = Self::ROOT;
        let mut last: &[u8] = &[];
        for label in text.as_bytes().split(|&byte| byte == b'.') {
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            if !label.iter().all(is_plain) {
                return Err(NameError::BadByte);
            }
            match label.len() {
                0 => return Err(NameError::EmptyLabel),
                1..=LABEL_BYTES_MAX => {}
                _ => return Err(NameError::LabelTooLong),
            }
            if !name.push(label) {
                return Err(NameError::TooLong);
            }
            last = label;
        }
        if is_number(last) {
            return Err(NameError::Number);
        }
        Ok(name)
    }

    /// Adds a label of 1 to 63 bytes at the end; whether there was room.
    pub(super) fn push(&mut self, label: &[u8]) -> bool {
        let root = usize::from(self.len) - 1;
        let Some(room) = self.bytes.get_mut(root..) else {
            return false;
        };
        // The label, its length, and the root's zero.
        let Some((place, [zero, ..])) = room.split_at_mut_checked(label.len() + 1) else {
            return false;
        };
        *zero = 0;
        if let [length, place @ ..] = place {
            // At most 63.
            *length = label.len() as u8;
            place.copy_from_slice(label);
        }
        // At most 255, for there was room.
        self.len += label.len() as u8 + 1;
        true
    }

    /// This name with `suffix` after it; `None` when that is too long.
    pub fn with_suffix(&self, suffix: &Self) -> Option<Self> {
        let mut name = *self;
        suffix
            .labels()
            .all(|label| name.push(label))
            .then_some(name)
    }

    /// The labels, without the root's.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.as_bytes();
        core::iter::from_fn(move || {
            let (&length, after) = rest.split_first()?;
            let (label, after) = after.split_at_checked(usize::from(length))?;
            rest = after;
            (!label.is_empty()).then_some(label)
        })
    }

    /// The wire form.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether the last label is `label`, in any case.
    pub fn ends_with(&self, label: &str) -> bool {
        let last = self.labels().last();
        last.is_some_and(|last| last.eq_ignore_ascii_case(label.as_bytes()))
    }

    /// Gives each letter a case at random: an answer has to repeat what no outsider can see.
    pub(super) fn mix_case(&mut self, mut random: impl FnMut() -> u64) {
        let mut bits = 1;
        for byte in &mut self.bytes {
            if bits == 1 {
                bits = random() | 1 << 63;
            }
            // A length is at most 63, below all letters.
            if byte.is_ascii_alphabetic() {
                *byte ^= (bits as u8 & 1) << 5;
                bits >>= 1;
            }
        }
    }
}

/// Whether a resolver based on `inet_aton` reads this label as a number.
fn is_number(label: &[u8]) -> bool {
    match label {
        [b'0', b'x' | b'X', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        _ => label.iter().all(u8::is_ascii_digit),
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes().eq_ignore_ascii_case(other.as_bytes())
    }
}

impl Eq for Name {}

/// Labels with dots between them, and none at the end. What a terminal or a reader could take for
/// something else is escaped (RFC 1035, 5.1).
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.len <= 1 {
            return f.write_char('.');
        }
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            for &byte in label {
                match byte {
                    b'.' | b'\\' => write!(f, "\\{}", char::from(byte))?,
                    b'!'..=b'~' => f.write_char(char::from(byte))?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Name {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(f, "Name({=[u8]:a})", self.as_bytes());
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyLabel => "a label of the name is empty",
            Self::LabelTooLong => "a label of the name is over 63 bytes",
            Self::TooLong => "the name is over 253 bytes",
            Self::BadByte => "the name has a byte that no host name has",
            Self::Number => "the name ends in a number but is no address",
        })
    }
}

impl core::error::Error for NameError {}
