//! When a node gets its turns, and what its clock shows: neither is exact on real hardware.

use tickwire::{Duration, Tick, TickCounter};

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
        let elapsed = (now.since(self.boot).as_millis() & u64::from(u32::MAX)) as u32;
        self.counter.update(self.start.wrapping_add(elapsed))
    }
}

/// How punctual the turns of a node are.
#[derive(Debug, Clone)]
pub(crate) struct Scheduler {
    random: Generator,
    /// The longest time by which a turn comes late.
    late_max: Duration,
    /// How often a turn comes that nobody asked for, in parts per million.
    extra_ppm: u32,
    late: Duration,
    frozen_until: Tick,
}

impl Scheduler {
    pub(crate) const fn new(random: Generator, late_max: Duration, extra_ppm: u32) -> Self {
        Self {
            random,
            late_max,
            extra_ppm,
            late: Duration::ZERO,
            frozen_until: Tick::ZERO,
        }
    }

    /// Always on time.
    pub(crate) const fn exact() -> Self {
        Self::new(Generator::new(0), Duration::ZERO, 0)
    }

    /// No turn before `until`.
    pub(crate) fn freeze(&mut self, until: Tick) {
        self.frozen_until = self.frozen_until.max(until);
    }

    /// When a turn comes that is wanted at `wake`.
    pub(crate) fn delay(&self, wake: Tick) -> Tick {
        (wake + self.late).max(self.frozen_until)
    }

    /// Draws how late the next turn comes. Returns when a turn comes that nobody asked for.
    pub(crate) fn draw_next(&mut self, now: Tick) -> Option<Tick> {
        if self.late_max > Duration::ZERO {
            let millis = self.random.between(0, self.late_max.as_millis());
            self.late = Duration::from_millis(millis);
        }
        let extra = self.random.chance(self.extra_ppm);
        extra.then(|| now + Duration::from_millis(self.random.between(0, 5)))
    }
}
