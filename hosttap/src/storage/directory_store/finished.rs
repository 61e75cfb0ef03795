//! Records of the files that were stored lately, so that a sender that lost its receipt does not
//! store its file a second time.
//!
//! A record identifies the file by its inode and modification time. The record is durable *before*
//! the file gets its name. A crash between the two leaves a record that matches no file and is
//! ignored, and never a file that would be stored twice. (Both are names in one directory, and no
//! journal keeps the later of two renames without the earlier one.)

use std::fs::File;
use std::io::{self, Read, Write};

use rustix::fs::{FlockOperation, Mode, OFlags, Stat, flock, fstat};
use rustix::io::{Errno, retry_on_intr};
use tickwire::store::Digest;

use super::directory::{Directory, is_regular};
use super::upload::{Form, OwnedUpload};
use crate::storage::file_system::sync_file;
use crate::storage::hex;

/// The file that holds the records.
const RECORDS_NAME: &str = ".tickwire-finished";
const NEW_RECORDS_NAME: &str = ".tickwire-finished.new";
/// How many records are kept.
const RECORDS_MAX: usize = 256;
/// More bytes than that many records can have. We wrote nothing beyond it.
const RECORDS_BYTES_MAX: u64 = 256 * 1024;
const RECORDS_MODE: Mode = Mode::from_raw_mode(0o600);

/// One line of the file: digest, length, inode, modification time, number and name.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    digest: Digest,
    length: u64,
    inode: u64,
    /// The modification time in seconds and nanoseconds.
    modified: (i64, u64),
    /// How many names were already taken.
    number: u32,
    /// The requested name, sanitized, so it contains no line end.
    name: String,
}

impl Record {
    fn to_line(&self) -> String {
        let (seconds, nanos) = self.modified;
        format!(
            "{} {} {} {seconds} {nanos} {} {}\n",
            hex::encode(&self.digest),
            self.length,
            self.inode,
            self.number,
            self.name
        )
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.splitn(7, ' ');
        let mut next = || fields.next();
        Some(Self {
            digest: hex::decode(next()?)?,
            length: next()?.parse().ok()?,
            inode: next()?.parse().ok()?,
            modified: (next()?.parse().ok()?, next()?.parse().ok()?),
            number: next()?.parse().ok()?,
            name: next()?.to_owned(),
        })
    }

    /// Whether `found` is the unmodified file of this record.
    fn matches(&self, found: &Stat) -> bool {
        is_regular(found)
            && found.st_ino == self.inode
            && u64::try_from(found.st_size) == Ok(self.length)
            && modified(found) == self.modified
    }
}

/// The name under which the directory already holds the file of `upload`, if it is there and
/// unmodified.
///
/// # Errors
/// The system's.
pub(super) fn find(directory: &Directory, upload: &OwnedUpload) -> io::Result<Option<String>> {
    let (Some(digest), Some(name)) = (&upload.digest, &upload.name) else {
        return Ok(None);
    };
    let file = match directory.open_file(RECORDS_NAME, OFlags::RDONLY, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    for record in read_records(&file)?.iter().rev() {
        // The name is taken from the upload and not from the records, which others may have
        // written.
        if (&record.digest, record.length, record.name.as_str())
            != (digest, upload.length, name.as_str())
        {
            continue;
        }
        for form in Form::ALL {
            let name = form.of(name, record.number);
            // A name that the file system does not take is not there.
            let found = directory.stat(&name).ok().flatten();
            if found.is_some_and(|found| record.matches(&found)) {
                // The program that named the file may have been killed before it synced the
                // directory.
                directory.sync()?;
                return Ok(Some(name));
            }
        }
    }
    Ok(None)
}

/// Records that `file`, which is durable, is about to get the candidate name `number` of `upload`.
///
/// # Errors
/// The system's. The earlier records are then unchanged.
pub(super) fn record(
    directory: &Directory,
    upload: &OwnedUpload,
    number: u32,
    file: &File,
) -> io::Result<()> {
    let (Some(digest), Some(name)) = (upload.digest, &upload.name) else {
        return Ok(());
    };
    let found = fstat(file)?;
    let record = Record {
        digest,
        length: upload.length,
        inode: found.st_ino,
        modified: modified(&found),
        number,
        name: name.as_str().to_owned(),
    };
    let locked = lock(directory)?;
    let mut records = read_records(&locked)?;
    records.retain(|old| old.inode != record.inode);
    records.push(record);
    let first = records.len().saturating_sub(RECORDS_MAX);
    let lines: String = records.iter().skip(first).map(Record::to_line).collect();
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
    let mut new = directory.open_file(NEW_RECORDS_NAME, flags, RECORDS_MODE)?;
    new.write_all(lines.as_bytes())?;
    sync_file(&new)?;
    directory.rename(NEW_RECORDS_NAME, RECORDS_NAME)
}

/// Locks the records, and waits while another receiver changes them. The holder of the lock
/// replaces the file, so the name must still lead to the locked file afterwards.
fn lock(directory: &Directory) -> io::Result<File> {
    loop {
        let flags = OFlags::RDWR | OFlags::CREATE;
        let file = directory.open_file(RECORDS_NAME, flags, RECORDS_MODE)?;
        if !directory.has_locks() {
            // Two receivers may lose a record of each other. A repeated file is then stored again.
            return Ok(file);
        }
        retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))?;
        if directory.is_name_of(RECORDS_NAME, &file)? {
            return Ok(file);
        }
    }
}

/// All records in the file. Invalid lines are skipped.
fn read_records(file: &File) -> io::Result<Vec<Record>> {
    let mut bytes = Vec::new();
    file.take(RECORDS_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter_map(Record::parse).collect())
}

fn modified(found: &Stat) -> (i64, u64) {
    (found.st_mtime, found.st_mtime_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_parsed_from_its_line_whatever_its_name() {
        for name in ["a", "two words ", "한글 파일.txt", &"x".repeat(255)] {
            let record = Record {
                digest: [0xa5; 32],
                length: u64::MAX,
                inode: u64::MAX,
                modified: (i64::MIN, 999_999_999),
                number: u32::MAX,
                name: name.to_owned(),
            };
            let line = record.to_line();
            assert!(line.len() as u64 * RECORDS_MAX as u64 <= RECORDS_BYTES_MAX);
            assert_eq!(Record::parse(line.trim_end_matches('\n')), Some(record));
        }
        for line in ["", "a5", "no digits at all 1 2 3 name"] {
            assert_eq!(Record::parse(line), None, "{line}");
        }
    }
}
