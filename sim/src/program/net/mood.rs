//! How a server behaves: what it draws for each message, and what was counted.

use std::collections::BTreeMap;

use tickwire::Duration;
use tickwire_sim::{Generator, Profile};

/// A frame that leaves some time from now.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) delay: Duration,
    pub(super) frame: Vec<u8>,
}

/// What the servers of a seed do, beside answering.
#[derive(Debug)]
pub(super) struct Mood {
    random: Generator,
    profile: Profile,
    /// Nothing is late, lost, withdrawn or forged any more.
    pub(super) is_honest: bool,
    /// In parts per million, drawn once for each seed.
    silent_ppm: u32,
    late_ppm: u32,
    fails_ppm: u32,
    forgeries_max: u64,
    counts: BTreeMap<&'static str, u64>,
}

/// The longest delay of an answer, in milliseconds: longer than any client waits.
const LATE_MILLIS_MAX: u64 = 90_000;
/// Forged answers to one question.
const FORGERIES_MAX: u64 = 40;

impl Mood {
    pub(super) fn new(mut random: Generator, profile: Profile) -> Self {
        let mut part = |most: u64| {
            let drawn = random.below(most) as u32;
            if random.chance(600_000) { drawn } else { 0 }
        };
        let is_mild = profile == Profile::Mild;
        let [silent_ppm, late_ppm, fails_ppm] =
            [300_000, 300_000, 250_000].map(|most| part(if is_mild { most / 10 } else { most }));
        let forgeries_max = match profile {
            Profile::Mild => 0,
            Profile::Bad => random.below(4),
            Profile::Hostile => random.log_uniform(1, FORGERIES_MAX),
        };
        Self {
            random,
            profile,
            is_honest: false,
            silent_ppm,
            late_ppm,
            fails_ppm,
            forgeries_max,
            counts: BTreeMap::new(),
        }
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(super) const fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    fn chance(&mut self, ppm: u32) -> bool {
        !self.is_honest && self.random.chance(ppm)
    }

    /// Sends an answer: at once, late, twice or never.
    pub(super) fn send(&mut self, frame: Vec<u8>, sent: &mut Vec<Outgoing>) {
        if self.chance(self.silent_ppm) {
            return self.count("unanswered");
        }
        let is_late = self.chance(self.late_ppm);
        let delay = if is_late {
            self.count("late");
            Duration::from_millis(self.random.log_uniform(1, LATE_MILLIS_MAX))
        } else {
            Duration::ZERO
        };
        if self.chance(self.late_ppm / 4) {
            self.count("twice");
            let later = delay.as_millis() + self.random.log_uniform(1, LATE_MILLIS_MAX);
            sent.push(Outgoing {
                delay: Duration::from_millis(later),
                frame: frame.clone(),
            });
        }
        sent.push(Outgoing { delay, frame });
    }

    /// How many forged answers come beside the true one.
    pub(super) fn forgeries(&mut self) -> u64 {
        if self.is_honest {
            0
        } else {
            self.random.below(self.forgeries_max + 1)
        }
    }

    /// A forged answer: mostly faster than the true one.
    pub(super) fn forged(&mut self, frame: Vec<u8>) -> Outgoing {
        self.count("forged");
        let is_early = self.random.chance(800_000);
        let millis = if is_early {
            0
        } else {
            self.random.log_uniform(1, 5_000)
        };
        Outgoing {
            delay: Duration::from_millis(millis),
            frame,
        }
    }

    /// Whether a server fails in one of its own ways.
    pub(super) fn fails(&mut self) -> bool {
        self.chance(self.fails_ppm)
    }

    /// Whether a server wants a lease back that has not ended.
    pub(super) fn withdraws(&mut self) -> bool {
        self.chance(self.fails_ppm / 2)
    }

    /// Whether the next address is another one, though the last is still lent.
    pub(super) fn changes_network(&mut self) -> bool {
        self.chance(self.fails_ppm)
    }

    /// Whether another host has what is lent.
    pub(super) fn has_squatter(&mut self) -> bool {
        let ppm = if self.profile == Profile::Mild {
            0
        } else {
            self.fails_ppm / 2
        };
        self.chance(ppm)
    }

    /// For how long an address is lent.
    pub(super) fn lease_secs(&mut self) -> u32 {
        if self.is_honest {
            return 600;
        }
        self.random.log_uniform(2, 240) as u32
    }

    /// A number below `n`, for a choice that a server makes.
    pub(super) const fn below(&mut self, n: u64) -> u64 {
        self.random.below(n)
    }
}
