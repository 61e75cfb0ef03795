//! Downloads into NOR flash.

use core::task::{Poll, ready};

use embedded_storage::nor_flash::NorFlash;

use super::{Kept, RestartSink, UrlHash, Version};
use crate::store::{Digest, FlashFault, FlashStore, Store, StoreError, TAG_LEN_MAX, TaggedUpload};
use crate::{Sink, SinkError};

/// In front of the validator of a tag: the hash of the URL, and the total.
const TAG_HEAD_BYTES: usize = 8 + 4;
/// A total that the server did not tell. No image is as long.
const TOTAL_UNKNOWN: u32 = u32::MAX;

/// Takes a download into a [`FlashStore`], where it becomes the image when it is whole. A loss of power
/// at any moment leaves the old image, and of the download everything but the last
/// [`checkpoint_interval`](crate::store::Layout::checkpoint_interval) bytes.
///
/// [`mount`](Self::mount) it before the [`Download`](super::Download) is made, which then goes on
/// with what is there, and [`commit`](Self::commit) it after the download has succeeded. Journal and
/// flash hold parts of one version only: a record of the new one comes before its first byte. What
/// cannot be gone on with (the server gave no validator that proves something, or one of more than
/// [`VALIDATOR_LEN_MAX`](Self::VALIDATOR_LEN_MAX) bytes) is lost with the power.
///
/// It does one unit of the store's work in each turn of the loop, which therefore pauses no longer
/// than for one of those. It takes bodies, not the heads of [`Method::Head`](super::Method::Head).
///
/// ```
/// use core::task::Poll;
/// use embedded_storage::nor_flash::NorFlash;
/// use tickwire::http::FlashSink;
/// use tickwire::store::{FlashStore, StoreError};
///
/// /// What a device does before it makes the `Download`.
/// fn start<F: NorFlash>(store: FlashStore<'_, F>) -> Result<FlashSink<'_, F>, StoreError> {
///     let mut sink = FlashSink::new(store, None);
///     while let Poll::Pending = sink.mount()? {}
///     Ok(sink)
/// }
/// ```
pub struct FlashSink<'a, F> {
    store: FlashStore<'a, F>,
    /// What the whole file must be.
    digest: Option<Digest>,
    /// What the store has recorded of the file, or is to record; empty for nothing.
    tag: Tag,
    /// Length of the whole file in bytes, where the server told it.
    total: Option<u64>,
    /// Whether it goes on after what the store holds.
    resumes: bool,
    phase: Phase,
    is_working: bool,
}

type Tag = heapless::Vec<u8, TAG_LEN_MAX>;

/// ```text
/// Closed -> Beginning -> Open -> Closed
///               ^         '-> Closing -'
///               '--- (restart) ---
/// ```
#[derive(Clone, Copy)]
enum Phase {
    /// There is no file.
    Closed,
    /// The store has still to record what comes.
    Beginning,
    /// The store takes bytes.
    Open,
    /// The commit failed with this error.
    Closing(StoreError),
}

#[cfg(feature = "defmt")]
impl<F> defmt::Format for FlashSink<'_, F> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let Self { store, total, .. } = self;
        defmt::write!(f, "FlashSink {{ store: {}, total: {=?} }}", store, total);
    }
}

impl<'a, F: NorFlash> FlashSink<'a, F> {
    /// The longest validator that is kept, in bytes.
    pub const VALIDATOR_LEN_MAX: usize = TAG_LEN_MAX - TAG_HEAD_BYTES;

    /// A sink into `store`. With a `digest`, a file with another SHA-256 does not become the image.
    pub const fn new(store: FlashStore<'a, F>, digest: Option<Digest>) -> Self {
        Self {
            store,
            digest,
            tag: Tag::new(),
            total: None,
            resumes: false,
            phase: Phase::Closed,
            is_working: false,
        }
    }

    /// The store.
    pub const fn store(&self) -> &FlashStore<'a, F> {
        &self.store
    }

    /// The store, with all that it took.
    pub fn into_store(self) -> FlashStore<'a, F> {
        self.store
    }

    /// Looks for what is kept, before the download is made. Writes nothing.
    ///
    /// # Errors
    /// As [`FlashStore::mount`].
    pub fn mount(&mut self) -> Poll<Result<(), StoreError>> {
        ready!(self.store.mount())?;
        self.take_up();
        Poll::Ready(Ok(()))
    }

    /// Makes what came the image, after the download has succeeded: reads it back first, and compares
    /// the digest where there is one.
    ///
    /// # Errors
    /// [`StoreError::Failed`] with a [`FlashFault`]; [`FlashFault::ReadBack`] also for another digest.
    /// The old image stays, and wrong bytes are not kept.
    pub fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        match self.phase {
            Phase::Closed => Poll::Ready(Err(FlashFault::InvalidState.into())),
            Phase::Beginning => {
                ready!(self.begin())?;
                Poll::Pending
            }
            Phase::Open => {
                if self.total.is_none() {
                    self.store.end_here();
                }
                match ready!(self.store.commit()) {
                    Ok(()) => {
                        self.phase = Phase::Closed;
                        Poll::Ready(Ok(()))
                    }
                    Err(error) => {
                        self.phase = Phase::Closing(error);
                        Poll::Pending
                    }
                }
            }
            Phase::Closing(error) => {
                ready!(self.store.abandon(true))?;
                self.take_up();
                Poll::Ready(Err(error))
            }
        }
    }

    /// Records all that came, after a download has failed: the next one goes on with it, now or after
    /// a loss of power.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn suspend(&mut self) -> Poll<Result<(), StoreError>> {
        ready!(self.store.abandon(true))?;
        self.take_up();
        Poll::Ready(Ok(()))
    }

    /// The next download goes on with what the store holds, if it holds something.
    fn take_up(&mut self) {
        self.phase = Phase::Closed;
        let Some((tag, _)) = self.store.held_tagged() else {
            return;
        };
        let Ok(tag) = Tag::from_slice(tag) else {
            return;
        };
        if let Some((head, _)) = tag.split_first_chunk::<TAG_HEAD_BYTES>() {
            let [.., a, b, c, d] = *head;
            let total = u32::from_le_bytes([a, b, c, d]);
            self.total = (total != TOTAL_UNKNOWN).then_some(total.into());
            self.tag = tag;
            self.resumes = true;
            self.phase = Phase::Beginning;
        }
    }

    fn begin(&mut self) -> Poll<Result<(), StoreError>> {
        let upload = TaggedUpload {
            tag: Some(&*self.tag).filter(|tag| !tag.is_empty()),
            length: self.total,
            digest: self.digest.as_ref(),
            resumes: self.resumes,
        };
        ready!(self.store.begin_tagged(&upload))?;
        self.phase = Phase::Open;
        Poll::Ready(Ok(()))
    }

    /// One unit of work.
    fn take(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        match self.phase {
            Phase::Open if self.store.is_full() => Poll::Ready(Err(StoreError::TooLarge)),
            Phase::Open => self.store.write(data),
            Phase::Beginning => {
                ready!(self.begin())?;
                Poll::Pending
            }
            Phase::Closed | Phase::Closing(_) => Poll::Ready(Err(FlashFault::InvalidState.into())),
        }
    }
}

/// What is recorded of a version; nothing where it cannot be gone on with.
fn tag_of(version: &Version) -> Tag {
    let mut tag = Tag::new();
    let Some(validator) = version.validator else {
        return tag;
    };
    let UrlHash(hash) = UrlHash::of(version.url.as_bytes());
    let total = version.total.map_or(Ok(TOTAL_UNKNOWN), u32::try_from);
    let total = total.unwrap_or(TOTAL_UNKNOWN).to_le_bytes();
    for piece in [&hash.to_le_bytes()[..], &total, validator] {
        if tag.extend_from_slice(piece).is_err() {
            return Tag::new();
        }
    }
    tag
}

impl<F: NorFlash> Sink for FlashSink<'_, F> {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let taken = match self.take(data) {
            Poll::Pending => Ok(0),
            Poll::Ready(outcome) => outcome.map_err(|error| match error {
                StoreError::TooLarge => SinkError::Full,
                StoreError::Failed { code } => SinkError::Failed { code },
                StoreError::Busy => SinkError::Failed { code: 0 },
            }),
        };
        self.is_working = taken.is_ok_and(|taken| taken < data.len());
        taken
    }
}

impl<F: NorFlash> RestartSink for FlashSink<'_, F> {
    fn restart(&mut self, version: &Version<'_>) -> Result<(), SinkError> {
        self.tag = tag_of(version);
        self.total = version.total;
        self.resumes = false;
        self.phase = Phase::Beginning;
        Ok(())
    }

    fn kept(&self) -> Option<Kept<'_>> {
        let is_kept = self.resumes && matches!(self.phase, Phase::Beginning);
        let (tag, held) = self.store.held_tagged().filter(|_| is_kept)?;
        let (head, validator) = tag.split_first_chunk::<TAG_HEAD_BYTES>()?;
        let [a, b, c, d, e, f, g, h, ..] = *head;
        Some(Kept {
            bytes: held.into(),
            url: UrlHash(u64::from_le_bytes([a, b, c, d, e, f, g, h])),
            validator: Some(validator),
            total: self.total,
        })
    }

    fn is_working(&self) -> bool {
        self.is_working
    }
}
