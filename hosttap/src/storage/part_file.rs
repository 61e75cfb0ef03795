//! The part of a file that a later run can go on with.

mod record;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tickwire::SinkError;
use tickwire::http::Version;

use super::atomic_file::{copy_owner_and_mode, replaceable};
use super::file_system::{free_bytes, sync_file, sync_parent, try_lock};
use crate::exit::{Exit, Failure};
use crate::system::errno::{retry_interrupted, sink_error};
use crate::system::job::Job;
pub use record::KeptVersion;
use record::{Found, Record};

/// So many bytes may have to be fetched again after a power cut.
const SYNC_BYTES: u64 = 8 << 20;
/// How often the file may be removed between its opening and its locking. After that many attempts
/// it counts as busy.
const OPEN_ATTEMPTS_MAX: u32 = 16;
const BLOCK_BYTES: usize = 64 * 1024;

/// A file that grows as FILE.part, beside its record FILE.part.info, until
/// `commit` renames it to FILE.
///
/// Whenever the program or the machine stops, the two are one of these: no record, and the part
/// counts as empty; or a record of a version, and a part whose bytes are all of that version.
/// [`restart`](Self::restart) keeps that up by its order: the old record goes, then the old bytes,
/// then the new record comes, each for good before the next.
///
/// How much of the part counts: all of it, if the system has run on, for then the kernel has written
/// every byte that it took. After a power cut only what the record calls durable.
///
/// A part without a record, and its dropping, leave nothing.
#[derive(Debug)]
pub struct PartFile {
    /// Locked as long as it is open.
    file: File,
    paths: Paths,
    /// Number of bytes in the part.
    bytes: u64,
    /// The version that the part had when it was opened.
    found: Option<KeptVersion>,
    record: Option<Record>,
    /// Makes durable what has come.
    syncing: Option<Job<io::Result<()>>>,
    /// Number of bytes that are durable once `syncing` has ended.
    synced_bytes: u64,
    /// The part has its final name, and FILE.part may be another program's.
    is_committed: bool,
}

#[derive(Debug)]
struct Paths {
    target: PathBuf,
    part: PathBuf,
    record: PathBuf,
}

impl Paths {
    fn new(target: PathBuf) -> Self {
        let with_suffix = |suffix| {
            let mut path = OsString::from(&target);
            path.push(suffix);
            PathBuf::from(path)
        };
        Self {
            part: with_suffix(".part"),
            record: with_suffix(".part.info"),
            target,
        }
    }
}

impl PartFile {
    /// Opens the part of `path`, or begins one.
    ///
    /// # Errors
    /// [`Exit::Write`] as for every file; [`Exit::CannotResume`] if `path` cannot be replaced by a
    /// rename, or if there are no locks, so that two programs could write one part.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let (target, replaced) = replaceable(path)?;
        let paths = Paths::new(target);
        let subject = paths.part.display().to_string();
        let failed = |error: io::Error| Failure::from_io(Exit::Write, &subject, &error);
        let file = open_locked(&paths.part, &subject)?;
        if let Some(replaced) = replaced {
            copy_owner_and_mode(&file, &replaced).map_err(failed)?;
        }
        let mut part = Self {
            file,
            paths,
            bytes: 0,
            found: None,
            record: None,
            syncing: None,
            synced_bytes: 0,
            is_committed: false,
        };
        part.take_up().map_err(failed)?;
        Ok(part)
    }

    /// Looks for what an earlier run has left.
    fn take_up(&mut self) -> io::Result<()> {
        let len = self.file.metadata()?.len();
        let Some(found) = Found::read(&self.paths.record)?.filter(|_| len > 0) else {
            return Ok(());
        };
        self.bytes = match found.is_of_this_boot() {
            true => len,
            false => len.min(found.durable_bytes),
        };
        // Of a part that is whole the last byte is fetched again: a range that begins at the end of
        // the file is one that apache answers with all of it, because of the `If-Range`.
        if found.version.as_version().total == Some(self.bytes) {
            self.bytes = self.bytes.saturating_sub(1);
        }
        self.file.set_len(self.bytes)?;
        self.record = Some(Record::reopen(&self.paths.record, &found)?);
        self.synced_bytes = self.bytes.min(found.durable_bytes);
        self.found = Some(found.version).filter(|_| self.bytes > 0);
        Ok(())
    }

    /// What an earlier run has left, and can be gone on with.
    pub fn found(&self) -> Option<(u64, &KeptVersion)> {
        Some((self.bytes, self.found.as_ref()?))
    }

    /// Passes everything in the part to `take`, from its start, as long as `take` returns `true`.
    ///
    /// # Errors
    /// The system's; [`ErrorKind::Interrupted`] if `take` returned `false`.
    pub fn read_all(&self, mut take: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
        let mut block = vec![0; BLOCK_BYTES];
        let mut offset = 0;
        while offset < self.bytes {
            let len = retry_interrupted(|| self.file.read_at(&mut block, offset))?;
            let bytes = block.get(..len).unwrap_or_default();
            if bytes.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if !take(bytes) {
                return Err(ErrorKind::Interrupted.into());
            }
            offset += len as u64;
        }
        Ok(())
    }

    /// Writes the first bytes of `data`, and returns their number.
    ///
    /// # Errors
    /// [`SinkError::Failed`] with the errno.
    pub fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let taken =
            retry_interrupted(|| self.file.write(data)).map_err(|error| sink_error(&error))?;
        self.bytes += taken as u64;
        let synced = self.sync_now_and_then();
        synced.map_err(|error| sink_error(&error))?;
        Ok(taken)
    }

    /// Forgets the bytes, and begins a part of `version`.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn restart(&mut self, version: &Version<'_>) -> Result<(), SinkError> {
        self.try_restart(version)
            .map_err(|error| sink_error(&error))
    }

    fn try_restart(&mut self, version: &Version<'_>) -> io::Result<()> {
        self.forget()?;
        self.file.set_len(0)?;
        sync_file(&self.file)?;
        self.bytes = 0;
        self.synced_bytes = 0;
        if let Some(version) = record::provable(version) {
            self.record = Some(Record::create(&self.paths.record, &version)?);
        }
        Ok(())
    }

    /// From now on the part counts as empty.
    fn forget(&mut self) -> io::Result<()> {
        // It is of the version that is lost, and so is its result.
        let _ = self.finish_sync();
        self.found = None;
        self.record = None;
        record::remove(&self.paths.record, &self.file)
    }

    /// Starts to make durable what has come, each time that it is enough.
    fn sync_now_and_then(&mut self) -> io::Result<()> {
        if let Some(job) = self.syncing.take() {
            match job.poll() {
                Ok(result) => self.check_sync(result)?,
                Err(job) => self.syncing = Some(job),
            }
        }
        let bytes = self.bytes;
        let is_due = bytes - self.synced_bytes >= SYNC_BYTES && self.syncing.is_none();
        if let Some(record) = self.record.as_ref().filter(|_| is_due) {
            let (file, mut record) = (self.file.try_clone()?, record.try_clone()?);
            self.syncing = Some(Job::start(move || {
                sync_file(&file)?;
                record.add_durable(bytes)
            })?);
            self.synced_bytes = bytes;
        }
        Ok(())
    }

    fn finish_sync(&mut self) -> io::Result<()> {
        match self.syncing.take() {
            Some(job) => {
                let result = job.join();
                self.check_sync(result)
            }
            None => Ok(()),
        }
    }

    /// After a failure nobody knows which bytes are on the disk.
    fn check_sync(&mut self, result: io::Result<()>) -> io::Result<()> {
        if result.is_err() {
            self.record = None;
            self.found = None;
            record::remove(&self.paths.record, &self.file)?;
        }
        result
    }

    /// How many bytes still fit on the file system.
    pub(crate) fn free_bytes(&self) -> io::Result<Option<u64>> {
        free_bytes(&self.file)
    }

    /// Makes the part durable under its final name.
    ///
    /// # Errors
    /// The system's. The target is then unchanged, unless only the sync of its directory failed.
    pub(crate) fn try_commit(mut self) -> io::Result<()> {
        self.finish_sync()?;
        sync_file(&self.file)?;
        fs::rename(&self.paths.part, &self.paths.target)?;
        self.is_committed = true;
        sync_parent(&self.paths.target, &self.file)?;
        record::remove(&self.paths.record, &self.file)
    }

    /// Loses the part.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn discard(mut self) -> io::Result<()> {
        self.forget()
    }

    /// What stays if it is dropped now, for people.
    pub fn kept(&self) -> Option<String> {
        let is_kept = self.record.is_some() && self.bytes > 0;
        let (bytes, part) = (self.bytes, self.paths.part.display());
        is_kept.then(|| format!("{bytes} bytes are kept in {part}; -C goes on with them"))
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.is_committed && (self.record.is_none() || self.bytes == 0) {
            // A drop cannot report an error; the next run finds the files.
            let _ = record::remove(&self.paths.record, &self.file);
            let _ = fs::remove_file(&self.paths.part);
        }
    }
}

/// Opens or creates the file at `path`, and locks it.
fn open_locked(path: &Path, subject: &str) -> Result<File, Failure> {
    for _ in 0..OPEN_ATTEMPTS_MAX {
        // Nobody gets a file of ours written by a link that stands there.
        let file = File::options()
            .read(true)
            .append(true)
            .create(true)
            .custom_flags(OFlags::NOFOLLOW.bits() as i32)
            .open(path)
            .map_err(|error| Failure::from_io(Exit::Write, subject, &error))?;
        let is_locked = try_lock(&file).map_err(|error| {
            let subject = format!("{subject}: -C needs a lock");
            Failure::from_io(Exit::CannotResume, &subject, &error)
        })?;
        if !is_locked {
            break;
        }
        if is_name_of(path, &file) {
            return Ok(file);
        }
    }
    let text = format!("{subject}: another program writes it");
    Err(Failure::new(Exit::Write, text))
}

/// Whether `path` still leads to the regular file `file`.
fn is_name_of(path: &Path, file: &File) -> bool {
    let (Ok(open), Ok(found)) = (file.metadata(), fs::symlink_metadata(path)) else {
        return false;
    };
    open.is_file() && (open.dev(), open.ino()) == (found.dev(), found.ino())
}

#[cfg(test)]
mod tests;
