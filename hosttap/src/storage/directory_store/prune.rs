//! Removes old partial files, so that uploads that nobody finishes cannot fill the disk.

use std::io;
use std::time::Duration;

use rustix::fs::{Dir, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::directory::{Directory, is_regular};
use super::partial::{Kind, Limits, kind_of_name, try_lock};

/// A partial file that may have to be removed.
#[derive(Debug)]
struct Candidate {
    name: String,
    bytes: u64,
    /// Its modification time, as time since 1970.
    modified: Duration,
}

/// Makes room for one more partial file, or for `own` to continue. Removes those that are too old,
/// then the oldest ones until the limits hold.
///
/// A partial file that a receiver has locked stays, whatever its age. Where the file system has no
/// locks, only those that are too old are removed.
///
/// # Errors
/// The system's.
pub(super) fn prune(
    directory: &Directory,
    own: Option<&str>,
    limits: &Limits,
    unix: Duration,
) -> io::Result<()> {
    let mut candidates = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let Some((name, kind)) = entry
            .file_name()
            .to_str()
            .ok()
            .and_then(|name| Some((name, kind_of_name(name)?)))
        else {
            continue;
        };
        let Some(stat) = directory.stat(name)?.filter(is_regular) else {
            continue;
        };
        let modified = modified(&stat);
        let is_too_old = unix.saturating_sub(modified) > limits.age_max;
        // Without locks, a file that is not old may be in use.
        let is_useless = is_too_old || kind == Kind::Plain && directory.has_locks();
        if own == Some(name) || is_useless && remove_unlocked(directory, name)? {
            continue;
        }
        candidates.push(Candidate {
            name: name.to_owned(),
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified,
        });
    }
    candidates.sort_by_key(|partial| partial.modified);
    let mut bytes: u64 = candidates.iter().map(|partial| partial.bytes).sum();
    let mut count = candidates.len();
    for partial in candidates {
        // One place is reserved for the next partial file.
        if count < limits.count_max && bytes <= limits.bytes_max || !directory.has_locks() {
            break;
        }
        if remove_unlocked(directory, &partial.name)? {
            bytes -= partial.bytes;
            count -= 1;
        }
    }
    Ok(())
}

/// Removes a partial file. Returns `false` if a receiver has locked it.
fn remove_unlocked(directory: &Directory, name: &str) -> io::Result<bool> {
    let file = match directory.open_file(name, OFlags::RDWR, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(true),
        // It belongs to another user, so we do not touch it.
        Err(Errno::ACCESS | Errno::PERM) => return Ok(false),
        Err(errno) => return Err(errno.into()),
    };
    if directory.has_locks() && !try_lock(&file)? {
        return Ok(false);
    }
    if directory.is_name_of(name, &file)? {
        directory.remove(name)?;
    }
    Ok(true)
}

/// The modification time of a file, as time since 1970. A time before 1970 counts as 1970.
fn modified(stat: &Stat) -> Duration {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let nanos = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}
