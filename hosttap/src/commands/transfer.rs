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
        let per_second = self.bytes as f64 / seconds.max(0.001);
        // From where the smaller unit would be rounded to 1000.0.
        let (rate, unit) = match per_second {
            999_950.0.. => (per_second / 1e6, "MB"),
            999.95.. => (per_second / 1e3, "kB"),
            _ => (per_second, "B"),
        };
        let bytes = self.bytes;
        write!(f, "{bytes} bytes in {seconds:.3} s ({rate:.1} {unit}/s)")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_transfer_has_a_rate_too() {
        for (bytes, millis, shown) in [
            (200_000_000, 400, "200000000 bytes in 0.400 s (500.0 MB/s)"),
            (100_000, 4_000, "100000 bytes in 4.000 s (25.0 kB/s)"),
            (999_960, 1_000, "999960 bytes in 1.000 s (1.0 MB/s)"),
            (999_940, 1_000, "999940 bytes in 1.000 s (999.9 kB/s)"),
            (99_996, 100_000, "99996 bytes in 100.000 s (1.0 kB/s)"),
            (12, 5_000, "12 bytes in 5.000 s (2.4 B/s)"),
            (0, 0, "0 bytes in 0.000 s (0.0 B/s)"),
        ] {
            let time = Duration::from_millis(millis);
            assert_eq!(Throughput { bytes, time }.to_string(), shown);
        }
    }
}
