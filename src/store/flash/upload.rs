//! One upload into a slot of a flash store, from its first byte until it was read back.

use core::task::Poll;

use crc::Table;
use embedded_storage::nor_flash::NorFlash;
use sha2::{Digest as _, Sha256};

use super::layout::{FlashFault, Geometry, failed};
use super::record::{CRC, Check, Image, Slot};
use crate::store::{Digest, Name, StoreError, Upload, kept_name};

/// The most that one call of `take` programs, unless a write unit is longer.
const WRITE_BYTES_MAX: usize = 256;

type Crc32 = crc::Digest<'static, u32, Table<1>>;

/// Where an upload is.
///
/// ```text
/// Receiving -> Checking -> Verified
///     |            '-> Spoiled
///     '-> Broken, Spoiled
/// ```
enum Stage {
    /// Taking bytes.
    Receiving,
    /// Reading back what was written, so far up to this offset.
    Checking(Sum, u32),
    /// The slot is right; the journal does not say so yet.
    Verified,
    /// A write failed: nothing more can be written after it, but what was recorded is good.
    Broken,
    /// The bytes are known to be wrong: nothing of them may be kept.
    Spoiled,
}

/// The sum of what is read back.
enum Sum {
    Sha256(Sha256),
    Crc32(Crc32),
}

impl Sum {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(sum) => sum.update(bytes),
            Self::Crc32(sum) => sum.update(bytes),
        }
    }

    fn check(&self) -> Check {
        match self {
            Self::Sha256(sum) => Check::Sha256(sum.clone().finalize().into()),
            Self::Crc32(sum) => Check::Crc32(sum.clone().finalize()),
        }
    }
}

pub(super) struct FlashUpload {
    name: Name,
    length: u32,
    digest: Option<Digest>,
    slot: Slot,
    /// Where the slot begins in the flash.
    start: u32,
    /// Bytes in the flash: whole write units, until the last one.
    written: u32,
    /// Bytes after them that wait in the lent write unit, fewer than fill it.
    waiting: usize,
    /// The end of what was erased, or held, when writing went on: it is never erased again before
    /// here.
    erased: u32,
    /// Of all bytes that came; it counts only for a plain upload, which never resumes.
    crc: Crc32,
    stage: Stage,
}

impl FlashUpload {
    /// An upload of `length` bytes into the slot that begins at `start`, of which `held`, whole
    /// erase blocks, are there.
    pub(super) fn new(upload: &Upload, length: u32, held: u32, slot: Slot, start: u32) -> Self {
        Self {
            name: kept_name(upload.name),
            length,
            digest: upload.digest.copied(),
            slot,
            start,
            written: held,
            waiting: 0,
            erased: held,
            crc: CRC.digest(),
            stage: Stage::Receiving,
        }
    }

    pub(super) const fn slot(&self) -> Slot {
        self.slot
    }

    /// Bytes that can be read from the flash.
    pub(super) const fn written(&self) -> u32 {
        self.written
    }

    pub(super) const fn is_receiving(&self) -> bool {
        matches!(self.stage, Stage::Receiving)
    }

    pub(super) const fn is_verified(&self) -> bool {
        matches!(self.stage, Stage::Verified)
    }

    pub(super) const fn is_spoiled(&self) -> bool {
        matches!(self.stage, Stage::Spoiled)
    }

    /// Sees to it that nothing of this upload is kept, whatever comes next.
    pub(super) fn spoil(&mut self) {
        self.stage = Stage::Spoiled;
    }

    /// The image that this upload makes, if what is in the flash is what came.
    pub(super) fn image(&self) -> Image {
        Image {
            slot: self.slot,
            length: self.length,
            check: match self.digest {
                Some(digest) => Check::Sha256(digest),
                None => Check::Crc32(self.crc.clone().finalize()),
            },
            name: self.name.clone(),
        }
    }

    /// Takes the front of `data`, which is not empty: erases one block, or writes once, or only
    /// fills `unit`.
    pub(super) fn take<F: NorFlash>(
        &mut self,
        flash: &mut F,
        unit: &mut [u8],
        data: &[u8],
    ) -> Poll<Result<usize, StoreError>> {
        let left = (self.length - self.written) as usize - self.waiting;
        if !self.is_receiving() || left == 0 {
            return Poll::Ready(Err(FlashFault::OutOfOrder.into()));
        }
        if self.written == self.erased {
            let from = self.start + self.erased;
            let to = from + Geometry::<F>::ERASE;
            flash.erase(from, to).map_err(failed)?;
            self.erased += Geometry::<F>::ERASE;
            return Poll::Pending;
        }
        let data = data.get(..left).unwrap_or(data);
        let count = if self.waiting == 0 && data.len() >= F::WRITE_SIZE {
            let most = (self.erased - self.written) as usize;
            let most = most.min(WRITE_BYTES_MAX.max(F::WRITE_SIZE)).min(data.len());
            let count = most - most % F::WRITE_SIZE;
            self.program(flash, data.get(..count).unwrap_or_default(), count)?;
            count
        } else {
            let room = unit.get_mut(self.waiting..).unwrap_or_default();
            let count = room.len().min(data.len());
            for (to, from) in room.iter_mut().zip(data) {
                *to = *from;
            }
            if self.waiting + count == F::WRITE_SIZE {
                self.program(flash, unit, F::WRITE_SIZE)?;
                self.waiting = 0;
            } else {
                self.waiting += count;
            }
            count
        };
        self.crc.update(data.get(..count).unwrap_or_default());
        Poll::Ready(Ok(count))
    }

    /// Writes whole units, of which `count` bytes belong to the file.
    fn program<F: NorFlash>(
        &mut self,
        flash: &mut F,
        units: &[u8],
        count: usize,
    ) -> Result<(), StoreError> {
        if let Err(error) = flash.write(self.start + self.written, units) {
            // Some bits may be programmed, and a unit is never written twice.
            self.stage = Stage::Broken;
            return Err(failed(error));
        }
        // The slot, which is longer than any write, has a length of 32 bits.
        self.written += count as u32;
        Ok(())
    }

    /// Goes on towards `Verified`: writes the last bytes, or reads some back, and compares at the
    /// end.
    pub(super) fn verify<F: NorFlash>(
        &mut self,
        flash: &mut F,
        unit: &mut [u8],
        scratch: &mut [u8],
    ) -> Result<(), StoreError> {
        match &mut self.stage {
            Stage::Receiving => self.flush(flash, unit),
            Stage::Checking(_, offset) if *offset == self.length => self.compare(),
            Stage::Checking(sum, offset) => {
                let left = (self.length - *offset) as usize;
                let room = scratch.len() - scratch.len() % F::READ_SIZE;
                let padded = left.next_multiple_of(F::READ_SIZE).min(room);
                let bytes = scratch.get_mut(..padded).unwrap_or_default();
                flash.read(self.start + *offset, bytes).map_err(failed)?;
                let count = left.min(padded);
                sum.update(bytes.get(..count).unwrap_or_default());
                *offset += count as u32;
                Ok(())
            }
            Stage::Verified => Ok(()),
            Stage::Broken | Stage::Spoiled => Err(FlashFault::OutOfOrder.into()),
        }
    }

    fn flush<F: NorFlash>(&mut self, flash: &mut F, unit: &mut [u8]) -> Result<(), StoreError> {
        let waiting = self.waiting;
        if (self.length - self.written) as usize != waiting {
            return Err(FlashFault::OutOfOrder.into());
        }
        if waiting > 0 {
            unit.get_mut(waiting..).unwrap_or_default().fill(0xFF);
            self.program(flash, unit, waiting)?;
            self.waiting = 0;
        }
        let sum = match self.digest {
            Some(_) => Sum::Sha256(Sha256::new()),
            None => Sum::Crc32(CRC.digest()),
        };
        self.stage = Stage::Checking(sum, 0);
        Ok(())
    }

    fn compare(&mut self) -> Result<(), StoreError> {
        let expected = self.image().check;
        match &self.stage {
            Stage::Checking(sum, _) if sum.check() == expected => {
                self.stage = Stage::Verified;
                Ok(())
            }
            _ => {
                self.stage = Stage::Spoiled;
                Err(FlashFault::ReadBack.into())
            }
        }
    }

    /// Whether `every` more bytes, or a multiple, are in the flash than the `recorded` ones.
    pub(super) const fn is_checkpoint(&self, recorded: u32, every: u32) -> bool {
        self.waiting == 0 && self.written > recorded && self.written.is_multiple_of(every)
    }
}
