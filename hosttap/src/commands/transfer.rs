//! What the transfer commands share: the throughput and the error messages.

use std::fmt;

use tickwire::Duration;
use tickwire::file::{SendError, Status};

use crate::app_error::AppError;
use crate::exit::Failure;

/// Why stdout takes no more.
pub(super) const BINARY_ON_TERMINAL: &str =
    "this is binary data, and stdout is a terminal: use -o FILE, or a pipe";

/// A number of bytes and the time that they took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Throughput {
    pub(super) bytes: u64,
    pub(super) time: Duration,
}

impl fmt::Display for Throughput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_millis() as f64 / 1_000.0;
        let rate = self.bytes as f64 / 1e6 / seconds.max(0.001);
        let bytes = self.bytes;
        write!(f, "{bytes} bytes in {seconds:.3} s ({rate:.1} MB/s)")
    }
}

/// The failure of a file transfer with the peer `remote`. The receiver's status appears as text.
pub(super) fn failure(remote: &str, error: impl Into<AppError>) -> Failure {
    let error = error.into();
    let mut failure = Failure::from_core(remote, error);
    if let AppError::Send(SendError::Refused(code)) = error {
        failure.message = format!("{remote}: the receiver refused: {}", Status(code));
    }
    failure
}
