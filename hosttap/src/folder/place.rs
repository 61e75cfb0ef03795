//! The folder itself: every name is looked up in its open descriptor, so that nothing can be made anywhere else.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    Access, AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat, access, accessat, fstat,
    fsync, linkat, mkdir, openat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};

/// An open folder.
#[derive(Debug)]
pub(super) struct Place {
    folder: OwnedFd,
}

impl Place {
    /// Opens the folder at `path`, and makes it where only its last component is missing.
    ///
    /// # Errors
    /// The system's: no folder, or one that takes no files.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        match mkdir(path, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            // Whatever else is wrong, opening it says better: a folder may be there on a disk that takes no more.
            Err(errno) if access(path, Access::EXISTS).is_err() => return Err(errno.into()),
            Err(_) => {}
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(CWD, path, flags, Mode::empty())?;
        accessat(
            &folder,
            ".",
            Access::WRITE_OK | Access::EXEC_OK,
            AtFlags::EACCESS,
        )?;
        Ok(Self { folder })
    }

    pub(super) fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// What is under `name`; a symbolic link is itself.
    pub(super) fn look(&self, name: &str) -> io::Result<Option<Stat>> {
        match statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Whether `name` is that open file, and a regular one.
    pub(super) fn names(&self, name: &str, file: &File) -> io::Result<bool> {
        let open = fstat(file)?;
        if !is_regular(&open) {
            return Err(Errno::EXIST.into());
        }
        let found = self.look(name)?;
        Ok(found.is_some_and(|found| (found.st_dev, found.st_ino) == (open.st_dev, open.st_ino)))
    }

    /// Renames, unless something is under `to` already: then `false`.
    pub(super) fn move_free(&self, from: &str, to: &str) -> io::Result<bool> {
        let flags = RenameFlags::NOREPLACE;
        match renameat_with(&self.folder, from, &self.folder, to, flags) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            // Some file systems, NFS among them, know no such rename; but no link replaces anything either.
            Err(Errno::INVAL | Errno::NOSYS) => self.link_free(from, to),
            Err(errno) => Err(errno.into()),
        }
    }

    fn link_free(&self, from: &str, to: &str) -> io::Result<bool> {
        match linkat(&self.folder, from, &self.folder, to, AtFlags::empty()) {
            Ok(()) => self.remove(from).map(|()| true),
            Err(Errno::EXIST) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Renames, whatever is under `to`.
    pub(super) fn replace(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.folder, from, &self.folder, to)?)
    }

    /// Removes a name; one that is not there is fine.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Makes names durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        match retry_on_intr(|| fsync(&self.folder)) {
            // Some file systems cannot sync a folder, and say so.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Whether it is a regular file.
pub(super) fn is_regular(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
}
