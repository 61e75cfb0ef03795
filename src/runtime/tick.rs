//! Time as an argument: a count of 1 ms ticks, durations, and the counter that makes ticks from
//! hardware.

use core::fmt;
use core::num::{NonZeroU32, NonZeroU64};
use core::ops::Add;

use smoltcp::time::Instant;

/// A span of time in whole milliseconds, one tick each. Arithmetic saturates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Duration(u64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than any device runs.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// A span of `secs` seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000))
    }

    /// The span in milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Twice the span, but at most `max`.
    #[must_use]
    pub fn doubled(self, max: Self) -> Self {
        Self(self.0.saturating_mul(2)).min(max)
    }

    /// The same span for smoltcp.
    pub const fn to_smoltcp(self) -> smoltcp::time::Duration {
        smoltcp::time::Duration::from_millis(self.0)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / 1_000, self.0 % 1_000)
    }
}

/// A point in time: milliseconds since an arbitrary start, usually the boot.
///
/// Nothing in this crate reads a clock. Every function that needs the time takes a `Tick`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tick(u64);

impl Tick {
    /// The start of time.
    pub const ZERO: Self = Self(0);

    /// The tick `millis` milliseconds after the start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the start.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The tick that is `duration` later. It stays at the end of time rather than wrap.
    // On 32 bits the sum takes more flash than a call.
    #[inline(never)]
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.0))
    }

    /// The time that has passed since `earlier`; zero when `earlier` is later than this.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }

    /// The same point on smoltcp's clock. From 292,471 years on it stays at the end of smoltcp's
    /// time.
    // As `after`.
    #[inline(never)]
    pub const fn to_smoltcp(self) -> Instant {
        const MILLIS_MAX: u64 = (i64::MAX / 1_000) as u64;
        let millis = if self.0 > MILLIS_MAX {
            MILLIS_MAX
        } else {
            self.0
        };
        Instant::from_millis_const(millis as i64)
    }

    /// A point on smoltcp's clock, rounded up: to sleep until a tick that is too early would spin.
    #[expect(
        clippy::manual_div_ceil,
        reason = "`div_ceil` takes the remainder as well"
    )]
    pub const fn from_smoltcp(instant: Instant) -> Self {
        let micros = instant.total_micros();
        Self(if micros < 0 {
            0
        } else {
            (micros as u64 + 999) / 1_000
        })
    }
}

impl Add<Duration> for Tick {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        self.after(duration)
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        Duration(self.0).fmt(f)
    }
}

/// Makes an unbounded [`Tick`] of a 32-bit hardware counter that wraps.
///
/// Call [`update`](Self::update) at least once in each wrap (at 25 MHz every 171 s, at 1 kHz every
/// 49 days). A board that may sleep for longer needs a timer interrupt that wakes it.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TickCounter {
    counts_per_tick: NonZeroU32,
    last: u32,
    /// Counts since the last whole tick: always fewer than `counts_per_tick`.
    remainder: u32,
    now: Tick,
}

impl TickCounter {
    /// A counter that now reads `start`, which becomes tick 0, and that counts `counts_per_tick` in
    /// each millisecond.
    ///
    /// # Panics
    /// When `counts_per_tick` is 0.
    pub const fn new(counts_per_tick: u32, start: u32) -> Self {
        let counts_per_tick = NonZeroU32::new(counts_per_tick).expect("a tick must have counts");
        Self {
            counts_per_tick,
            last: start,
            remainder: 0,
            now: Tick::ZERO,
        }
    }

    /// The time when the hardware counter reads `raw`.
    pub fn update(&mut self, raw: u32) -> Tick {
        let counts = u64::from(raw.wrapping_sub(self.last)) + u64::from(self.remainder);
        let counts_per_tick = NonZeroU64::from(self.counts_per_tick);
        self.last = raw;
        // A remainder is smaller than its divisor, which is a u32.
        self.remainder = (counts % counts_per_tick) as u32;
        self.now = self.now + Duration(counts / counts_per_tick);
        self.now
    }
}

/// The earlier of two ticks, either of which may be missing.
pub(super) fn earlier(one: Option<Tick>, other: Option<Tick>) -> Option<Tick> {
    match (one, other) {
        (Some(first), Some(second)) if first <= second => one,
        (_, Some(_)) => other,
        (_, None) => one,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counter_goes_on_across_the_32_bit_wrap() {
        let mut counter = TickCounter::new(1, u32::MAX - 1);
        assert_eq!(counter.update(u32::MAX - 1), Tick::ZERO);
        assert_eq!(counter.update(u32::MAX), Tick::from_millis(1));
        assert_eq!(counter.update(0), Tick::from_millis(2));
        assert_eq!(
            counter.update(u32::MAX),
            Tick::from_millis(2 + u64::from(u32::MAX))
        );
        assert_eq!(
            counter.update(4),
            Tick::from_millis(7 + u64::from(u32::MAX))
        );
    }

    #[test]
    fn counter_keeps_the_counts_that_are_less_than_a_tick() {
        let mut counter = TickCounter::new(25_000, u32::MAX - 9_999);
        let mut raw = u32::MAX - 9_999;
        let mut total = 0u64;
        for _ in 0..2_000_000 {
            raw = raw.wrapping_add(12_347);
            total += 12_347;
            assert_eq!(counter.update(raw).as_millis(), total / 25_000);
        }
        assert!(
            total > 4 * u64::from(u32::MAX),
            "the counter wrapped several times"
        );
    }

    #[test]
    fn smoltcp_time_rounds_up_so_that_a_sleeper_is_never_early() {
        assert_eq!(
            Tick::from_smoltcp(Instant::from_micros(1_001)),
            Tick::from_millis(2)
        );
        assert_eq!(
            Tick::from_smoltcp(Instant::from_micros(2_000)),
            Tick::from_millis(2)
        );
        assert_eq!(Tick::from_smoltcp(Instant::from_micros(-5)), Tick::ZERO);
        assert_eq!(Tick::from_millis(7).to_smoltcp(), Instant::from_millis(7));
    }

    #[test]
    fn the_end_of_time_neither_wraps_nor_panics() {
        let end = Tick::from_millis(u64::MAX);
        assert_eq!(end + Duration::from_millis(1), end);
        assert_eq!(Tick::ZERO.since(end), Duration::ZERO);
        assert_eq!(Duration::from_secs(u64::MAX), Duration::MAX);
        assert_eq!(Duration::MAX.doubled(Duration::MAX), Duration::MAX);
        assert!(end.to_smoltcp() > Instant::from_millis(0));
    }
}
