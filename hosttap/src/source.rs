//! A local file to be sent, watched for changes.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use tickwire::{Error, Source};

use crate::exit::{Exit, Failure};

/// A regular file, opened once: what is renamed over its name later does not matter.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    opened: Version,
}

/// What tells one content from another, as far as the system knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    length: u64,
    /// When it was last written to: seconds and nanoseconds.
    written: (i64, i64),
}

impl Version {
    fn of(found: &Metadata) -> Self {
        Self {
            length: found.len(),
            written: (found.mtime(), found.mtime_nsec()),
        }
    }
}

impl FileSource {
    /// Opens `path`.
    ///
    /// # Errors
    /// [`Exit::Read`], also for what is no regular file: only that has a length.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let shown = path.display().to_string();
        let failed = |error: io::Error| Failure::system(Exit::Read, &shown, &error);
        // Non-blocking, so that a FIFO cannot hold us before it is refused.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        // The flags are few and far from the sign bit.
        let flags = i32::try_from(flags.bits()).unwrap_or(0);
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(path)
            .map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        if !found.is_file() {
            let text = format!("{shown}: not a regular file");
            return Err(Failure::new(Exit::Read, text));
        }
        let opened = Version::of(&found);
        Ok(Self { file, opened })
    }
}

impl Source for FileSource {
    /// The length now, which a change may have made another one.
    fn len(&self) -> u64 {
        self.file
            .metadata()
            .map_or(self.opened.length, |found| found.len())
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let read = loop {
            match self.file.read_at(buffer, offset) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result.map_err(|error| unreadable(&error))?,
            }
        };
        // Afterwards, so that what was read is of the version that was opened.
        let found = self.file.metadata().map_err(|error| unreadable(&error))?;
        if Version::of(&found) == self.opened {
            Ok(read)
        } else {
            Err(Error::SourceChanged)
        }
    }
}

fn unreadable(error: &io::Error) -> Error {
    Error::Source {
        code: error.raw_os_error().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{Timespec, Timestamps, futimens};
    use std::fs;

    #[test]
    fn a_file_that_changes_is_noticed_and_one_that_is_replaced_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"first").unwrap();
        let mut source = FileSource::open(&path).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(source.len(), 5);
        assert_eq!(source.read_at(1, &mut buffer), Ok(4));
        assert_eq!(&buffer[..4], b"irst");
        assert_eq!(source.read_at(5, &mut buffer), Ok(0));

        let beside = folder.path().join("beside");
        fs::write(&beside, b"other").unwrap();
        fs::rename(&beside, &path).unwrap();
        assert_eq!(source.read_at(0, &mut buffer), Ok(5));
        assert_eq!(&buffer[..5], b"first");

        // Written to, without another length: only the time tells.
        let time = Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        futimens(&source.file, &times).unwrap();
        assert_eq!(source.read_at(0, &mut buffer), Err(Error::SourceChanged));

        let mut source = FileSource::open(&path).unwrap();
        fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_len(3))
            .unwrap();
        assert_eq!(source.len(), 3);
        assert_eq!(source.read_at(0, &mut buffer), Err(Error::SourceChanged));
    }

    #[test]
    fn only_a_regular_file_can_be_sent() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path(), Path::new("/dev/null")] {
            let failure = FileSource::open(path).unwrap_err();
            assert_eq!(failure.exit, Exit::Read, "{failure}");
            assert!(failure.message.contains("not a regular file"), "{failure}");
        }
        let missing = FileSource::open(&folder.path().join("missing")).unwrap_err();
        assert_eq!(missing.exit, Exit::Read);
        assert!(missing.message.contains("No such file"), "{missing}");
    }
}
