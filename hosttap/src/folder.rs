//! A folder of received files: the store of `recv --dir`.
//!
//! A file under construction is hidden in the folder as `.tickwire-<SHA-256>-<length>.part`. When it is whole it is
//! synced, gets its name by a rename that replaces nothing, and the folder is synced. What was stored is remembered in
//! `.tickwire-finished`, see `finished`.

mod finished;
mod partial;
mod place;
mod sweep;
mod wish;

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustix::io::Errno;
use tickwire::Tick;
use tickwire::store::{Begun, Store, StoreError, Upload};

use crate::clock::Clock;
use crate::exit::{Exit, Failure};
use crate::files::free_bytes;
use crate::job::Job;

pub use partial::Limits;
use partial::Partial;
use place::Place;
use wish::Wish;
pub(crate) use wish::hex;

/// How many numbers are tried behind a name before it counts as taken.
const NUMBERS_MAX: u32 = 10_000;

/// The code of [`StoreError::Failed`] when a call does not fit: no upload is open.
const OUT_OF_ORDER: StoreError = StoreError::Failed { code: 0 };

/// Keeps every file that comes, under its cleaned name or a numbered one; nothing there is ever replaced.
///
/// What came of a file whose sender vanished stays for its next try, as long as [`Limits`] allow. Several receivers may
/// share a folder: each locks what it writes.
///
/// **Slowest unit of work**: one `pread` or `pwrite` of the bytes that a call was given. What waits for a disk, or grows
/// with the folder, is done by a thread of its own.
#[derive(Debug)]
pub struct FolderStore {
    path: PathBuf,
    place: Arc<Place>,
    clock: Clock,
    limits: Limits,
    stage: Stage,
    kept: Option<String>,
}

/// ```text
/// Closed > Beginning > Open > Committing > Closed
///              '---------'---> Removing > Closed
/// ```
#[derive(Debug)]
enum Stage {
    Closed,
    Beginning(Wish, Job<Result<Opened, StoreError>>),
    Open(Open),
    Committing(Job<Committed>),
    Removing(Job<()>),
}

/// What a beginning found.
#[derive(Debug)]
enum Opened {
    Partial(Partial, u64),
    Finished(String),
}

#[derive(Debug)]
struct Open {
    partial: Partial,
    wish: Wish,
    /// Bytes in the partial.
    held: u64,
}

/// How a commit ended; after a failure the partial is whole still.
type Committed = (Open, io::Result<String>);

impl FolderStore {
    /// A store in the folder at `path`, which is made where only its last component is missing.
    ///
    /// # Errors
    /// [`Exit::Write`]: no folder, or one that takes no files.
    pub fn open(path: &Path, clock: Clock, limits: Limits) -> Result<Self, Failure> {
        let place = Place::open(path)
            .map_err(|error| Failure::system(Exit::Write, &path.display().to_string(), &error))?;
        Ok(Self {
            path: path.to_owned(),
            place: Arc::new(place),
            clock,
            limits,
            stage: Stage::Closed,
            kept: None,
        })
    }

    /// The last file that was stored, or found there already; the folder itself before the first.
    pub fn kept_path(&self) -> PathBuf {
        self.path.join(self.kept.as_deref().unwrap_or_default())
    }

    fn start_begin(&self, wish: &Wish) -> Result<Job<Result<Opened, StoreError>>, StoreError> {
        let (place, wish, limits) = (Arc::clone(&self.place), wish.clone(), self.limits);
        let unix = self.clock.unix();
        Job::start(move || open(&place, &wish, &limits, unix)).map_err(failed)
    }

    fn opened(&mut self) -> Result<&mut Open, StoreError> {
        match &mut self.stage {
            Stage::Open(open) => Ok(open),
            _ => Err(OUT_OF_ORDER),
        }
    }

    /// Whether nothing is left to be done in the background. What a beginning has opened meanwhile is open then.
    fn is_settled(&mut self) -> bool {
        let (stage, is_settled) = match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Beginning(wish, job) => match job.poll() {
                Ok(Ok(Opened::Partial(partial, held))) => {
                    let open = Open {
                        partial,
                        wish,
                        held,
                    };
                    (Stage::Open(open), true)
                }
                Ok(_) => (Stage::Closed, true),
                Err(job) => (Stage::Beginning(wish, job), false),
            },
            Stage::Committing(job) => match job.poll() {
                Ok((open, Err(_))) => (Stage::Open(open), true),
                Ok((_, Ok(_))) => (Stage::Closed, true),
                Err(job) => (Stage::Committing(job), false),
            },
            Stage::Removing(job) => match job.poll() {
                Ok(()) => (Stage::Closed, true),
                Err(job) => (Stage::Removing(job), false),
            },
            stage => (stage, true),
        };
        self.stage = stage;
        is_settled
    }
}

impl Store for FolderStore {
    fn begin(&mut self, _now: Tick, upload: &Upload<'_>) -> Poll<Result<Begun, StoreError>> {
        let wish = Wish::of(upload);
        let job = match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Beginning(begun, job) if begun == wish => job,
            other => {
                self.stage = other;
                if self.abandon(true).is_pending() {
                    return Poll::Pending;
                }
                self.start_begin(&wish)?
            }
        };
        match job.poll() {
            Err(job) => {
                self.stage = Stage::Beginning(wish, job);
                Poll::Pending
            }
            Ok(Err(error)) => Poll::Ready(Err(error)),
            Ok(Ok(Opened::Finished(name))) => {
                self.kept = Some(name);
                Poll::Ready(Ok(Begun::Finished))
            }
            Ok(Ok(Opened::Partial(partial, held))) => {
                self.stage = Stage::Open(Open {
                    partial,
                    wish,
                    held,
                });
                Poll::Ready(Ok(Begun::Held(held)))
            }
        }
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        let open = self.opened()?;
        let left = usize::try_from(open.held.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = left.min(buffer.len());
        let room = buffer.get_mut(..count).unwrap_or_default();
        let file = &open.partial.file;
        Poll::Ready(interruptible(|| file.read_at(room, offset)).map_err(failed))
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        let open = self.opened()?;
        let left = usize::try_from(open.wish.length - open.held).unwrap_or(usize::MAX);
        let data = data.get(..left).unwrap_or(data);
        let file = &open.partial.file;
        let written = interruptible(|| file.write_at(data, open.held)).map_err(failed)?;
        open.held += written as u64;
        Poll::Ready(Ok(written))
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        let job = match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Committing(job) => job,
            Stage::Open(open) if open.held == open.wish.length => {
                let (place, unix) = (Arc::clone(&self.place), self.clock.unix());
                Job::start(move || commit(&place, open, unix)).map_err(failed)?
            }
            other => {
                self.stage = other;
                return Poll::Ready(Err(OUT_OF_ORDER));
            }
        };
        match job.poll() {
            Err(job) => {
                self.stage = Stage::Committing(job);
                Poll::Pending
            }
            Ok((_, Ok(name))) => {
                self.kept = Some(name);
                Poll::Ready(Ok(()))
            }
            Ok((open, Err(error))) => {
                self.stage = Stage::Open(open);
                Poll::Ready(Err(failed(error)))
            }
        }
    }

    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>> {
        if !self.is_settled() {
            return Poll::Pending;
        }
        let Stage::Open(mut open) = std::mem::replace(&mut self.stage, Stage::Closed) else {
            return Poll::Ready(Ok(()));
        };
        // An empty partial is worth nothing.
        if !keep || open.held == 0 {
            open.partial.spoil();
        }
        // To remove a large file takes a disk its time.
        match Job::start(move || drop(open)) {
            Ok(job) => {
                self.stage = Stage::Removing(job);
                Poll::Pending
            }
            // Without a thread it was dropped on the spot.
            Err(_) => Poll::Ready(Ok(())),
        }
    }
}

/// Makes ready for `wish`, in this order: what is finished needs nothing, and room is made before it is taken.
fn open(
    place: &Arc<Place>,
    wish: &Wish,
    limits: &Limits,
    unix: Duration,
) -> Result<Opened, StoreError> {
    if let Some(name) = finished::find(place, wish).map_err(failed)? {
        return Ok(Opened::Finished(name));
    }
    sweep::sweep(place, partial::name(wish).as_deref(), limits, unix).map_err(failed)?;
    let mut partial = Partial::open(place, wish)
        .map_err(failed)?
        .ok_or(StoreError::Busy)?;
    let mut held = partial.file.metadata().map_err(failed)?.len();
    if held > wish.length {
        // Nothing of ours writes past the length.
        partial.file.set_len(0).map_err(failed)?;
        held = 0;
    }
    let free = free_bytes(&partial.file).map_err(failed)?;
    if free.is_some_and(|free| wish.length - held > free) {
        if held == 0 {
            partial.spoil();
        }
        return Err(StoreError::TooLarge);
    }
    Ok(Opened::Partial(partial, held))
}

/// Makes a file durable under the first of its names that is free.
fn commit(place: &Place, mut open: Open, unix: Duration) -> Committed {
    let name = sync(&mut open.partial).and_then(|()| name_it(place, &mut open, unix));
    (open, name)
}

fn sync(partial: &mut Partial) -> io::Result<()> {
    partial.file.sync_all().inspect_err(|_| {
        // The system reports a page that it could not write once, and takes it for clean afterwards: another sync would
        // succeed, and what is read back would look right.
        partial.spoil();
    })
}

fn name_it(place: &Place, open: &mut Open, unix: Duration) -> io::Result<String> {
    for number in 0..NUMBERS_MAX {
        let name = open.wish.candidate(number, unix);
        if place.look(&name)?.is_some() {
            continue;
        }
        finished::remember(place, &open.wish, number, &open.partial.file)?;
        if open.partial.move_to(&name)? {
            place.sync()?;
            return Ok(name);
        }
    }
    Err(Errno::EXIST.into())
}

fn interruptible(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn failed(error: io::Error) -> StoreError {
    StoreError::Failed {
        code: error.raw_os_error().unwrap_or(0),
    }
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
