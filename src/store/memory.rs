//! A store in memory that the caller lends: one file, replaced whole.

use core::task::Poll;

use managed::ManagedSlice;

use super::{Begun, Digest, Name, Store, StoreError, Upload, kept_name};
use crate::Tick;

/// Keeps the newest file that came whole, in one of two buffers; the next one goes to the other buffer.
///
/// The file is lost with the power, and so is what is held of an upload. Two buffers are needed because the old
/// file stays readable until the new one is committed; the largest upload is as long as the buffer that is free,
/// so buffers of different lengths take turns in what they can hold.
///
/// **Slowest unit of work**: one copy of the bytes that a call was given.
///
/// A name is kept as it came, cut to 255 bytes: it labels the file, and no path is made of it.
pub struct MemoryStore<'a> {
    /// Lent for the store's life: where the next upload goes.
    spare: ManagedSlice<'a, u8>,
    /// Lent for the store's life: where the current file is.
    current: ManagedSlice<'a, u8>,
    file: Option<File>,
    /// What `spare` holds of an upload that can be resumed, or that is open.
    partial: Option<Partial>,
    is_open: bool,
}

/// The current file of a [`MemoryStore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryImage<'s> {
    /// All its bytes.
    pub bytes: &'s [u8],
    /// The digest that the receiver found right; `None` for a plain upload.
    pub digest: Option<Digest>,
    /// The name that its sender gave; `None` for a plain upload.
    pub name: Option<&'s str>,
}

struct File {
    name: Name,
    length: usize,
    digest: Option<Digest>,
}

struct Partial {
    file: File,
    held: usize,
}

/// The code of [`StoreError::Failed`] when a call does not fit: no upload is open, or its bytes are too few or too many.
const OUT_OF_ORDER: StoreError = StoreError::Failed { code: 0 };

impl<'a> MemoryStore<'a> {
    /// An empty store over two buffers, each as long as the largest file is to be.
    pub fn new(
        first: impl Into<ManagedSlice<'a, u8>>,
        second: impl Into<ManagedSlice<'a, u8>>,
    ) -> Self {
        Self {
            spare: first.into(),
            current: second.into(),
            file: None,
            partial: None,
            is_open: false,
        }
    }

    /// The current file, if one was committed.
    pub fn image(&self) -> Option<MemoryImage<'_>> {
        let file = self.file.as_ref()?;
        Some(MemoryImage {
            bytes: self.current.get(..file.length)?,
            digest: file.digest,
            name: Some(file.name.as_str()).filter(|name| !name.is_empty()),
        })
    }

    fn open(&mut self) -> Result<&mut Partial, StoreError> {
        let is_open = self.is_open;
        self.partial
            .as_mut()
            .filter(|_| is_open)
            .ok_or(OUT_OF_ORDER)
    }
}

impl File {
    fn new(upload: &Upload<'_>, length: usize) -> Self {
        Self {
            name: kept_name(upload.name),
            length,
            digest: upload.digest.copied(),
        }
    }

    /// Whether these are surely the same bytes: without a digest nobody knows.
    fn has_bytes_of(&self, other: &Self) -> bool {
        self.digest.is_some() && self.digest == other.digest && self.length == other.length
    }
}

impl Store for MemoryStore<'_> {
    fn begin(&mut self, _now: Tick, upload: &Upload<'_>) -> Poll<Result<Begun, StoreError>> {
        let length = match usize::try_from(upload.length) {
            Ok(length) if length <= self.spare.len() => length,
            _ => return Poll::Ready(Err(StoreError::TooLarge)),
        };
        let file = File::new(upload, length);
        self.is_open = false;
        let finished = self.file.as_ref();
        if finished.is_some_and(|old| old.has_bytes_of(&file) && old.name == file.name) {
            return Poll::Ready(Ok(Begun::Finished));
        }
        let held = match &self.partial {
            Some(partial) if partial.file.has_bytes_of(&file) => partial.held,
            _ => 0,
        };
        self.partial = Some(Partial { file, held });
        self.is_open = true;
        Poll::Ready(Ok(Begun::Held(held as u64)))
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        let held = self.open()?.held;
        let found = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.spare.get(offset..held))
            .unwrap_or_default();
        for (to, from) in buffer.iter_mut().zip(found) {
            *to = *from;
        }
        Poll::Ready(Ok(buffer.len().min(found.len())))
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        let partial = self.open()?;
        let (from, to) = (partial.held, partial.held.saturating_add(data.len()));
        if to > partial.file.length {
            return Poll::Ready(Err(OUT_OF_ORDER));
        }
        partial.held = to;
        if let Some(place) = self.spare.get_mut(from..to) {
            place.copy_from_slice(data);
        }
        Poll::Ready(Ok(data.len()))
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        let partial = self.open()?;
        if partial.held != partial.file.length {
            return Poll::Ready(Err(OUT_OF_ORDER));
        }
        self.file = self.partial.take().map(|partial| partial.file);
        self.is_open = false;
        core::mem::swap(&mut self.spare, &mut self.current);
        Poll::Ready(Ok(()))
    }

    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>> {
        if self.is_open && !keep {
            self.partial = None;
        }
        self.is_open = false;
        Poll::Ready(Ok(()))
    }
}
