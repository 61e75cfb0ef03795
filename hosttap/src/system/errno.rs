//! I/O errors: their conversion into core errors, and the retry after a signal.

use std::io;

use tickwire::store::StoreError;
use tickwire::{SinkError, SourceError};

/// The core's error for a failed write. It carries the errno, or 0 if there is none.
pub(crate) fn sink_error(error: &io::Error) -> SinkError {
    SinkError::Failed { code: code(error) }
}

/// The system's error in a core error, which carries its errno.
pub(crate) fn io_error(error: SinkError) -> io::Error {
    match error {
        SinkError::Failed { code } => io::Error::from_raw_os_error(code),
        SinkError::Full => io::ErrorKind::StorageFull.into(),
    }
}

/// The core's error for a failed read. It carries the errno, or 0 if there is none.
pub(crate) fn source_error(error: &io::Error) -> SourceError {
    SourceError::Failed { code: code(error) }
}

/// The core's error for a failed store. It carries the errno, or 0 if there is none.
pub(crate) fn store_error(error: &io::Error) -> StoreError {
    StoreError::Failed { code: code(error) }
}

fn code(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(0)
}

/// Repeats a call of the standard library while a signal interrupts it (`EINTR`).
pub(crate) fn retry_interrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
