//! When a client acts next.

use super::client::Dhcp;
use super::state::State;
use crate::{Deadline, Duration, Io, Step, Tick, TimeoutKind};

impl Dhcp<'_> {
    /// Enters `next` for `delay`, or until the lease's next time; [`Duration::MAX`] for no limit.
    pub(super) fn enter(&mut self, io: &mut Io, next: State, delay: Duration) -> Step {
        let deadline = self.deadline_of(&next, io.now, delay);
        self.state.enter(io, next, deadline);
        Step::Again
    }

    /// Stays in the present state for `delay`, as [`enter`](Self::enter) does.
    pub(super) fn wait(&mut self, io: &Io, delay: Duration) -> Step {
        let deadline = self.deadline_of(self.state.state(), io.now, delay);
        self.state.set_deadline(deadline);
        Step::Again
    }

    fn deadline_of(&self, state: &State, now: Tick, delay: Duration) -> Option<Deadline> {
        let limit = match state {
            State::Bound { .. } => self.timers.renew_at,
            State::Renewing => self.timers.rebind_at,
            _ => self.timers.expires_at,
        };
        let after = (delay < Duration::MAX).then(|| now + delay);
        let at = match (limit, after) {
            (Some(limit), Some(after)) => limit.min(after),
            (limit, after) => limit.or(after)?,
        };
        // A time that has passed already is judged in this turn.
        Some(Deadline::new(at.max(now), TimeoutKind::Reply))
    }

    /// Whether the address must not be used any more.
    pub(super) fn is_over(&self, now: Tick) -> bool {
        self.timers.expires_at.is_some_and(|at| at <= now)
    }

    pub(super) fn is_rebinding_due(&self, now: Tick) -> bool {
        self.timers.rebind_at.is_some_and(|at| at <= now)
    }
}
