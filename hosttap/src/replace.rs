//! One file that every transfer replaces: the store of `recv -o`.

use std::io;
use std::path::{Path, PathBuf};
use std::task::Poll;

use tickwire::store::{Begun, Store, StoreError, Upload};
use tickwire::{Error, Tick};

use crate::exit::Failure;
use crate::files::AtomicFile;
use crate::job::Job;

/// The code of [`StoreError::Failed`] when a call does not fit: no upload is open, or bytes are missing.
const OUT_OF_ORDER: StoreError = StoreError::Failed { code: 0 };

/// Replaces a file by whatever comes, atomically; a device or FIFO is written straight.
///
/// Nothing is kept of an upload that fails, so there is nothing to resume.
///
/// **Slowest unit of work**: one `write` of the bytes that a call was given. What waits for a disk is done by a thread of
/// its own.
#[derive(Debug)]
pub struct ReplaceStore {
    path: PathBuf,
    /// Opened ahead, so that a file that cannot be written is known before anybody calls.
    ready: Option<AtomicFile>,
    stage: Stage,
}

/// `Closed > Open > Committing > Closed`
#[derive(Debug)]
enum Stage {
    Closed,
    Open { file: AtomicFile, left: u64 },
    Committing(Job<io::Result<()>>),
}

impl ReplaceStore {
    /// A store over `path`. On a FIFO without a reader it waits for one until `interrupted`.
    ///
    /// # Errors
    /// As [`AtomicFile::create`].
    pub fn open(path: &Path, interrupted: &dyn Fn() -> bool) -> Result<Self, Failure> {
        Ok(Self {
            path: path.to_owned(),
            ready: Some(AtomicFile::create(path, interrupted)?),
            stage: Stage::Closed,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nothing is left to be done in the background.
    fn is_settled(&mut self) -> bool {
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Committing(job) => match job.poll() {
                Ok(_) => true,
                Err(job) => {
                    self.stage = Stage::Committing(job);
                    false
                }
            },
            _ => true,
        }
    }
}

impl Store for ReplaceStore {
    fn begin(&mut self, _now: Tick, upload: &Upload<'_>) -> Poll<Result<Begun, StoreError>> {
        if !self.is_settled() {
            return Poll::Pending;
        }
        let file = match self.ready.take() {
            Some(file) => file,
            // Without a reader a FIFO is asked again at the next call.
            None => match AtomicFile::try_create(&self.path, &|| true) {
                Ok(file) => file,
                Err(refused) if refused.error.kind() == io::ErrorKind::Interrupted => {
                    return Poll::Pending;
                }
                Err(refused) => return Poll::Ready(Err(failed(&refused.error))),
            },
        };
        let free = file.free_bytes().map_err(|error| failed(&error))?;
        if free.is_some_and(|free| upload.length > free) {
            self.ready = Some(file);
            return Poll::Ready(Err(StoreError::TooLarge));
        }
        self.stage = Stage::Open {
            file,
            left: upload.length,
        };
        Poll::Ready(Ok(Begun::Held(0)))
    }

    fn read(&mut self, _offset: u64, _buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        // Nothing is ever held.
        Poll::Ready(Ok(0))
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        let Stage::Open { file, left } = &mut self.stage else {
            return Poll::Ready(Err(OUT_OF_ORDER));
        };
        let most = usize::try_from(*left).unwrap_or(usize::MAX);
        let written =
            file.write(data.get(..most).unwrap_or(data))
                .map_err(|error| match error {
                    Error::Sink { code } => StoreError::Failed { code },
                    _ => OUT_OF_ORDER,
                })?;
        *left -= written as u64;
        Poll::Ready(Ok(written))
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        let job = match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Committing(job) => job,
            Stage::Open { file, left: 0 } => {
                Job::start(move || file.try_commit()).map_err(|error| failed(&error))?
            }
            other => {
                self.stage = other;
                return Poll::Ready(Err(OUT_OF_ORDER));
            }
        };
        match job.poll() {
            Ok(result) => Poll::Ready(result.map_err(|error| failed(&error))),
            Err(job) => {
                self.stage = Stage::Committing(job);
                Poll::Pending
            }
        }
    }

    fn abandon(&mut self, _keep: bool) -> Poll<Result<(), StoreError>> {
        // Dropped, a file under construction leaves nothing.
        if self.is_settled() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }
}

fn failed(error: &io::Error) -> StoreError {
    StoreError::Failed {
        code: error.raw_os_error().unwrap_or(0),
    }
}
