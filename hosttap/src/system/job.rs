//! Work that waits for a disk, on its own thread, so that the event loop never blocks.

use std::io;
use std::panic::resume_unwind;
use std::thread::{Builder, JoinHandle};

/// A job in progress. If it is dropped early, it runs to its end and its result is lost.
#[derive(Debug)]
pub(crate) struct Job<T>(JoinHandle<T>);

impl<T: Send + 'static> Job<T> {
    /// Starts `work` on a new thread.
    ///
    /// # Errors
    /// The system's error if no thread can be created.
    pub(crate) fn start(work: impl FnOnce() -> T + Send + 'static) -> io::Result<Self> {
        Builder::new().name("disk".to_owned()).spawn(work).map(Self)
    }

    /// The result, or the job itself while it is still running.
    pub(crate) fn poll(self) -> Result<T, Self> {
        if !self.0.is_finished() {
            return Err(self);
        }
        Ok(self.join())
    }

    /// Waits for the result, which takes as long as the disk does.
    pub(crate) fn join(self) -> T {
        // A panic is our own bug on any thread.
        self.0.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}
