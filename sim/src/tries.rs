//! A client that tries again until it has what it wants, as its user would.

use crate::Generator;
use tickwire::{Error, Tick};

/// How long a fresh request may take after the end of all faults.
pub(crate) const LIVENESS_TICKS: u64 = 60_000;

/// What is still wanted from before the calm, at most.
const GOALS_MAX: u32 = 4;
/// How the attempts of one app ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Attempts that began.
    pub begun: u32,
    /// Those that succeeded.
    pub succeeded: u32,
    /// Those that ended in a typed error.
    pub failed: u32,
    /// Those that ended with the power of their host.
    pub crashed: u32,
    /// Those that were still open when a run failed.
    pub open: u32,
    /// The error of the last one that failed.
    pub last_error: Option<Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting { until: Tick },
    Running,
}

/// One client's attempts.
#[derive(Debug)]
pub(crate) struct Tries {
    state: State,
    failures: u32,
    random: Generator,
    /// Things still to be fetched, sent or said.
    pub(crate) goals: u32,
    pub(crate) tally: Tally,
    /// Whether one has succeeded since the calm began.
    is_alive: bool,
    is_calm: bool,
    /// When the first attempt of the calm began; one from before may need its own deadline to notice what it lost.
    fresh_at: Option<Tick>,
}

impl Tries {
    pub(crate) fn new(mut random: Generator, goals: u32) -> Self {
        Self {
            state: State::Waiting {
                until: Tick::from_millis(random.below(2_000)),
            },
            failures: 0,
            random,
            goals,
            tally: Tally::default(),
            is_alive: false,
            is_calm: false,
            fresh_at: None,
        }
    }

    /// Whether it is time to begin an attempt.
    pub(crate) fn is_due(&self, now: Tick) -> bool {
        self.goals > 0 && matches!(self.state, State::Waiting { until } if until <= now)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// When it is time for something, after `now`: what was due before was done, or its host has no power.
    pub(crate) fn next(&self, now: Tick) -> Option<Tick> {
        let liveness = self.fresh_at.filter(|_| !self.is_alive);
        let liveness = liveness.map(|fresh| fresh.after(LIVENESS_TICKS + 1));
        let due = match self.state {
            State::Waiting { until } if self.goals > 0 => Some(until),
            _ => None,
        };
        let both = due.into_iter().chain(liveness);
        both.filter(|at| *at > now).min()
    }

    pub(crate) fn begin(&mut self, now: Tick) {
        if self.is_calm {
            self.fresh_at.get_or_insert(now);
        }
        self.state = State::Running;
        self.tally.begun += 1;
    }

    pub(crate) fn succeed(&mut self, now: Tick) {
        self.tally.succeeded += 1;
        self.goals = self.goals.saturating_sub(1);
        self.failures = 0;
        self.is_alive |= self.is_calm;
        self.state = State::Waiting {
            until: now.after(self.random.below(1_000)),
        };
    }

    pub(crate) fn fail(&mut self, now: Tick, error: Error) {
        self.tally.failed += 1;
        self.tally.last_error = Some(error);
        self.pause(now);
    }

    /// The attempt ended without an error, but not all was said.
    pub(crate) fn go_on(&mut self, now: Tick) {
        self.tally.succeeded += 1;
        self.pause(now);
    }

    fn pause(&mut self, now: Tick) {
        self.failures += 1;
        // In the calm a user who wants something asks every second.
        let most = if self.is_calm {
            1_000
        } else {
            500 << self.failures.min(6)
        };
        let ticks = 100 + self.random.below(most);
        self.state = State::Waiting {
            until: now.after(ticks),
        };
    }

    /// The client's host has lost its power.
    pub(crate) fn crash(&mut self, now: Tick) {
        if self.is_running() {
            self.tally.crashed += 1;
            self.state = State::Waiting { until: now };
        }
    }

    /// All faults have ended; one more is wanted, and of those before no more than a few.
    pub(crate) fn calm(&mut self, now: Tick) {
        self.is_calm = true;
        self.goals = self.goals.min(GOALS_MAX) + 1;
        if !self.is_running() {
            self.state = State::Waiting { until: now };
        }
    }

    /// Whether a fresh request takes too long.
    pub(crate) fn is_dead(&self, now: Tick, excused_until: Tick) -> bool {
        !self.is_alive
            && self
                .fresh_at
                .is_some_and(|fresh| now.since(fresh.max(excused_until)) > LIVENESS_TICKS)
    }

    pub(crate) fn finish(&mut self) -> Tally {
        self.tally.open = u32::from(self.is_running());
        self.tally
    }
}

/// Whether an error can come of what links and hosts do in every run; of a liar nearly all can. What else a seed has
/// drawn, its task knows.
pub(crate) const fn is_plausible(error: Error, is_lied_to: bool) -> bool {
    match error {
        Error::Unaddressable
        | Error::Unreachable
        | Error::SocketInUse
        | Error::AddressLost
        | Error::NoLocalPort
        | Error::Sink { .. } => false,
        Error::Refused | Error::Reset | Error::TimedOut(_) => true,
        // What arrives is what was sent, to its end.
        _ => is_lied_to,
    }
}
