//! The directory itself. Every name is resolved relative to its open descriptor, so no file can be
//! created anywhere else.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    Access, AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat, access, accessat, fstat,
    linkat, mkdir, openat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use crate::storage::file_system::sync_directory;

/// An open directory.
#[derive(Debug)]
pub(super) struct Directory {
    descriptor: OwnedFd,
    /// Whether its file system has locks.
    has_locks: bool,
}

impl Directory {
    /// Opens the directory at `path`. Creates it if only its last component is missing.
    ///
    /// # Errors
    /// The system's: `path` is not a directory, or no files can be created in it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        match mkdir(path, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            // If the path does not exist, this error is the cause. Otherwise, as on a read-only
            // disk, opening the directory reports the cause better.
            Err(errno) if access(path, Access::EXISTS).is_err() => return Err(errno.into()),
            Err(_) => {}
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = openat(CWD, path, flags, Mode::empty())?;
        accessat(
            &descriptor,
            ".",
            Access::WRITE_OK | Access::EXEC_OK,
            AtFlags::EACCESS,
        )?;
        Ok(Self {
            descriptor,
            has_locks: true,
        })
    }

    /// Notes whether its file system has locks, which counts as true before.
    pub(super) const fn set_has_locks(&mut self, has_locks: bool) {
        self.has_locks = has_locks;
    }

    /// Whether its file system has locks. Without them nobody can tell whether another receiver is
    /// at work on a file.
    pub(super) const fn has_locks(&self) -> bool {
        self.has_locks
    }

    /// Opens the file `name`. A symbolic link is an error. Non-blocking, so that opening a FIFO of
    /// this name does not wait for its other end.
    pub(super) fn open_file(&self, name: &str, flags: OFlags, mode: Mode) -> Result<File, Errno> {
        let safe = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        openat(&self.descriptor, name, flags | safe, mode).map(File::from)
    }

    /// The metadata of `name`, or `None` if it does not exist. A symbolic link is not followed.
    pub(super) fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        match statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Whether `name` still leads to the open `file`.
    ///
    /// # Errors
    /// The system's; `EEXIST` if `file` is not a regular file.
    pub(super) fn is_name_of(&self, name: &str, file: &File) -> io::Result<bool> {
        let open = fstat(file)?;
        if !is_regular(&open) {
            return Err(Errno::EXIST.into());
        }
        let found = self.stat(name)?;
        Ok(found.is_some_and(|found| (found.st_dev, found.st_ino) == (open.st_dev, open.st_ino)))
    }

    /// Renames a file without replacing another one. Returns `false` if `to` exists already.
    pub(super) fn rename_no_replace(&self, from: &str, to: &str) -> io::Result<bool> {
        let flags = RenameFlags::NOREPLACE;
        match renameat_with(&self.descriptor, from, &self.descriptor, to, flags) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            // Some file systems, such as NFS, do not support this flag. A link never replaces a
            // file either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {
                self.link_no_replace(from, to)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    fn link_no_replace(&self, from: &str, to: &str) -> io::Result<bool> {
        match linkat(
            &self.descriptor,
            from,
            &self.descriptor,
            to,
            AtFlags::empty(),
        ) {
            Ok(()) => self.remove(from).map(|()| true),
            Err(Errno::EXIST) => Ok(false),
            // Others, such as FAT and many shared folders, have no hard links.
            Err(_) => self.claim_and_rename(from, to),
        }
    }

    /// Creates an empty file under the new name, which fails if the name is taken, and renames over
    /// it. A crash between the two leaves the empty file.
    fn claim_and_rename(&self, from: &str, to: &str) -> io::Result<bool> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        match self.open_file(to, flags, Mode::from_raw_mode(0o600)) {
            Ok(_) => {}
            Err(Errno::EXIST) => return Ok(false),
            Err(errno) => return Err(errno.into()),
        }
        match self.rename(from, to) {
            Ok(()) => Ok(true),
            Err(error) => {
                self.remove(to)?;
                Err(error)
            }
        }
    }

    /// Renames a file, and replaces `to` if it exists.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.descriptor, from, &self.descriptor, to)?)
    }

    /// Removes a name. A missing name is not an error.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Makes the names in the directory durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        sync_directory(&self.descriptor, &self.descriptor)
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Whether this is a regular file.
pub(super) fn is_regular(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
}
