//! What `recv` and `send` share: how a transfer is told.

use std::fmt;

use tickwire::Error;
use tickwire::file::Status;

use crate::exit::Failure;

/// So many bytes in so many ticks, and how fast that was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speed {
    pub(crate) bytes: u64,
    pub(crate) ticks: u64,
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.ticks as f64 / 1_000.0;
        let rate = self.bytes as f64 / 1e6 / seconds.max(0.001);
        let bytes = self.bytes;
        write!(f, "{bytes} bytes in {seconds:.3} s ({rate:.1} MB/s)")
    }
}

/// The failure of a transfer with `subject`, whose status is told in words.
pub(crate) fn failure(subject: &str, error: Error) -> Failure {
    let mut failure = Failure::of(subject, error);
    if let Error::ReceiverRefused(code) = error {
        failure.message = format!("{subject}: the receiver refused: {}", Status(code));
    }
    failure
}
