//! The idle rule: a peer that drips bytes cannot hold an operation open for ever.

use crate::Tick;

/// Bytes that must move within one idle period for it to begin anew.
pub const IDLE_BYTES_MIN: u64 = 256;

/// Says when an operation counts as idle: when fewer than [`IDLE_BYTES_MIN`] bytes moved in the idle period.
///
/// Less may be left than that; then the period does not begin anew, and the rest must come within it.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Pace {
    period_ticks: u64,
    since: Tick,
    moved: u64,
}

impl Pace {
    /// A pace whose first period begins at `now`.
    pub const fn new(now: Tick, period_ticks: u64) -> Self {
        Self {
            period_ticks,
            since: now,
            moved: 0,
        }
    }

    /// Counts `bytes` that moved at `now`, and returns when the operation will count as idle.
    pub const fn moved(&mut self, now: Tick, bytes: u64) -> Tick {
        self.moved = self.moved.saturating_add(bytes);
        if self.moved >= IDLE_BYTES_MIN {
            self.since = now;
            self.moved = 0;
        }
        self.due()
    }

    /// Puts the end off by `ticks` in which nothing could move.
    pub const fn postpone(&mut self, ticks: u64) {
        self.since = self.since.after(ticks);
    }

    /// When the operation will count as idle if nothing moves.
    pub const fn due(&self) -> Tick {
        self.since.after(self.period_ticks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drip_does_not_move_the_end_but_a_flow_does() {
        let mut pace = Pace::new(Tick::ZERO, 20_000);
        for second in 0..10 {
            assert_eq!(
                pace.moved(Tick::from_millis(second * 1_000), 1),
                Tick::from_millis(20_000)
            );
        }
        assert_eq!(
            pace.moved(Tick::from_millis(11_000), 245),
            Tick::from_millis(20_000)
        );
        assert_eq!(
            pace.moved(Tick::from_millis(12_000), 1),
            Tick::from_millis(32_000)
        );
        assert_eq!(pace.due(), Tick::from_millis(32_000));
        pace.postpone(5_000);
        assert_eq!(pace.due(), Tick::from_millis(37_000));
    }
}
