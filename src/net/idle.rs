//! The idle rule: a peer that drips bytes cannot hold an operation open for ever.

use crate::{Deadline, Duration, Tick, TimeoutKind};

/// Bytes that must move within one idle period for the next one to begin, unless it is set.
pub const IDLE_BYTES_MIN: u64 = 256;

/// Says when an operation counts as idle: when fewer than [`IDLE_BYTES_MIN`] bytes, or another number,
/// moved in the idle period.
///
/// When less than that is left to move, no new period begins, and the rest must come within this one.
/// A stall of our own, such as a sink that presses back, stops the period and has a deadline of its
/// own. When it ends the period goes on where it stopped: if it began anew, a drip together with a
/// slow sink could hold the operation for ever.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct IdleTimer {
    period: Duration,
    awaits: TimeoutKind,
    /// Bytes that must move within one period.
    bytes_min: u64,
    /// Bytes that moved in the period.
    moved: u64,
    /// The end of the period. During a stall: of the stall, or `None` where whoever stalled has a
    /// deadline elsewhere.
    deadline: Option<Deadline>,
    is_stalled: bool,
    /// What a stall left of the period.
    left: Duration,
}

impl IdleTimer {
    /// A timer whose first period begins at `now`. When it runs out, `awaits` was missing.
    pub const fn new(now: Tick, period: Duration, awaits: TimeoutKind) -> Self {
        Self {
            period,
            awaits,
            bytes_min: IDLE_BYTES_MIN,
            moved: 0,
            deadline: Some(Deadline::new(now.after(period), awaits)),
            is_stalled: false,
            left: period,
        }
    }

    /// With another number of bytes in place of [`IDLE_BYTES_MIN`].
    #[must_use]
    pub const fn with_bytes_min(mut self, bytes_min: u64) -> Self {
        self.bytes_min = bytes_min;
        self
    }

    /// Counts `bytes` that moved at `now`.
    pub const fn moved(&mut self, now: Tick, bytes: u64) {
        self.moved = self.moved.saturating_add(bytes);
        if self.moved >= self.bytes_min {
            self.restart(now);
        }
    }

    /// Begins a new period: something whole was done, in the protocol's own terms. A stall goes on.
    pub const fn restart(&mut self, now: Tick) {
        self.moved = 0;
        self.left = self.period;
        if !self.is_stalled {
            self.run(now);
        }
    }

    /// Stops the period. With a limit, [`TimeoutKind::Sink`] is what is missing when it passes. A
    /// stall that has begun already goes on unchanged.
    pub fn stall(&mut self, now: Tick, limit: Option<Duration>) {
        if self.is_stalled {
            return;
        }
        self.is_stalled = true;
        if let Some(end) = self.deadline {
            self.left = end.at.since(now);
        }
        self.deadline = limit.map(|limit| Deadline::new(now + limit, TimeoutKind::Sink));
    }

    /// Ends a stall: the period goes on where it stopped.
    pub const fn resume(&mut self, now: Tick) {
        if self.is_stalled {
            self.is_stalled = false;
            self.run(now);
        }
    }

    const fn run(&mut self, now: Tick) {
        self.deadline = Some(Deadline::new(now.after(self.left), self.awaits));
    }

    /// Until when something must move.
    pub const fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(20);

    fn at(timer: &IdleTimer) -> u64 {
        timer.deadline().unwrap().at.as_millis()
    }

    #[test]
    fn a_drip_does_not_move_the_end_but_a_flow_does() {
        let mut timer = IdleTimer::new(Tick::ZERO, PERIOD, TimeoutKind::Receive);
        for second in 0..10 {
            timer.moved(Tick::from_millis(second * 1_000), 1);
            assert_eq!(at(&timer), 20_000);
        }
        timer.moved(Tick::from_millis(11_000), 245);
        assert_eq!(at(&timer), 20_000);
        timer.moved(Tick::from_millis(12_000), 1);
        assert_eq!(at(&timer), 32_000);
    }

    #[test]
    fn a_stall_stops_the_period_and_does_not_begin_it_anew() {
        let mut timer = IdleTimer::new(Tick::ZERO, PERIOD, TimeoutKind::Receive);
        timer.stall(Tick::from_millis(15_000), Some(Duration::from_secs(7)));
        let stalled = Deadline::new(Tick::from_millis(22_000), TimeoutKind::Sink);
        assert_eq!(timer.deadline(), Some(stalled));
        timer.stall(Tick::from_millis(21_000), Some(Duration::from_secs(7)));
        assert_eq!(timer.deadline(), Some(stalled), "a stall begins once");
        timer.resume(Tick::from_millis(21_500));
        assert_eq!(at(&timer), 26_500);
        timer.resume(Tick::from_millis(22_000));
        assert_eq!(at(&timer), 26_500, "nothing was stalled");
    }

    #[test]
    fn a_flow_during_a_stall_begins_the_period_when_it_moved() {
        let mut timer = IdleTimer::new(Tick::ZERO, PERIOD, TimeoutKind::Receive);
        timer.stall(Tick::from_millis(1_000), None);
        assert_eq!(timer.deadline(), None);
        timer.moved(Tick::from_millis(5_000), 300);
        timer.resume(Tick::from_millis(6_000));
        assert_eq!(at(&timer), 26_000);
    }
}
