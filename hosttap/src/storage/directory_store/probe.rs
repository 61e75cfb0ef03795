//! Finds out what the file system of a directory can do, before a sender sends anything.

use std::io;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::directory::Directory;
use super::partial::{NEW_FILE_MODE, random_name, try_lock};
use crate::storage::file_system::sync_file;

/// Takes a file through everything that happens to an upload, and removes it again. Returns whether
/// files can be locked; a store can do without locks, and without nothing else.
///
/// # Errors
/// The system's: no file can be created, made durable or renamed.
pub(super) fn has_locks(directory: &Directory) -> io::Result<bool> {
    let (from, to) = (random_name()?, random_name()?);
    let result = try_everything(directory, &from, &to);
    // A name that is left has the form of a partial file, which the next pruning removes.
    let _ = directory.remove(&from);
    let _ = directory.remove(&to);
    result
}

fn try_everything(directory: &Directory, from: &str, to: &str) -> io::Result<bool> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
    let file = directory.open_file(from, flags, NEW_FILE_MODE)?;
    let has_locks = match try_lock(&file) {
        Ok(_) => true,
        Err(error) if lacks_locks(&error) => false,
        Err(error) => return Err(error),
    };
    sync_file(&file)?;
    if !directory.rename_no_replace(from, to)? {
        return Err(Errno::EXIST.into());
    }
    directory.sync()?;
    Ok(has_locks)
}

/// Whether the error says that the file system has no locks. NFS reports ENOLCK if the lock manager
/// of the server does not answer.
fn lacks_locks(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::NOTTY)
    )
}
