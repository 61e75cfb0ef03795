//! A local file to send. A change to it during the transfer is detected.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use tickwire::{Source, SourceError};

use crate::exit::{Exit, Failure};
use crate::system::errno::{retry_interrupted, source_error};

/// A regular file. It is opened once, so a file that is renamed over it later has no effect.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    opened: Version,
}

/// What the system knows that distinguishes two versions of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    length: u64,
    /// The modification time in seconds and nanoseconds.
    modified: (i64, i64),
}

impl Version {
    fn of(found: &Metadata) -> Self {
        Self {
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
        }
    }
}

impl FileSource {
    /// Opens `path`.
    ///
    /// # Errors
    /// [`Exit::Read`], also if it is not a regular file, because only those have a length.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let failed = |error: io::Error| Failure::from_io(Exit::Read, &name, &error);
        // Non-blocking, so that opening a FIFO does not wait for its other end.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        // None of these flags is the sign bit.
        let flags = i32::try_from(flags.bits()).unwrap_or(0);
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(path)
            .map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        if !found.is_file() {
            let text = format!("{name}: not a regular file");
            return Err(Failure::new(Exit::Read, text));
        }
        let opened = Version::of(&found);
        Ok(Self { file, opened })
    }
}

impl Source for FileSource {
    /// The current length, which may differ from the length at the start.
    fn len(&self) -> u64 {
        self.file
            .metadata()
            .map_or(self.opened.length, |found| found.len())
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let read = retry_interrupted(|| self.file.read_at(buffer, offset))
            .map_err(|error| source_error(&error))?;
        // Checked after the read, so that the bytes belong to the version that was opened.
        let found = self.file.metadata().map_err(|error| source_error(&error))?;
        if Version::of(&found) == self.opened {
            Ok(read)
        } else {
            Err(SourceError::Changed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{Timespec, Timestamps, futimens};
    use std::fs;

    #[test]
    fn a_modified_file_is_detected_and_a_replaced_one_does_no_harm() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, b"first").unwrap();
        let mut source = FileSource::open(&path).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(source.len(), 5);
        assert_eq!(source.read_at(1, &mut buffer), Ok(4));
        assert_eq!(&buffer[..4], b"irst");
        assert_eq!(source.read_at(5, &mut buffer), Ok(0));

        let beside = directory.path().join("beside");
        fs::write(&beside, b"other").unwrap();
        fs::rename(&beside, &path).unwrap();
        assert_eq!(source.read_at(0, &mut buffer), Ok(5));
        assert_eq!(&buffer[..5], b"first");

        // A write that keeps the length changes only the modification time.
        let time = Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        futimens(&source.file, &times).unwrap();
        assert_eq!(source.read_at(0, &mut buffer), Err(SourceError::Changed));

        let mut source = FileSource::open(&path).unwrap();
        fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_len(3))
            .unwrap();
        assert_eq!(source.len(), 3);
        assert_eq!(source.read_at(0, &mut buffer), Err(SourceError::Changed));
    }

    #[test]
    fn only_a_regular_file_can_be_sent() {
        let directory = tempfile::tempdir().unwrap();
        for path in [directory.path(), Path::new("/dev/null")] {
            let failure = FileSource::open(path).unwrap_err();
            assert_eq!(failure.exit, Exit::Read, "{failure}");
            assert!(failure.message.contains("not a regular file"), "{failure}");
        }
        let missing = FileSource::open(&directory.path().join("missing")).unwrap_err();
        assert_eq!(missing.exit, Exit::Read);
        assert!(missing.message.contains("No such file"), "{missing}");
    }
}
