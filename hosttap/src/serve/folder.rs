//! A folder whose files are served, and nothing outside of it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat, fstat, open, openat2};
use rustix::io::Errno;

use super::listing::{self, Listing};
use crate::exit::{Exit, Failure};
use crate::storage::file_source::FileSource;

/// Names that begin like this are neither shown nor served: among them is what `--upload` and `recv`
/// have not finished.
const HIDDEN: u8 = b'.';

/// A folder that is open for as long as the program runs, wherever it is moved to.
#[derive(Debug)]
pub struct Folder {
    descriptor: OwnedFd,
}

/// What stands under a name.
#[derive(Debug)]
pub(super) enum Found {
    File {
        source: FileSource,
        found: Box<Stat>,
    },
    Folder(Listing),
    /// A folder, whose name needs a slash at its end for the links in its listing.
    NeedsSlash,
}

impl Folder {
    /// Opens the folder at `path`.
    ///
    /// # Errors
    /// [`Exit::Read`] if it cannot be opened or is no folder, or if the kernel has no `openat2`, which
    /// came with Linux 5.6.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let failed =
            |error: Errno| Failure::from_io(Exit::Read, &path.display().to_string(), &error.into());
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = Self {
            descriptor: open(path, flags, Mode::empty()).map_err(failed)?,
        };
        // What every request will need is tried once.
        folder
            .open_beneath(b".", OFlags::RDONLY | OFlags::DIRECTORY)
            .map_err(failed)?;
        Ok(folder)
    }

    /// What stands under `name`, which was percent-decoded and is relative to the folder. A name that
    /// ends in a slash, and the empty one, is a folder's.
    ///
    /// # Errors
    /// `NotFound` also for everything that must not be seen.
    pub(super) fn find(&self, name: &[u8]) -> io::Result<Found> {
        let (trimmed, is_folder) = match name.strip_suffix(b"/") {
            Some(trimmed) => (trimmed, true),
            None => (name, name.is_empty()),
        };
        let mut parts = trimmed.split(|&byte| byte == b'/');
        let is_seen = |part: &[u8]| !matches!(part.first(), None | Some(&HIDDEN));
        if (!trimmed.is_empty() && !parts.all(is_seen)) || (trimmed.is_empty() && !name.is_empty())
        {
            return Err(Errno::NOENT.into());
        }
        let path = if trimmed.is_empty() { b"." } else { trimmed };
        // Whether it may be opened for reading is asked first: to open a device may have effects.
        let kind = self.open_beneath(path, OFlags::PATH)?;
        match (FileType::from_raw_mode(fstat(&kind)?.st_mode), is_folder) {
            (FileType::Directory, false) => Ok(Found::NeedsSlash),
            (FileType::Directory, true) => {
                let folder = self.open_beneath(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
                let look = |name: &[u8]| {
                    let path = [path, b"/", name].concat();
                    fstat(self.open_beneath(&path, OFlags::PATH).ok()?).ok()
                };
                Ok(Found::Folder(listing::of(folder, trimmed, look)?))
            }
            (FileType::RegularFile, false) => {
                // Should it have become a pipe meanwhile, nobody waits.
                let file =
                    self.open_beneath(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
                let found = fstat(&file)?;
                if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
                    return Err(Errno::NOENT.into());
                }
                Ok(Found::File {
                    source: FileSource::of_regular(File::from(file))?,
                    found: Box::new(found),
                })
            }
            _ => Err(Errno::NOENT.into()),
        }
    }

    /// Opens `path`, which the kernel keeps beneath the folder: neither `..` nor a link leads out.
    fn open_beneath(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let flags = flags | OFlags::CLOEXEC;
        let open = || openat2(self.descriptor.as_fd(), path, flags, Mode::empty(), resolve);
        // A rename meanwhile, anywhere in the system, may make the kernel ask for another try.
        let mut opened = open();
        for _ in 0..8 {
            match opened {
                Err(Errno::AGAIN | Errno::INTR) => opened = open(),
                _ => break,
            }
        }
        opened
    }
}
