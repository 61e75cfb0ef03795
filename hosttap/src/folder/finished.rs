//! What was stored lately, so that a sender whose receipt was lost is not believed to have a new file.
//!
//! A record names the file by its inode and its time of last change. It is durable *before* the file gets its name: a
//! crash between the two leaves a record that fits nothing, which is forgotten, and never a file that would be
//! stored twice. (Both are names in one folder, and no journal keeps the later of two renames without the earlier.)

use std::fs::File;
use std::io::{self, Read, Write};

use rustix::fs::{FlockOperation, Mode, OFlags, Stat, flock, fstat, openat};
use rustix::io::{Errno, retry_on_intr};
use tickwire::store::Digest;

use super::place::{Place, is_regular};
use super::wish::{Wish, candidate, hex, unhex};

const NAME: &str = ".tickwire-finished";
const NAME_NEW: &str = ".tickwire-finished.new";
/// How many are remembered.
const RECORDS_MAX: usize = 256;
/// More than so many records can have; whatever is longer was not written by us.
const BYTES_MAX: u64 = 256 * 1024;
const MODE_NEW: Mode = Mode::from_raw_mode(0o600);

/// One line of the file: digest, length, inode, time of last change, number, name.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    digest: Digest,
    length: u64,
    inode: u64,
    /// Seconds and nanoseconds.
    written: (i64, u64),
    /// How many names were taken already.
    number: u32,
    /// The name that was asked for, cleaned, so that it has no line end.
    name: String,
}

impl Record {
    fn line(&self) -> String {
        let (seconds, nanos) = self.written;
        format!(
            "{} {} {} {seconds} {nanos} {} {}\n",
            hex(&self.digest),
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
            digest: unhex(next()?)?,
            length: next()?.parse().ok()?,
            inode: next()?.parse().ok()?,
            written: (next()?.parse().ok()?, next()?.parse().ok()?),
            number: next()?.parse().ok()?,
            name: next()?.to_owned(),
        })
    }

    /// Whether `found` is the file that this record is about, unchanged.
    fn is_of(&self, found: &Stat) -> bool {
        is_regular(found)
            && found.st_ino == self.inode
            && u64::try_from(found.st_size) == Ok(self.length)
            && written(found) == self.written
    }
}

/// The name under which the folder has what is wished for already, if it is there and nobody changed it.
///
/// # Errors
/// The system's.
pub(super) fn find(place: &Place, wish: &Wish) -> io::Result<Option<String>> {
    let (Some(digest), Some(name)) = (&wish.digest, &wish.name) else {
        return Ok(None);
    };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(place.folder(), NAME, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    for record in records(&file)?.iter().rev() {
        // The name comes from the wish and not from the file, which others may have written.
        if (&record.digest, record.length, record.name.as_str())
            != (digest, wish.length, name.as_str())
        {
            continue;
        }
        let name = candidate(name, record.number);
        if place.look(&name)?.is_some_and(|found| record.is_of(&found)) {
            // Its name may have been given by a program that was killed right afterwards.
            place.sync()?;
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Remembers that `file`, which is durable, is about to get the candidate `number` of the name that `wish` has.
///
/// # Errors
/// The system's; what was remembered before still is.
pub(super) fn remember(place: &Place, wish: &Wish, number: u32, file: &File) -> io::Result<()> {
    let (Some(digest), Some(name)) = (wish.digest, &wish.name) else {
        return Ok(());
    };
    let found = fstat(file)?;
    let record = Record {
        digest,
        length: wish.length,
        inode: found.st_ino,
        written: written(&found),
        number,
        name: name.as_str().to_owned(),
    };
    let held = lock(place)?;
    let mut records = records(&held)?;
    records.retain(|old| old.inode != record.inode);
    records.push(record);
    let first = records.len().saturating_sub(RECORDS_MAX);
    let lines: String = records.iter().skip(first).map(Record::line).collect();
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
    let flags = flags | OFlags::CLOEXEC;
    let mut new = File::from(openat(place.folder(), NAME_NEW, flags, MODE_NEW)?);
    new.write_all(lines.as_bytes())?;
    new.sync_all()?;
    place.replace(NAME_NEW, NAME)
}

/// Waits until no other receiver changes the records. Who has the lock replaces the file, and others must look again.
fn lock(place: &Place) -> io::Result<File> {
    loop {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = flags | OFlags::CLOEXEC;
        let file = File::from(openat(place.folder(), NAME, flags, MODE_NEW)?);
        retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))?;
        if place.names(NAME, &file)? {
            return Ok(file);
        }
    }
}

/// All records of the file; a line that is none is skipped.
fn records(file: &File) -> io::Result<Vec<Record>> {
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter_map(Record::parse).collect())
}

fn written(found: &Stat) -> (i64, u64) {
    (found.st_mtime, found.st_mtime_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_from_its_line_whatever_its_name() {
        for name in ["a", "two words ", "한글 파일.txt", &"x".repeat(255)] {
            let record = Record {
                digest: [0xa5; 32],
                length: u64::MAX,
                inode: u64::MAX,
                written: (i64::MIN, 999_999_999),
                number: u32::MAX,
                name: name.to_owned(),
            };
            let line = record.line();
            assert!(line.len() as u64 * RECORDS_MAX as u64 <= BYTES_MAX);
            assert_eq!(Record::parse(line.trim_end_matches('\n')), Some(record));
        }
        for line in ["", "a5", "no digits at all 1 2 3 name"] {
            assert_eq!(Record::parse(line), None, "{line}");
        }
    }
}
