//! The clock of work on the receiver's side, while the sender has nothing to do but wait.

use crate::{Awaited, Deadline, Tick};

/// How often the sender hears that the receiver is still working.
const WORD_TICKS: u64 = 2_000;
/// When a store that answered `Pending` is asked again: often enough to lose little, seldom enough not to spin.
const RETRY_TICKS: u64 = 1;

/// One piece of work that the store does: when it counts as stalled, and when the sender is due a word about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chore {
    due: Tick,
    next_word: Tick,
}

impl Chore {
    /// Work that begins at `now` and must move within `ticks`.
    pub(super) const fn new(now: Tick, ticks: u64) -> Self {
        Self {
            due: now.after(ticks),
            next_word: now.after(WORD_TICKS),
        }
    }

    /// The work has moved, and must move again within `ticks`.
    pub(super) const fn moved(&mut self, now: Tick, ticks: u64) {
        self.due = now.after(ticks);
    }

    /// Whether the sender is due a word; true once every two seconds.
    pub(super) fn is_word_due(&mut self, now: Tick) -> bool {
        let is_due = now >= self.next_word;
        if is_due {
            self.next_word = now.after(WORD_TICKS);
        }
        is_due
    }

    /// The deadline while the work moves.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline::new(self.due.min(self.next_word), Awaited::Total)
    }

    /// The deadline after `Pending`. Each step sets it anew before it can pass; so what passes is only the stall.
    pub(super) fn retry(&self, now: Tick) -> Deadline {
        Deadline::new(
            self.deadline().at.min(now.after(RETRY_TICKS)),
            Awaited::Total,
        )
    }
}
