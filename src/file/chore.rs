//! The clock of work on the receiver's side, while the sender has nothing to do but wait.

use crate::{Awaited, Deadline, Tick};

/// When a store that answered `Pending` is asked again: often enough to lose little, seldom enough not to spin.
const RETRY_TICKS: u64 = 1;

/// One piece of work that the store does, and when it counts as stalled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chore {
    since: Tick,
    due: Tick,
}

impl Chore {
    /// Work that begins at `now` and must move within `ticks`.
    pub(super) const fn new(now: Tick, ticks: u64) -> Self {
        // Without a tick for it, a chore would begin at its own end.
        let ticks = if ticks == 0 { 1 } else { ticks };
        Self {
            since: now,
            due: now.after(ticks),
        }
    }

    /// For how long it has not moved.
    pub(super) const fn ticks(&self, now: Tick) -> u64 {
        now.since(self.since)
    }

    /// The deadline while the work moves.
    pub(super) const fn deadline(&self) -> Deadline {
        Deadline::new(self.due, Awaited::Total)
    }

    /// The deadline after `Pending`. Each step sets it anew before it can pass; so what passes is only the stall.
    pub(super) fn retry(&self, now: Tick) -> Deadline {
        Deadline::new(self.due.min(now.after(RETRY_TICKS)), Awaited::Total)
    }
}
