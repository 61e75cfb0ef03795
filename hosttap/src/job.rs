//! Work that waits for a disk, on a thread of its own, so that the loop never does.

use std::io;
use std::panic::resume_unwind;
use std::thread::{Builder, JoinHandle};

/// Work in progress. Dropped before its end it goes on, and nobody learns of its result.
#[derive(Debug)]
pub(crate) struct Job<T>(JoinHandle<T>);

impl<T: Send + 'static> Job<T> {
    /// Begins `work`.
    ///
    /// # Errors
    /// The system's, when it gives no thread.
    pub(crate) fn start(work: impl FnOnce() -> T + Send + 'static) -> io::Result<Self> {
        Builder::new().name("disk".to_owned()).spawn(work).map(Self)
    }

    /// The result, or the job itself while there is none.
    pub(crate) fn poll(self) -> Result<T, Self> {
        if !self.0.is_finished() {
            return Err(self);
        }
        // A panic is a bug of ours wherever it happens.
        Ok(self.0.join().unwrap_or_else(|panic| resume_unwind(panic)))
    }
}
