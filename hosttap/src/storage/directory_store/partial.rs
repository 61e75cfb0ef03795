//! Partial files: hidden in the directory, locked while a receiver writes them, and limited in
//! number.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::directory::Directory;
use super::upload::OwnedUpload;
pub(super) use crate::storage::file_system::try_lock;
use crate::storage::hex;
use crate::system::random::random_bytes;

const PREFIX: &str = ".tickwire-";
const SUFFIX: &str = ".part";
/// Replaces the digest in the name of a plain upload.
const PLAIN: &str = "plain";
/// The permissions of a new file, before the umask.
pub(super) const NEW_FILE_MODE: Mode = Mode::from_raw_mode(0o666);
/// How often the file may be removed between its opening and its locking. After that many attempts
/// it counts as busy.
const OPEN_ATTEMPTS_MAX: u32 = 16;

/// The limits on partial files in the directory.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The number of partial files.
    pub count_max: usize,
    /// The time since the last write to a partial file.
    pub age_max: Duration,
    /// The total size of all partial files, in bytes. The newest one does not count.
    pub bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            count_max: 16,
            age_max: Duration::from_secs(7 * 24 * 3_600),
            bytes_max: 16 << 30,
        }
    }
}

/// A partial file that this process has locked. Closing it releases the lock.
///
/// Only the holder of the lock renames or removes the name, and first checks that the name still
/// leads to the locked file.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) file: File,
    directory: Arc<Directory>,
    /// Its hidden name, until it gets its final one.
    name: Option<String>,
    /// Whether dropping it removes the file, because no upload can resume it.
    remove_on_drop: bool,
}

impl Partial {
    /// Opens or creates the partial file of `upload`; `None` if another receiver has locked it.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn open(
        directory: &Arc<Directory>,
        upload: &OwnedUpload,
    ) -> io::Result<Option<Self>> {
        // Without locks nobody could tell whether another receiver writes the file of this digest.
        let resumable = partial_name(upload).filter(|_| directory.has_locks());
        let is_resumable = resumable.is_some();
        let name = match resumable {
            Some(name) => name,
            None => random_name()?,
        };
        for _ in 0..OPEN_ATTEMPTS_MAX {
            let flags = OFlags::RDWR | OFlags::CREATE;
            let file = directory.open_file(&name, flags, NEW_FILE_MODE)?;
            if directory.has_locks() && !try_lock(&file)? {
                return Ok(None);
            }
            if directory.is_name_of(&name, &file)? {
                return Ok(Some(Self {
                    file,
                    directory: Arc::clone(directory),
                    name: Some(name),
                    remove_on_drop: !is_resumable,
                }));
            }
        }
        Ok(None)
    }

    /// Renames it to `name`. Returns `false` if that name exists already.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn rename_to(&mut self, name: &str) -> io::Result<bool> {
        let hidden = self.name.as_deref().ok_or(Errno::NOENT)?;
        let is_renamed = self.directory.rename_no_replace(hidden, name)?;
        if is_renamed {
            // From now on the hidden name may belong to another receiver.
            self.name = None;
        }
        Ok(is_renamed)
    }

    /// Makes the drop remove the file, because no upload can resume it.
    pub(super) const fn remove_on_drop(&mut self) {
        self.remove_on_drop = true;
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let (Some(name), true) = (&self.name, self.remove_on_drop) {
            // A drop cannot report an error; the next pruning finds the file.
            let _ = self.directory.remove(name);
        }
    }
}

/// What the name of a partial file tells about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its sender may resume it.
    Checked,
    /// Without its receiver it is useless.
    Plain,
}

/// The kind of the partial file with this name; `None` if it is not a name that we give.
pub(super) fn kind_of_name(name: &str) -> Option<Kind> {
    let inner = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let (digest, rest) = inner.split_once('-')?;
    if digest == PLAIN {
        return hex::decode::<8>(rest).map(|_| Kind::Plain);
    }
    hex::decode::<32>(digest)?;
    rest.parse::<u64>().ok().map(|_| Kind::Checked)
}

/// The name of the partial file of `upload`; `None` for a plain upload, which has no digest.
pub(super) fn partial_name(upload: &OwnedUpload) -> Option<String> {
    let digest = upload.digest.as_ref()?;
    let length = upload.length;
    Some(format!("{PREFIX}{}-{length}{SUFFIX}", hex::encode(digest)))
}

/// The name of a partial file that no upload can resume.
pub(super) fn random_name() -> io::Result<String> {
    let random: [u8; 8] = random_bytes()?;
    Ok(format!("{PREFIX}{PLAIN}-{}{SUFFIX}", hex::encode(&random)))
}
