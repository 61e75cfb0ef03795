//! What a part is a part of: a small text file beside it, which only grows.
//!
//! ```text
//! hosttap part 1
//! url http://192.168.69.100/image
//! validator "5f3-1a"
//! total 209715200
//! boot 0d8c6f3e-...
//! durable 0
//! durable 8388608
//! ```
//!
//! A line counts only with its line end, and nothing counts from the first line on that is not in
//! this form. The header ends with the first `durable`: a record that a power cut left shorter is
//! none. The last `boot` and the last `durable` are the valid ones.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tickwire::http::Version;

use crate::storage::file_system::{sync_file, sync_parent};

/// Longest record: one of a file of 6 TB.
const BYTES_MAX: u64 = 16 << 20;
const FORM: &[u8] = b"hosttap part 1";
/// Lines from the form to the first `durable`.
const HEADER_LINES: usize = 6;
/// In place of a number or a name that is not known.
const UNKNOWN: &[u8] = b"unknown";
/// The URL may have a secret in its query.
const MODE: u32 = 0o600;

/// The version of a file that a part belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVersion {
    url: String,
    validator: Vec<u8>,
    total: Option<u64>,
}

impl KeptVersion {
    /// As a download takes it.
    pub fn as_version(&self) -> Version<'_> {
        Version {
            url: &self.url,
            validator: Some(&self.validator),
            total: self.total,
        }
    }
}

/// What a record says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) version: KeptVersion,
    /// The run of the system in which the part was written last.
    boot: Vec<u8>,
    /// Number of bytes that no power cut can take any more.
    pub(super) durable_bytes: u64,
    /// Length of the record up to where it can be believed.
    len: usize,
}

impl Found {
    /// Reads the record at `path`; `None` if there is none that can be believed.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(Self::parse(&bytes))
    }

    /// Whether the system has run on since the part was written, so that nothing of it is lost.
    pub(super) fn is_of_this_boot(&self) -> bool {
        boot_id().is_some_and(|now| now == self.boot)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut lines = bytes
            .split_inclusive(|&byte| byte == b'\n')
            .map_while(|line| line.strip_suffix(b"\n"));
        if lines.next()? != FORM {
            return None;
        }
        let mut value = |key| value(lines.next()?, key);
        let version = KeptVersion {
            url: str::from_utf8(value("url")?).ok()?.to_owned(),
            validator: value("validator")?.to_owned(),
            total: match value("total")? {
                UNKNOWN => None,
                total => Some(number(total)?),
            },
        };
        let mut found = Self {
            version,
            boot: value("boot")?.to_owned(),
            durable_bytes: number(value("durable")?)?,
            len: 0,
        };
        let added = lines.take_while(|line| found.add_line(line)).count();
        let lines = bytes.split_inclusive(|&byte| byte == b'\n');
        found.len = lines.take(HEADER_LINES + added).map(<[u8]>::len).sum();
        Some(found)
    }

    /// Takes a line after the header. Returns `false` if it has no such form.
    fn add_line(&mut self, line: &[u8]) -> bool {
        if let Some(boot) = value(line, "boot") {
            self.boot = boot.to_owned();
            return true;
        }
        let durable = value(line, "durable").and_then(number);
        self.durable_bytes = durable.unwrap_or(self.durable_bytes);
        durable.is_some()
    }
}

/// The value of a line that begins with `key`.
fn value<'l>(line: &'l [u8], key: &str) -> Option<&'l [u8]> {
    line.strip_prefix(key.as_bytes())?.strip_prefix(b" ")
}

/// A record that can grow.
#[derive(Debug)]
pub(super) struct Record(File);

impl Record {
    /// Writes a new record, which is durable when this returns.
    ///
    /// # Errors
    /// The system's; there may then be a record that is not whole.
    pub(super) fn create(path: &Path, version: &KeptVersion) -> io::Result<Self> {
        let mut file = File::options()
            .append(true)
            .create_new(true)
            .mode(MODE)
            .open(path)?;
        file.write_all(&header(version))?;
        sync_file(&file)?;
        sync_parent(path, &file)?;
        Ok(Self(file))
    }

    /// Opens a record that was found. It belongs to this run of the system from now on.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn reopen(path: &Path, found: &Found) -> io::Result<Self> {
        let mut file = File::options().append(true).open(path)?;
        // A line that a power cut left unfinished would spoil the next one.
        file.set_len(found.len as u64)?;
        if !found.is_of_this_boot() {
            let boot = boot_id().unwrap_or_else(|| UNKNOWN.to_owned());
            file.write_all(&[b"boot ", &boot[..], b"\n"].concat())?;
            sync_file(&file)?;
        }
        Ok(Self(file))
    }

    /// A second handle, for another thread.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Says that `bytes` of the part are durable, and makes that durable too.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn add_durable(&mut self, bytes: u64) -> io::Result<()> {
        self.0.write_all(format!("durable {bytes}\n").as_bytes())?;
        sync_file(&self.0)
    }
}

/// Removes a record for good.
///
/// # Errors
/// The system's.
pub(super) fn remove(path: &Path, part: &File) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path, part),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The version for which a record can be kept: one that something proves later.
pub(super) fn provable(version: &Version<'_>) -> Option<KeptVersion> {
    Some(KeptVersion {
        url: version.url.to_owned(),
        validator: version.validator?.to_owned(),
        total: version.total,
    })
}

fn header(version: &KeptVersion) -> Vec<u8> {
    let total = version.total.map(|total| total.to_string());
    let boot = boot_id();
    let lines: [&[&[u8]]; HEADER_LINES] = [
        &[FORM],
        &[b"url ", version.url.as_bytes()],
        &[b"validator ", &version.validator],
        &[b"total ", total.as_deref().map_or(UNKNOWN, str::as_bytes)],
        &[b"boot ", boot.as_deref().unwrap_or(UNKNOWN)],
        &[b"durable 0"],
    ];
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend(line.concat());
        bytes.push(b'\n');
    }
    bytes
}

fn number(digits: &[u8]) -> Option<u64> {
    let is_number = digits.iter().all(u8::is_ascii_digit);
    let digits = str::from_utf8(digits).ok().filter(|_| is_number)?;
    digits.parse().ok()
}

/// The name of this run of the system; `None` where it has none.
fn boot_id() -> Option<Vec<u8>> {
    let id = fs::read("/proc/sys/kernel/random/boot_id").ok()?;
    let id = id.trim_ascii();
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(total: Option<u64>) -> KeptVersion {
        KeptVersion {
            url: "http://192.168.69.100/image?key=1".to_owned(),
            validator: b"\"v1\"".to_vec(),
            total,
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_written_and_no_shorter_one_is_believed() {
        for total in [None, Some(0), Some(u64::MAX)] {
            let bytes = header(&version(total));
            let found = Found::parse(&bytes).unwrap();
            assert_eq!(found.version, version(total));
            assert_eq!(found.durable_bytes, 0);
            for len in 0..bytes.len() {
                assert_eq!(Found::parse(&bytes[..len]), None, "{len}");
            }
        }
    }

    #[test]
    fn a_byte_that_a_power_cut_left_as_zero_is_not_believed() {
        let bytes = header(&version(Some(10)));
        for at in 0..bytes.len() {
            let mut torn = bytes.clone();
            torn[at..].fill(0);
            assert_eq!(Found::parse(&torn), None, "{at}");
        }
    }

    #[test]
    fn the_last_whole_line_says_what_is_durable() {
        let mut bytes = header(&version(Some(100)));
        bytes.extend(b"durable 40\nboot b\ndurable 60\ndurable 8");
        let found = Found::parse(&bytes).unwrap();
        assert_eq!((found.durable_bytes, &found.boot[..]), (60, &b"b"[..]));
        assert_eq!(found.len, bytes.len() - "durable 8".len());
        // Nor what comes after a line in another form.
        bytes.extend(b"x\ndurable 90\n");
        assert_eq!(Found::parse(&bytes), Some(found));
    }
}
