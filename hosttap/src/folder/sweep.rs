//! Keeps partials few: what strangers begin and never end must not fill a disk.

use std::io;
use std::time::Duration;

use rustix::fs::{Dir, Mode, OFlags, Stat, openat};
use rustix::io::Errno;

use super::partial::{Kind, Limits, kind, lock};
use super::place::{Place, is_regular};

/// A partial that may have to go.
#[derive(Debug)]
struct Found {
    name: String,
    bytes: u64,
    /// When it was last written to, as time since 1970.
    written: Duration,
}

/// Makes room for one more partial, or for `own` to go on: what is too old goes, then the oldest until the limits hold.
///
/// One that somebody holds stays, whatever its age.
///
/// # Errors
/// The system's.
pub(super) fn sweep(
    place: &Place,
    own: Option<&str>,
    limits: &Limits,
    unix: Duration,
) -> io::Result<()> {
    let mut found = Vec::new();
    for entry in Dir::read_from(place.folder())? {
        let entry = entry?;
        let Some((name, kind)) = entry
            .file_name()
            .to_str()
            .ok()
            .and_then(|name| Some((name, kind(name)?)))
        else {
            continue;
        };
        let Some(stat) = place.look(name)?.filter(is_regular) else {
            continue;
        };
        let written = written(&stat);
        let is_old = unix.saturating_sub(written) > limits.age_max;
        if own == Some(name) || (is_old || kind == Kind::Plain) && discard(place, name)? {
            continue;
        }
        found.push(Found {
            name: name.to_owned(),
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            written,
        });
    }
    found.sort_by_key(|partial| partial.written);
    let mut bytes: u64 = found.iter().map(|partial| partial.bytes).sum();
    let mut count = found.len();
    for partial in found {
        // One place is for the partial to come.
        if count < limits.count_max && bytes <= limits.bytes_max {
            break;
        }
        if discard(place, &partial.name)? {
            bytes -= partial.bytes;
            count -= 1;
        }
    }
    Ok(())
}

/// Removes a partial, unless somebody holds it: then `false`.
fn discard(place: &Place, name: &str) -> io::Result<bool> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(place.folder(), name, flags, Mode::empty()) {
        Ok(descriptor) => descriptor.into(),
        Err(Errno::NOENT) => return Ok(true),
        // Somebody else's, and not ours to judge.
        Err(Errno::ACCESS | Errno::PERM) => return Ok(false),
        Err(errno) => return Err(errno.into()),
    };
    if !lock(&file)? {
        return Ok(false);
    }
    if place.names(name, &file)? {
        place.remove(name)?;
    }
    Ok(true)
}

/// When a file was last written to; before 1970 is 1970.
fn written(stat: &Stat) -> Duration {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let nanos = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}
