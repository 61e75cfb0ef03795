//! Targets that a file beside them can replace.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::{display, existing, follow_links, in_place, is_own_descriptor};
use crate::exit::{Exit, Failure};

/// Where a file must be renamed to replace `path`, and what is there now.
///
/// # Errors
/// [`Exit::Write`] if it may not be written; [`Exit::CannotResume`] if it can be written in place
/// only.
pub(in crate::storage) fn replaceable(path: &Path) -> Result<(PathBuf, Option<Metadata>), Failure> {
    let failed = |error: io::Error| Failure::from_io(Exit::Write, &display(path), &error);
    let found = existing(path).map_err(failed)?;
    let cannot = |why: &str| {
        let text = format!(
            "{}: -C needs a file that can be replaced: {why}",
            display(path)
        );
        Err(Failure::new(Exit::CannotResume, text))
    };
    if found.as_ref().is_some_and(|found| !found.is_file())
        || path.starts_with("/dev/fd")
        || is_own_descriptor(path)
    {
        return cannot("this is none");
    }
    let target = follow_links(path).map_err(failed)?;
    if let Some(found) = &found {
        access(path, Access::WRITE_OK).map_err(|errno| failed(errno.into()))?;
        if let Some(why) = in_place::reason(&target, found) {
            return cannot(why);
        }
    }
    Ok((target, found))
}
