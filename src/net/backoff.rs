//! When a client tries again.

use crate::{Duration, Io};

/// Decides whether and when a [`Client`](super::Client) tries again.
pub trait Retry {
    /// A connection, or the attempt to make one, has failed, or has ended and the session
    /// [wants another](crate::Session::wants_another): how long to wait before the next
    /// attempt; `None` to give up.
    fn next_delay(&mut self, io: &mut Io) -> Option<Duration>;

    /// A connection is [of use](crate::Session::has_progressed): the next delay is the first again.
    fn reset(&mut self);
}

/// One attempt, and no code for a second.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoRetry;

impl Retry for NoRetry {
    fn next_delay(&mut self, _io: &mut Io) -> Option<Duration> {
        None
    }

    fn reset(&mut self) {}
}

/// Capped exponential backoff: each failure in a row doubles the delay.
///
/// With jitter a delay is shortened by up to a quarter, so that many clients that lost one server do
/// not come back at one moment.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Backoff {
    first: Duration,
    max: Duration,
    next: Duration,
    has_jitter: bool,
}

impl Backoff {
    /// Delays from `first` up to `max`, with jitter. A `first` of 0 counts as 1 ms: an attempt that
    /// fails at once would be repeated without a pause. A `max` that is shorter counts as `first`.
    pub const fn new(first: Duration, max: Duration) -> Self {
        let first = longer(first, Duration::from_millis(1));
        let max = longer(max, first);
        Self {
            first,
            max,
            next: first,
            has_jitter: true,
        }
    }

    /// The same delays every time.
    #[must_use]
    pub const fn without_jitter(mut self) -> Self {
        self.has_jitter = false;
        self
    }
}

/// `Ord::max`, which is not const.
const fn longer(one: Duration, other: Duration) -> Duration {
    if one.as_millis() < other.as_millis() {
        other
    } else {
        one
    }
}

impl Retry for Backoff {
    fn next_delay(&mut self, io: &mut Io) -> Option<Duration> {
        let delay = self.next;
        self.next = delay.doubled(self.max);
        if !self.has_jitter {
            return Some(delay);
        }
        let millis = delay.as_millis();
        let jitter = io.random() % (millis / 4).saturating_add(1);
        Some(Duration::from_millis(millis - jitter))
    }

    fn reset(&mut self) {
        self.next = self.first;
    }
}
