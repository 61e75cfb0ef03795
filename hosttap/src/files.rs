//! Files that appear whole or not at all.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{
    Access, AtFlags, CWD, Gid, Mode, OFlags, Uid, access, fchown, fstatvfs, linkat, open,
};
use rustix::io::Errno;
use tickwire::Error;

use crate::exit::{Exit, Failure};

/// How many symbolic links the kernel follows, and so do we.
const LINKS_MAX: usize = 40;
/// How often to look whether somebody opened the other end of a FIFO.
const FIFO_PAUSE: Duration = Duration::from_millis(20);
/// What a file without a forerunner may at most be; the umask takes away from it.
const MODE_NEW: Mode = Mode::from_raw_mode(0o666);

/// A file under construction. [`commit`](Self::commit) gives it its name; dropped before that, nothing stays.
///
/// It is written beside its target. Where the file system can, it has no name until the commit, so that not even a
/// killed program leaves anything behind. Devices and FIFOs are written straight: a rename would replace the node.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    place: Place,
    /// Whether the last write took less than it was offered.
    blocked: bool,
}

#[derive(Debug)]
enum Place {
    /// A device, a FIFO, or somebody's descriptor: there is nothing to commit.
    Straight,
    /// A file without a name (`O_TMPFILE`).
    Unnamed { target: PathBuf },
    /// A file under a hidden name, which is removed when this is dropped.
    Hidden { target: PathBuf, hidden: Hidden },
}

/// A hidden name that is removed on drop, unless it was renamed.
#[derive(Debug)]
struct Hidden(PathBuf);

impl Drop for Hidden {
    fn drop(&mut self) {
        // There is nobody to tell; the commit renames it, and then there is nothing to remove.
        let _ = fs::remove_file(&self.0);
    }
}

/// Why a file cannot be made.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The file, and the place where that is another one.
    pub(crate) subject: String,
    /// The system's error.
    pub(crate) error: io::Error,
}

impl AtomicFile {
    /// Opens a file that will replace `path`.
    ///
    /// A symbolic link is followed, also one that leads to nothing yet; an existing file keeps its permissions and,
    /// where we may, its owner. On a FIFO without a reader it waits for one until `interrupted`.
    ///
    /// # Errors
    /// [`Exit::Write`] by name: a folder, a file that may not be written, a folder that takes no files.
    /// [`Exit::Interrupted`] while it waited.
    pub fn create(path: &Path, interrupted: &dyn Fn() -> bool) -> Result<Self, Failure> {
        Self::try_create(path, interrupted).map_err(|refused| match refused.error.kind() {
            ErrorKind::Interrupted => Failure::interrupted(),
            _ => Failure::system(Exit::Write, &refused.subject, &refused.error),
        })
    }

    /// As [`create`](Self::create); `ErrorKind::Interrupted` when it was interrupted.
    pub(crate) fn try_create(path: &Path, interrupted: &dyn Fn() -> bool) -> Result<Self, Refused> {
        let failed = |error: io::Error| Refused {
            subject: shown(path),
            error,
        };
        // The name of a folder, and a rename onto it would fail only at the end, whether or not it is there.
        if path.as_os_str().as_bytes().ends_with(b"/") {
            return Err(failed(Errno::ISDIR.into()));
        }
        let existing = match fs::metadata(path) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        if let Some(found) = &existing {
            if found.is_dir() {
                return Err(failed(Errno::ISDIR.into()));
            }
            if !found.is_file() || path.starts_with("/dev/fd") || names_own_descriptor(path) {
                let file = open_straight(path, interrupted).map_err(failed)?;
                return Ok(Self {
                    file,
                    place: Place::Straight,
                    blocked: false,
                });
            }
            // A rename asks the folder, not the file: a write-protected file is respected all the same.
            access(path, Access::WRITE_OK).map_err(|errno| failed(errno.into()))?;
        }
        let target = follow(path).map_err(failed)?;
        let (file, place) = open_beside(&target).map_err(|error| {
            let folder = shown(folder_of(&target));
            let subject = format!("{}: cannot create a file in {folder}", shown(path));
            Refused { subject, error }
        })?;
        if let Some(found) = existing {
            inherit(&file, &found).map_err(failed)?;
        }
        Ok(Self {
            file,
            place,
            blocked: false,
        })
    }

    /// Writes the front of `data` and returns how many bytes were taken: fewer, or none, when a FIFO is full.
    ///
    /// # Errors
    /// [`Error::Sink`] with the errno.
    pub fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        let taken = loop {
            match self.file.write(data) {
                Ok(taken) => break taken,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break 0,
                Err(error) => return Err(sink_error(&error)),
            }
        };
        self.blocked = taken < data.len();
        Ok(taken)
    }

    /// What to wait for until it takes more, when the last write took less than it was offered.
    pub fn blocked(&self) -> Option<BorrowedFd<'_>> {
        self.blocked.then(|| self.file.as_fd())
    }

    /// Makes the file durable under its name: file, rename, folder, in this order. It may take as long as the disk does.
    ///
    /// # Errors
    /// [`Exit::Write`]; the target is then as it was before, unless only the folder's own sync failed.
    pub fn commit(self) -> Result<(), Failure> {
        let subject = self.target().map(shown).unwrap_or_default();
        self.try_commit()
            .map_err(|error| Failure::system(Exit::Write, &subject, &error))
    }

    /// As [`commit`](Self::commit), with the system's own error.
    pub(crate) fn try_commit(self) -> io::Result<()> {
        match self.target().map(Path::to_owned) {
            Some(target) => self.commit_to(&target),
            None => match self.file.sync_all() {
                // Only of a disk, or of a file behind a descriptor, can anything be durable.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => Ok(()),
                result => result,
            },
        }
    }

    /// The bytes that still fit where it is written; `None` where nobody can say, as for a device.
    pub(crate) fn free_bytes(&self) -> io::Result<Option<u64>> {
        match self.place {
            Place::Straight => Ok(None),
            Place::Unnamed { .. } | Place::Hidden { .. } => free_bytes(&self.file),
        }
    }

    /// What it will replace; `None` for what is written straight.
    fn target(&self) -> Option<&Path> {
        match &self.place {
            Place::Straight => None,
            Place::Unnamed { target } | Place::Hidden { target, .. } => Some(target),
        }
    }

    fn commit_to(self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        let hidden = match self.place {
            Place::Straight => return Ok(()),
            Place::Hidden { hidden, .. } => hidden,
            // A link cannot replace a file: it gets a hidden name first.
            Place::Unnamed { .. } => name_it(&self.file, target)?,
        };
        fs::rename(&hidden.0, target)?;
        // Some file systems cannot sync a folder, and say so with EINVAL.
        match File::open(folder_of(target)).and_then(|folder| folder.sync_all()) {
            Err(error) if Errno::from_io_error(&error) != Some(Errno::INVAL) => Err(error),
            _ => Ok(()),
        }
    }
}

/// The bytes that are free for us on the file system of `file`; `None` where it does not count blocks.
pub(crate) fn free_bytes(file: &File) -> io::Result<Option<u64>> {
    let found = fstatvfs(file)?;
    Ok((found.f_blocks > 0).then(|| found.f_bavail.saturating_mul(found.f_frsize)))
}

/// The core's error for a failed write.
pub(crate) fn sink_error(error: &io::Error) -> Error {
    Error::Sink {
        code: error.raw_os_error().unwrap_or(0),
    }
}

/// `/dev/stdout` and the like lead to a descriptor of ours; the file behind it is already open, and stays that file.
fn names_own_descriptor(path: &Path) -> bool {
    ["/dev/stdout", "/dev/stderr"]
        .iter()
        .any(|own| path == Path::new(own))
        || path.starts_with("/proc")
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Follows symbolic links at the end of `path`, also where the last one leads to nothing.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&path) {
            Ok(aim) => path = folder_of(&path).join(aim),
            // EINVAL: no link.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(error),
        }
    }
    Err(Errno::LOOP.into())
}

/// Opens what is there already: a device, a FIFO, a file behind a descriptor. On a FIFO without a reader it waits for
/// one until `interrupted`. Non-blocking is safe here: it belongs to this opening of the node, which nobody shares.
///
/// # Errors
/// The system's; `ErrorKind::Interrupted`.
pub(crate) fn open_straight(path: &Path, interrupted: &dyn Fn() -> bool) -> io::Result<File> {
    // A file behind a descriptor may have bytes already, such as a log's: ours come behind them.
    let flags =
        OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::APPEND;
    loop {
        match open(path, flags, Mode::empty()) {
            Ok(descriptor) => return Ok(descriptor.into()),
            // fifo(7): nobody reads yet.
            Err(Errno::NXIO) if is_fifo(path) => {
                if interrupted() {
                    return Err(ErrorKind::Interrupted.into());
                }
                std::thread::sleep(FIFO_PAUSE);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Whether `path` leads to a FIFO.
pub(crate) fn is_fifo(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}

/// Opens a new file in the folder of `target`.
fn open_beside(target: &Path) -> io::Result<(File, Place)> {
    if target.file_name().is_none() {
        return Err(Errno::ISDIR.into());
    }
    // Without /proc a file without a name could never get one.
    if Path::new("/proc/self/fd").exists() {
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        match open(folder_of(target), flags, MODE_NEW) {
            Ok(descriptor) => {
                let target = target.to_owned();
                return Ok((descriptor.into(), Place::Unnamed { target }));
            }
            // Not every file system can; some say so in old ways.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    open_hidden(target)
}

fn open_hidden(target: &Path) -> io::Result<(File, Place)> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    loop {
        let path = hidden_name(target)?;
        match open(&path, flags, MODE_NEW) {
            Ok(descriptor) => {
                let (target, hidden) = (target.to_owned(), Hidden(path));
                return Ok((descriptor.into(), Place::Hidden { target, hidden }));
            }
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Links a file without a name under a hidden one.
fn name_it(file: &File, target: &Path) -> io::Result<Hidden> {
    let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
    loop {
        let path = hidden_name(target)?;
        match linkat(CWD, &descriptor, CWD, &path, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) => return Ok(Hidden(path)),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// A name beside `target` that nobody else has: short, since the target's own name may be as long as names can be.
fn hidden_name(target: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    let number = u64::from_ne_bytes(random);
    Ok(folder_of(target).join(format!(".hosttap-{number:016x}.part")))
}

/// Gives `file` the permissions of the file that it will replace, and its owner where we may.
fn inherit(file: &File, found: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (found.uid(), found.gid()) {
        let owner = (Uid::from_raw(found.uid()), Gid::from_raw(found.gid()));
        // Only root may give files away; anybody else's file then belongs to who replaced it.
        let _ = fchown(file, Some(owner.0), Some(owner.1));
    }
    file.set_permissions(fs::Permissions::from_mode(found.mode() & 0o777))
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
