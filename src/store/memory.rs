//! A store in memory that the caller lends: one file, replaced whole.

use core::task::Poll;

use managed::ManagedSlice;

use super::{Begun, Digest, Name, Store, StoreError, Upload, kept_name};
use crate::Tick;

/// Keeps the newest file that came whole, in one of two buffers; the next one goes to the other
/// buffer.
///
/// The file is lost with the power, and so is what is held of an upload. Two buffers are needed
/// because the old file stays readable until the new one is committed; the largest upload is as
/// long as the buffer that is free, so buffers of different lengths take turns in what they can
/// hold.
///
/// **Slowest unit of work**: one copy of the bytes that a call was given.
///
/// A name is kept as it came, cut to 255 bytes: it labels the file, and no path is made of it.
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
    /// Lent for the store's life: where the next upload goes.
    spare: ManagedSlice<'a, u8>,
    /// Lent for the store's life: where the current file is.
    current: ManagedSlice<'a, u8>,
    file: Option<File>,
    /// What `spare` holds of an upload that can be resumed, or that is open.
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

/// The current file of a [`MemoryStore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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

/// The code of [`StoreError::Failed`] when a call does not fit: no upload is open, or its bytes are
/// too few or too many.
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
    fn new(upload: &Upload, length: usize) -> Self {
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
        let (from, length) = (partial.held, partial.file.length);
        if from == length && !data.is_empty() {
            return Poll::Ready(Err(OUT_OF_ORDER));
        }
        let count = data.len().min(length - from);
        partial.held += count;
        let place = self.spare.get_mut(from..length).unwrap_or_default();
        for (to, from) in place.iter_mut().zip(data) {
            *to = *from;
        }
        Poll::Ready(Ok(count))
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

    /// This store never has more to do than one call does.
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
            Err(OUT_OF_ORDER),
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
        assert_eq!(ready(store.commit()), Err(OUT_OF_ORDER), "nothing is open");
        assert_eq!(begin(&mut store, &plain), Ok(Begun::Held(0)));
    }

    #[test]
    fn a_kept_partial_resumes_only_under_its_digest_and_length() {
        let (mut first, mut second) = ([0; 8], [0; 8]);
        let mut store = MemoryStore::new(&mut first[..], &mut second[..]);
        begin(&mut store, &upload(6)).unwrap();
        ready(store.write(b"abcd")).unwrap();
        ready(store.abandon(true)).unwrap();
        assert_eq!(ready(store.write(b"ef")), Err(OUT_OF_ORDER));
        assert_eq!(begin(&mut store, &upload(6)), Ok(Begun::Held(4)));
        let mut buffer = [0; 3];
        assert_eq!(ready(store.read(0, &mut buffer)), Ok(3));
        assert_eq!(&buffer, b"abc");
        assert_eq!(ready(store.read(3, &mut buffer)), Ok(1));
        assert_eq!(ready(store.read(4, &mut buffer)), Ok(0));
        assert_eq!(ready(store.read(u64::MAX, &mut buffer)), Ok(0));
        // What came last is held too when the next begin comes without an abandon.
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
    fn a_repeat_is_finished_and_a_larger_file_refused() {
        let (mut first, mut second) = ([0; 8], [0; 4]);
        let mut store = MemoryStore::new(&mut first[..], &mut second[..]);
        assert_eq!(begin(&mut store, &upload(9)), Err(StoreError::TooLarge));
        let huge = upload(u64::MAX);
        assert_eq!(begin(&mut store, &huge), Err(StoreError::TooLarge));
        begin(&mut store, &upload(8)).unwrap();
        assert_eq!(ready(store.write(b"12345678 and more")), Ok(8));
        assert_eq!(ready(store.write(b" and more")), Err(OUT_OF_ORDER));
        ready(store.commit()).unwrap();
        // The free buffer is the smaller one now, but a repeat needs none.
        assert_eq!(begin(&mut store, &upload(8)), Ok(Begun::Finished));
        assert_eq!(ready(store.commit()), Err(OUT_OF_ORDER));
        let renamed = Upload {
            name: Some("other"),
            ..upload(8)
        };
        assert_eq!(begin(&mut store, &renamed), Err(StoreError::TooLarge));
        assert_eq!(store.image().unwrap().bytes, b"12345678");
    }
}
