//! A store in NOR flash for one image. A loss of power at any moment leaves the old image or the new
//! one.

use core::task::{Poll, ready};

use embedded_storage::nor_flash::NorFlash;

use super::journal::{Journal, RecordKind};
use super::layout::{FlashFault, Geometry, Layout, LayoutError, store_error};
use super::record::{Checksum, Identity, Image, Partial, Slot, State};
use super::upload::FlashUpload;
use crate::Tick;
use crate::store::name::{given_name, stored_name};
use crate::store::traits::{Begun, Store, StoreError, Upload};

/// Keeps the newest complete file in one of two slots of a NOR flash. The next upload goes to the
/// other slot.
///
/// A device boots from it with [`mount`](Self::mount), then [`image`](Self::image). Power may fail at
/// any moment, also during a write or an erase. The store then has either the old image or the new
/// one, bit by bit, and the recorded part of an upload, which can be resumed. Three rules ensure
/// this:
///
/// 1. The state is in a journal of records with checksums. A torn record does not count.
/// 2. Before a byte of a slot is erased or written, this store has written a record since its mount
///    which says that the slot has no image, and that no byte of a partial is held except those that
///    stay untouched.
/// 3. The record that makes an image the current one is written after the slot was read back and its
///    digest verified. A plain upload has no digest, so the CRC-32 of the received bytes takes its
///    place.
///
/// The store assumes that a half-programmed unit which once read as valid reads so again, until a
/// record has been written that no longer needs it. Some flash with error correction answers the
/// read of a torn word with a bus fault. It needs a driver that turns the fault into an error or into
/// data.
///
/// **Slowest unit of work**, the most that one call does: one erase of `ERASE_SIZE` bytes; or one
/// write of 256 bytes of data (of one write unit, if that is more) or of one record (up to 401 bytes
/// in whole write units); or to read and hash as many bytes as the lent buffer has after its first
/// write unit.
///
/// The store does not notice bits that the flash loses later. A device with such a flash hashes the
/// image before it boots it, and compares the result with [`FlashImage::checksum`].
///
/// The store takes about 0.9 KiB of RAM on a 32-bit device, without the lent buffer. An upload that
/// is not interrupted erases each block of the image once. The journal costs an erase of one half
/// for each start of the device that has an upload, and one each time a half is full (see
/// [`Layout::checkpoint_interval`]).
///
/// The store keeps the name as received, cut to 255 bytes. It is only a label and never becomes a
/// path.
pub struct FlashStore<'a, F> {
    pub(super) flash: F,
    pub(super) layout: Layout,
    pub(super) journal: Journal,
    /// The newest state in the journal, once it is mounted.
    pub(super) state: State,
    pub(super) open: Option<FlashUpload>,
    /// Lent by the caller for the life of the store: the last bytes of an upload, which do not fill a
    /// write unit yet.
    write_unit: &'a mut [u8],
    /// Lent by the caller for the life of the store. Its content is valid only within a call.
    pub(super) scratch: &'a mut [u8],
}

#[cfg(feature = "defmt")]
impl<F> defmt::Format for FlashStore<'_, F> {
    fn format(&self, f: defmt::Formatter) {
        let length = self.state.image.as_ref().map(|image| image.length);
        let held = self.state.partial.as_ref().map(|partial| partial.held);
        defmt::write!(
            f,
            "FlashStore {{ layout: {=?}, length: {=?}, held: {=?}, is_open: {=bool} }}",
            self.layout,
            length,
            held,
            self.open.is_some()
        );
    }
}

/// The current image of a [`FlashStore`], from [`FlashStore::image`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FlashImage<'s> {
    /// Its offset in the flash, in bytes.
    pub offset: u32,
    /// Its length in bytes.
    pub length: u32,
    /// Its checksum when it was verified.
    pub checksum: Checksum,
    /// The name as the sender gave it; `None` for a plain upload.
    pub name: Option<&'s str>,
}

impl<'a, F: NorFlash> FlashStore<'a, F> {
    /// Smallest length in bytes of the buffer for [`new`](Self::new). With a larger one, verification
    /// takes fewer but longer calls.
    pub const BUFFER_MIN: usize = F::WRITE_SIZE + Geometry::<F>::RECORD_MAX;
    /// Smallest [`Layout::journal_half`], in bytes.
    pub const JOURNAL_HALF_MIN: u32 = Geometry::<F>::JOURNAL_HALF_MIN;

    /// Creates a store in the parts of `flash` that `layout` gives. The caller lends `buffer` for the
    /// life of the store. This call does not access the flash.
    ///
    /// # Errors
    /// [`LayoutError`] if `layout` or `buffer` does not fit the flash.
    pub fn new(flash: F, layout: Layout, buffer: &'a mut [u8]) -> Result<Self, LayoutError> {
        layout.check(&flash)?;
        if buffer.len() < Self::BUFFER_MIN {
            return Err(LayoutError::BufferTooSmall);
        }
        let (write_unit, scratch) = buffer
            .split_at_mut_checked(F::WRITE_SIZE)
            .ok_or(LayoutError::BufferTooSmall)?;
        Ok(Self {
            flash,
            layout,
            journal: Journal::new(layout, layout.crc::<F>()),
            state: State::default(),
            open: None,
            write_unit,
            scratch,
        })
    }

    /// Reads the journal. After `Ready(Ok)`, [`image`](Self::image) returns the image. Writes nothing.
    ///
    /// `begin` does this too; a device that boots from the image calls it first. After an error the
    /// next call continues where this one stopped.
    ///
    /// # Errors
    /// [`StoreError::Failed`] with a [`FlashFault`] if the flash cannot be read.
    pub fn mount(&mut self) -> Poll<Result<(), StoreError>> {
        self.journal
            .mount(&mut self.flash, self.scratch, &mut self.state)
    }

    /// The current image; `None` before the mount, and before the first commit.
    pub fn image(&self) -> Option<FlashImage<'_>> {
        let image = self.mounted_image()?;
        Some(FlashImage {
            offset: self.layout.slot(image.slot),
            length: image.length,
            checksum: image.checksum,
            name: given_name(&image.name),
        })
    }

    /// Reads bytes of the current image at `offset` into `buffer` and returns their number. It is 0 at
    /// the end of the image, or if there is no image.
    ///
    /// It may be called at any time, also while an upload is open.
    ///
    /// # Errors
    /// [`StoreError::Failed`] with a [`FlashFault`] if the flash cannot be read.
    pub fn read_image(&mut self, offset: u32, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let Some(image) = self.mounted_image() else {
            return Ok(0);
        };
        let (slot, end) = (image.slot, image.length);
        self.read_slot(slot, offset, end, buffer)
    }

    /// Returns the flash. The part of an open upload that was not recorded is lost, as after a loss
    /// of power.
    pub fn release(self) -> F {
        self.flash
    }

    fn mounted_image(&self) -> Option<&Image> {
        self.state
            .image
            .as_ref()
            .filter(|_| self.journal.is_mounted())
    }

    /// Reads at most one scratch buffer of the first `end` bytes of a slot.
    fn read_slot(
        &mut self,
        slot: Slot,
        offset: u32,
        end: u32,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        if offset >= end || buffer.is_empty() {
            return Ok(0);
        }
        let skip = offset as usize % F::READ_SIZE;
        let room = self.scratch.len() - self.scratch.len() % F::READ_SIZE;
        let span = ((end - offset) as usize).min(buffer.len());
        let padded = (skip + span).next_multiple_of(F::READ_SIZE).min(room);
        let bytes = self
            .scratch
            .get_mut(..padded)
            .ok_or(FlashFault::InvalidState)?;
        // `skip` is at most `offset`.
        let at = self.layout.slot(slot) + offset - skip as u32;
        self.flash.read(at, bytes).map_err(store_error)?;
        let found = bytes.get(skip..).unwrap_or_default();
        let count = found.len().min(span);
        for (to, from) in buffer.iter_mut().zip(found).take(count) {
            *to = *from;
        }
        Ok(count)
    }

    /// Records `next` and makes it the state of the store.
    pub(super) fn record(&mut self, next: State, kind: RecordKind) -> Poll<Result<(), StoreError>> {
        let outcome = self
            .journal
            .append(&mut self.flash, self.scratch, &next, kind);
        if outcome == Poll::Ready(Ok(())) {
            self.state = next;
        }
        outcome
    }

    /// Records `held` bytes of the partial.
    fn record_progress(&mut self, held: u32) -> Poll<Result<(), StoreError>> {
        let mut next = self.state.clone();
        if let Some(partial) = &mut next.partial {
            partial.held = held;
        }
        self.record(next, RecordKind::Progress)
    }
}

impl State {
    /// Whether `upload` is the current image: same digest, length and name.
    fn has_image(&self, upload: &Upload, length: u32) -> bool {
        self.image.as_ref().is_some_and(|image| {
            upload
                .digest
                .is_some_and(|digest| image.checksum == Checksum::Sha256(*digest))
                && image.length == length
                && image.name == stored_name(upload.name)
        })
    }

    /// This state with `upload` as its partial. Held bytes of the same upload stay held; those of
    /// another one are dropped.
    fn with_partial(&self, upload: &Upload, length: u32) -> Self {
        let held = self.partial.as_ref().map_or(0, |partial| {
            let same = matches!(&partial.identity, Identity::Digest(digest)
                if upload.digest == Some(digest) && partial.length == length);
            if same { partial.held } else { 0 }
        });
        Self {
            image: self.image.clone(),
            partial: upload.digest.map(|digest| Partial {
                identity: Identity::Digest(*digest),
                length,
                held,
            }),
        }
    }
}

impl<F: NorFlash> Store for FlashStore<'_, F> {
    fn begin(&mut self, _now: Tick, upload: &Upload) -> Poll<Result<Begun, StoreError>> {
        let length = match u32::try_from(upload.length) {
            Ok(length) if length <= self.layout.slot_length => length,
            _ => return Poll::Ready(Err(StoreError::TooLarge)),
        };
        if self.open.is_some() {
            ready!(self.abandon(true))?;
            return Poll::Pending;
        }
        ready!(self.mount())?;
        if self.state.has_image(upload, length) {
            return Poll::Ready(Ok(Begun::Finished));
        }
        let next = self.state.with_partial(upload, length);
        if !self.journal.is_synced() || next != self.state {
            ready!(self.record(next, RecordKind::State))?;
        }
        let held = self
            .state
            .partial
            .as_ref()
            .map_or(0, |partial| partial.held);
        let slot = self.state.free_slot();
        let start = self.layout.slot(slot);
        self.open = Some(FlashUpload::new(upload, length, held, slot, start));
        Poll::Ready(Ok(Begun::Held(held.into())))
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        let Some(open) = &self.open else {
            return Poll::Ready(Err(FlashFault::InvalidState.into()));
        };
        let (slot, end) = (open.slot(), open.written());
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        Poll::Ready(self.read_slot(slot, offset, end, buffer))
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        let Some(open) = &mut self.open else {
            return Poll::Ready(Err(FlashFault::InvalidState.into()));
        };
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let recorded = self.state.partial.as_ref().map(|partial| partial.held);
        if let Some(recorded) = recorded
            && open.is_receiving()
            && open.is_checkpoint(recorded, self.layout.checkpoint_interval)
        {
            let held = open.written();
            ready!(self.record_progress(held))?;
            return Poll::Pending;
        }
        open.write(&mut self.flash, self.write_unit, data)
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        let Some(open) = &mut self.open else {
            return Poll::Ready(Err(FlashFault::InvalidState.into()));
        };
        if !open.is_verified() {
            open.verify_step(&mut self.flash, self.write_unit, self.scratch)?;
            return Poll::Pending;
        }
        let next = State {
            image: Some(open.image()),
            partial: None,
        };
        ready!(self.record(next, RecordKind::State))?;
        self.open = None;
        Poll::Ready(Ok(()))
    }

    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>> {
        let Some(open) = &mut self.open else {
            return Poll::Ready(Ok(()));
        };
        if !keep {
            open.invalidate();
        }
        let is_invalid = open.is_invalid();
        let whole = open.written() - open.written() % Geometry::<F>::ERASE;
        let outcome = match &self.state.partial {
            Some(_) if is_invalid => {
                let image = self.state.image.clone();
                let partial = None;
                self.record(State { image, partial }, RecordKind::State)
            }
            Some(partial) if whole > partial.held => self.record_progress(whole),
            _ => Poll::Ready(Ok(())),
        };
        // If wrong bytes could not be dropped, the upload stays open, so that the next `begin` tries
        // again.
        if matches!(outcome, Poll::Ready(result) if result.is_ok() || !is_invalid) {
            self.open = None;
        }
        outcome
    }
}
