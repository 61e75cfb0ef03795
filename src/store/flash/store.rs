//! A store in NOR flash: one image, replaced whole, that a power cut at any point leaves old or
//! new.

use core::task::{Poll, ready};

use embedded_storage::nor_flash::NorFlash;

use super::journal::{Change, Journal};
use super::layout::{FlashFault, Geometry, Layout, LayoutError, failed};
use super::record::{Check, Image, Partial, Slot, State};
use super::upload::FlashUpload;
use crate::Tick;
use crate::store::{Begun, Store, StoreError, Upload, kept_name};

/// Keeps the newest file that came whole, in one of two slots of a NOR flash; the next one goes to
/// the other slot.
///
/// A device boots from it: [`mount`](Self::mount), then [`image`](Self::image). A power cut at any
/// moment, in the middle of a write or an erase, leaves the old image or the new one, bit by bit,
/// and what was recorded of an upload, which can then be resumed. This rests on three rules:
///
/// 1. What is known is in a journal of records with checksums; a torn record is no record.
/// 2. Before a byte of a slot is erased or written, a record that this store has written since its
///    mount says that the slot holds no image, and that no more is held of a partial than is left
///    alone.
/// 3. The record that makes an image the current one is written after the slot was read back and
///    its digest found right. A plain upload, which has no digest, is compared with the CRC-32 of
///    the bytes that came.
///
/// It is assumed that a half-programmed unit that was read as right once is read so again, until a
/// record has been written that no longer needs it. Parts that answer the read of a torn word with
/// a bus fault (some flash with error correction) need a driver that turns the fault into an error
/// or into data.
///
/// **Slowest unit of work**, the most that one call does: one erase of `ERASE_SIZE` bytes; or one
/// write of 256 bytes of data (one write unit, if that is more) or of one record (up to 348 bytes
/// in whole write units); or reading and hashing as many bytes as the lent buffer has after its
/// first write unit.
///
/// What a power cut cannot do, decay can: a device whose flash may lose bits by itself hashes the
/// image before it boots it, and [`FlashImage::check`] says what must come out.
///
/// The store is about 0.9 KiB on a 32-bit part, beside the lent buffer. An upload without a cut
/// erases each block of the image once; the journal costs an erase of one half for each start of
/// the device that has an upload, and one each time that a half is full (see
/// [`Layout::checkpoint`]).
///
/// A name is kept as it came, cut to 255 bytes: it labels the image, and no path is made of it.
pub struct FlashStore<'a, F> {
    flash: F,
    layout: Layout,
    journal: Journal,
    /// What the journal says, once it is mounted.
    state: State,
    open: Option<FlashUpload>,
    /// One write unit, lent for the store's life: the last bytes of an upload that do not fill a
    /// unit yet.
    unit: &'a mut [u8],
    /// Lent for the store's life; nothing in it outlives a call.
    scratch: &'a mut [u8],
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

/// The current image of a [`FlashStore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FlashImage<'s> {
    /// Where it begins in the flash, in bytes.
    pub offset: u32,
    /// Its length in bytes.
    pub length: u32,
    /// The sum that it had when it was verified.
    pub check: Check,
    /// The name that its sender gave; `None` for a plain upload.
    pub name: Option<&'s str>,
}

impl<'a, F: NorFlash> FlashStore<'a, F> {
    /// Bytes that [`new`](Self::new) needs at least; with more, reading back takes fewer calls,
    /// each of them longer.
    pub const BUFFER_MIN: usize = F::WRITE_SIZE + Geometry::<F>::RECORD_MAX;
    /// The smallest [`Layout::journal_half`].
    pub const JOURNAL_HALF_MIN: u32 = Geometry::<F>::JOURNAL_HALF_MIN;

    /// A store in the parts of `flash` that `layout` names; `buffer` is lent for the store's life.
    /// Touches nothing yet.
    pub fn new(flash: F, layout: Layout, buffer: &'a mut [u8]) -> Result<Self, LayoutError> {
        layout.check(&flash)?;
        if buffer.len() < Self::BUFFER_MIN {
            return Err(LayoutError::BufferTooSmall);
        }
        let (unit, scratch) = buffer
            .split_at_mut_checked(F::WRITE_SIZE)
            .ok_or(LayoutError::BufferTooSmall)?;
        Ok(Self {
            flash,
            layout,
            journal: Journal::new(layout, layout.salt::<F>()),
            state: State::default(),
            open: None,
            unit,
            scratch,
        })
    }

    /// Reads the journal; after `Ready(Ok)` [`image`](Self::image) is known. Writes nothing.
    ///
    /// `begin` does this too; a device that boots from the image calls it first. After an error the
    /// next call goes on.
    pub fn mount(&mut self) -> Poll<Result<(), StoreError>> {
        self.journal
            .mount(&mut self.flash, self.scratch, &mut self.state)
    }

    /// The current image: `None` before the mount, or when there has been none.
    pub fn image(&self) -> Option<FlashImage<'_>> {
        let image = self.mounted_image()?;
        Some(FlashImage {
            offset: self.layout.slot(image.slot),
            length: image.length,
            check: image.check,
            name: Some(image.name.as_str()).filter(|name| !name.is_empty()),
        })
    }

    /// Reads the current image from `offset` into `buffer` and returns how much; 0 at its end, or
    /// when there is none.
    ///
    /// It may be called at any time, also while an upload is open.
    pub fn read_image(&mut self, offset: u32, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let Some(image) = self.mounted_image() else {
            return Ok(0);
        };
        let (slot, end) = (image.slot, image.length);
        self.read_slot(slot, offset, end, buffer)
    }

    /// Gives the flash back. What was not recorded of an open upload is lost, as by a power cut.
    pub fn release(self) -> F {
        self.flash
    }

    fn mounted_image(&self) -> Option<&Image> {
        self.state
            .image
            .as_ref()
            .filter(|_| self.journal.is_mounted())
    }

    /// Reads up to one scratch buffer of a slot, of which `end` bytes count.
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
            .ok_or(FlashFault::OutOfOrder)?;
        // The skip is less than the offset, or equal.
        let at = self.layout.slot(slot) + offset - skip as u32;
        self.flash.read(at, bytes).map_err(failed)?;
        let found = bytes.get(skip..).unwrap_or_default();
        let count = found.len().min(span);
        for (to, from) in buffer.iter_mut().zip(found).take(count) {
            *to = *from;
        }
        Ok(count)
    }

    /// Makes `next` the state of journal and store.
    fn record(&mut self, next: State, change: Change) -> Poll<Result<(), StoreError>> {
        let outcome = self
            .journal
            .append(&mut self.flash, self.scratch, &next, change);
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
        self.record(next, Change::Progress)
    }
}

impl State {
    /// Whether `upload` is the current image, digest, length and name.
    fn has(&self, upload: &Upload, length: u32) -> bool {
        self.image.as_ref().is_some_and(|image| {
            upload
                .digest
                .is_some_and(|digest| image.check == Check::Sha256(*digest))
                && image.length == length
                && image.name == kept_name(upload.name)
        })
    }

    /// The state in which `upload` is the partial: what is held of it stays, another one's bytes
    /// are forgotten.
    fn with_partial(&self, upload: &Upload, length: u32) -> Self {
        let held = self.partial.as_ref().map_or(0, |partial| {
            let same = upload.digest == Some(&partial.digest) && partial.length == length;
            if same { partial.held } else { 0 }
        });
        Self {
            image: self.image.clone(),
            partial: upload.digest.map(|digest| Partial {
                digest: *digest,
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
        if self.state.has(upload, length) {
            return Poll::Ready(Ok(Begun::Finished));
        }
        let next = self.state.with_partial(upload, length);
        if !self.journal.is_settled() || next != self.state {
            ready!(self.record(next, Change::State))?;
        }
        let held = self
            .state
            .partial
            .as_ref()
            .map_or(0, |partial| partial.held);
        let slot = self.state.spare();
        let start = self.layout.slot(slot);
        self.open = Some(FlashUpload::new(upload, length, held, slot, start));
        Poll::Ready(Ok(Begun::Held(held.into())))
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        let Some(open) = &self.open else {
            return Poll::Ready(Err(FlashFault::OutOfOrder.into()));
        };
        let (slot, end) = (open.slot(), open.written());
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        Poll::Ready(self.read_slot(slot, offset, end, buffer))
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        let Some(open) = &mut self.open else {
            return Poll::Ready(Err(FlashFault::OutOfOrder.into()));
        };
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let recorded = self.state.partial.as_ref().map(|partial| partial.held);
        if let Some(recorded) = recorded
            && open.is_receiving()
            && open.is_checkpoint(recorded, self.layout.checkpoint)
        {
            let held = open.written();
            ready!(self.record_progress(held))?;
            return Poll::Pending;
        }
        open.take(&mut self.flash, self.unit, data)
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        let Some(open) = &mut self.open else {
            return Poll::Ready(Err(FlashFault::OutOfOrder.into()));
        };
        if !open.is_verified() {
            open.verify(&mut self.flash, self.unit, self.scratch)?;
            return Poll::Pending;
        }
        let next = State {
            image: Some(open.image()),
            partial: None,
        };
        ready!(self.record(next, Change::State))?;
        self.open = None;
        Poll::Ready(Ok(()))
    }

    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>> {
        let Some(open) = &mut self.open else {
            return Poll::Ready(Ok(()));
        };
        if !keep {
            open.spoil();
        }
        let spoiled = open.is_spoiled();
        let whole = open.written() - open.written() % Geometry::<F>::ERASE;
        let outcome = match &self.state.partial {
            Some(_) if spoiled => {
                let image = self.state.image.clone();
                let partial = None;
                self.record(State { image, partial }, Change::State)
            }
            Some(partial) if whole > partial.held => self.record_progress(whole),
            _ => Poll::Ready(Ok(())),
        };
        // Wrong bytes that could not be dropped stay open, so that the next `begin` tries again.
        if matches!(outcome, Poll::Ready(result) if result.is_ok() || !spoiled) {
            self.open = None;
        }
        outcome
    }
}
