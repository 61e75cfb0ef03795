//! The clock of the program.

use smoltcp::time::Instant;

/// The time now.
pub fn now() -> Instant {
    Instant::now()
}
