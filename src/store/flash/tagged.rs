//! Uploads without a digest that can be resumed: a protocol knows them by a tag.

use core::task::{Poll, ready};

use embedded_storage::nor_flash::NorFlash;

use super::journal::RecordKind;
use super::layout::{FlashFault, store_error};
use super::record::{Identity, Partial, State, Tag};
use super::store::FlashStore;
use super::upload::{FlashUpload, UploadState};
use crate::store::traits::{Digest, StoreError, Upload};

/// What a protocol says of an upload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TaggedUpload<'t> {
    /// By what it is known again after a loss of power. Without one, or with one that is too long,
    /// nothing of it is kept.
    pub(crate) tag: Option<&'t [u8]>,
    /// Length of the whole file in bytes, where it is known.
    pub(crate) length: Option<u64>,
    /// The SHA-256 that the file must have, where there is one.
    pub(crate) digest: Option<&'t Digest>,
    /// Whether it goes on after the bytes that are held with the same tag.
    pub(crate) resumes: bool,
}

impl<F: NorFlash> FlashStore<'_, F> {
    /// The tag of the upload of which the store holds bytes, and their number, after a mount.
    pub(crate) fn held_tagged(&self) -> Option<(&[u8], u32)> {
        let partial = self.state.partial.as_ref();
        match partial.filter(|partial| self.journal.is_mounted() && partial.held > 0)? {
            Partial {
                identity: Identity::Tag(tag),
                held,
                ..
            } => Some((tag, *held)),
            _ => None,
        }
    }

    /// Begins an upload, or goes on with it; then [`write`](crate::store::Store::write). Until it is
    /// ready nothing of an older upload is touched.
    pub(crate) fn begin_tagged(
        &mut self,
        upload: &TaggedUpload<'_>,
    ) -> Poll<Result<(), StoreError>> {
        if let Some(open) = &mut self.open
            && upload.resumes
            && open.is_catching_up()
        {
            return open.catch_up(&mut self.flash, self.scratch);
        }
        self.open = None;
        let slot_length = self.layout.slot_length;
        let length = match upload.length.map(u32::try_from) {
            None => slot_length,
            Some(Ok(length)) if length <= slot_length => length,
            Some(_) => return Poll::Ready(Err(StoreError::TooLarge)),
        };
        ready!(self.mount())?;
        let next = self.state.with_tagged(upload, length);
        if !self.journal.is_synced() || next != self.state {
            ready!(self.record(next, RecordKind::State))?;
        }
        let held = self.state.partial.as_ref().map_or(0, |it| it.held);
        let slot = self.state.free_slot();
        let file = Upload {
            name: None,
            length: length.into(),
            digest: upload.digest,
        };
        let start = self.layout.slot(slot);
        let mut open = FlashUpload::new(&file, length, held, slot, start);
        if held > 0 && upload.digest.is_none() {
            open.begin_to_catch_up();
        }
        let is_catching_up = open.is_catching_up();
        self.open = Some(open);
        if is_catching_up {
            Poll::Pending
        } else {
            Poll::Ready(Ok(()))
        }
    }

    /// Whether the upload has all bytes that it may have.
    pub(crate) fn is_full(&self) -> bool {
        let left = |open: &FlashUpload| (open.length - open.written) as usize - open.buffered;
        self.open.as_ref().is_some_and(|open| left(open) == 0)
    }

    /// The file ends with the bytes that were written: its length was not known.
    pub(crate) const fn end_here(&mut self) {
        if let Some(open) = &mut self.open {
            open.end_here();
        }
    }
}

impl State {
    /// This state with `upload` as its partial.
    fn with_tagged(&self, upload: &TaggedUpload<'_>, length: u32) -> Self {
        let tag = upload.tag.and_then(|tag| Tag::from_slice(tag).ok());
        let held = match &self.partial {
            Some(Partial {
                identity: Identity::Tag(held_tag),
                held,
                ..
            }) if upload.resumes && tag.as_ref() == Some(held_tag) => *held,
            _ => 0,
        };
        Self {
            image: self.image.clone(),
            partial: tag.map(|tag| Partial {
                identity: Identity::Tag(tag),
                length,
                held: held.min(length),
            }),
        }
    }
}

impl FlashUpload {
    const fn is_catching_up(&self) -> bool {
        matches!(self.state, UploadState::CatchingUp(_))
    }

    fn begin_to_catch_up(&mut self) {
        self.state = UploadState::CatchingUp(0);
    }

    /// Reads held bytes once, for the CRC that the image will have.
    fn catch_up<F: NorFlash>(
        &mut self,
        flash: &mut F,
        scratch: &mut [u8],
    ) -> Poll<Result<(), StoreError>> {
        let UploadState::CatchingUp(offset) = self.state else {
            return Poll::Ready(Ok(()));
        };
        let room = scratch.len() - scratch.len() % F::READ_SIZE;
        // What is held are whole erase blocks.
        let count = room.min((self.written - offset) as usize);
        let bytes = scratch.get_mut(..count).ok_or(FlashFault::InvalidState)?;
        flash
            .read(self.start + offset, bytes)
            .map_err(store_error)?;
        self.crc.update(bytes);
        let offset = offset + count as u32;
        if offset < self.written {
            self.state = UploadState::CatchingUp(offset);
            return Poll::Pending;
        }
        self.state = UploadState::Receiving;
        Poll::Ready(Ok(()))
    }

    const fn end_here(&mut self) {
        if self.is_receiving() {
            self.length = self.written + self.buffered as u32;
        }
    }
}
