//! Files: those that are received, those that are sent, and what a crash may leave of them.

pub mod atomic_file;
pub mod directory_store;
pub mod file_source;
mod file_system;
pub(crate) mod hex;
pub mod part_file;
pub mod replace_store;
pub mod target;

use tickwire::store::StoreError;

/// The error for a store call in the wrong state: no upload is open, or bytes are missing.
const CALL_OUT_OF_ORDER: StoreError = StoreError::Failed { code: 0 };
