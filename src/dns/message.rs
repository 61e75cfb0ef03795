//! DNS messages as bytes (RFC 1035, section 4). Nothing here knows a socket.

use core::fmt;

use super::{Name, name::LABEL_BYTES_MAX};

/// Longest query that [`write_query`] makes, in bytes.
pub const QUERY_BYTES_MAX: usize = HEADER_BYTES + super::NAME_BYTES_MAX + 4;
pub(super) const HEADER_BYTES: usize = 12;
/// Class IN (RFC 1035, 3.2.4).
const CLASS_IN: u16 = 1;
/// Multicast DNS: the record replaces what was known (RFC 6762, 10.2). No answer to our port should
/// have it; it changes nothing for whoever has no records of the link yet.
const CACHE_FLUSH: u16 = 1 << 15;
/// Flags of the second word of a message.
const FLAG_RESPONSE: u16 = 1 << 15;
const OPCODES: u16 = 0xf << 11;
const FLAG_TRUNCATED: u16 = 1 << 9;
const FLAG_RECURSION_DESIRED: u16 = 1 << 8;
/// In a name, the two highest bits of a length tell a pointer (RFC 1035, 4.1.4).
const POINTER: u8 = 0b1100_0000;

/// Which records a question asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RecordType {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses (RFC 3596).
    Aaaa,
}

impl RecordType {
    pub(super) const fn code(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
        }
    }
}

/// What is wrong with the bytes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Malformed {
    /// It ends before it is whole.
    Short,
    /// A label of a type that is not in use (RFC 6891, 5).
    LabelType,
    /// A pointer that does not point back. That could be a loop.
    Pointer,
    /// A name of more than 255 bytes.
    NameTooLong,
    /// The data of a record has not the length that its type has.
    RecordLength,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "the message ends early",
            Self::LabelType => "a label has an unknown type",
            Self::Pointer => "a name does not point back",
            Self::NameTooLong => "a name is over 255 bytes",
            Self::RecordLength => "a record has a wrong length",
        })
    }
}

impl core::error::Error for Malformed {}

/// Writes a question for the records `kind` of `name` to the front of `buffer`, and returns its
/// length; 0 when there is no room. It asks a server to do the whole search.
pub fn write_query(buffer: &mut [u8], id: u16, name: &Name, kind: RecordType) -> usize {
    let [id_high, id_low] = id.to_be_bytes();
    let [flags_high, flags_low] = FLAG_RECURSION_DESIRED.to_be_bytes();
    let header = [
        id_high, id_low, flags_high, flags_low, 0, 1, 0, 0, 0, 0, 0, 0,
    ];
    let [kind_high, kind_low] = kind.code().to_be_bytes();
    let [class_high, class_low] = CLASS_IN.to_be_bytes();
    let tail = [kind_high, kind_low, class_high, class_low];
    let mut rest = buffer;
    let mut written = 0;
    for piece in [&header[..], name.as_bytes(), &tail] {
        let Some((place, after)) = rest.split_at_mut_checked(piece.len()) else {
            return 0;
        };
        place.copy_from_slice(piece);
        written += piece.len();
        rest = after;
    }
    written
}

/// A message, of which no more than the header was looked at.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Message<'m> {
    bytes: &'m [u8],
    flags: u16,
    /// Questions, answers, records of the authority.
    counts: [u16; 3],
}

/// One record: where its owner's name stands, and its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    owner_at: usize,
    /// `None` for a class other than IN.
    pub(super) kind: Option<u16>,
    pub(super) ttl_secs: u32,
    data_at: usize,
    data_len: usize,
}

/// How much of a question is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Echo {
    /// All of it, the case of each letter included.
    Whole,
    /// All but the case of its letters.
    CaseChanged,
    /// Something else was asked, or nothing, or it is no response.
    Other,
}

impl<'m> Message<'m> {
    /// Looks at the header.
    ///
    /// # Errors
    /// [`Malformed::Short`].
    pub fn new(bytes: &'m [u8]) -> Result<Self, Malformed> {
        let word = |index: usize| word_at(bytes, index * 2);
        // The additional records are of no interest, but a header is whole or none.
        word(5)?;
        Ok(Self {
            bytes,
            flags: word(1)?,
            counts: [word(2)?, word(3)?, word(4)?],
        })
    }

    /// The number that ties an answer to its question.
    pub fn id(&self) -> u16 {
        word_at(self.bytes, 0).unwrap_or_default()
    }

    /// The response code (RFC 1035, 4.1.1).
    pub const fn response_code(&self) -> u8 {
        (self.flags & 0xf) as u8
    }

    /// Whether the sender left out what found no room.
    pub const fn is_truncated(&self) -> bool {
        self.flags & FLAG_TRUNCATED != 0
    }

    /// Whether this is a response to the one question `kind` of `name`, of class IN.
    pub fn echo(&self, name: &Name, kind: RecordType) -> Echo {
        let is_response = self.flags & (FLAG_RESPONSE | OPCODES) == FLAG_RESPONSE;
        let end = HEADER_BYTES + name.as_bytes().len();
        // Nobody compresses the first name of a message: there is nothing to point to.
        let asked = self.bytes.get(HEADER_BYTES..end).unwrap_or_default();
        let is_kind = word_at(self.bytes, end) == Ok(kind.code());
        let is_class = word_at(self.bytes, end + 2) == Ok(CLASS_IN);
        let [questions, ..] = self.counts;
        if !is_response || questions != 1 || !is_kind || !is_class {
            Echo::Other
        } else if asked == name.as_bytes() {
            Echo::Whole
        } else if asked.eq_ignore_ascii_case(name.as_bytes()) {
            Echo::CaseChanged
        } else {
            Echo::Other
        }
    }

    /// Visits the records of answer and authority, in order. `visit` says whether it has enough.
    pub(super) fn records(
        &self,
        mut visit: impl FnMut(Section, &Record) -> Result<bool, Malformed>,
    ) -> Result<(), Malformed> {
        let [questions, answers, authority] = self.counts;
        let mut at = HEADER_BYTES;
        for _ in 0..questions {
            at = self.visit_name(at, &mut |_| true)? + 4;
        }
        let sections = [(Section::Answer, answers), (Section::Authority, authority)];
        for (section, count) in sections {
            for _ in 0..count {
                let (record, after) = self.record_at(at)?;
                if visit(section, &record)? {
                    return Ok(());
                }
                at = after;
            }
        }
        Ok(())
    }

    fn record_at(&self, owner_at: usize) -> Result<(Record, usize), Malformed> {
        let at = self.visit_name(owner_at, &mut |_| true)?;
        let class = word_at(self.bytes, at + 2)?;
        let ttl =
            u32::from(word_at(self.bytes, at + 4)?) << 16 | u32::from(word_at(self.bytes, at + 6)?);
        let data_len = usize::from(word_at(self.bytes, at + 8)?);
        let record = Record {
            owner_at,
            kind: Some(word_at(self.bytes, at)?).filter(|_| class & !CACHE_FLUSH == CLASS_IN),
            // A number with the highest bit set counts as none (RFC 2181, 8).
            ttl_secs: if ttl >> 31 == 0 { ttl } else { 0 },
            data_at: at + 10,
            data_len,
        };
        let after = record.data_at + data_len;
        if after > self.bytes.len() {
            return Err(Malformed::Short);
        }
        Ok((record, after))
    }

    /// The data of a record.
    pub(super) fn data(&self, record: &Record) -> &'m [u8] {
        let end = record.data_at + record.data_len;
        self.bytes.get(record.data_at..end).unwrap_or_default()
    }

    /// Whether `name` owns the record.
    pub(super) fn is_owner(&self, record: &Record, name: &Name) -> Result<bool, Malformed> {
        let mut labels = name.labels();
        let mut is_same = true;
        self.visit_name(record.owner_at, &mut |label| {
            is_same &= labels
                .next()
                .is_some_and(|own| own.eq_ignore_ascii_case(label));
            true
        })?;
        Ok(is_same && labels.next().is_none())
    }

    /// The name that is the data of a record.
    pub(super) fn target(&self, record: &Record) -> Result<Name, Malformed> {
        let mut name = Name::ROOT;
        let after = self.visit_name(record.data_at, &mut |label| name.push(label))?;
        if after == record.data_at + record.data_len {
            Ok(name)
        } else {
            Err(Malformed::RecordLength)
        }
    }

    /// The last 32-bit word of a SOA: for how long "no" holds (RFC 2308, 4).
    pub(super) fn soa_minimum(&self, record: &Record) -> Result<u32, Malformed> {
        let data = self.data(record);
        // Two names, at least the root's zero each, and five words.
        let tail = data.len().checked_sub(4).filter(|tail| *tail >= 2 + 16);
        let word = tail.and_then(|tail| data.get(tail..)?.try_into().ok());
        word.map(u32::from_be_bytes).ok_or(Malformed::RecordLength)
    }

    /// Hands each label of the name at `start` to `visit`, which says whether it found room, and
    /// returns where the name ends. A pointer must point before the place where the labels that it
    /// follows began, so there are fewer with each, and no loop.
    fn visit_name(
        &self,
        start: usize,
        visit: &mut dyn FnMut(&'m [u8]) -> bool,
    ) -> Result<usize, Malformed> {
        let (mut at, mut labels_at) = (start, start);
        let mut end = None;
        let mut wire_bytes = 1;
        loop {
            let length = *self.bytes.get(at).ok_or(Malformed::Short)?;
            match length & POINTER {
                POINTER => {
                    let target = usize::from(word_at(self.bytes, at)? & 0x3fff);
                    if target >= labels_at {
                        return Err(Malformed::Pointer);
                    }
                    end = end.or(Some(at + 2));
                    (at, labels_at) = (target, target);
                }
                0 if length == 0 => return Ok(end.unwrap_or(at + 1)),
                0 => {
                    const { assert!(LABEL_BYTES_MAX == !POINTER as usize) };
                    let next = at + 1 + usize::from(length);
                    let label = self.bytes.get(at + 1..next).ok_or(Malformed::Short)?;
                    wire_bytes += label.len() + 1;
                    if wire_bytes > super::NAME_BYTES_MAX || !visit(label) {
                        return Err(Malformed::NameTooLong);
                    }
                    at = next;
                }
                _ => return Err(Malformed::LabelType),
            }
        }
    }
}

/// The part of a message that a record stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Answer,
    Authority,
}

fn word_at(bytes: &[u8], at: usize) -> Result<u16, Malformed> {
    let word = bytes.get(at..).and_then(<[u8]>::first_chunk);
    word.map(|word| u16::from_be_bytes(*word))
        .ok_or(Malformed::Short)
}
