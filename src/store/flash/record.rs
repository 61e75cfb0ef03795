//! The records of a flash store's journal as pure bytes.
//!
//! ```text
//! kind u8 | version u8 | body length u16 | sequence u32 | body | CRC-32
//! ```
//!
//! All integers are little-endian. The CRC covers the CRC of the layout and all bytes before it. There
//! are two kinds of record: a state record has the whole state, and a progress record has only the
//! number of held bytes of the partial in the newest state. So a record depends on at most one other
//! record, and the newest valid state record counts whatever the bytes around it are.

use crc::{CRC_32_ISO_HDLC, Crc};

use crate::store::name::{NAME_LEN_MAX, StoredName};
use crate::store::traits::Digest;

/// The CRC of records, and of images that were sent without a digest.
pub(super) static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Length in bytes of a record before its body.
pub(super) const HEADER_BYTES: usize = 8;
const CRC_BYTES: usize = 4;
const IMAGE_BYTES_MAX: usize = 1 + 4 + 1 + 32 + 1 + NAME_LEN_MAX;
const PARTIAL_BYTES_MAX: usize = 1 + TAG_LEN_MAX + 4 + 4;

/// Length in bytes of the longest record: a state with a partial and with an image that has the
/// longest name.
pub(super) const STATE_BYTES_MAX: usize =
    HEADER_BYTES + 1 + IMAGE_BYTES_MAX + 1 + PARTIAL_BYTES_MAX + CRC_BYTES;
/// Length in bytes of a progress record.
pub(super) const PROGRESS_BYTES: usize = HEADER_BYTES + 4 + CRC_BYTES;

const VERSION: u8 = 1;
const KIND_STATE: u8 = b'S';
const KIND_PROGRESS: u8 = b'P';
const PARTIAL_NONE: u8 = 0;
const PARTIAL_OF_DIGEST: u8 = 1;
const PARTIAL_OF_TAG: u8 = 2;
const CHECKSUM_SHA256: u8 = 1;
const CHECKSUM_CRC32: u8 = 2;

/// One of the two areas for an image.
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

/// The checksum of an image in a flash store, in [`FlashImage`](super::FlashImage).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Checksum {
    /// SHA-256 that the sender announced.
    Sha256(Digest),
    /// CRC-32 (ISO-HDLC, as in Ethernet and zip) of the received bytes. A plain sender announces no
    /// checksum.
    Crc32(u32),
}

/// A complete image, verified in its slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) slot: Slot,
    pub(super) length: u32,
    pub(super) checksum: Checksum,
    pub(super) name: StoredName,
}

/// Longest tag in bytes.
pub(crate) const TAG_LEN_MAX: usize = 84;
pub(super) type Tag = heapless::Vec<u8, TAG_LEN_MAX>;

/// By what an incomplete file is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// The SHA-256 of the whole file.
    Digest(Digest),
    /// What a protocol without a digest knows of it; the store does not look into it.
    Tag(Tag),
}

/// An incomplete image, always in the slot without the complete image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partial {
    pub(super) identity: Identity,
    pub(super) length: u32,
    /// Number of bytes in the flash: whole erase blocks.
    pub(super) held: u32,
}

/// All that a store knows after a loss of power.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    pub(super) image: Option<Image>,
    pub(super) partial: Option<Partial>,
}

impl State {
    /// Whether image and partial fit into slots of `slot_length` bytes.
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

    /// Applies the next record to the state.
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

    /// The slot that may be erased and written.
    pub(super) fn free_slot(&self) -> Slot {
        self.image.as_ref().map_or(Slot::A, |it| it.slot.other())
    }
}

/// The content of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "no allocator, so no box; at most one exists at a time"
)]
pub(super) enum Record {
    /// The whole state.
    State(State),
    /// Number of held bytes of the partial.
    Progress(u32),
}

/// Decodes the length of the whole record, without padding, from its first [`HEADER_BYTES`] bytes.
///
/// Do not trust it before [`decode`] has verified the CRC.
pub(super) fn length(head: &[u8]) -> Option<usize> {
    let mut bytes = Decoder(head);
    let [kind, version] = bytes.array::<2>()?;
    let body = usize::from(u16::from_le_bytes(bytes.array()?));
    let length = HEADER_BYTES + body + CRC_BYTES;
    let known = matches!(kind, KIND_STATE | KIND_PROGRESS) && version == VERSION;
    (known && length <= STATE_BYTES_MAX).then_some(length)
}

/// Decodes a record and its sequence number from exactly its bytes; `None` if they are not a valid
/// record.
pub(super) fn decode(record: &[u8], layout_crc: u32) -> Option<(u32, Record)> {
    let (covered, crc) = record.split_last_chunk::<CRC_BYTES>()?;
    if record_crc(covered, layout_crc) != u32::from_le_bytes(*crc) {
        return None;
    }
    let mut bytes = Decoder(covered);
    let [kind, _version, _, _] = bytes.array::<4>()?;
    let sequence = bytes.u32()?;
    let record = match kind {
        KIND_STATE => Record::State(State {
            image: match bytes.u8()? {
                0 => None,
                _ => Some(decode_image(&mut bytes)?),
            },
            partial: decode_partial(&mut bytes)?,
        }),
        KIND_PROGRESS => Record::Progress(bytes.u32()?),
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
    let checksum = match kind {
        CHECKSUM_SHA256 => Checksum::Sha256(sum),
        CHECKSUM_CRC32 => Checksum::Crc32(Decoder(&sum).u32()?),
        _ => return None,
    };
    let name_bytes = usize::from(bytes.u8()?);
    let name = core::str::from_utf8(bytes.slice(name_bytes)?).ok()?;
    Some(Image {
        slot,
        length,
        checksum,
        name: StoredName::try_from(name).ok()?,
    })
}

/// The inner `None` is a record without a partial.
#[expect(clippy::option_option, reason = "the outer one is that of a decoder")]
fn decode_partial(bytes: &mut Decoder) -> Option<Option<Partial>> {
    let identity = match bytes.u8()? {
        PARTIAL_NONE => return Some(None),
        PARTIAL_OF_DIGEST => Identity::Digest(bytes.array()?),
        PARTIAL_OF_TAG => {
            let tag_bytes = usize::from(bytes.u8()?);
            Identity::Tag(Tag::from_slice(bytes.slice(tag_bytes)?).ok()?)
        }
        _ => return None,
    };
    Some(Some(Partial {
        identity,
        length: bytes.u32()?,
        held: bytes.u32()?,
    }))
}

/// Encodes a state record into `buffer` and returns its length; `None` if the buffer is too short.
pub(super) fn encode_state(
    buffer: &mut [u8],
    layout_crc: u32,
    sequence: u32,
    state: &State,
) -> Option<usize> {
    let mut bytes = Encoder::begin(buffer, KIND_STATE, sequence)?;
    bytes.push(&[u8::from(state.image.is_some())])?;
    if let Some(image) = &state.image {
        bytes.push(&[match image.slot {
            Slot::A => 0,
            Slot::B => 1,
        }])?;
        bytes.push(&image.length.to_le_bytes())?;
        match image.checksum {
            Checksum::Sha256(digest) => {
                bytes.push(&[CHECKSUM_SHA256])?;
                bytes.push(&digest)?;
            }
            Checksum::Crc32(crc) => {
                bytes.push(&[CHECKSUM_CRC32])?;
                bytes.push(&crc.to_le_bytes())?;
                bytes.push(&[0; 28])?;
            }
        }
        bytes.push(&[u8::try_from(image.name.len()).ok()?])?;
        bytes.push(image.name.as_bytes())?;
    }
    let Some(partial) = &state.partial else {
        bytes.push(&[PARTIAL_NONE])?;
        return bytes.finish(layout_crc);
    };
    match &partial.identity {
        Identity::Digest(digest) => {
            bytes.push(&[PARTIAL_OF_DIGEST])?;
            bytes.push(digest)?;
        }
        Identity::Tag(tag) => {
            bytes.push(&[PARTIAL_OF_TAG, u8::try_from(tag.len()).ok()?])?;
            bytes.push(tag)?;
        }
    }
    bytes.push(&partial.length.to_le_bytes())?;
    bytes.push(&partial.held.to_le_bytes())?;
    bytes.finish(layout_crc)
}

/// Encodes a progress record into `buffer` and returns its length; `None` if the buffer is too
/// short.
pub(super) fn encode_progress(
    buffer: &mut [u8],
    layout_crc: u32,
    sequence: u32,
    held: u32,
) -> Option<usize> {
    let mut bytes = Encoder::begin(buffer, KIND_PROGRESS, sequence)?;
    bytes.push(&held.to_le_bytes())?;
    bytes.finish(layout_crc)
}

fn record_crc(covered: &[u8], layout_crc: u32) -> u32 {
    let mut crc = CRC.digest();
    crc.update(&layout_crc.to_le_bytes());
    crc.update(covered);
    crc.finalize()
}

/// Reads fields one after another from its bytes.
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

/// Writes fields one after another; `finish` fills in the length of the body.
struct Encoder<'a> {
    buffer: &'a mut [u8],
    used: usize,
}

impl<'a> Encoder<'a> {
    fn begin(buffer: &'a mut [u8], kind: u8, sequence: u32) -> Option<Self> {
        let mut bytes = Self { buffer, used: 0 };
        bytes.push(&[kind, VERSION, 0, 0])?;
        bytes.push(&sequence.to_le_bytes())?;
        Some(bytes)
    }

    fn push(&mut self, field: &[u8]) -> Option<()> {
        let end = self.used.checked_add(field.len())?;
        self.buffer.get_mut(self.used..end)?.copy_from_slice(field);
        self.used = end;
        Some(())
    }

    fn finish(mut self, layout_crc: u32) -> Option<usize> {
        let body = u16::try_from(self.used.checked_sub(HEADER_BYTES)?).ok()?;
        self.buffer
            .get_mut(2..4)?
            .copy_from_slice(&body.to_le_bytes());
        let crc = record_crc(self.buffer.get(..self.used)?, layout_crc);
        self.push(&crc.to_le_bytes())?;
        Some(self.used)
    }
}

#[cfg(test)]
mod tests;
