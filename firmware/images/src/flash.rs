//! A model of a NOR flash: in RAM, or in a file of the host, which outlives the emulator as a flash outlives a reset.
//!
//! Erased bytes are 0xFF, and a write only clears bits, as on the real thing.

use board::host::{Arguments, HostError, HostFile};
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};

/// As on the LM3S6965 (data sheet, chapter Internal Memory): pages of 1 KiB, words of 4 bytes.
const ERASE_BYTES: usize = 1_024;
const WRITE_BYTES: usize = 4;
const ERASED: u8 = 0xFF;

/// A flash whose power can be cut.
pub struct Flash<'a> {
    medium: Medium<'a>,
    /// Writes and erases until the power fails.
    cut_after: Option<u32>,
}

/// Where the bytes are.
enum Medium<'a> {
    /// In RAM: gone with the emulator.
    Ram(&'a mut [u8]),
    /// In a file of the host, whose length in bytes, whole pages, is the flash's.
    File { file: HostFile, length: usize },
}

/// What every call says after the power has failed.
const NO_POWER: FlashError = FlashError(NorFlashErrorKind::Other);

/// Why an access failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlashError(NorFlashErrorKind);

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        self.0
    }
}

impl From<NorFlashErrorKind> for FlashError {
    fn from(kind: NorFlashErrorKind) -> Self {
        Self(kind)
    }
}

impl From<HostError> for FlashError {
    fn from(_: HostError) -> Self {
        Self(NorFlashErrorKind::Other)
    }
}

impl<'a> Flash<'a> {
    /// The flash of an image: the file that `flash=` names, or without it `ram`, erased.
    ///
    /// # Errors
    /// The host's.
    pub fn from_arguments(arguments: &Arguments<'_>, ram: &'a mut [u8]) -> Result<Self, HostError> {
        match arguments.get("flash") {
            Some(path) => Self::in_file(path),
            None => Ok(Self::in_ram(ram)),
        }
    }

    /// A flash in RAM, erased.
    pub fn in_ram(bytes: &'a mut [u8]) -> Self {
        bytes.fill(ERASED);
        Self::new(Medium::Ram(bytes))
    }

    const fn new(medium: Medium<'a>) -> Self {
        Self {
            medium,
            cut_after: None,
        }
    }

    /// Cuts the power in the write or erase after `count` others: half of it is done, and every call
    /// from then on fails.
    pub const fn cut_after(&mut self, count: u32) {
        self.cut_after = Some(count);
    }

    /// How many of `bytes` a write or an erase changes before the power fails.
    ///
    /// # Errors
    /// The power has failed.
    fn spend(&mut self, bytes: usize) -> Result<usize, FlashError> {
        match self.cut_after {
            None => Ok(bytes),
            Some(u32::MAX) => Err(NO_POWER),
            Some(count) => {
                self.cut_after = Some(count.wrapping_sub(1));
                Ok(if count == 0 { bytes / 2 } else { bytes })
            }
        }
    }

    /// Fails if the power has.
    const fn check_power(&self) -> Result<(), FlashError> {
        match self.cut_after {
            Some(u32::MAX) => Err(NO_POWER),
            _ => Ok(()),
        }
    }

    /// A flash in the file at `path`, with whatever it holds.
    fn in_file(path: &str) -> Result<Self, HostError> {
        let file = HostFile::open(path)?;
        let length = usize::try_from(file.len_bytes()?).map_err(|_| HostError { code: 0 })?;
        Ok(Self::new(Medium::File { file, length }))
    }
}

impl ErrorType for Flash<'_> {
    type Error = FlashError;
}

impl ReadNorFlash for Flash<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        check_read(self, offset, bytes.len())?;
        self.check_power()?;
        match &mut self.medium {
            Medium::Ram(memory) => bytes.copy_from_slice(part(memory, offset, bytes.len())?),
            Medium::File { file, .. } => file.read_at(offset.into(), bytes)?,
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        match &self.medium {
            Medium::Ram(memory) => memory.len(),
            Medium::File { length, .. } => *length,
        }
    }
}

impl NorFlash for Flash<'_> {
    const WRITE_SIZE: usize = WRITE_BYTES;
    const ERASE_SIZE: usize = ERASE_BYTES;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        check_erase(self, from, to)?;
        let length = self.spend((to - from) as usize)?;
        match &mut self.medium {
            Medium::Ram(memory) => part(memory, from, length)?.fill(ERASED),
            Medium::File { file, .. } => {
                for done in (0..length).step_by(ERASE_BYTES) {
                    let page = [ERASED; ERASE_BYTES];
                    let page = page.get(..length - done).unwrap_or(&page);
                    file.write_at(u64::from(from) + done as u64, page)?;
                }
            }
        }
        self.check_power()
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        check_write(self, offset, bytes.len())?;
        let length = self.spend(bytes.len())?;
        let bytes = bytes.get(..length).unwrap_or_default();
        match &mut self.medium {
            Medium::Ram(memory) => clear_bits(part(memory, offset, bytes.len())?, bytes),
            Medium::File { file, .. } => {
                let mut old = [0; 256];
                let size = old.len();
                for (place, new) in (u64::from(offset)..).step_by(size).zip(bytes.chunks(size)) {
                    let old = old.get_mut(..new.len()).unwrap_or_default();
                    file.read_at(place, old)?;
                    clear_bits(old, new);
                    file.write_at(place, old)?;
                }
            }
        }
        self.check_power()
    }
}

fn part(memory: &mut [u8], offset: u32, length: usize) -> Result<&mut [u8], FlashError> {
    memory
        .get_mut(offset as usize..)
        .and_then(|rest| rest.get_mut(..length))
        .ok_or(FlashError(NorFlashErrorKind::OutOfBounds))
}

fn clear_bits(old: &mut [u8], new: &[u8]) {
    for (old, new) in old.iter_mut().zip(new) {
        *old &= new;
    }
}
