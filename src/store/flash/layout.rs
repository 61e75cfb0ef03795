//! The parts of a flash that a store uses, and the errors of the flash.

use core::fmt;

use embedded_storage::nor_flash::{NorFlash, NorFlashError, NorFlashErrorKind};

use super::record::{CRC, HEADER_BYTES, PROGRESS_BYTES, STATE_BYTES_MAX, Slot};
use crate::store::traits::StoreError;

/// The parts of a flash that belong to a [`FlashStore`](super::FlashStore). All values are in bytes
/// and multiples of the flash's `ERASE_SIZE`.
///
/// A store with another layout than before finds no file, because the CRC of each record covers the
/// layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Layout {
    /// Offset of the journal, which has two adjacent halves.
    pub journal: u32,
    /// Length of each half of the journal, at least
    /// [`FlashStore::JOURNAL_HALF_MIN`](super::FlashStore::JOURNAL_HALF_MIN).
    pub journal_half: u32,
    /// Offsets of the two image slots.
    pub slots: [u32; 2],
    /// Length of each slot, which limits the length of an image.
    pub slot_length: u32,
    /// Number of bytes of an upload between two progress records: the most that a loss of power
    /// loses.
    ///
    /// A progress record takes 16 bytes of the journal, or one write unit if that is more. A full
    /// half costs an erase of the other half, so a small interval wears the journal out before the
    /// slots.
    pub checkpoint_interval: u32,
}

/// Why a layout or a buffer does not fit the flash. Returned by
/// [`FlashStore::new`](super::FlashStore::new) and [`Layout::whole`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LayoutError {
    /// A value is not a multiple of the erase size, or a length is zero.
    Unaligned,
    /// A part extends past the end of the flash.
    OutOfFlash,
    /// Two parts overlap.
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

/// The codes that a flash store returns in [`StoreError::Failed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(i32)]
pub enum FlashFault {
    /// The flash driver rejected an access as not aligned.
    NotAligned = 1,
    /// The flash driver rejected an access as out of bounds.
    OutOfBounds = 2,
    /// The flash driver reported another error.
    Medium = 3,
    /// The flash does not contain what was written. Returned by `commit`.
    ReadBack = 4,
    /// The present state does not allow the call: no upload is open, or it has failed, or it has
    /// too few or too many bytes.
    InvalidState = 5,
}

impl From<FlashFault> for StoreError {
    fn from(fault: FlashFault) -> Self {
        Self::Failed { code: fault as i32 }
    }
}

pub(super) fn store_error<E: NorFlashError>(error: E) -> StoreError {
    match error.kind() {
        NorFlashErrorKind::NotAligned => FlashFault::NotAligned,
        NorFlashErrorKind::OutOfBounds => FlashFault::OutOfBounds,
        _ => FlashFault::Medium,
    }
    .into()
}

/// The sizes of one type of flash, checked at compile time.
pub(super) struct Geometry<F>(core::marker::PhantomData<F>);

impl<F: NorFlash> Geometry<F> {
    /// Length of an erase block in bytes.
    pub(super) const ERASE: u32 = {
        assert!(size_of::<usize>() >= 4, "offsets are 32 bits");
        assert!(F::READ_SIZE > 0 && F::WRITE_SIZE.is_multiple_of(F::READ_SIZE));
        assert!(F::WRITE_SIZE > 0 && F::ERASE_SIZE.is_multiple_of(F::WRITE_SIZE));
        assert!(F::ERASE_SIZE > 0 && F::ERASE_SIZE <= 1 << 30);
        F::ERASE_SIZE as u32
    };
    /// Length in bytes of a record's header, in whole write units.
    pub(super) const HEADER: usize = HEADER_BYTES.next_multiple_of(F::WRITE_SIZE);
    /// Length in bytes of the longest record, in whole write units.
    pub(super) const RECORD_MAX: usize = STATE_BYTES_MAX.next_multiple_of(F::WRITE_SIZE);
    /// Smallest length of a half in bytes: it must hold a state record and one progress record.
    pub(super) const JOURNAL_HALF_MIN: u32 = {
        let least = Self::RECORD_MAX + PROGRESS_BYTES.next_multiple_of(F::WRITE_SIZE);
        assert!(least <= 1 << 30);
        least.next_multiple_of(Self::ERASE as usize) as u32
    };
}

impl Layout {
    /// A layout that uses all of `flash`: a journal with room for 64 progress records in each half,
    /// then two slots that are as long as possible. Each erase block gets a progress record.
    ///
    /// # Errors
    /// [`LayoutError::OutOfFlash`] or [`LayoutError::Unaligned`] if the flash is too small.
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
            checkpoint_interval: Geometry::<F>::ERASE,
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
        let lengths = [
            self.journal_half,
            self.slot_length,
            self.checkpoint_interval,
        ]
        .map(u64::from);
        let aligned = parts.iter().all(|(start, _)| start % erase == 0)
            && lengths.iter().all(|&len| len > 0 && len % erase == 0);
        if !aligned {
            return Err(LayoutError::Unaligned);
        }
        // Offsets have 32 bits, so a part must end below 4 GiB even in a larger flash.
        let end = u32::try_from(flash.capacity()).unwrap_or(u32::MAX).into();
        if parts.iter().any(|(start, length)| start + length > end) {
            return Err(LayoutError::OutOfFlash);
        }
        let [journal, a, b] = parts;
        let are_disjoint = |x: (u64, u64), y: (u64, u64)| x.0 + x.1 <= y.0 || y.0 + y.1 <= x.0;
        if !(are_disjoint(journal, a) && are_disjoint(journal, b) && are_disjoint(a, b)) {
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

    /// A CRC of all values that give the stored bytes their meaning.
    pub(super) fn crc<F: NorFlash>(&self) -> u32 {
        let [slot_a, slot_b] = self.slots;
        let mut sum = CRC.digest();
        for value in [
            self.journal,
            self.journal_half,
            slot_a,
            slot_b,
            self.slot_length,
            Geometry::<F>::ERASE,
        ] {
            sum.update(&value.to_le_bytes());
        }
        sum.finalize()
    }
}
