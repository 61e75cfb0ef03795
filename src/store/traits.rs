//! The contract between a file receiver and its store.

use core::task::Poll;

use crate::Tick;

/// The SHA-256 of a whole file.
pub type Digest = [u8; 32];

/// A file that is about to be stored. It borrows from the receiver for the duration of the call.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Upload<'a> {
    /// The name exactly as the sender gave it, so it may be hostile. `None` in the plain form, which
    /// has no name.
    pub name: Option<&'a str>,
    /// Length of the whole file in bytes.
    pub length: u64,
    /// SHA-256 of the whole file. `None` in the plain form, whose uploads can neither be resumed nor
    /// recognized as repeated.
    pub digest: Option<&'a Digest>,
}

/// What a store already holds of an upload. Returned by [`Store::begin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Begun {
    /// Number of bytes that the store holds of a file with this digest and length; 0 for none. Read
    /// and hash them before you trust them. Writes continue after them.
    Held(u64),
    /// The whole file is already stored, verified and durable under its name, because the receipt of
    /// an earlier transfer was lost. Do not write and do not commit.
    Finished,
}

/// Why a store cannot continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StoreError {
    /// The file is larger than the store or its free space. Returned by [`Store::begin`], before any
    /// write.
    TooLarge,
    /// Another receiver is storing a file with this digest and length. Returned by [`Store::begin`].
    Busy,
    /// The storage failed. Returned by every call.
    Failed {
        /// The storage's own error number: an errno on Linux, 0 if it has none.
        code: i32,
    },
}

/// Where a received file goes. The [module documentation](crate::store) gives the order of the
/// calls.
///
/// The store is responsible for names: it cleans a hostile name, chooses a free one, and names
/// partial files.
///
/// # Errors
/// Each call returns [`StoreError::Failed`] if the storage fails; `begin` also returns the other
/// errors.
pub trait Store {
    /// Prepares for `upload` and returns what the store already holds of it.
    ///
    /// It does not touch an old file of the same name. If another upload is open, it is closed as by
    /// `abandon(true)`. `now` is the time of the present turn.
    fn begin(&mut self, now: Tick, upload: &Upload) -> Poll<Result<Begun, StoreError>>;

    /// Reads held bytes at `offset` into `buffer` and returns their number. It is at least 1, and 0
    /// only at the end of the held bytes.
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>>;

    /// Appends bytes from the start of `data` and returns their number. `Ok(0)` and `Pending` are
    /// back-pressure.
    ///
    /// The caller never writes past the length of the upload.
    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>>;

    /// Makes the file durable under its final name. The file appears there whole or not at all.
    ///
    /// The caller has written all bytes and, if there is a digest, has verified it.
    fn commit(&mut self) -> Poll<Result<(), StoreError>>;

    /// The name under which the last file was stored, in a store that has names. It may differ from
    /// the one that was asked for.
    fn stored_name(&self) -> Option<&str> {
        None
    }

    /// Ends the upload without a file. With `keep` the store keeps the bytes for a later resume if
    /// it can. Without `keep` it deletes them, because their digest was wrong.
    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>>;
}
