//! Storage for received files: one trait, every call of it pollable.
//!
//! A receiver asks its store for one upload at a time: [`begin`](Store::begin) until it is ready,
//! then [`read`](Store::read) to hash again what is already held, [`write`](Store::write) as bytes
//! come, and [`commit`](Store::commit) when the digest was right, or [`abandon`](Store::abandon).
//!
//! **No call blocks for longer than one unit of work**: one erase of a flash block, one write unit,
//! one block of data, or one system call. A call that has more to do does one unit and returns
//! [`Poll::Pending`]; the receiver calls it again, with the same arguments, at the loop's next
//! turn. So the loop's longest pause is the store's slowest unit, which every implementation
//! documents.

#[cfg(feature = "flash")]
mod flash;
mod memory;

use core::task::Poll;

use crate::Tick;

#[cfg(feature = "flash")]
pub use flash::{Check, FlashFault, FlashImage, FlashStore, Layout, LayoutError};
pub use memory::{MemoryImage, MemoryStore};

/// The SHA-256 of a whole file.
pub type Digest = [u8; 32];

/// What is about to be stored. The bytes are borrowed from the receiver for the length of the call.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Upload<'a> {
    /// The name that the sender gave, not cleaned of anything; `None` in the plain form, which has
    /// no name.
    pub name: Option<&'a str>,
    /// Bytes in the whole file.
    pub length: u64,
    /// SHA-256 of the whole file; `None` in the plain form, which can neither resume nor repeat.
    pub digest: Option<&'a Digest>,
}

/// What a store holds of an upload when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Begun {
    /// This many bytes of this digest and length are here (0: none). They can be read and must be
    /// hashed again before they are trusted; writing goes on after them.
    Held(u64),
    /// The file is here already, whole, verified and durable under its name: the last receipt was
    /// lost. There is nothing to write and nothing to commit.
    Finished,
}

/// Why a store cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StoreError {
    /// The file is larger than the store, or than the space that is left in it. Raised by `begin`,
    /// before any write.
    TooLarge,
    /// Another receiver holds the partial of this digest and length. Raised by `begin`.
    Busy,
    /// The medium failed; `code` is its own number (an errno under Linux, 0 when there is none).
    Failed {
        /// The medium's own number for the failure.
        code: i32,
    },
}

/// Where a received file goes. See the [module's page](self) for the order of the calls.
///
/// The store owns names and places: cleaning a hostile name, choosing a free one, and what a
/// partial is called.
pub trait Store {
    /// Makes ready for `upload` and says what is already held of it.
    ///
    /// Nothing of the old file under the same name is touched. An upload that was open before is
    /// forgotten as by `abandon(true)`.
    fn begin(&mut self, now: Tick, upload: &Upload) -> Poll<Result<Begun, StoreError>>;

    /// Reads the held bytes from `offset` into `buffer`, at least one of them; `Ok(0)` only at the
    /// end of what is held.
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>>;

    /// Appends the front of `data` and returns how many bytes were taken; `Ok(0)` or `Pending` is
    /// back-pressure.
    ///
    /// The caller never writes past the upload's length.
    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>>;

    /// Makes the file durable under its final name, which appears whole or not at all.
    ///
    /// Called when all bytes were written and, where there is a digest, after it was found right.
    fn commit(&mut self) -> Poll<Result<(), StoreError>>;

    /// Ends the upload without a file. With `keep` what was written stays for a later resume, where
    /// the store can; without, it is thrown away (its digest was wrong).
    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>>;
}

/// The longest name that is kept; the protocol allows no longer one.
const NAME_BYTES_MAX: usize = 255;

/// A name as a store keeps it. An upload without a name has the empty one, which no offer can
/// carry.
type Name = heapless::String<NAME_BYTES_MAX>;

/// As much of `name` as is kept, cut between characters.
fn kept_name(name: Option<&str>) -> Name {
    let mut kept = Name::new();
    for character in name.unwrap_or_default().chars() {
        if kept.push(character).is_err() {
            break;
        }
    }
    kept
}
