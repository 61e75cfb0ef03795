//! When a node gets its turns, and what its clock shows: neither is exact on real hardware.

use tickwire::{Tick, TickCounter};

use crate::Generator;

/// A node's own time: a 32-bit counter of milliseconds since its boot, which may be about to wrap.
pub(crate) struct NodeClock {
    boot: Tick,
    start: u32,
    counter: TickCounter,
}

impl NodeClock {
    /// A counter that shows `start` at the boot.
    pub(crate) const fn new(boot: Tick, start: u32) -> Self {
        Self {
            boot,
            start,
            counter: TickCounter::new(1, start),
        }
    }

    /// The same counter, but it shows `start` at the boot.
    pub(crate) const fn set_start(&mut self, start: u32) {
        *self = Self::new(self.boot, start);
    }

    /// The node's time at a time of the world.
    pub(crate) fn local(&mut self, now: Tick) -> Tick {
        // The counter keeps the low 32 bits, as hardware does.
        let elapsed = (now.since(self.boot) & u64::from(u32::MAX)) as u32;
        self.counter.update(self.start.wrapping_add(elapsed))
    }
}

/// How punctual the turns of a node are.
#[derive(Debug, Clone)]
pub(crate) struct Scheduler {
    random: Generator,
    /// The longest time by which a turn comes late.
    late_ticks_max: u64,
    /// How often a turn comes that nobody asked for, in parts per million.
    extra_ppm: u32,
    late_ticks: u64,
    frozen_until: Tick,
}

impl Scheduler {
    pub(crate) const fn new(random: Generator, late_ticks_max: u64, extra_ppm: u32) -> Self {
        Self {
            random,
            late_ticks_max,
            extra_ppm,
            late_ticks: 0,
            frozen_until: Tick::ZERO,
        }
    }

    /// Always on time.
    pub(crate) const fn exact() -> Self {
        Self::new(Generator::new(0), 0, 0)
    }

    /// No turn before `until`.
    pub(crate) fn freeze(&mut self, until: Tick) {
        self.frozen_until = self.frozen_until.max(until);
    }

    /// When a turn comes that is wanted at `wake`.
    pub(crate) fn delay(&self, wake: Tick) -> Tick {
        wake.after(self.late_ticks).max(self.frozen_until)
    }

    /// Draws how late the next turn comes. Returns when a turn comes that nobody asked for.
    pub(crate) fn draw_next(&mut self, now: Tick) -> Option<Tick> {
        if self.late_ticks_max > 0 {
            self.late_ticks = self.random.between(0, self.late_ticks_max);
        }
        let extra = self.random.chance(self.extra_ppm);
        extra.then(|| now.after(self.random.between(0, 5)))
    }
}
