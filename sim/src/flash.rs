//! A NOR flash that keeps the rules of the trade and can lose power in the middle of an operation.

use core::cell::Cell;

use crate::Generator;
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};

const WRITE: usize = 4;
const ERASE: usize = 512;

/// What is known of a flash from outside, whoever holds it.
#[derive(Debug, Default)]
pub(crate) struct Supply {
    /// Writes and erases until the power fails.
    pub(crate) cut_after: Cell<Option<u64>>,
    /// The power has failed in the middle of an operation; until it is restored every call fails.
    pub(crate) is_cut: Cell<bool>,
    /// The store broke a rule of the medium.
    pub(crate) is_abused: Cell<bool>,
}

/// A flash in memory that the caller lent. Bits go from 1 to 0 by writing, and back by erasing a block; a write unit is
/// written once between two erases.
#[derive(Debug)]
pub(crate) struct Flash<'a> {
    bytes: &'a mut [u8],
    /// One byte a write unit: 1 when it is erased and neither written nor torn since.
    blank: &'a mut [u8],
    random: Generator,
    supply: &'a Supply,
}

impl<'a> Flash<'a> {
    /// A chip full of another program's bytes.
    pub(crate) fn used(
        bytes: &'a mut [u8],
        blank: &'a mut [u8],
        supply: &'a Supply,
        mut random: Generator,
    ) -> Self {
        for chunk in bytes.chunks_mut(8) {
            let junk = random.u64().to_le_bytes();
            for (to, from) in chunk.iter_mut().zip(junk) {
                *to = from;
            }
        }
        blank.fill(0);
        Self {
            bytes,
            blank,
            random,
            supply,
        }
    }

    /// Bytes of blank marks for a chip of so many bytes.
    pub(crate) const fn units(bytes: usize) -> usize {
        bytes / WRITE
    }

    /// Power is back.
    pub(crate) fn restore(&self) {
        self.supply.is_cut.set(false);
    }

    /// Whether this operation is whole; `Err` when there is no power at all.
    fn strike(&self) -> Result<bool, NorFlashErrorKind> {
        if self.supply.is_cut.get() {
            return Err(NorFlashErrorKind::Other);
        }
        let left = self.supply.cut_after.get();
        self.supply
            .cut_after
            .set(left.and_then(|left| left.checked_sub(1)));
        self.supply.is_cut.set(left == Some(0));
        Ok(left != Some(0))
    }

    fn note_abuse(&self, is_abuse: bool) {
        self.supply
            .is_abused
            .set(self.supply.is_abused.get() || is_abuse);
    }

    /// Changes `offset..` by `change`, byte by byte: all of it, or what a cut leaves done.
    fn alter(
        &mut self,
        offset: usize,
        count: usize,
        is_whole: bool,
        change: impl Fn(usize, u8) -> u8,
    ) {
        let (torn, prefix) = (self.random.below(4), self.random.below(count as u64));
        let random = &mut self.random;
        let place = self.bytes.get_mut(offset..offset + count);
        for (at, byte) in place.unwrap_or_default().iter_mut().enumerate() {
            let new = change(at, *byte);
            let changed = *byte ^ new;
            *byte ^= match torn {
                _ if is_whole => changed,
                0 => 0,
                1 => changed,
                2 if (at as u64) < prefix => changed,
                2 => 0,
                // A random subset of the bits.
                _ => changed & random.u64().to_le_bytes()[0],
            };
        }
        let first = offset / WRITE;
        let blank = self.blank.get_mut(first..first + count.div_ceil(WRITE));
        blank.unwrap_or_default().fill(0);
    }
}

impl ErrorType for Flash<'_> {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        if self.supply.is_cut.get() {
            return Err(NorFlashErrorKind::Other);
        }
        let from = offset as usize;
        let found = self.bytes.get(from..from + bytes.len());
        bytes.copy_from_slice(found.ok_or(NorFlashErrorKind::OutOfBounds)?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for Flash<'_> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        let (from, to) = (from as usize, to as usize);
        self.note_abuse(!from.is_multiple_of(ERASE) || !to.is_multiple_of(ERASE));
        if to > self.bytes.len() || from > to {
            return Err(NorFlashErrorKind::OutOfBounds);
        }
        let is_whole = self.strike()?;
        self.alter(from, to - from, is_whole, |_, _| 0xff);
        if !is_whole {
            return Err(NorFlashErrorKind::Other);
        }
        let blank = self.blank.get_mut(from / WRITE..to / WRITE);
        blank.unwrap_or_default().fill(1);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        let from = offset as usize;
        let units = from / WRITE..(from + bytes.len()) / WRITE;
        let blank = self
            .blank
            .get(units)
            .ok_or(NorFlashErrorKind::OutOfBounds)?;
        self.note_abuse(
            !from.is_multiple_of(WRITE) || !bytes.len().is_multiple_of(WRITE) || blank.contains(&0),
        );
        let is_whole = self.strike()?;
        self.alter(from, bytes.len(), is_whole, |at, old| {
            old & bytes.get(at).copied().unwrap_or(0xff)
        });
        if is_whole {
            Ok(())
        } else {
            Err(NorFlashErrorKind::Other)
        }
    }
}
