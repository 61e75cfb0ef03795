//! One file that every transfer replaces: the store of `recv -o`.

use std::io;
use std::path::{Path, PathBuf};
use std::task::Poll;

use tickwire::store::{Begun, Store, StoreError, Upload};
use tickwire::{Sink, SinkError, Tick};

use super::CALL_OUT_OF_ORDER;
use super::target::Target;
use crate::cli::is_stdout;
use crate::exit::Failure;
use crate::system::errno::store_error;
use crate::system::job::Job;

/// Replaces a file atomically with each upload. A device, FIFO or stdout is written directly, and so
/// is a file that cannot be replaced.
///
/// Nothing is kept of an upload that fails, so there is nothing to resume.
///
/// **Slowest unit of work**: one `write` of the bytes that a call was given. Everything that waits
/// for a disk runs on its own thread.
#[derive(Debug)]
pub struct ReplaceStore {
    path: PathBuf,
    /// The file for the next upload. It is opened early, so that a file that cannot be written is
    /// reported before a sender connects.
    next_file: Option<Target>,
    state: State,
}

/// `Closed > Open > Committing > Closed`
#[derive(Debug)]
enum State {
    Closed,
    Open { file: Target, left_bytes: u64 },
    Committing(Job<io::Result<()>>),
}

impl ReplaceStore {
    /// A store over the file at `path`. If nobody reads a FIFO there, waits for a reader until
    /// `interrupted` returns true.
    ///
    /// # Errors
    /// As `AtomicFile::create`.
    pub fn open(path: &Path, interrupted: &dyn Fn() -> bool) -> Result<Self, Failure> {
        Ok(Self {
            path: path.to_owned(),
            next_file: Some(Target::create(path, interrupted)?),
            state: State::Closed,
        })
    }

    /// The path of the file, as text.
    pub fn name(&self) -> String {
        if is_stdout(&self.path) {
            return "stdout".to_owned();
        }
        self.path.display().to_string()
    }

    /// What the user should know about the file: that it is not replaced, but written.
    pub fn note(&self) -> Option<String> {
        let file = self.next_file.as_ref()?;
        file.note().or_else(|| {
            let name = self.name();
            file.is_direct()
                .then(|| format!("{name} is no regular file: it is written as the bytes come"))
        })
    }

    /// Whether no background job is running.
    fn is_settled(&mut self) -> bool {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Committing(job) => match job.poll() {
                Ok(_) => true,
                Err(job) => {
                    self.state = State::Committing(job);
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
        let file = match self.next_file.take() {
            Some(file) => file,
            // If nobody reads a FIFO yet, the next call tries again.
            None => match Target::open(&self.path, &|| true) {
                Ok(file) => file,
                Err(failed) if failed.error.kind() == io::ErrorKind::Interrupted => {
                    return Poll::Pending;
                }
                Err(failed) => return Poll::Ready(Err(store_error(&failed.error))),
            },
        };
        let free = file.free_bytes().map_err(|error| store_error(&error))?;
        if free.is_some_and(|free| upload.length > free) {
            self.next_file = Some(file);
            return Poll::Ready(Err(StoreError::TooLarge));
        }
        self.state = State::Open {
            file,
            left_bytes: upload.length,
        };
        Poll::Ready(Ok(Begun::Held(0)))
    }

    fn read(&mut self, _offset: u64, _buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        // No bytes of an earlier upload are kept.
        Poll::Ready(Ok(0))
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        let State::Open { file, left_bytes } = &mut self.state else {
            return Poll::Ready(Err(CALL_OUT_OF_ORDER));
        };
        let count_max = usize::try_from(*left_bytes).unwrap_or(usize::MAX);
        let written =
            file.write(data.get(..count_max).unwrap_or(data))
                .map_err(|error| match error {
                    SinkError::Failed { code } => StoreError::Failed { code },
                    _ => CALL_OUT_OF_ORDER,
                })?;
        *left_bytes -= written as u64;
        Poll::Ready(Ok(written))
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        let job = match std::mem::replace(&mut self.state, State::Closed) {
            State::Committing(job) => job,
            State::Open {
                file,
                left_bytes: 0,
            } => Job::start(move || file.try_commit()).map_err(|error| store_error(&error))?,
            other => {
                self.state = other;
                return Poll::Ready(Err(CALL_OUT_OF_ORDER));
            }
        };
        match job.poll() {
            Ok(result) => Poll::Ready(result.map_err(|error| store_error(&error))),
            Err(job) => {
                self.state = State::Committing(job);
                Poll::Pending
            }
        }
    }

    fn abandon(&mut self, _keep: bool) -> Poll<Result<(), StoreError>> {
        // `is_settled` drops the file under construction, which leaves nothing behind.
        if self.is_settled() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }
}
