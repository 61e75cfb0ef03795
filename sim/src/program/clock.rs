//! The only module of this program that reads a clock: to print how fast a sweep is. No seed
//! depends on it.

use std::time::{Duration, Instant};

/// A stopwatch.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "only the speed that is printed depends on it"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
