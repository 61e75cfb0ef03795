//! When the next turn comes, and when deadlines may be judged.

use super::{CAPPED_TURNS_MAX, Duration, Tick};

/// Turns in a row that may leave frames in the device and judge no deadline: 131,072 frames, more
/// than any queue holds. After them a flood must not hold deadlines off any longer.
const UNDRAINED_TURNS_MAX: u32 = 4_096;
/// The same as time, for hosts on which so many turns take minutes.
const UNDRAINED_MILLIS_MAX: u64 = 5_000;
/// A clock that advances by this much between two turns has jumped: the program was stopped, or the
/// machine was suspended.
const JUMP: Duration = Duration::from_secs(1);

/// What the loop remembers from one turn to the next.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Pacing {
    /// When the last turn was.
    last: Tick,
    /// Turns in a row, at one tick, that stopped at a cap.
    capped_turns: u16,
    /// Turns in a row that left frames in the device.
    undrained_turns: u32,
    /// For how long, a jump of the clock counted as one second.
    undrained_millis: u64,
    /// The clock has jumped, and what came meanwhile is still being read.
    pub(super) is_catching_up: bool,
}

impl Pacing {
    pub(super) const fn new() -> Self {
        Self {
            last: Tick::ZERO,
            capped_turns: 0,
            undrained_turns: 0,
            undrained_millis: 0,
            is_catching_up: false,
        }
    }

    /// Whether the device was drained, so that deadlines may be judged.
    pub(super) fn drained(&mut self, now: Tick, has_more: bool) -> bool {
        let gap = now.since(self.last);
        self.is_catching_up |= has_more && gap >= JUMP;
        if has_more {
            self.undrained_turns = self.undrained_turns.saturating_add(1);
            // What came during a jump was not there to be read before.
            self.undrained_millis += gap.min(JUMP).as_millis();
        } else {
            (self.undrained_turns, self.undrained_millis) = (0, 0);
        }
        let is_drained = !has_more
            || self.undrained_turns > UNDRAINED_TURNS_MAX
            || self.undrained_millis > UNDRAINED_MILLIS_MAX;
        self.is_catching_up &= !is_drained;
        is_drained
    }

    /// When the next turn comes: at once after a cap, but not for ever at the same tick.
    pub(super) fn wake(&mut self, now: Tick, is_capped: bool, next: Option<Tick>) -> Option<Tick> {
        let next_tick = now + Duration::from_millis(1);
        if now != self.last || !is_capped {
            self.capped_turns = 0;
        }
        self.last = now;
        if is_capped {
            self.capped_turns = self.capped_turns.saturating_add(1);
            return Some(if u32::from(self.capped_turns) > CAPPED_TURNS_MAX {
                next_tick
            } else {
                now
            });
        }
        // Egress sent all that it could, so what smoltcp calls due now waits for something else (a
        // neighbour).
        next.map(|next| next.max(next_tick))
    }
}
