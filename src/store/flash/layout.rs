//! Where a flash store keeps what, and what can go wrong with it.

use core::fmt;

use embedded_storage::nor_flash::{NorFlash, NorFlashError, NorFlashErrorKind};

use super::record::{CRC, HEAD_BYTES, PROGRESS_BYTES, STATE_BYTES_MAX, Slot};
use crate::store::StoreError;

/// Which parts of a flash belong to a [`FlashStore`](super::FlashStore). All values are bytes, and
/// multiples of the flash's `ERASE_SIZE`.
///
/// A store that is opened with another layout than before finds nothing: records carry a sum of the
/// layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Layout {
    /// Where the journal begins: two halves, one after the other.
    pub journal: u32,
    /// Length of each half, at least
    /// [`FlashStore::JOURNAL_HALF_MIN`](super::FlashStore::JOURNAL_HALF_MIN).
    pub journal_half: u32,
    /// Where the two image slots begin.
    pub slots: [u32; 2],
    /// Length of each slot: the largest image.
    pub slot_length: u32,
    /// After how many bytes the progress of an upload is recorded again: the most that a power cut
    /// loses.
    ///
    /// A record takes 16 bytes of journal or one write unit, whichever is more, and a full half
    /// costs an erase of the other; a value that is too small wears the journal faster than the
    /// slots.
    pub checkpoint: u32,
}

/// Why a layout or a buffer does not fit the flash. Raised by
/// [`FlashStore::new`](super::FlashStore::new).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LayoutError {
    /// A value is zero or no multiple of the erase size.
    Unaligned,
    /// A part reaches past the end of the flash.
    OutOfFlash,
    /// Two parts share bytes.
    Overlap,
    /// A half of the journal is shorter than
    /// [`FlashStore::JOURNAL_HALF_MIN`](super::FlashStore::JOURNAL_HALF_MIN).
    JournalTooSmall,
    /// The lent buffer is shorter than [`FlashStore::BUFFER_MIN`](super::FlashStore::BUFFER_MIN).
    BufferTooSmall,
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Unaligned => "a part is empty or not aligned to the erase size",
            Self::OutOfFlash => "a part reaches past the end of the flash",
            Self::Overlap => "two parts share bytes",
            Self::JournalTooSmall => "a half of the journal is too small",
            Self::BufferTooSmall => "the buffer is too small",
        })
    }
}

impl core::error::Error for LayoutError {}

/// What a flash store gives as the code of [`StoreError::Failed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(i32)]
pub enum FlashFault {
    /// The flash driver called an access not aligned.
    NotAligned = 1,
    /// The flash driver called an access out of bounds.
    OutOfBounds = 2,
    /// The flash driver failed in another way.
    Medium = 3,
    /// What was read back is not what was written; raised by `commit`.
    ReadBack = 4,
    /// The call does not fit: no upload is open, or it is over, or the bytes are too few or too
    /// many.
    OutOfOrder = 5,
}

impl From<FlashFault> for StoreError {
    fn from(fault: FlashFault) -> Self {
        Self::Failed { code: fault as i32 }
    }
}

pub(super) fn failed<E: NorFlashError>(error: E) -> StoreError {
    match error.kind() {
        NorFlashErrorKind::NotAligned => FlashFault::NotAligned,
        NorFlashErrorKind::OutOfBounds => FlashFault::OutOfBounds,
        _ => FlashFault::Medium,
    }
    .into()
}

/// The numbers of one kind of flash, checked when the program is compiled.
pub(super) struct Geometry<F>(core::marker::PhantomData<F>);

impl<F: NorFlash> Geometry<F> {
    /// Bytes of an erase block.
    pub(super) const ERASE: u32 = {
        assert!(size_of::<usize>() >= 4, "offsets are 32 bits");
        assert!(F::READ_SIZE > 0 && F::WRITE_SIZE.is_multiple_of(F::READ_SIZE));
        assert!(F::WRITE_SIZE > 0 && F::ERASE_SIZE.is_multiple_of(F::WRITE_SIZE));
        assert!(F::ERASE_SIZE > 0 && F::ERASE_SIZE <= 1 << 30);
        F::ERASE_SIZE as u32
    };
    /// Bytes of the write units that a record's head needs.
    pub(super) const HEAD: usize = HEAD_BYTES.next_multiple_of(F::WRITE_SIZE);
    /// Bytes of the write units that the longest record needs.
    pub(super) const RECORD_MAX: usize = STATE_BYTES_MAX.next_multiple_of(F::WRITE_SIZE);
    /// A half must hold a state and the first progress after it.
    pub(super) const JOURNAL_HALF_MIN: u32 = {
        let least = Self::RECORD_MAX + PROGRESS_BYTES.next_multiple_of(F::WRITE_SIZE);
        assert!(least <= 1 << 30);
        least.next_multiple_of(Self::ERASE as usize) as u32
    };
}

impl Layout {
    /// The whole of `flash`: the journal, whose halves have room for 64 progress records, and after
    /// it two slots as long as can be. Progress is recorded for each erase block.
    pub fn whole<F: NorFlash>(flash: &F) -> Result<Self, LayoutError> {
        let progress = PROGRESS_BYTES.next_multiple_of(F::WRITE_SIZE);
        let half = u32::try_from(Geometry::<F>::RECORD_MAX + 64 * progress)
            .ok()
            .and_then(|bytes| bytes.checked_next_multiple_of(Geometry::<F>::ERASE))
            .ok_or(LayoutError::OutOfFlash)?;
        let capacity = u32::try_from(flash.capacity()).unwrap_or(u32::MAX);
        let journal_end = half.checked_mul(2).ok_or(LayoutError::OutOfFlash)?;
        let left = capacity
            .checked_sub(journal_end)
            .ok_or(LayoutError::OutOfFlash)?;
        let slot_length = left / 2 - (left / 2) % Geometry::<F>::ERASE;
        let layout = Self {
            journal: 0,
            journal_half: half,
            slots: [journal_end, journal_end + slot_length],
            slot_length,
            checkpoint: Geometry::<F>::ERASE,
        };
        layout.check(flash)?;
        Ok(layout)
    }

    pub(super) fn check<F: NorFlash>(&self, flash: &F) -> Result<(), LayoutError> {
        let [slot_a, slot_b] = self.slots;
        let parts = [
            (u64::from(self.journal), 2 * u64::from(self.journal_half)),
            (u64::from(slot_a), u64::from(self.slot_length)),
            (u64::from(slot_b), u64::from(self.slot_length)),
        ];
        let erase = u64::from(Geometry::<F>::ERASE);
        let lengths = [self.journal_half, self.slot_length, self.checkpoint].map(u64::from);
        let aligned = parts.iter().all(|(start, _)| start % erase == 0)
            && lengths.iter().all(|&len| len > 0 && len % erase == 0);
        if !aligned {
            return Err(LayoutError::Unaligned);
        }
        // Offsets, the end of the last part too, are 32 bits wide, however large the flash is.
        let end = u32::try_from(flash.capacity()).unwrap_or(u32::MAX).into();
        if parts.iter().any(|(start, length)| start + length > end) {
            return Err(LayoutError::OutOfFlash);
        }
        let [journal, a, b] = parts;
        let apart = |x: (u64, u64), y: (u64, u64)| x.0 + x.1 <= y.0 || y.0 + y.1 <= x.0;
        if !(apart(journal, a) && apart(journal, b) && apart(a, b)) {
            return Err(LayoutError::Overlap);
        }
        if self.journal_half < Geometry::<F>::JOURNAL_HALF_MIN {
            return Err(LayoutError::JournalTooSmall);
        }
        Ok(())
    }

    pub(super) const fn slot(&self, slot: Slot) -> u32 {
        let [a, b] = self.slots;
        match slot {
            Slot::A => a,
            Slot::B => b,
        }
    }

    /// A sum of everything that gives stored bytes their meaning.
    pub(super) fn salt<F: NorFlash>(&self) -> u32 {
        let [slot_a, slot_b] = self.slots;
        let mut crc = CRC.digest();
        for value in [
            self.journal,
            self.journal_half,
            slot_a,
            slot_b,
            self.slot_length,
            Geometry::<F>::ERASE,
        ] {
            crc.update(&value.to_le_bytes());
        }
        crc.finalize()
    }
}
