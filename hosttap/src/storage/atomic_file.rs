//! Files that appear complete or not at all.

mod in_place;
mod replaceable;
mod restart;

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, Gid, Mode, OFlags, Uid, access, fchown, linkat, open};
use rustix::io::Errno;
use tickwire::SinkError;

use super::file_system::{free_bytes, parent_of, sync_file, sync_parent};
use crate::exit::{Exit, Failure};
use crate::system::errno::{retry_interrupted, sink_error};
use crate::system::fifo::open_existing;
use crate::system::random::random_bytes;
pub(super) use replaceable::replaceable;

/// The number of symbolic links that the kernel follows, and so do we.
const LINKS_MAX: usize = 40;
/// The permissions of a new file, before the umask.
const NEW_FILE_MODE: Mode = Mode::from_raw_mode(0o666);

/// A file under construction. [`commit`](Self::commit) gives it its name; if it is dropped before
/// that, nothing stays.
///
/// It is written beside its target. If the file system supports that, it has no name until the
/// commit, so that even a killed program leaves nothing behind. Devices and FIFOs are written
/// directly, because a rename would replace the node, and so are files onto which nothing can be
/// renamed, such as a file that is mounted into a container: `note` says so.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    destination: Destination,
    /// Whether the last write took fewer bytes than it was offered.
    blocked: bool,
}

#[derive(Debug)]
enum Destination {
    /// A device, a FIFO, or an open descriptor: there is nothing to commit.
    Direct,
    /// A regular file onto which nothing can be renamed. Its old content stays until the first byte
    /// comes.
    InPlace {
        path: PathBuf,
        why: &'static str,
        is_truncated: bool,
    },
    /// A file without a name (`O_TMPFILE`).
    Unnamed { target: PathBuf },
    /// A file under a temporary name.
    Temporary { target: PathBuf, path: TempPath },
}

/// A temporary name. Dropping it removes the name, unless the file was renamed.
#[derive(Debug)]
struct TempPath(PathBuf);

impl Drop for TempPath {
    fn drop(&mut self) {
        // After the commit has renamed the file, there is nothing to remove.
        let _ = fs::remove_file(&self.0);
    }
}

/// Why a file cannot be created.
#[derive(Debug)]
pub(crate) struct CreateError {
    /// The file, and the directory if that is the cause.
    pub(crate) subject: String,
    /// The system's error.
    pub(crate) error: io::Error,
}

impl AtomicFile {
    /// Opens a file that will replace `path`.
    ///
    /// A symbolic link is followed, even if its target does not exist yet. An existing file keeps
    /// its permissions and, if we are allowed to set it, its owner. If nobody reads a FIFO at
    /// `path`, waits for a reader until `interrupted` returns true.
    ///
    /// # Errors
    /// [`Exit::Write`] with the path: it is a directory, or the file or its directory is not
    /// writable. [`Exit::Interrupted`] if the wait was interrupted.
    pub fn create(path: &Path, interrupted: &dyn Fn() -> bool) -> Result<Self, Failure> {
        Self::try_create(path, interrupted).map_err(Failure::from)
    }

    /// As [`create`](Self::create). `ErrorKind::Interrupted` means that the wait was interrupted.
    pub(crate) fn try_create(
        path: &Path,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Self, CreateError> {
        let failed = |error: io::Error| CreateError {
            subject: display(path),
            error,
        };
        let existing = existing(path).map_err(failed)?;
        if let Some(found) = &existing {
            if !found.is_file() || path.starts_with("/dev/fd") || is_own_descriptor(path) {
                let file = open_existing(path, interrupted).map_err(failed)?;
                return Ok(Self::new(file, Destination::Direct));
            }
            // A rename needs write permission for the directory only. A write-protected file must
            // be respected all the same.
            access(path, Access::WRITE_OK).map_err(|errno| failed(errno.into()))?;
        }
        let target = follow_links(path).map_err(failed)?;
        if let Some(why) = existing
            .as_ref()
            .and_then(|found| in_place::reason(&target, found))
        {
            return Self::in_place(&target, why).map_err(failed);
        }
        let (file, destination) = match open_beside(&target) {
            Ok(opened) => opened,
            Err(error) if existing.is_some() && in_place::is_forbidden(&error) => {
                let why = "no file can be created beside it";
                return Self::in_place(&target, why).map_err(failed);
            }
            Err(error) => {
                let directory = display(parent_of(&target));
                let subject = format!("{}: cannot create a file in {directory}", display(path));
                return Err(CreateError { subject, error });
            }
        };
        if let Some(found) = existing {
            copy_owner_and_mode(&file, &found).map_err(failed)?;
        }
        Ok(Self::new(file, destination))
    }

    const fn new(file: File, destination: Destination) -> Self {
        Self {
            file,
            destination,
            blocked: false,
        }
    }

    fn in_place(path: &Path, why: &'static str) -> io::Result<Self> {
        let destination = Destination::InPlace {
            path: path.to_owned(),
            why,
            is_truncated: false,
        };
        Ok(Self::new(
            File::options().write(true).open(path)?,
            destination,
        ))
    }

    /// That the file is written in place, if it is, and why.
    pub(crate) fn note(&self) -> Option<String> {
        let Destination::InPlace { path, why, .. } = &self.destination else {
            return None;
        };
        let path = display(path);
        Some(format!(
            "{path} cannot be replaced ({why}): it is written in place, and a failure leaves a part"
        ))
    }

    /// Whether there is nothing to commit.
    pub(crate) const fn is_direct(&self) -> bool {
        matches!(self.destination, Destination::Direct)
    }

    /// Removes the old content of a file that is written in place, once.
    fn truncate(&mut self) -> io::Result<()> {
        match &mut self.destination {
            Destination::InPlace { is_truncated, .. } if !*is_truncated => {
                *is_truncated = true;
                self.file.set_len(0)
            }
            _ => Ok(()),
        }
    }

    /// Writes the first bytes of `data`, and returns how many bytes it took: fewer, or none, if a
    /// FIFO is full.
    ///
    /// # Errors
    /// [`SinkError::Failed`] with the errno.
    pub fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        self.truncate().map_err(|error| sink_error(&error))?;
        let taken = match retry_interrupted(|| self.file.write(data)) {
            Ok(taken) => taken,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(sink_error(&error)),
        };
        self.blocked = taken < data.len();
        Ok(taken)
    }

    /// The descriptor to wait for, if the last write took fewer bytes than it was offered.
    pub fn blocked(&self) -> Option<BorrowedFd<'_>> {
        self.blocked.then(|| self.file.as_fd())
    }

    /// Makes the file durable under its name: first the file, then the rename, then the directory.
    /// This takes as long as the disk does.
    ///
    /// # Errors
    /// [`Exit::Write`]. The target is then unchanged, unless only the sync of the directory failed.
    pub fn commit(self) -> Result<(), Failure> {
        let subject = self.target().map(display).unwrap_or_default();
        self.try_commit()
            .map_err(|error| Failure::from_io(Exit::Write, &subject, &error))
    }

    /// As [`commit`](Self::commit), with the system's error.
    pub(crate) fn try_commit(mut self) -> io::Result<()> {
        self.truncate()?;
        match self.target().map(Path::to_owned) {
            Some(target) => self.commit_to(&target),
            None => match self.file.sync_all() {
                // Pipes and some devices have nothing to sync.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => Ok(()),
                result => result,
            },
        }
    }

    /// How many bytes still fit on the file system; `None` if that is unknown, as for a device.
    pub(crate) fn free_bytes(&self) -> io::Result<Option<u64>> {
        match self.destination {
            Destination::Direct => Ok(None),
            Destination::InPlace { .. } => {
                let old = self.file.metadata()?.len();
                Ok(free_bytes(&self.file)?.map(|free| free.saturating_add(old)))
            }
            Destination::Unnamed { .. } | Destination::Temporary { .. } => free_bytes(&self.file),
        }
    }

    /// The path that the commit replaces; `None` if the file is written directly.
    fn target(&self) -> Option<&Path> {
        match &self.destination {
            Destination::Direct | Destination::InPlace { .. } => None,
            Destination::Unnamed { target } | Destination::Temporary { target, .. } => Some(target),
        }
    }

    fn commit_to(self, target: &Path) -> io::Result<()> {
        sync_file(&self.file)?;
        let path = match self.destination {
            Destination::Direct | Destination::InPlace { .. } => return Ok(()),
            Destination::Temporary { path, .. } => path,
            // linkat(2) cannot replace a file, so the file first gets a temporary name.
            Destination::Unnamed { .. } => link_temporary(&self.file, target)?,
        };
        fs::rename(&path.0, target)?;
        sync_parent(target, &self.file)
    }
}

/// A failure that names the file, and a wait that a signal ended.
impl From<CreateError> for Failure {
    fn from(failed: CreateError) -> Self {
        match failed.error.kind() {
            ErrorKind::Interrupted => Self::interrupted(),
            _ => Self::from_io(Exit::Write, &failed.subject, &failed.error),
        }
    }
}

/// Whether the path, such as `/dev/stdout`, leads to an open descriptor of this process. That file
/// must be written in place.
fn is_own_descriptor(path: &Path) -> bool {
    ["/dev/stdout", "/dev/stderr"]
        .iter()
        .any(|own| path == Path::new(own))
        || path.starts_with("/proc")
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

/// What is at `path`, unless that is a directory.
fn existing(path: &Path) -> io::Result<Option<Metadata>> {
    // This names a directory, whether or not it exists. Without this check only the rename at the
    // end would fail.
    if path.as_os_str().as_bytes().ends_with(b"/") {
        return Err(Errno::ISDIR.into());
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(Errno::ISDIR.into()),
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Follows symbolic links in the last component of `path`. The last target need not exist.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&path) {
            Ok(target) => path = parent_of(&path).join(target),
            // EINVAL: not a symbolic link.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(error),
        }
    }
    Err(Errno::LOOP.into())
}

/// Opens a new file in the directory of `target`.
fn open_beside(target: &Path) -> io::Result<(File, Destination)> {
    if target.file_name().is_none() {
        return Err(Errno::ISDIR.into());
    }
    // Without /proc, a file without a name could never get one.
    if Path::new("/proc/self/fd").exists() {
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        match open(parent_of(target), flags, NEW_FILE_MODE) {
            Ok(descriptor) => {
                let target = target.to_owned();
                return Ok((descriptor.into(), Destination::Unnamed { target }));
            }
            // The file system does not support O_TMPFILE; old kernels report that in other ways.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    open_temporary(target)
}

fn open_temporary(target: &Path) -> io::Result<(File, Destination)> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    loop {
        let path = temporary_path(target)?;
        match open(&path, flags, NEW_FILE_MODE) {
            Ok(descriptor) => {
                let (target, path) = (target.to_owned(), TempPath(path));
                return Ok((descriptor.into(), Destination::Temporary { target, path }));
            }
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Links a file without a name under a temporary name.
fn link_temporary(file: &File, target: &Path) -> io::Result<TempPath> {
    let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
    loop {
        let path = temporary_path(target)?;
        match linkat(CWD, &descriptor, CWD, &path, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) => return Ok(TempPath(path)),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// A random hidden name beside `target`. It is short, because the target's own name may already be
/// of the maximum length.
fn temporary_path(target: &Path) -> io::Result<PathBuf> {
    let number = u64::from_ne_bytes(random_bytes()?);
    Ok(parent_of(target).join(format!(".hosttap-{number:016x}.part")))
}

/// Gives `file` the permissions of the file that it will replace, and its owner if allowed.
pub(super) fn copy_owner_and_mode(file: &File, replaced: &Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (replaced.uid(), replaced.gid()) {
        let (uid, gid) = (Uid::from_raw(replaced.uid()), Gid::from_raw(replaced.gid()));
        // Only root may give files away. For other users the new file stays their own.
        let _ = fchown(file, Some(uid), Some(gid));
    }
    file.set_permissions(fs::Permissions::from_mode(replaced.mode() & 0o777))
}

#[cfg(test)]
mod tests;
