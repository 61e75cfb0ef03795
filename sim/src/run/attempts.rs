//! A client that tries again until it has what it wants, as its user would.

use tickwire::chat::ChatError;
use tickwire::http::GetError;
use tickwire::{Duration, Error, Tick, TimeoutKind};

use crate::{Generator, SimError};

/// The longest time that a fresh request may take after the end of all faults.
pub(crate) const LIVENESS: Duration = Duration::from_secs(60);

/// The most that is still wanted, after the faults, from before their end.
const WANTED_MAX: u32 = 4;

/// How the attempts of one app ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttemptCounts {
    /// Attempts that began.
    pub begun: u32,
    /// Those that succeeded.
    pub succeeded: u32,
    /// Those that ended in a typed error.
    pub failed: u32,
    /// Those that ended when their node lost its power.
    pub crashed: u32,
    /// Those that were still open when a run failed.
    pub open: u32,
    /// The error of the last one that failed.
    pub last_error: Option<SimError>,
}

impl AttemptCounts {
    /// Adds how those of another run ended. What is still open, and the last error, are of one run.
    pub const fn add(&mut self, other: &Self) {
        self.begun += other.begun;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.crashed += other.crashed;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting { until: Tick },
    Running,
}

/// One client's attempts.
#[derive(Debug)]
pub(crate) struct Attempts {
    state: State,
    failures: u32,
    random: Generator,
    /// What is still to be fetched, sent or said.
    pub(crate) wanted: u32,
    counts: AttemptCounts,
    /// Whether one has succeeded since the end of the faults.
    is_alive: bool,
    is_healed: bool,
    /// When the first attempt after the faults began. One from before may need its own deadline to
    /// notice what it lost.
    fresh_at: Option<Tick>,
}

impl Attempts {
    pub(crate) fn new(mut random: Generator, wanted: u32) -> Self {
        Self {
            state: State::Waiting {
                until: Tick::from_millis(random.below(2_000)),
            },
            failures: 0,
            random,
            wanted,
            counts: AttemptCounts::default(),
            is_alive: false,
            is_healed: false,
            fresh_at: None,
        }
    }

    /// Whether it is time to begin an attempt.
    pub(crate) fn is_due(&self, now: Tick) -> bool {
        self.wanted > 0 && matches!(self.state, State::Waiting { until } if until <= now)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// Whether nothing more is wanted.
    pub(crate) fn is_done(&self) -> bool {
        self.wanted == 0 && !self.is_running()
    }

    /// When it is time for something, after `now`. What was due before was done, or its node has no
    /// power.
    pub(crate) fn next(&self, now: Tick) -> Option<Tick> {
        let liveness = self.fresh_at.filter(|_| !self.is_alive);
        let liveness = liveness.map(|fresh| fresh + LIVENESS + Duration::from_millis(1));
        let due = match self.state {
            State::Waiting { until } if self.wanted > 0 => Some(until),
            _ => None,
        };
        let both = due.into_iter().chain(liveness);
        both.filter(|at| *at > now).min()
    }

    pub(crate) fn begin(&mut self, now: Tick) {
        if self.is_healed {
            self.fresh_at.get_or_insert(now);
        }
        self.state = State::Running;
        self.counts.begun += 1;
    }

    pub(crate) fn succeed(&mut self, now: Tick) {
        self.counts.succeeded += 1;
        self.wanted = self.wanted.saturating_sub(1);
        self.failures = 0;
        self.is_alive |= self.is_healed;
        self.state = State::Waiting {
            until: now + Duration::from_millis(self.random.below(1_000)),
        };
    }

    pub(crate) fn fail(&mut self, now: Tick, error: SimError) {
        self.counts.failed += 1;
        self.counts.last_error = Some(error);
        self.pause(now);
    }

    /// The attempt ended without an error, but did not get what is wanted.
    pub(crate) fn try_again(&mut self, now: Tick) {
        self.counts.succeeded += 1;
        self.pause(now);
    }

    fn pause(&mut self, now: Tick) {
        self.failures += 1;
        // After the faults a user who wants something asks every second.
        let millis_max = if self.is_healed {
            1_000
        } else {
            500 << self.failures.min(6)
        };
        let delay = Duration::from_millis(100 + self.random.below(millis_max));
        self.state = State::Waiting { until: now + delay };
    }

    /// The client's node has lost its power.
    pub(crate) fn crash(&mut self, now: Tick) {
        if self.is_running() {
            self.counts.crashed += 1;
            self.state = State::Waiting { until: now };
        }
    }

    /// All faults have ended. One more is wanted, and of those from before no more than a few.
    pub(crate) fn heal(&mut self, now: Tick) {
        self.is_healed = true;
        self.wanted = self.wanted.min(WANTED_MAX) + 1;
        if !self.is_running() {
            self.state = State::Waiting { until: now };
        }
    }

    /// Whether a fresh request takes too long.
    pub(crate) fn is_overdue(&self, now: Tick, excused_until: Tick) -> bool {
        !self.is_alive
            && self
                .fresh_at
                .is_some_and(|fresh| now.since(fresh.max(excused_until)) > LIVENESS)
    }

    /// How the attempts ended.
    pub(crate) fn counts(&self) -> AttemptCounts {
        AttemptCounts {
            open: u32::from(self.is_running()),
            ..self.counts
        }
    }
}

/// Whether an error can come from what links and nodes do in every run. A hostile peer can cause
/// nearly all errors. What else this seed may cause, the workload knows.
pub(crate) const fn is_plausible(error: SimError, is_peer_hostile: bool) -> bool {
    match error {
        SimError::Connection(
            Error::Unaddressable
            | Error::Unreachable
            | Error::SocketInUse
            | Error::AddressLost
            | Error::NoLocalPort,
        )
        | SimError::Get(GetError::Sink { .. })
        | SimError::Chat(ChatError::Sink { .. }) => false,
        SimError::Connection(Error::TimedOut(TimeoutKind::Sink)) => is_peer_hostile,
        SimError::Connection(Error::Refused | Error::Reset | Error::TimedOut(_)) => true,
        // What arrives is what was sent, to its end.
        _ => is_peer_hostile,
    }
}
