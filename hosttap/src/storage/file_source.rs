//! A local file to send. A change to it during the transfer is detected, and what has no true size
//! is read to its end first.

use std::fs::{self, File, Metadata};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::io::Errno;
use rustix::stdio::stdin;
use tickwire::{Source, SourceError};

use crate::exit::{Exit, Failure};
use crate::system::errno::{retry_interrupted, source_error};
use crate::system::patient::PatientFile;
use crate::system::unsafe_calls::stdin_was_closed;

/// The size of one read from what is copied.
const COPY_BYTES: usize = 64 * 1024;

/// A regular file, or a copy of what is none. It is opened once, so a file that is renamed over it
/// later has no effect.
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
    /// Opens `path`. A FIFO, and a file whose size is not true, as in /proc, is copied to a temporary
    /// file without a name. A FIFO is waited for until its other end is closed.
    ///
    /// # Errors
    /// [`Exit::Read`], also if it is a directory or a device. [`Exit::Write`] if there is no room for
    /// the copy.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let failed = |error: io::Error| Failure::from_io(Exit::Read, &name, &error);
        // Checked before the open, which for some devices waits or has effects.
        if !is_readable_kind(&fs::metadata(path).map_err(failed)?) {
            let text = format!("{name}: neither a regular file nor a pipe");
            return Err(Failure::new(Exit::Read, text));
        }
        let file = File::open(path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        if found.file_type().is_fifo() {
            return Self::copy_of(file, &name);
        }
        if !has_true_size(&file, found.len()).map_err(failed)? {
            return Self::copy_of(file, &name);
        }
        let opened = Version::of(&found);
        Ok(Self { file, opened })
    }

    /// A regular file that is open. Its size is taken for true.
    ///
    /// # Errors
    /// That of the system.
    pub fn of_regular(file: File) -> io::Result<Self> {
        let opened = Version::of(&file.metadata()?);
        Ok(Self { file, opened })
    }

    /// Reads stdin to its end.
    ///
    /// # Errors
    /// As [`open`](Self::open); `EBADF` if the program was started without stdin.
    pub fn stdin() -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::from_io(Exit::Read, "stdin", &error);
        if stdin_was_closed() {
            return Err(failed(Errno::BADF.into()));
        }
        let stdin: OwnedFd = stdin().try_clone_to_owned().map_err(failed)?;
        Self::copy_of(stdin.into(), "stdin")
    }

    fn copy_of(file: File, name: &str) -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            let subject = format!("{name}: cannot make a copy of it in a temporary file");
            Failure::from_io(Exit::Write, &subject, &error)
        };
        let mut reader = BufReader::with_capacity(COPY_BYTES, PatientFile(file));
        let mut copy = tempfile::tempfile().map_err(failed)?;
        loop {
            let block = reader
                .fill_buf()
                .map_err(|error| Failure::from_io(Exit::Read, name, &error))?;
            if block.is_empty() {
                break;
            }
            copy.write_all(block).map_err(failed)?;
            let length = block.len();
            reader.consume(length);
        }
        let opened = Version::of(&copy.metadata().map_err(failed)?);
        Ok(Self { file: copy, opened })
    }
}

fn is_readable_kind(found: &Metadata) -> bool {
    found.is_file() || found.file_type().is_fifo()
}

/// Whether a file has exactly as many bytes as it says. Files in /proc say 0, and files in /sys say
/// 4096.
fn has_true_size(file: &File, length: u64) -> io::Result<bool> {
    let has_byte_at = |offset| -> io::Result<bool> {
        let count = retry_interrupted(|| file.read_at(&mut [0], offset))?;
        Ok(count > 0)
    };
    let reaches_its_end = match length.checked_sub(1) {
        Some(last) => has_byte_at(last)?,
        None => true,
    };
    Ok(reaches_its_end && !has_byte_at(length)?)
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
    use rustix::fs::{CWD, FileType, Mode, Timespec, Timestamps, futimens, mknodat};

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

    fn content(source: &mut FileSource) -> Vec<u8> {
        let (mut content, mut buffer) = (Vec::new(), [0; 1_000]);
        loop {
            let count = source.read_at(content.len() as u64, &mut buffer).unwrap();
            if count == 0 {
                assert_eq!(source.len(), content.len() as u64);
                return content;
            }
            content.extend_from_slice(&buffer[..count]);
        }
    }

    #[test]
    fn a_file_without_a_true_size_is_read_to_its_end() {
        for path in [
            "/proc/version",
            "/proc/self/mounts",
            "/sys/kernel/mm/transparent_hugepage/enabled",
        ] {
            let Ok(whole) = fs::read(path) else {
                continue;
            };
            assert!(!whole.is_empty(), "{path}");
            let mut source = FileSource::open(Path::new(path)).unwrap();
            assert_eq!(content(&mut source), whole, "{path}");
        }
    }

    #[test]
    fn a_pipe_is_read_to_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fifo");
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let written = vec![b'x'; 200_000];
        let writer = std::thread::spawn({
            let (path, written) = (path.clone(), written.clone());
            move || fs::write(path, written).unwrap()
        });
        let mut source = FileSource::open(&path).unwrap();
        writer.join().unwrap();
        assert!(content(&mut source) == written);
    }

    #[test]
    fn a_sparse_and_an_empty_file_have_true_sizes() {
        let directory = tempfile::tempdir().unwrap();
        for length in [0, 1, 1 << 40] {
            let path = directory.path().join("file");
            File::create(&path).unwrap().set_len(length).unwrap();
            assert_eq!(FileSource::open(&path).unwrap().len(), length);
        }
    }

    #[test]
    fn a_directory_and_a_device_cannot_be_sent() {
        let directory = tempfile::tempdir().unwrap();
        for path in [directory.path(), Path::new("/dev/null")] {
            let failure = FileSource::open(path).unwrap_err();
            assert_eq!(failure.exit, Exit::Read, "{failure}");
            assert!(
                failure.message.contains("neither a regular file"),
                "{failure}"
            );
        }
        let missing = FileSource::open(&directory.path().join("missing")).unwrap_err();
        assert_eq!(missing.exit, Exit::Read);
        assert!(missing.message.contains("No such file"), "{missing}");
    }
}
