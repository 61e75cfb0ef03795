//! The portions in which a user takes what an app received.

use tickwire::Tick;

use super::context::RunContext;
use crate::pattern::SlowReader;

/// The portions of one user: slow as long as there are faults, then everything at once.
pub(crate) struct Portions {
    reader: Option<SlowReader>,
    /// When the next one is taken; `None` where there is no limit.
    takes_at: Option<Tick>,
}

impl Portions {
    pub(crate) const fn new(reader: Option<SlowReader>) -> Self {
        Self {
            reader,
            takes_at: None,
        }
    }

    /// Whether it is time for the next one.
    pub(crate) fn is_due(&self, context: &RunContext<'_, '_>) -> bool {
        let is_time = |at| at <= context.now() || context.is_healed();
        self.takes_at.is_some_and(is_time)
    }

    /// Begins the next one. Returns its number of bytes; `None` is no limit.
    pub(crate) fn take(&mut self, context: &RunContext<'_, '_>) -> Option<u64> {
        let reader = self.reader.filter(|_| !context.is_healed());
        self.takes_at = reader.map(|reader| context.now() + reader.every);
        reader.map(|reader| reader.bytes)
    }

    /// Nothing is received any more.
    pub(crate) const fn stop(&mut self) {
        self.takes_at = None;
    }

    /// When the next one is due, after `now`.
    pub(crate) fn next(&self, now: Tick) -> Option<Tick> {
        self.takes_at.filter(|at| *at > now)
    }
}
