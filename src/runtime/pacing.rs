//! When the next turn comes, and when deadlines may be judged.

use super::{CAPPED_TURNS_MAX, Deadline, Duration, Tick, TimeoutKind};

/// Turns in a row that may leave frames in the device and judge no deadline: 131,072 frames, more
/// than any queue holds. After them a flood must not hold deadlines off any longer.
const UNDRAINED_TURNS_MAX: u32 = 4_096;
/// The same as time, for hosts on which so many turns take minutes.
const UNDRAINED_MILLIS_MAX: u64 = 5_000;
/// A clock that advances by this much between two turns has jumped: the program was stopped, or the
/// machine was suspended.
const JUMP: Duration = Duration::from_secs(1);

/// The least and the most that the peers get back of an absence of our own: an answer to what they are
/// asked takes a moment.
const EXCUSE_MIN: Duration = Duration::from_secs(2);
const EXCUSE_MAX: Duration = Duration::from_secs(20);

/// We were away, for longer than the loop had asked to sleep. The time is given back to the peers, which
/// could not be heard: deadlines that passed meanwhile are judged later, and whoever is waited for is
/// asked once more.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Absence {
    /// When we came back.
    end: Tick,
    /// When the deadlines are judged that had passed by then.
    pub(super) excused_until: Tick,
}

impl Absence {
    /// Whether `deadline` is one for which a peer is excused.
    pub(super) fn excuses(&self, now: Tick, deadline: &Deadline) -> bool {
        let is_peers = !matches!(deadline.awaits, TimeoutKind::Sink | TimeoutKind::Total);
        is_peers && deadline.at <= self.end && now < self.excused_until
    }

    /// Whether another one may follow at `now`. Whoever is away again and again still gives up some
    /// time.
    fn is_over(&self, now: Tick) -> bool {
        now >= self.excused_until + self.excused_until.since(self.end)
    }
}

/// What the loop remembers from one turn to the next.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Pacing {
    /// When the last turn was.
    last: Tick,
    /// When the next one was to come.
    promised: Option<Tick>,
    /// The last one that counts.
    pub(super) absence: Option<Absence>,
    /// The peers are still to be asked.
    is_asking: bool,
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
            promised: None,
            absence: None,
            is_asking: false,
            capped_turns: 0,
            undrained_turns: 0,
            undrained_millis: 0,
            is_catching_up: false,
        }
    }

    /// A turn begins: notices that it comes late.
    pub(super) fn begin(&mut self, now: Tick) {
        let late = self.promised.map_or(Duration::ZERO, |at| now.since(at));
        if late >= JUMP && self.absence.is_none_or(|last| last.is_over(now)) {
            self.absence = Some(Absence {
                end: now,
                excused_until: now + late.clamp(EXCUSE_MIN, EXCUSE_MAX),
            });
            self.is_asking = true;
        }
    }

    /// Whether the peers are to be asked in this turn, once after an absence.
    pub(super) const fn take_asking(&mut self, is_drained: bool) -> bool {
        let is_asking = self.is_asking && is_drained;
        self.is_asking &= !is_drained;
        is_asking
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
        self.promised = self.next_turn(now, is_capped, next);
        self.promised
    }

    fn next_turn(&mut self, now: Tick, is_capped: bool, next: Option<Tick>) -> Option<Tick> {
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
