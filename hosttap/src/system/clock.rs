//! The only module that reads a clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tickwire::Tick;

/// Attempts to read two clocks at once. A machine on which none succeeds is too busy to be exact.
const READINGS_MAX: u32 = 20;

/// Milliseconds since the program started, on the monotonic clock.
#[derive(Debug, Clone)]
pub struct Clock {
    start: Instant,
    /// The wall-clock time at tick 0, as time since 1970. Captures use it as their time stamp.
    start_unix: Duration,
}

impl Clock {
    /// A clock whose tick 0 is now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the module that may read it"
    )]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            // A wall clock before 1970 is wrong anyway; a capture then starts in 1970.
            start_unix: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    /// Whole milliseconds since the start, rounded down: a deadline passes only after its tick.
    pub fn now(&self) -> Tick {
        let millis = self.elapsed().as_millis();
        Tick::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// The time left until `deadline`, in nanoseconds; zero if the deadline has passed.
    ///
    /// After a sleep of this length [`now`](Self::now) returns `deadline` or later, so a loop that
    /// sleeps this long never spins.
    pub fn until(&self, deadline: Tick) -> Duration {
        Duration::from_millis(deadline.as_millis()).saturating_sub(self.elapsed())
    }

    /// The wall-clock time at tick 0, as time since 1970.
    pub fn start_unix(&self) -> Duration {
        self.start_unix
    }

    /// The current wall-clock time, as time since 1970. It dates files; no deadline depends on it.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the module that may read it"
    )]
    pub fn unix(&self) -> Duration {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    }

    /// [`now`](Self::now) and [`unix`](Self::unix) of the same moment.
    pub fn now_and_unix(&self) -> (Tick, Duration) {
        at_once(|| self.now(), || self.unix())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the module that may read it"
    )]
    fn elapsed(&self) -> Duration {
        Instant::now().saturating_duration_since(self.start)
    }
}

/// Reads two clocks. The system may let other programs run between the two, and then they are read
/// again: a difference of a millisecond is that of the ticks.
fn at_once(now: impl Fn() -> Tick, unix: impl Fn() -> Duration) -> (Tick, Duration) {
    for _ in 1..READINGS_MAX {
        let (before, unix, after) = (now(), unix(), now());
        if after.as_millis() - before.as_millis() <= 1 {
            return (before, unix);
        }
    }
    (now(), unix())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn two_clocks_are_read_again_if_the_program_waited_between_them() {
        let millis = Cell::new(0);
        let stalls = Cell::new(3);
        let now = || Tick::from_millis(millis.get());
        let unix = || {
            if stalls.get() > 0 {
                stalls.set(stalls.get() - 1);
                millis.set(millis.get() + 50);
            }
            Duration::from_millis(1_000_000 + millis.get())
        };
        let expected = (Tick::from_millis(150), Duration::from_millis(1_000_150));
        assert_eq!(at_once(now, unix), expected);
    }

    #[test]
    fn sleeping_the_remaining_time_reaches_the_tick() {
        let clock = Clock::start();
        for _ in 0..5 {
            let deadline = clock.now() + tickwire::Duration::from_millis(3);
            std::thread::sleep(clock.until(deadline));
            assert!(clock.now() >= deadline);
        }
        assert_eq!(clock.until(Tick::ZERO), Duration::ZERO);
        assert!(clock.until(Tick::from_millis(u64::MAX)) > Duration::from_secs(1));
    }
}
