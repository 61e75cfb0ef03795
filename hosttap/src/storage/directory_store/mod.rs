//! A directory of received files: the store of `recv --dir`.
//!
//! A partial file is hidden in the directory as `.tickwire-<SHA-256>-<length>.part`. Once it is
//! complete, it is synced, renamed to its final name without replacing another file, and the
//! directory is synced. `.tickwire-finished` records what was stored, see `finished`.

mod directory;
mod finished;
mod partial;
mod probe;
mod prune;
mod upload;

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tickwire::Tick;
use tickwire::store::{Begun, Store, StoreError, Upload};

use super::CALL_OUT_OF_ORDER;
use super::file_system::{free_bytes, sync_file};
use crate::exit::{Exit, Failure};
use crate::system::clock::Clock;
use crate::system::errno::{retry_interrupted, store_error};
use crate::system::job::Job;

use directory::Directory;
pub use partial::Limits;
use partial::Partial;
use upload::{OwnedUpload, first_free};

/// Stores every file under its sanitized name or a numbered one. It never replaces a file.
///
/// If a sender vanishes, the bytes received so far stay for its next attempt, within [`Limits`].
/// Several receivers may share a directory: each locks the file that it writes.
///
/// **Slowest unit of work**: one `pread` or `pwrite` of the bytes that a call was given. Everything
/// that waits for a disk, or takes longer in a larger directory, runs on its own thread.
#[derive(Debug)]
pub struct DirectoryStore {
    path: PathBuf,
    directory: Arc<Directory>,
    clock: Clock,
    limits: Limits,
    state: State,
    last_name: Option<String>,
}

/// ```text
/// Closed > Beginning > Open > Committing > Closed
///              '---------'---> Removing > Closed
/// ```
#[derive(Debug)]
enum State {
    Closed,
    Beginning(OwnedUpload, Job<Result<Opened, StoreError>>),
    Open(OpenUpload),
    Committing(Job<Committed>),
    Removing(Job<()>),
}

/// The result of beginning an upload.
#[derive(Debug)]
enum Opened {
    /// The partial file and the number of bytes in it.
    Partial(Partial, u64),
    /// The name of the file, which is stored already.
    Finished(String),
}

#[derive(Debug)]
struct OpenUpload {
    partial: Partial,
    upload: OwnedUpload,
    /// The number of bytes in the partial file.
    held_bytes: u64,
}

/// The result of a commit: the final name, or the error. After an error the partial file is still
/// complete.
type Committed = (OpenUpload, io::Result<String>);

impl DirectoryStore {
    /// A store in the directory at `path`. Creates it if only its last component is missing.
    ///
    /// # Errors
    /// [`Exit::Write`]: `path` is not a directory, or no files can be created in it, made durable
    /// and renamed.
    pub fn open(path: &Path, clock: Clock, limits: Limits) -> Result<Self, Failure> {
        let directory = open_directory(path)
            .map_err(|error| Failure::from_io(Exit::Write, &path.display().to_string(), &error))?;
        Ok(Self {
            path: path.to_owned(),
            directory: Arc::new(directory),
            clock,
            limits,
            state: State::Closed,
            last_name: None,
        })
    }

    /// Another store in the same directory, for another receiver.
    #[must_use]
    pub fn another(&self) -> Self {
        Self {
            path: self.path.clone(),
            directory: Arc::clone(&self.directory),
            clock: self.clock.clone(),
            limits: self.limits,
            state: State::Closed,
            last_name: None,
        }
    }

    /// What the user should know about the directory.
    pub fn note(&self) -> Option<String> {
        let path = self.path.display();
        (!self.directory.has_locks()).then(|| {
            format!("{path} has no locks: a transfer that breaks off begins again from the start")
        })
    }

    /// The path of the last file that was stored, or that was stored already. Before the first
    /// file, the path of the directory.
    pub fn last_path(&self) -> PathBuf {
        self.path
            .join(self.last_name.as_deref().unwrap_or_default())
    }

    fn start_begin(
        &self,
        upload: &OwnedUpload,
    ) -> Result<Job<Result<Opened, StoreError>>, StoreError> {
        let (directory, upload) = (Arc::clone(&self.directory), upload.clone());
        let (limits, unix) = (self.limits, self.clock.unix());
        Job::start(move || open(&directory, &upload, &limits, unix))
            .map_err(|error| store_error(&error))
    }

    fn open_upload(&mut self) -> Result<&mut OpenUpload, StoreError> {
        match &mut self.state {
            State::Open(open) => Ok(open),
            _ => Err(CALL_OUT_OF_ORDER),
        }
    }

    /// Whether no background job is running. If a begin has finished since
    /// the last call, its upload is open.
    fn is_settled(&mut self) -> bool {
        let (state, is_settled) = match self.state.take() {
            State::Beginning(upload, job) => match job.poll() {
                Ok(Ok(Opened::Partial(partial, held_bytes))) => {
                    let open = OpenUpload {
                        partial,
                        upload,
                        held_bytes,
                    };
                    (State::Open(open), true)
                }
                Ok(_) => (State::Closed, true),
                Err(job) => (State::Beginning(upload, job), false),
            },
            State::Committing(job) => match job.poll() {
                Ok((open, Err(_))) => (State::Open(open), true),
                Ok((_, Ok(_))) => (State::Closed, true),
                Err(job) => (State::Committing(job), false),
            },
            State::Removing(job) => match job.poll() {
                Ok(()) => (State::Closed, true),
                Err(job) => (State::Removing(job), false),
            },
            state => (state, true),
        };
        self.state = state;
        is_settled
    }
}

impl State {
    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Closed)
    }

    /// A begin that nobody waits for any more leaves no partial file.
    fn without_what_begins(self) -> Self {
        let Self::Beginning(_, job) = self else {
            return self;
        };
        let remove = move || {
            if let Ok(Opened::Partial(mut partial, _)) = job.join() {
                partial.remove_on_drop();
            }
        };
        // Without a thread the file stays until it is pruned.
        Job::start(remove).map_or(Self::Closed, Self::Removing)
    }
}

impl Store for DirectoryStore {
    fn begin(&mut self, _now: Tick, upload: &Upload<'_>) -> Poll<Result<Begun, StoreError>> {
        let upload = OwnedUpload::from(upload);
        let job = match self.state.take() {
            State::Beginning(begun, job) if begun == upload => job,
            other => {
                self.state = other;
                if self.abandon(true).is_pending() {
                    return Poll::Pending;
                }
                self.start_begin(&upload)?
            }
        };
        match job.poll() {
            Err(job) => {
                self.state = State::Beginning(upload, job);
                Poll::Pending
            }
            Ok(Err(error)) => Poll::Ready(Err(error)),
            Ok(Ok(Opened::Finished(name))) => {
                self.last_name = Some(name);
                Poll::Ready(Ok(Begun::Finished))
            }
            Ok(Ok(Opened::Partial(partial, held_bytes))) => {
                self.state = State::Open(OpenUpload {
                    partial,
                    upload,
                    held_bytes,
                });
                Poll::Ready(Ok(Begun::Held(held_bytes)))
            }
        }
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        let open = self.open_upload()?;
        let left = usize::try_from(open.held_bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = left.min(buffer.len());
        let buffer = buffer.get_mut(..count).unwrap_or_default();
        let file = &open.partial.file;
        let read = retry_interrupted(|| file.read_at(buffer, offset));
        Poll::Ready(read.map_err(|error| store_error(&error)))
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        let open = self.open_upload()?;
        let left = usize::try_from(open.upload.length - open.held_bytes).unwrap_or(usize::MAX);
        let data = data.get(..left).unwrap_or(data);
        let file = &open.partial.file;
        let written = retry_interrupted(|| file.write_at(data, open.held_bytes))
            .map_err(|error| store_error(&error))?;
        open.held_bytes += written as u64;
        Poll::Ready(Ok(written))
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        let job = match self.state.take() {
            State::Committing(job) => job,
            State::Open(open) if open.held_bytes == open.upload.length => {
                let (directory, unix) = (Arc::clone(&self.directory), self.clock.unix());
                Job::start(move || commit(&directory, open, unix))
                    .map_err(|error| store_error(&error))?
            }
            other => {
                self.state = other;
                return Poll::Ready(Err(CALL_OUT_OF_ORDER));
            }
        };
        match job.poll() {
            Err(job) => {
                self.state = State::Committing(job);
                Poll::Pending
            }
            Ok((_, Ok(name))) => {
                self.last_name = Some(name);
                Poll::Ready(Ok(()))
            }
            Ok((open, Err(error))) => {
                self.state = State::Open(open);
                Poll::Ready(Err(store_error(&error)))
            }
        }
    }

    fn stored_name(&self) -> Option<&str> {
        self.last_name.as_deref()
    }

    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>> {
        if !self.is_settled() {
            if !keep {
                self.state = self.state.take().without_what_begins();
            }
            return Poll::Pending;
        }
        let State::Open(mut open) = self.state.take() else {
            return Poll::Ready(Ok(()));
        };
        // An empty partial file is of no use.
        if !keep || open.held_bytes == 0 {
            open.partial.remove_on_drop();
        }
        // Removing a large file takes time.
        match Job::start(move || drop(open)) {
            Ok(job) => {
                self.state = State::Removing(job);
                Poll::Pending
            }
            // Without a thread, the failed start has dropped the upload here.
            Err(_) => Poll::Ready(Ok(())),
        }
    }
}

fn open_directory(path: &Path) -> io::Result<Directory> {
    let mut directory = Directory::open(path)?;
    directory.set_has_locks(probe::has_locks(&directory)?);
    Ok(directory)
}

/// Prepares for `upload`, in this order: a finished file needs no preparation, and old partial
/// files are pruned before a new one takes space.
fn open(
    directory: &Arc<Directory>,
    upload: &OwnedUpload,
    limits: &Limits,
    unix: Duration,
) -> Result<Opened, StoreError> {
    let failed = |error: io::Error| store_error(&error);
    if let Some(name) = finished::find(directory, upload).map_err(failed)? {
        return Ok(Opened::Finished(name));
    }
    let own_name = partial::partial_name(upload);
    prune::prune(directory, own_name.as_deref(), limits, unix).map_err(failed)?;
    let mut partial = Partial::open(directory, upload)
        .map_err(failed)?
        .ok_or(StoreError::Busy)?;
    let mut held_bytes = partial.file.metadata().map_err(failed)?.len();
    if held_bytes > upload.length {
        // We never write past the length, so this file is not ours.
        partial.file.set_len(0).map_err(failed)?;
        held_bytes = 0;
    }
    let free = free_bytes(&partial.file).map_err(failed)?;
    if free.is_some_and(|free| upload.length - held_bytes > free) {
        if held_bytes == 0 {
            partial.remove_on_drop();
        }
        return Err(StoreError::TooLarge);
    }
    Ok(Opened::Partial(partial, held_bytes))
}

/// Makes a file durable under the first free name.
fn commit(directory: &Directory, mut open: OpenUpload, unix: Duration) -> Committed {
    let name =
        sync(&mut open.partial).and_then(|()| rename_to_free_name(directory, &mut open, unix));
    (open, name)
}

fn sync(partial: &mut Partial) -> io::Result<()> {
    sync_file(&partial.file).inspect_err(|_| {
        // The kernel reports a page that it could not write only once and then marks it clean.
        // Another sync would succeed, and the data would look right when read back.
        partial.remove_on_drop();
    })
}

fn rename_to_free_name(
    directory: &Directory,
    open: &mut OpenUpload,
    unix: Duration,
) -> io::Result<String> {
    let OpenUpload {
        partial, upload, ..
    } = open;
    let name = first_free(
        |form, number| upload.candidate_name(form, number, unix),
        |name, number| {
            if directory.stat(name)?.is_some() {
                return Ok(false);
            }
            finished::record(directory, upload, number, &partial.file)?;
            partial.rename_to(name)
        },
    )?;
    directory.sync()?;
    Ok(name)
}

#[cfg(test)]
mod tests;
