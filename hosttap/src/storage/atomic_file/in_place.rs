//! Files onto which nothing can be renamed.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::storage::file_system::parent_of;

/// inode(7): in such a directory only the owner of a file, or of the directory, may rename or
/// replace it.
const STICKY: u32 = 0o1000;

/// Why nothing can be renamed onto the regular file `target`; `None` if something can.
pub(super) fn reason(target: &Path, found: &Metadata) -> Option<&'static str> {
    // A kernel before 5.8 does not tell. The rename at the end then reports the cause.
    let attributes = statx(CWD, target, AtFlags::empty(), StatxFlags::BASIC_STATS)
        .map(|found| found.stx_attributes)
        .unwrap_or(StatxAttributes::empty());
    if attributes.contains(StatxAttributes::MOUNT_ROOT) {
        return Some("it is a mount point");
    }
    if attributes.contains(StatxAttributes::APPEND) {
        return Some("it is append-only");
    }
    let directory = fs::metadata(parent_of(target)).ok()?;
    let user = geteuid();
    let is_ours = [found.uid(), directory.uid()].contains(&user.as_raw());
    (directory.mode() & STICKY != 0 && !is_ours && !user.is_root())
        .then_some("it belongs to another user, and its folder is sticky")
}

/// Whether the error says that no file can be created in this directory.
pub(super) fn is_forbidden(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS)
    )
}
