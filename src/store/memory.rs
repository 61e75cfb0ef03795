//! A store for one file, in two buffers that the caller lends.

use core::task::Poll;

use managed::ManagedSlice;

use super::name::{StoredName, given_name, stored_name};
use super::traits::{Begun, Digest, Store, StoreError, Upload};
use crate::Tick;

/// Keeps the newest complete file in one of two buffers. The next upload goes to the other buffer.
///
/// A loss of power loses the file, and the bytes of an upload. Two buffers are necessary because the
/// old file stays readable until the new one is committed. The free buffer limits the length of an
/// upload, so with buffers of different lengths the limit alternates.
///
/// **Slowest unit of work**: one copy of the bytes passed to a call.
///
/// The store keeps the name as received, cut to 255 bytes. It is only a label and never becomes a
/// path.
///
/// ```
/// use core::task::Poll;
/// use tickwire::Tick;
/// use tickwire::store::{Begun, MemoryStore, Store, Upload};
///
/// let (mut first, mut second) = ([0; 64], [0; 64]);
/// let mut store = MemoryStore::new(&mut first[..], &mut second[..]);
/// let upload = Upload { name: Some("greeting"), length: 5, digest: None };
/// assert_eq!(store.begin(Tick::ZERO, &upload), Poll::Ready(Ok(Begun::Held(0))));
/// assert_eq!(store.write(b"hello"), Poll::Ready(Ok(5)));
/// assert_eq!(store.commit(), Poll::Ready(Ok(())));
/// assert_eq!(store.image().map(|image| image.bytes), Some(&b"hello"[..]));
/// ```
pub struct MemoryStore<'a> {
    /// Lent by the caller for the life of the store: buffer of the next upload.
    spare: ManagedSlice<'a, u8>,
    /// Lent by the caller for the life of the store: buffer of the current file.
    current: ManagedSlice<'a, u8>,
    file: Option<File>,
    /// The upload in `spare`, which is open or can be resumed.
    partial: Option<Partial>,
    is_open: bool,
}

#[cfg(feature = "defmt")]
impl defmt::Format for MemoryStore<'_> {
    fn format(&self, f: defmt::Formatter) {
        let length = self.file.as_ref().map(|file| file.length);
        let held = self.partial.as_ref().map(|partial| partial.held);
        defmt::write!(
            f,
            "MemoryStore {{ length: {=?}, held: {=?}, is_open: {=bool} }}",
            length,
            held,
            self.is_open
        );
    }
}

/// The current file of a [`MemoryStore`], from [`MemoryStore::image`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MemoryImage<'s> {
    /// The whole file.
    pub bytes: &'s [u8],
    /// The digest that the receiver verified; `None` for a plain upload.
    pub digest: Option<Digest>,
    /// The name as the sender gave it; `None` for a plain upload.
    pub name: Option<&'s str>,
}

struct File {
    name: StoredName,
    length: usize,
    digest: Option<Digest>,
}

struct Partial {
    file: File,
    held: usize,
}

/// The error of a call that the present state does not allow: no upload is open, or it has too few or
/// too many bytes.
const INVALID_STATE: StoreError = StoreError::Failed { code: 0 };

impl<'a> MemoryStore<'a> {
    /// Creates an empty store over two buffers. The length of each limits the files that go into it,
    /// in bytes.
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

    /// The current file; `None` before the first commit.
    pub fn image(&self) -> Option<MemoryImage<'_>> {
        let file = self.file.as_ref()?;
        Some(MemoryImage {
            bytes: self.current.get(..file.length)?,
            digest: file.digest,
            name: given_name(&file.name),
        })
    }

    fn open_partial(&mut self) -> Result<&mut Partial, StoreError> {
        let is_open = self.is_open;
        self.partial
            .as_mut()
            .filter(|_| is_open)
            .ok_or(INVALID_STATE)
    }
}

impl File {
    fn new(upload: &Upload, length: usize) -> Self {
        Self {
            name: stored_name(upload.name),
            length,
            digest: upload.digest.copied(),
        }
    }

    /// Whether both certainly have the same bytes. Without a digest that is unknown.
    fn has_bytes_of(&self, other: &Self) -> bool {
        self.digest.is_some() && self.digest == other.digest && self.length == other.length
    }
}

impl Store for MemoryStore<'_> {
    fn begin(&mut self, _now: Tick, upload: &Upload) -> Poll<Result<Begun, StoreError>> {
        self.is_open = false;
        let Ok(length) = usize::try_from(upload.length) else {
            return Poll::Ready(Err(StoreError::TooLarge));
        };
        let file = File::new(upload, length);
        let finished = self.file.as_ref();
        if finished.is_some_and(|old| old.has_bytes_of(&file) && old.name == file.name) {
            return Poll::Ready(Ok(Begun::Finished));
        }
        if length > self.spare.len() {
            return Poll::Ready(Err(StoreError::TooLarge));
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
        let held = self.open_partial()?.held;
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
        let partial = self.open_partial()?;
        let (start, length) = (partial.held, partial.file.length);
        if start == length && !data.is_empty() {
            return Poll::Ready(Err(INVALID_STATE));
        }
        let count = data.len().min(length - start);
        partial.held += count;
        let target = self.spare.get_mut(start..length).unwrap_or_default();
        for (to, from) in target.iter_mut().zip(data) {
            *to = *from;
        }
        Poll::Ready(Ok(count))
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        let partial = self.open_partial()?;
        if partial.held != partial.file.length {
            return Poll::Ready(Err(INVALID_STATE));
        }
        self.file = self.partial.take().map(|partial| partial.file);
        self.is_open = false;
        core::mem::swap(&mut self.spare, &mut self.current);
        Poll::Ready(Ok(()))
    }

    fn stored_name(&self) -> Option<&str> {
        self.image().and_then(|image| image.name)
    }

    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>> {
        if self.is_open && !keep {
            self.partial = None;
        }
        self.is_open = false;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: Digest = [7; 32];

    fn upload(length: u64) -> Upload<'static> {
        Upload {
            name: Some("name"),
            length,
            digest: Some(&DIGEST),
        }
    }

    fn begin(store: &mut MemoryStore<'_>, upload: &Upload) -> Result<Begun, StoreError> {
        ready(store.begin(Tick::ZERO, upload))
    }

    /// Unwraps a poll: this store is always ready.
    fn ready<T>(outcome: Poll<T>) -> T {
        match outcome {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => panic!("pending"),
        }
    }

    #[test]
    fn the_old_file_stays_whole_until_the_new_one_is_committed() {
        let (mut first, mut second) = ([0; 8], [0; 8]);
        let mut store = MemoryStore::new(&mut first[..], &mut second[..]);
        assert_eq!(store.image(), None);
        begin(&mut store, &upload(3)).unwrap();
        ready(store.write(b"old")).unwrap();
        assert_eq!(store.image(), None);
        ready(store.commit()).unwrap();
        let old = MemoryImage {
            bytes: b"old",
            digest: Some(DIGEST),
            name: Some("name"),
        };
        assert_eq!(store.image(), Some(old));

        let plain = Upload {
            name: None,
            length: 8,
            digest: None,
        };
        begin(&mut store, &plain).unwrap();
        ready(store.write(b"newer")).unwrap();
        assert_eq!(
            ready(store.commit()),
            Err(INVALID_STATE),
            "bytes are missing"
        );
        ready(store.write(b"one")).unwrap();
        assert_eq!(store.image(), Some(old));
        ready(store.commit()).unwrap();
        let new = MemoryImage {
            bytes: b"newerone",
            digest: None,
            name: None,
        };
        assert_eq!(store.image(), Some(new));
        assert_eq!(ready(store.commit()), Err(INVALID_STATE), "nothing is open");
        assert_eq!(begin(&mut store, &plain), Ok(Begun::Held(0)));
    }

    #[test]
    fn a_kept_partial_resumes_only_with_the_same_digest_and_length() {
        let (mut first, mut second) = ([0; 8], [0; 8]);
        let mut store = MemoryStore::new(&mut first[..], &mut second[..]);
        begin(&mut store, &upload(6)).unwrap();
        ready(store.write(b"abcd")).unwrap();
        ready(store.abandon(true)).unwrap();
        assert_eq!(ready(store.write(b"ef")), Err(INVALID_STATE));
        assert_eq!(begin(&mut store, &upload(6)), Ok(Begun::Held(4)));
        let mut buffer = [0; 3];
        assert_eq!(ready(store.read(0, &mut buffer)), Ok(3));
        assert_eq!(&buffer, b"abc");
        assert_eq!(ready(store.read(3, &mut buffer)), Ok(1));
        assert_eq!(ready(store.read(4, &mut buffer)), Ok(0));
        assert_eq!(ready(store.read(u64::MAX, &mut buffer)), Ok(0));
        // A begin without an abandon keeps the last bytes too.
        assert_eq!(ready(store.write(b"e")), Ok(1));
        assert_eq!(begin(&mut store, &upload(6)), Ok(Begun::Held(5)));
        assert_eq!(begin(&mut store, &upload(7)), Ok(Begun::Held(0)));
        ready(store.write(b"wrong")).unwrap();
        ready(store.abandon(false)).unwrap();
        assert_eq!(begin(&mut store, &upload(7)), Ok(Begun::Held(0)));
        let other = [8; 32];
        let other = Upload {
            digest: Some(&other),
            ..upload(7)
        };
        ready(store.write(b"right")).unwrap();
        assert_eq!(begin(&mut store, &other), Ok(Begun::Held(0)));
    }

    #[test]
    fn a_repeated_file_is_finished_and_a_larger_one_is_refused() {
        let (mut first, mut second) = ([0; 8], [0; 4]);
        let mut store = MemoryStore::new(&mut first[..], &mut second[..]);
        assert_eq!(begin(&mut store, &upload(9)), Err(StoreError::TooLarge));
        let huge = upload(u64::MAX);
        assert_eq!(begin(&mut store, &huge), Err(StoreError::TooLarge));
        begin(&mut store, &upload(8)).unwrap();
        assert_eq!(ready(store.write(b"12345678 and more")), Ok(8));
        assert_eq!(ready(store.write(b" and more")), Err(INVALID_STATE));
        ready(store.commit()).unwrap();
        // The free buffer is now the smaller one, but a repeated file needs no buffer.
        assert_eq!(begin(&mut store, &upload(8)), Ok(Begun::Finished));
        assert_eq!(ready(store.commit()), Err(INVALID_STATE));
        let renamed = Upload {
            name: Some("other"),
            ..upload(8)
        };
        assert_eq!(begin(&mut store, &renamed), Err(StoreError::TooLarge));
        assert_eq!(store.image().unwrap().bytes, b"12345678");
    }
}
