//! What every user of a file system needs, also where the file system cannot do all of it: making
//! files and names durable, locks, and the free space.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{FlockOperation, flock, fstatvfs, fsync, syncfs};
use rustix::io::{Errno, retry_on_intr};

/// Makes the name of `file` durable. A directory that may be written but not read cannot be opened,
/// and some file systems cannot sync one: then the whole file system is synced.
pub(super) fn sync_parent(path: &Path, file: &File) -> io::Result<()> {
    match File::open(parent_of(path)) {
        Ok(directory) => sync_directory(&directory, file),
        Err(_) => Ok(syncfs(file)?),
    }
}

/// Makes the names in `directory` durable, which holds `file`.
pub(super) fn sync_directory(directory: impl AsFd, file: impl AsFd) -> io::Result<()> {
    match retry_on_intr(|| fsync(&directory)) {
        Err(errno) if is_unsupported(errno) => Ok(syncfs(file)?),
        result => Ok(result?),
    }
}

/// Makes `file` durable. A file system that cannot sync one file is synced as a whole.
pub(super) fn sync_file(file: &File) -> io::Result<()> {
    match retry_on_intr(|| fsync(file)) {
        Err(errno) if is_unsupported(errno) => Ok(syncfs(file)?),
        result => Ok(result?),
    }
}

/// Whether the file system, or what stands in for one, lacks the operation.
fn is_unsupported(errno: Errno) -> bool {
    let unsupported = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTTY];
    unsupported.contains(&errno)
}

/// Whether the lock could be taken.
pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// How many bytes are available to us on the file system of `file`; `None` if the file system does
/// not count blocks.
pub(super) fn free_bytes(file: &File) -> io::Result<Option<u64>> {
    let found = fstatvfs(file)?;
    Ok((found.f_blocks > 0).then(|| found.f_bavail.saturating_mul(found.f_frsize)))
}

/// The directory in which `path` is.
pub(super) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    }
}
