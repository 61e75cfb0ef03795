//! SysTick as the only clock, and the only alarm, of the board.
//!
//! SysTick counts down from its reload value and sets COUNTFLAG on its way from 1 to 0 (ARMv7-M Architecture
//! Reference Manual, B3.3). Awake, it runs over its whole 24 bits, so that a reader may be late by 0.67 s at
//! 25 MHz; asleep, over just the time until the deadline. Whoever reads later than that loses whole periods:
//! time is then late, never early.

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{SCB, SYST};
use cortex_m::{asm, interrupt};
use tickwire::{Tick, TickCounter};

/// SysTick has 24 bits.
const PERIOD_COUNTS_MAX: u32 = 1 << 24;

/// Something else than the clock that ends a sleep. Both calls come with PRIMASK set.
pub trait Wake {
    /// Lets the interrupt through from now on, then looks: true when there is work already.
    ///
    /// The order is the promise. Work that comes before the look is seen by the look; work that comes after it
    /// leaves an interrupt pending, and WFI does not sleep on a pending interrupt (B1.5.18), PRIMASK or not.
    fn arm(&mut self) -> bool;

    /// Silences the interrupt at its source, and keeps back one that is pending.
    fn disarm(&mut self);
}

/// The time since [`start`](crate::start), and sleep.
pub struct Clock {
    syst: SYST,
    counts_per_tick: u32,
    /// Counts between two wraps of SysTick as it now runs.
    period_counts: u32,
    /// All counts up to the beginning of the current period.
    before_counts: u64,
    spent: Spent,
    counter: TickCounter,
}

/// Where the time went, in counts of the core's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Outside of [`Clock::sleep`].
    pub awake_counts: u64,
    /// Waiting for an interrupt.
    pub asleep_counts: u64,
    /// How often the core went to sleep.
    pub sleeps: u32,
}

impl Clock {
    pub(crate) fn new(mut syst: SYST, counts_per_tick: u32) -> Self {
        syst.set_clock_source(SystClkSource::Core);
        syst.disable_interrupt();
        let mut clock = Self {
            syst,
            counts_per_tick,
            period_counts: PERIOD_COUNTS_MAX,
            before_counts: 0,
            spent: Spent::default(),
            counter: TickCounter::new(counts_per_tick, 0),
        };
        clock.restart(PERIOD_COUNTS_MAX);
        clock.syst.enable_counter();
        clock
    }

    /// The time now. To be called at least once a SysTick period (24 bits of the core's clock).
    pub fn now(&mut self) -> Tick {
        // The counter extends 32 bits that wrap, so it gets the low half.
        let raw = self.counts() as u32;
        self.counter.update(raw)
    }

    /// Where the time since the start went.
    pub fn spent(&mut self) -> Spent {
        Spent {
            awake_counts: self.counts() - self.spent.asleep_counts,
            ..self.spent
        }
    }

    /// Counts of the core's clock in a millisecond.
    pub const fn counts_per_tick(&self) -> u32 {
        self.counts_per_tick
    }

    /// Sleeps until `deadline` (`None`: for ever), or until `wake` has work, whichever comes first.
    ///
    /// It may return early, at the latest after one SysTick period: the caller turns its loop and sleeps again.
    /// A frame that comes at any moment between the loop's last look and the sleep ends the sleep.
    pub fn sleep(&mut self, deadline: Option<Tick>, wake: &mut impl Wake) {
        self.sleep_after(deadline, wake, |_| {});
    }

    /// As [`sleep`](Self::sleep); `between` runs at the worst moment for a wake-up to come: after the look,
    /// before WFI. It is there for a test of just that.
    pub fn sleep_after<W: Wake>(
        &mut self,
        deadline: Option<Tick>,
        wake: &mut W,
        between: impl FnOnce(&mut W),
    ) {
        let now = self.now();
        let ticks = deadline.map_or(u64::MAX, |deadline| deadline.since(now).as_millis());
        if ticks == 0 {
            return;
        }
        let counts = u32::try_from(ticks)
            .unwrap_or(u32::MAX)
            .saturating_mul(self.counts_per_tick)
            .min(PERIOD_COUNTS_MAX);
        interrupt::free(|_| {
            if !wake.arm() {
                between(wake);
                self.wait_for_interrupt(counts);
            }
            wake.disarm();
            // PRIMASK goes only when both have taken effect, or a handler could still run (Arm AN 321).
            asm::dsb();
            asm::isb();
        });
    }

    fn wait_for_interrupt(&mut self, counts: u32) {
        self.restart(counts);
        self.syst.enable_interrupt();
        // The writes that let the interrupts through must have reached their devices (B1.5.18 asks for it).
        asm::dsb();
        asm::wfi();
        let slept_from = self.before_counts;
        self.restart(PERIOD_COUNTS_MAX);
        SCB::clear_pendst();
        self.spent.asleep_counts += self.before_counts - slept_from;
        self.spent.sleeps = self.spent.sleeps.wrapping_add(1);
    }

    /// Begins a new period, of `counts`, without alarm. It loses the few counts between its read and its write of
    /// SysTick.
    fn restart(&mut self, counts: u32) {
        self.before_counts = self.counts();
        // Only after the count: to change a bit of the control register is to read it, which clears COUNTFLAG.
        self.syst.disable_interrupt();
        self.period_counts = counts;
        self.syst.set_reload(counts - 1);
        // Clears COUNTFLAG too.
        self.syst.clear_current();
    }

    fn counts(&mut self) -> u64 {
        loop {
            let current = SYST::get_current();
            // Reading COUNTFLAG clears it. If it was set, `current` may be from before or after the wrap.
            if !self.syst.has_wrapped() {
                // A fresh period stands at 0 until the first count loads it.
                let in_period = if current == 0 {
                    0
                } else {
                    self.period_counts - current
                };
                return self.before_counts + u64::from(in_period);
            }
            self.before_counts += u64::from(self.period_counts);
        }
    }
}
