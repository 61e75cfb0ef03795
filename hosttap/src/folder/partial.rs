//! Files under construction: hidden in the folder, locked while somebody writes them, and few.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, openat};
use rustix::io::Errno;

use super::place::Place;
use super::wish::{Wish, hex, unhex};

const PREFIX: &str = ".tickwire-";
const SUFFIX: &str = ".part";
/// Stands where the others have their digest.
const PLAIN: &str = "plain";
/// What a new file may at most be; the umask takes away from it.
const MODE_NEW: Mode = Mode::from_raw_mode(0o666);
/// How often a file may vanish between its opening and its locking before somebody else counts as busy with it.
const OPENS_MAX: u32 = 16;

/// What partials may take of the folder.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many there may be.
    pub count_max: usize,
    /// For how long nothing may have been written to one.
    pub age_max: Duration,
    /// Bytes in all of them but the newest.
    pub bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            count_max: 16,
            age_max: Duration::from_secs(7 * 24 * 3_600),
            bytes_max: 16 << 30,
        }
    }
}

/// A partial that this process has locked; closing it unlocks it.
///
/// Only who holds the lock renames or removes the name, and looks first whether the name is still the locked file's.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) file: File,
    place: Arc<Place>,
    /// Its hidden name, until it gets its own.
    name: Option<String>,
    /// Nobody can go on with it: it goes when this is dropped.
    is_worthless: bool,
}

impl Partial {
    /// Opens the partial of `wish`, or creates it; `None` when somebody else holds it.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn open(place: &Arc<Place>, wish: &Wish) -> io::Result<Option<Self>> {
        let name = match name(wish) {
            Some(name) => name,
            None => format!("{PREFIX}{PLAIN}-{}{SUFFIX}", hex(&random()?)),
        };
        for _ in 0..OPENS_MAX {
            // Non-blocking, so that a FIFO under this name cannot hold us.
            let flags = OFlags::RDWR
                | OFlags::CREATE
                | OFlags::NOFOLLOW
                | OFlags::NONBLOCK
                | OFlags::CLOEXEC;
            let file = File::from(openat(place.folder(), &name, flags, MODE_NEW)?);
            if !lock(&file)? {
                return Ok(None);
            }
            if place.names(&name, &file)? {
                return Ok(Some(Self {
                    file,
                    place: Arc::clone(place),
                    name: Some(name),
                    is_worthless: wish.digest.is_none(),
                }));
            }
        }
        Ok(None)
    }

    /// Moves it to `name`, unless something is there already: then `false`.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn move_to(&mut self, name: &str) -> io::Result<bool> {
        let hidden = self.name.as_deref().ok_or(Errno::NOENT)?;
        let is_moved = self.place.move_free(hidden, name)?;
        if is_moved {
            // The hidden name may be another receiver's from now on.
            self.name = None;
        }
        Ok(is_moved)
    }

    /// Nobody can go on with it.
    pub(super) const fn spoil(&mut self) {
        self.is_worthless = true;
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let (Some(name), true) = (&self.name, self.is_worthless) {
            // There is nobody to tell; the next sweep finds it.
            let _ = self.place.remove(name);
        }
    }
}

/// What a partial's name says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The sender may come again and go on with it.
    Checked,
    /// Without its receiver it is nothing.
    Plain,
}

/// The kind of the partial that has this name; `None` when no partial of ours can have it.
pub(super) fn kind(name: &str) -> Option<Kind> {
    let inner = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let (digest, rest) = inner.split_once('-')?;
    if digest == PLAIN {
        return unhex::<8>(rest).map(|_| Kind::Plain);
    }
    unhex::<32>(digest)?;
    rest.parse::<u64>().ok().map(|_| Kind::Checked)
}

/// The name of a wish's partial; `None` when its digest does not name it.
pub(super) fn name(wish: &Wish) -> Option<String> {
    let digest = wish.digest.as_ref()?;
    Some(format!("{PREFIX}{}-{}{SUFFIX}", hex(digest), wish.length))
}

/// Whether the lock is ours now.
pub(super) fn lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

fn random() -> io::Result<[u8; 8]> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(bytes)
}
