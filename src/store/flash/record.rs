//! The records of a flash store's journal as pure bytes.
//!
//! ```text
//! mark u8 | version u8 | body length u16 | sequence u32 | body | CRC-32 of salt and all before
//! ```
//!
//! All integers are little-endian. There are two kinds. A state record says all there is to know; a
//! progress record says only how much of the newest state's partial is held. So no record depends
//! on more than one other, and the newest readable state is the truth whatever became of the bytes
//! around it.

use crc::{CRC_32_ISO_HDLC, Crc};

use crate::store::{Digest, NAME_BYTES_MAX, Name};

/// The checksum of records and of images that came without a digest.
pub(super) static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Bytes before a record's body.
pub(super) const HEAD_BYTES: usize = 8;
const CRC_BYTES: usize = 4;
const IMAGE_BYTES_MAX: usize = 1 + 4 + 1 + 32 + 1 + NAME_BYTES_MAX;
const PARTIAL_BYTES: usize = 32 + 4 + 4;

/// The longest record: a state with an image of the longest name and a partial.
pub(super) const STATE_BYTES_MAX: usize =
    HEAD_BYTES + 1 + IMAGE_BYTES_MAX + 1 + PARTIAL_BYTES + CRC_BYTES;
/// A progress record.
pub(super) const PROGRESS_BYTES: usize = HEAD_BYTES + 4 + CRC_BYTES;

const VERSION: u8 = 1;
const MARK_STATE: u8 = b'S';
const MARK_PROGRESS: u8 = b'P';
const CHECK_SHA256: u8 = 1;
const CHECK_CRC32: u8 = 2;

/// One of the two places for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    A,
    B,
}

impl Slot {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// How an image can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Check {
    /// SHA-256, announced by the sender.
    Sha256(Digest),
    /// CRC-32 (ISO-HDLC, as in Ethernet and zip) of what a plain sender sent, which announced
    /// nothing.
    Crc32(u32),
}

/// A whole image, verified in its slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) slot: Slot,
    pub(super) length: u32,
    pub(super) check: Check,
    pub(super) name: Name,
}

/// An image that is on its way, always in the slot that the whole image is not in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partial {
    pub(super) digest: Digest,
    pub(super) length: u32,
    /// Bytes that are in the flash, whole erase blocks.
    pub(super) held: u32,
}

/// All that a store knows after a power cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    pub(super) image: Option<Image>,
    pub(super) partial: Option<Partial>,
}

impl State {
    /// Whether all of it can be in slots of `slot_length` bytes.
    pub(super) fn fits(&self, slot_length: u32) -> bool {
        let image = self
            .image
            .as_ref()
            .is_none_or(|it| it.length <= slot_length);
        let partial = self
            .partial
            .as_ref()
            .is_none_or(|it| it.held <= it.length && it.length <= slot_length);
        image && partial
    }

    /// Brings the state up to date with the record after it.
    pub(super) fn apply(&mut self, record: Record) {
        match record {
            Record::State(newer) => *self = newer,
            Record::Progress(held) => {
                if let Some(partial) = &mut self.partial {
                    partial.held = held.min(partial.length);
                }
            }
        }
    }

    /// The slot that is free to be written.
    pub(super) fn spare(&self) -> Slot {
        self.image.as_ref().map_or(Slot::A, |it| it.slot.other())
    }
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "without an allocator there is no box, and at most one lives at a time"
)]
pub(super) enum Record {
    /// Everything.
    State(State),
    /// How many bytes of the partial are held.
    Progress(u32),
}

/// Reads the length of the whole record, without padding, from its first [`HEAD_BYTES`] bytes.
///
/// It is no more than a hint until [`decode`] found the CRC right.
pub(super) fn length(head: &[u8]) -> Option<usize> {
    let mut bytes = Decoder(head);
    let [mark, version] = bytes.array::<2>()?;
    let body = usize::from(u16::from_le_bytes(bytes.array()?));
    let length = HEAD_BYTES + body + CRC_BYTES;
    let known = matches!(mark, MARK_STATE | MARK_PROGRESS) && version == VERSION;
    (known && length <= STATE_BYTES_MAX).then_some(length)
}

/// Reads a record and its sequence number from exactly its bytes; `None` when anything about them
/// is wrong.
pub(super) fn decode(record: &[u8], salt: u32) -> Option<(u32, Record)> {
    let (covered, crc) = record.split_last_chunk::<CRC_BYTES>()?;
    if checksum(covered, salt) != u32::from_le_bytes(*crc) {
        return None;
    }
    let mut bytes = Decoder(covered);
    let [mark, _version, _, _] = bytes.array::<4>()?;
    let sequence = bytes.u32()?;
    let record = match mark {
        MARK_STATE => Record::State(State {
            image: match bytes.u8()? {
                0 => None,
                _ => Some(decode_image(&mut bytes)?),
            },
            partial: match bytes.u8()? {
                0 => None,
                _ => Some(Partial {
                    digest: bytes.array()?,
                    length: bytes.u32()?,
                    held: bytes.u32()?,
                }),
            },
        }),
        MARK_PROGRESS => Record::Progress(bytes.u32()?),
        _ => return None,
    };
    bytes.0.is_empty().then_some((sequence, record))
}

fn decode_image(bytes: &mut Decoder) -> Option<Image> {
    let slot = match bytes.u8()? {
        0 => Slot::A,
        1 => Slot::B,
        _ => return None,
    };
    let length = bytes.u32()?;
    let kind = bytes.u8()?;
    let sum: Digest = bytes.array()?;
    let check = match kind {
        CHECK_SHA256 => Check::Sha256(sum),
        CHECK_CRC32 => Check::Crc32(Decoder(&sum).u32()?),
        _ => return None,
    };
    let name_bytes = usize::from(bytes.u8()?);
    let name = core::str::from_utf8(bytes.slice(name_bytes)?).ok()?;
    Some(Image {
        slot,
        length,
        check,
        name: Name::try_from(name).ok()?,
    })
}

/// Writes a state record into `buffer` and returns its length; `None` when the buffer is too short.
pub(super) fn encode_state(
    buffer: &mut [u8],
    salt: u32,
    sequence: u32,
    state: &State,
) -> Option<usize> {
    let mut bytes = Encoder::begin(buffer, MARK_STATE, sequence)?;
    bytes.put(&[u8::from(state.image.is_some())])?;
    if let Some(image) = &state.image {
        bytes.put(&[match image.slot {
            Slot::A => 0,
            Slot::B => 1,
        }])?;
        bytes.put(&image.length.to_le_bytes())?;
        match image.check {
            Check::Sha256(digest) => {
                bytes.put(&[CHECK_SHA256])?;
                bytes.put(&digest)?;
            }
            Check::Crc32(crc) => {
                bytes.put(&[CHECK_CRC32])?;
                bytes.put(&crc.to_le_bytes())?;
                bytes.put(&[0; 28])?;
            }
        }
        bytes.put(&[u8::try_from(image.name.len()).ok()?])?;
        bytes.put(image.name.as_bytes())?;
    }
    bytes.put(&[u8::from(state.partial.is_some())])?;
    if let Some(partial) = &state.partial {
        bytes.put(&partial.digest)?;
        bytes.put(&partial.length.to_le_bytes())?;
        bytes.put(&partial.held.to_le_bytes())?;
    }
    bytes.finish(salt)
}

/// Writes a progress record into `buffer` and returns its length; `None` when the buffer is too
/// short.
pub(super) fn encode_progress(
    buffer: &mut [u8],
    salt: u32,
    sequence: u32,
    held: u32,
) -> Option<usize> {
    let mut bytes = Encoder::begin(buffer, MARK_PROGRESS, sequence)?;
    bytes.put(&held.to_le_bytes())?;
    bytes.finish(salt)
}

fn checksum(covered: &[u8], salt: u32) -> u32 {
    let mut crc = CRC.digest();
    crc.update(&salt.to_le_bytes());
    crc.update(covered);
    crc.finalize()
}

/// Takes fields from the front of its bytes.
struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    fn slice(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*front)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }
}

/// Puts fields one after the other; the body's length is filled in at the end.
struct Encoder<'a> {
    buffer: &'a mut [u8],
    used: usize,
}

impl<'a> Encoder<'a> {
    fn begin(buffer: &'a mut [u8], mark: u8, sequence: u32) -> Option<Self> {
        let mut bytes = Self { buffer, used: 0 };
        bytes.put(&[mark, VERSION, 0, 0])?;
        bytes.put(&sequence.to_le_bytes())?;
        Some(bytes)
    }

    fn put(&mut self, field: &[u8]) -> Option<()> {
        let end = self.used.checked_add(field.len())?;
        self.buffer.get_mut(self.used..end)?.copy_from_slice(field);
        self.used = end;
        Some(())
    }

    fn finish(mut self, salt: u32) -> Option<usize> {
        let body = u16::try_from(self.used.checked_sub(HEAD_BYTES)?).ok()?;
        self.buffer
            .get_mut(2..4)?
            .copy_from_slice(&body.to_le_bytes());
        let crc = checksum(self.buffer.get(..self.used)?, salt);
        self.put(&crc.to_le_bytes())?;
        Some(self.used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: u32 = 0x5EED;

    fn longest_state() -> State {
        let mut name = Name::new();
        while name.push('n').is_ok() {}
        State {
            image: Some(Image {
                slot: Slot::B,
                length: 77,
                check: Check::Sha256([0xA5; 32]),
                name,
            }),
            partial: Some(Partial {
                digest: [0x5A; 32],
                length: 99,
                held: 64,
            }),
        }
    }

    #[test]
    fn records_come_back_as_they_were_written() {
        let mut buffer = [0; STATE_BYTES_MAX];
        let state = longest_state();
        let used = encode_state(&mut buffer, SALT, 7, &state).expect("fits");
        assert_eq!(
            used, STATE_BYTES_MAX,
            "the longest state is the longest record"
        );
        assert_eq!(length(&buffer), Some(used));
        assert_eq!(decode(&buffer, SALT), Some((7, Record::State(state))));

        let plain = State {
            image: Some(Image {
                slot: Slot::A,
                length: 0,
                check: Check::Crc32(0x1234_5678),
                name: Name::new(),
            }),
            partial: None,
        };
        let used = encode_state(&mut buffer, SALT, 8, &plain).expect("fits");
        assert_eq!(
            decode(&buffer[..used], SALT),
            Some((8, Record::State(plain)))
        );

        let used = encode_progress(&mut buffer, SALT, 9, 4096).expect("fits");
        assert_eq!(used, PROGRESS_BYTES);
        assert_eq!(
            decode(&buffer[..used], SALT),
            Some((9, Record::Progress(4096)))
        );
    }

    #[test]
    fn no_record_survives_a_flipped_bit_a_lost_byte_or_another_layout() {
        let mut buffer = [0; STATE_BYTES_MAX];
        encode_state(&mut buffer, SALT, 7, &longest_state()).expect("fits");
        for bit in 0..buffer.len() * 8 {
            buffer[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&buffer, SALT), None, "bit {bit}");
            buffer[bit / 8] ^= 1 << (bit % 8);
        }
        for cut in 0..buffer.len() {
            assert_eq!(decode(&buffer[..cut], SALT), None, "cut at {cut}");
        }
        assert_eq!(decode(&buffer, SALT + 1), None);
        assert_eq!(length(&[0xFF; HEAD_BYTES]), None);
    }

    #[test]
    fn a_buffer_that_is_too_short_is_refused() {
        let mut buffer = [0; STATE_BYTES_MAX];
        for room in 0..STATE_BYTES_MAX {
            let encoded = encode_state(&mut buffer[..room], SALT, 1, &longest_state());
            assert_eq!(encoded, None);
        }
    }
}
