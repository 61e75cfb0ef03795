//! A NOR flash that enforces the rules of its kind and can lose power in the middle of an
//! operation.

use core::cell::Cell;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};

use crate::Generator;

const WRITE_BYTES: usize = 4;
const ERASE_BYTES: usize = 512;

/// The power of a flash, and what is known of the flash from outside, whoever holds it.
#[derive(Debug, Default)]
pub(crate) struct PowerFault {
    /// The number of writes and erases until the power fails.
    pub(crate) cut_after: Cell<Option<u64>>,
    /// The power has failed in the middle of an operation; until it is restored every call fails.
    pub(crate) is_cut: Cell<bool>,
    /// The store broke a rule of the flash.
    pub(crate) is_rule_broken: Cell<bool>,
}

/// A flash in memory that the caller lent. Writing changes bits from 1 to 0, erasing a block
/// changes them back; a write unit is written once between two erases.
#[derive(Debug)]
pub(crate) struct Flash<'a> {
    bytes: &'a mut [u8],
    /// One byte for each write unit: 1 when it is erased, and since then neither written nor cut
    /// off in the middle of an operation.
    blank: &'a mut [u8],
    random: Generator,
    power: &'a PowerFault,
}

impl<'a> Flash<'a> {
    /// A chip full of another program's bytes.
    pub(crate) fn used(
        bytes: &'a mut [u8],
        blank: &'a mut [u8],
        power: &'a PowerFault,
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
            power,
        }
    }

    /// The length of `blank` for a chip of this number of bytes.
    pub(crate) const fn units(bytes: usize) -> usize {
        bytes / WRITE_BYTES
    }

    /// Power is back.
    pub(crate) fn restore(&self) {
        self.power.is_cut.set(false);
    }

    /// Whether this operation is done completely; `Err` when there is no power at all.
    fn use_power(&self) -> Result<bool, NorFlashErrorKind> {
        if self.power.is_cut.get() {
            return Err(NorFlashErrorKind::Other);
        }
        let left = self.power.cut_after.get();
        self.power
            .cut_after
            .set(left.and_then(|left| left.checked_sub(1)));
        self.power.is_cut.set(left == Some(0));
        Ok(left != Some(0))
    }

    fn check_rule(&self, is_kept: bool) {
        if !is_kept {
            self.power.is_rule_broken.set(true);
        }
    }

    /// Changes the bytes at `offset` by `change`: all of them, or what was done when the power
    /// failed.
    fn alter(
        &mut self,
        offset: usize,
        count: usize,
        is_whole: bool,
        change: impl Fn(usize, u8) -> u8,
    ) {
        let (torn, prefix) = (self.random.below(4), self.random.below(count as u64));
        let random = &mut self.random;
        let altered = self.bytes.get_mut(offset..offset + count);
        for (at, byte) in altered.unwrap_or_default().iter_mut().enumerate() {
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
        let first = offset / WRITE_BYTES;
        let units = first..first + count.div_ceil(WRITE_BYTES);
        self.blank.get_mut(units).unwrap_or_default().fill(0);
    }
}

impl ErrorType for Flash<'_> {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        if self.power.is_cut.get() {
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
    const WRITE_SIZE: usize = WRITE_BYTES;
    const ERASE_SIZE: usize = ERASE_BYTES;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        let (from, to) = (from as usize, to as usize);
        self.check_rule(from.is_multiple_of(ERASE_BYTES) && to.is_multiple_of(ERASE_BYTES));
        if to > self.bytes.len() || from > to {
            return Err(NorFlashErrorKind::OutOfBounds);
        }
        let is_whole = self.use_power()?;
        self.alter(from, to - from, is_whole, |_, _| 0xff);
        if !is_whole {
            return Err(NorFlashErrorKind::Other);
        }
        let units = from / WRITE_BYTES..to / WRITE_BYTES;
        self.blank.get_mut(units).unwrap_or_default().fill(1);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        let from = offset as usize;
        let units = from / WRITE_BYTES..(from + bytes.len()) / WRITE_BYTES;
        let blank = self
            .blank
            .get(units)
            .ok_or(NorFlashErrorKind::OutOfBounds)?;
        let is_aligned =
            from.is_multiple_of(WRITE_BYTES) && bytes.len().is_multiple_of(WRITE_BYTES);
        self.check_rule(is_aligned && !blank.contains(&0));
        let is_whole = self.use_power()?;
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
