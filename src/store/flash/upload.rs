//! One upload into a slot of a flash store, from its first byte until it is verified.

use core::task::Poll;

use crc::Table;
use embedded_storage::nor_flash::NorFlash;
use sha2::{Digest as _, Sha256};

use super::layout::{FlashFault, Geometry, store_error};
use super::record::{CRC, Checksum, Image, Slot};
use crate::store::name::{StoredName, stored_name};
use crate::store::traits::{Digest, StoreError, Upload};

/// Largest number of bytes that one call of `write` programs, unless a write unit is longer.
const WRITE_BYTES_MAX: usize = 256;

type Crc32 = crc::Digest<'static, u32, Table<1>>;

/// The state of an upload.
///
/// ```text
/// (CatchingUp ->) Receiving -> Verifying -> Verified
///                     |            '-> Invalid
///                     '-> WriteFailed, Invalid
/// ```
pub(super) enum UploadState {
    /// Reading the held bytes for the CRC, so far up to this offset.
    #[cfg(feature = "download")]
    CatchingUp(u32),
    /// Receiving bytes.
    Receiving,
    /// Reading the image back, so far up to this offset.
    Verifying(Hasher, u32),
    /// The slot is verified, but not yet recorded in the journal.
    Verified,
    /// A write failed. No bytes can be written after it, but the recorded ones are good.
    WriteFailed,
    /// The bytes are wrong. None of them may be kept.
    Invalid,
}

/// The checksum of the bytes that are read back.
pub(super) enum Hasher {
    Sha256(Sha256),
    Crc32(Crc32),
}

impl Hasher {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Crc32(hasher) => hasher.update(bytes),
        }
    }

    fn checksum(&self) -> Checksum {
        match self {
            Self::Sha256(hasher) => Checksum::Sha256(hasher.clone().finalize().into()),
            Self::Crc32(hasher) => Checksum::Crc32(hasher.clone().finalize()),
        }
    }
}

pub(super) struct FlashUpload {
    name: StoredName,
    pub(super) length: u32,
    digest: Option<Digest>,
    slot: Slot,
    /// Offset of the slot in the flash.
    pub(super) start: u32,
    /// Number of bytes in the flash: whole write units, except at the end of the file.
    pub(super) written: u32,
    /// Number of further bytes in the lent write unit, which they do not fill.
    pub(super) buffered: usize,
    /// Number of bytes of the slot that are erased or held. This upload erases no byte before here
    /// again.
    erased: u32,
    /// CRC of all received bytes, for an upload without a digest.
    pub(super) crc: Crc32,
    pub(super) state: UploadState,
}

impl FlashUpload {
    /// Creates an upload of `length` bytes into `slot`, which starts at `start`. The slot already has
    /// the first `held` bytes, which are whole erase blocks.
    pub(super) fn new(upload: &Upload, length: u32, held: u32, slot: Slot, start: u32) -> Self {
        Self {
            name: stored_name(upload.name),
            length,
            digest: upload.digest.copied(),
            slot,
            start,
            written: held,
            buffered: 0,
            erased: held,
            crc: CRC.digest(),
            state: UploadState::Receiving,
        }
    }

    pub(super) const fn slot(&self) -> Slot {
        self.slot
    }

    /// Number of bytes that can be read from the flash.
    pub(super) const fn written(&self) -> u32 {
        self.written
    }

    pub(super) const fn is_receiving(&self) -> bool {
        matches!(self.state, UploadState::Receiving)
    }

    pub(super) const fn is_verified(&self) -> bool {
        matches!(self.state, UploadState::Verified)
    }

    pub(super) const fn is_invalid(&self) -> bool {
        matches!(self.state, UploadState::Invalid)
    }

    /// Marks all bytes of the upload as wrong, so that none is kept.
    pub(super) fn invalidate(&mut self) {
        self.state = UploadState::Invalid;
    }

    /// The image of this upload, provided that the flash has the received bytes.
    pub(super) fn image(&self) -> Image {
        Image {
            slot: self.slot,
            length: self.length,
            checksum: match self.digest {
                Some(digest) => Checksum::Sha256(digest),
                None => Checksum::Crc32(self.crc.clone().finalize()),
            },
            name: self.name.clone(),
        }
    }

    /// Takes bytes from the start of `data`, which is not empty. One call erases one block, or
    /// writes once, or only copies to `write_unit`.
    pub(super) fn write<F: NorFlash>(
        &mut self,
        flash: &mut F,
        write_unit: &mut [u8],
        data: &[u8],
    ) -> Poll<Result<usize, StoreError>> {
        let left = (self.length - self.written) as usize - self.buffered;
        if !self.is_receiving() || left == 0 {
            return Poll::Ready(Err(FlashFault::InvalidState.into()));
        }
        if self.written == self.erased {
            let from = self.start + self.erased;
            let to = from + Geometry::<F>::ERASE;
            flash.erase(from, to).map_err(store_error)?;
            self.erased += Geometry::<F>::ERASE;
            return Poll::Pending;
        }
        let data = data.get(..left).unwrap_or(data);
        let count = if self.buffered == 0 && data.len() >= F::WRITE_SIZE {
            let most = (self.erased - self.written) as usize;
            let most = most.min(WRITE_BYTES_MAX.max(F::WRITE_SIZE)).min(data.len());
            let count = most - most % F::WRITE_SIZE;
            self.program(flash, data.get(..count).unwrap_or_default(), count)?;
            count
        } else {
            let room = write_unit.get_mut(self.buffered..).unwrap_or_default();
            let count = room.len().min(data.len());
            for (to, from) in room.iter_mut().zip(data) {
                *to = *from;
            }
            if self.buffered + count == F::WRITE_SIZE {
                self.program(flash, write_unit, F::WRITE_SIZE)?;
                self.buffered = 0;
            } else {
                self.buffered += count;
            }
            count
        };
        self.crc.update(data.get(..count).unwrap_or_default());
        Poll::Ready(Ok(count))
    }

    /// Writes whole units. The first `count` bytes belong to the file, the rest is padding.
    fn program<F: NorFlash>(
        &mut self,
        flash: &mut F,
        units: &[u8],
        count: usize,
    ) -> Result<(), StoreError> {
        if let Err(error) = flash.write(self.start + self.written, units) {
            // Some bits may be programmed, and no unit may be written twice.
            self.state = UploadState::WriteFailed;
            return Err(store_error(error));
        }
        // A write is shorter than the slot, whose length is a u32.
        self.written += count as u32;
        Ok(())
    }

    /// Does one unit of work towards `Verified`: writes the last bytes, reads bytes back, or compares
    /// the checksums.
    pub(super) fn verify_step<F: NorFlash>(
        &mut self,
        flash: &mut F,
        write_unit: &mut [u8],
        scratch: &mut [u8],
    ) -> Result<(), StoreError> {
        match &mut self.state {
            UploadState::Receiving => self.flush(flash, write_unit),
            UploadState::Verifying(_, offset) if *offset == self.length => self.compare(),
            UploadState::Verifying(hasher, offset) => {
                let left = (self.length - *offset) as usize;
                let room = scratch.len() - scratch.len() % F::READ_SIZE;
                let padded = left.next_multiple_of(F::READ_SIZE).min(room);
                let bytes = scratch.get_mut(..padded).unwrap_or_default();
                flash
                    .read(self.start + *offset, bytes)
                    .map_err(store_error)?;
                let count = left.min(padded);
                hasher.update(bytes.get(..count).unwrap_or_default());
                *offset += count as u32;
                Ok(())
            }
            UploadState::Verified => Ok(()),
            _ => Err(FlashFault::InvalidState.into()),
        }
    }

    fn flush<F: NorFlash>(
        &mut self,
        flash: &mut F,
        write_unit: &mut [u8],
    ) -> Result<(), StoreError> {
        let buffered = self.buffered;
        if (self.length - self.written) as usize != buffered {
            return Err(FlashFault::InvalidState.into());
        }
        if buffered > 0 {
            write_unit
                .get_mut(buffered..)
                .unwrap_or_default()
                .fill(0xFF);
            self.program(flash, write_unit, buffered)?;
            self.buffered = 0;
        }
        let hasher = match self.digest {
            Some(_) => Hasher::Sha256(Sha256::new()),
            None => Hasher::Crc32(CRC.digest()),
        };
        self.state = UploadState::Verifying(hasher, 0);
        Ok(())
    }

    fn compare(&mut self) -> Result<(), StoreError> {
        let expected = self.image().checksum;
        match &self.state {
            UploadState::Verifying(hasher, _) if hasher.checksum() == expected => {
                self.state = UploadState::Verified;
                Ok(())
            }
            _ => {
                self.state = UploadState::Invalid;
                Err(FlashFault::ReadBack.into())
            }
        }
    }

    /// Whether the flash has more bytes than the `recorded` ones and their number is a multiple of
    /// `interval`.
    pub(super) const fn is_checkpoint(&self, recorded: u32, interval: u32) -> bool {
        self.buffered == 0 && self.written > recorded && self.written.is_multiple_of(interval)
    }
}
