//! Storage for received files: the trait [`Store`], and stores in memory and in NOR flash.
//!
//! A receiver handles one upload at a time. It calls [`begin`](Store::begin) until the store is
//! ready, [`read`](Store::read) to hash the bytes that the store already holds,
//! [`write`](Store::write) as bytes arrive, and then [`commit`](Store::commit) if the digest is
//! right, or [`abandon`](Store::abandon).
//!
//! **No call blocks for longer than one unit of work**: one erase of a flash block, one write unit,
//! one block of data, or one system call. A call that has more to do does one unit of it and returns
//! [`Poll::Pending`](core::task::Poll::Pending). The receiver repeats it with the same arguments in
//! the next turn of the loop. The slowest unit of the store is therefore the longest pause of the
//! loop; each implementation documents it.

#[cfg(feature = "flash")]
mod flash;
mod memory;
mod name;
mod traits;

#[cfg(feature = "flash")]
pub use flash::{Checksum, FlashFault, FlashImage, FlashStore, Layout, LayoutError};
#[cfg(all(feature = "download", feature = "flash"))]
pub(crate) use flash::{TAG_LEN_MAX, TaggedUpload};
pub use memory::{MemoryImage, MemoryStore};
pub use traits::{Begun, Digest, Store, StoreError, Upload};
