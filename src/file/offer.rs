//! What a sender says first: a plain length, or an offer in the checked form.

use super::{NAME_LEN_MAX, OfferError, SendError};
use crate::store::Digest;

/// The longest file that can be offered: file offsets are signed 64-bit numbers nearly everywhere.
pub const LENGTH_MAX: u64 = i64::MAX as u64;

/// `54 57 46 81`; its sign bit tells the checked form from a plain length.
const MAGIC: u32 = u32::from_le_bytes(*b"TWF\x81");
const PLAIN_LENGTH_MAX: u64 = i32::MAX as u64;
const VERSION: u8 = 1;
const FLAGS: u8 = 0;

/// The first word of the plain form: the length, and all that is said before the bytes.
///
/// # Errors
/// [`SendError::TooLarge`] from 2^31 bytes on, which the plain form cannot say.
pub fn plain_word(length: u64) -> Result<[u8; 4], SendError> {
    i32::try_from(length)
        .map(i32::to_le_bytes)
        .map_err(|_| SendError::TooLarge)
}

/// An offer of the checked form: the whole file's name, length and digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Offer<'a> {
    name: &'a str,
    length: u64,
    digest: &'a Digest,
}

impl<'a> Offer<'a> {
    /// The offer of a file of `length` bytes whose SHA-256 is `digest`.
    ///
    /// # Errors
    /// [`OfferError::Name`] when `name` has not 1 to 255 bytes, [`OfferError::Length`] when
    /// `length` is over [`LENGTH_MAX`].
    pub const fn new(name: &'a str, length: u64, digest: &'a Digest) -> Result<Self, OfferError> {
        if name.is_empty() || name.len() > NAME_LEN_MAX {
            return Err(OfferError::Name);
        }
        if length > LENGTH_MAX {
            return Err(OfferError::Length);
        }
        Ok(Self {
            name,
            length,
            digest,
        })
    }

    /// The name as the sender gave it, 1 to 255 bytes and hostile until it was
    /// [cleaned](super::clean).
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// Bytes in the whole file, at most [`LENGTH_MAX`].
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// SHA-256 of the whole file.
    pub const fn digest(&self) -> &'a Digest {
        self.digest
    }

    /// Writes the offer's bytes from `offset` on into `out` and returns how many fitted; 0 when all
    /// were written.
    ///
    /// So an offer passes through a send buffer of any size: the next `offset` is this one and the
    /// count.
    pub fn write_from(&self, offset: usize, out: &mut [u8]) -> usize {
        let mut count = 0;
        for (to, byte) in out.iter_mut().zip(self.bytes().skip(offset)) {
            *to = byte;
            count += 1;
        }
        count
    }

    fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        // At most 255, so that the two low bytes are all of it.
        let name_len = self.name.len().to_le_bytes().into_iter().take(2);
        MAGIC
            .to_le_bytes()
            .into_iter()
            .chain([VERSION, FLAGS])
            .chain(name_len)
            .chain(self.length.to_le_bytes())
            .chain(*self.digest)
            .chain(self.name.bytes())
    }
}

/// What the sender announced; data follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Announced<'a> {
    /// The plain form: data follows at once, and nothing is sent back.
    Plain {
        /// Number of bytes of data, less than 2^31.
        length: u64,
    },
    /// The checked form: the sender waits for an answer.
    Checked(Offer<'a>),
}

/// What the next byte belongs to, in the order of the wire.
///
/// ```text
/// Word -> Plain
///   '---> Version -> Flags -> NameLength -> Length -> Digest -> Name -> Checked
/// ```
/// and from each of them to `Failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Field {
    Word,
    Version,
    Flags,
    NameLength,
    Length,
    Digest,
    Name,
    Plain,
    Checked,
    Failed(OfferError),
}

/// Reads the first bytes of a file transfer, in pieces of any size.
///
/// Its memory is a digest, a name of 255 bytes and a few words, whatever comes. An error is raised
/// at the end of the first field that is wrong, the same at every split, and stays.
#[derive(Debug, Clone)]
pub struct OfferParser {
    field: Field,
    /// Bytes of the present field that have come.
    filled: usize,
    /// The present field, as far as it is a number: little-endian, 8 bytes at most.
    number: u64,
    length: u64,
    name_len: usize,
    digest: Digest,
    name: [u8; NAME_LEN_MAX],
}

#[cfg(feature = "defmt")]
impl defmt::Format for OfferParser {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(
            f,
            "OfferParser {{ field: {=?}, filled: {=usize}, length: {=u64} }}",
            self.field,
            self.filled,
            self.length
        );
    }
}

impl OfferParser {
    /// A parser for a new conversation.
    pub const fn new() -> Self {
        Self {
            field: Field::Word,
            filled: 0,
            number: 0,
            length: 0,
            name_len: 0,
            digest: [0; 32],
            name: [0; NAME_LEN_MAX],
        }
    }

    /// Takes bytes from the front of `bytes` until the announcement is whole, and returns how many
    /// it took.
    ///
    /// What it did not take is data.
    ///
    /// # Errors
    /// [`OfferError::Magic`] for a first word that is neither a length nor the magic: the peer may
    /// speak the plain form and reads no answer. The others only in the checked form:
    /// [`OfferError::Version`], [`OfferError::Name`], [`OfferError::Length`].
    pub fn feed(&mut self, bytes: &[u8]) -> Result<usize, OfferError> {
        let mut taken = 0;
        for byte in bytes {
            match self.field {
                Field::Plain | Field::Checked | Field::Failed(_) => break,
                _ => self.take(*byte),
            }
            taken += 1;
        }
        match self.field {
            Field::Failed(how) => Err(how),
            _ => Ok(taken),
        }
    }

    /// What was announced, once it is whole.
    pub fn announced(&self) -> Option<Announced<'_>> {
        match self.field {
            Field::Plain => Some(Announced::Plain {
                length: self.length,
            }),
            Field::Checked => Some(Announced::Checked(Offer {
                name: self.name()?,
                length: self.length,
                digest: &self.digest,
            })),
            _ => None,
        }
    }

    /// Number of bytes in the whole file, once it was announced.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    fn take(&mut self, byte: u8) {
        let (slot, field_len) = match self.field {
            Field::Digest => (self.digest.get_mut(self.filled), size_of::<Digest>()),
            Field::Name => (self.name.get_mut(self.filled), self.name_len),
            Field::Word => (None, 4),
            Field::NameLength => (None, 2),
            Field::Length => (None, 8),
            _ => (None, 1),
        };
        match slot {
            Some(slot) => *slot = byte,
            None => self.number |= u64::from(byte) << (8 * self.filled),
        }
        self.filled += 1;
        if self.filled == field_len {
            self.field = self.next_field().unwrap_or_else(Field::Failed);
            self.filled = 0;
            self.number = 0;
        }
    }

    /// Judges the field that is whole now.
    fn next_field(&mut self) -> Result<Field, OfferError> {
        match self.field {
            Field::Word if self.number <= PLAIN_LENGTH_MAX => {
                self.length = self.number;
                Ok(Field::Plain)
            }
            Field::Word if self.number == u64::from(MAGIC) => Ok(Field::Version),
            Field::Word => Err(OfferError::Magic),
            Field::Version if self.number == u64::from(VERSION) => Ok(Field::Flags),
            Field::Flags if self.number == u64::from(FLAGS) => Ok(Field::NameLength),
            Field::Version | Field::Flags => Err(OfferError::Version),
            Field::NameLength => match usize::try_from(self.number) {
                Ok(name_len @ 1..=NAME_LEN_MAX) => {
                    self.name_len = name_len;
                    Ok(Field::Length)
                }
                _ => Err(OfferError::Name),
            },
            Field::Length if self.number <= LENGTH_MAX => {
                self.length = self.number;
                Ok(Field::Digest)
            }
            Field::Length => Err(OfferError::Length),
            Field::Digest => Ok(Field::Name),
            Field::Name if self.name().is_some() => Ok(Field::Checked),
            Field::Name => Err(OfferError::Name),
            Field::Plain | Field::Checked | Field::Failed(_) => Ok(self.field),
        }
    }

    fn name(&self) -> Option<&str> {
        str::from_utf8(self.name.get(..self.name_len)?).ok()
    }
}

impl Default for OfferParser {
    fn default() -> Self {
        Self::new()
    }
}
