//! A machine's state together with its deadline.

use super::{Deadline, Event, Io};

/// A state that has a name for logs.
pub trait StateName {
    /// The name of the state, without its data.
    fn name(&self) -> &'static str;
}

/// A machine's state together with its deadline.
///
/// [`enter`](StateCell::enter) is the only way to another state, so no state can keep the deadline
/// of the one before.
#[derive(Debug)]
pub struct StateCell<S> {
    state: S,
    deadline: Option<Deadline>,
}

/// The name alone: a state's data may be a hash or a whole message.
#[cfg(feature = "defmt")]
impl<S: StateName> defmt::Format for StateCell<S> {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(
            f,
            "StateCell {{ state: {=str}, deadline: {=?} }}",
            self.state.name(),
            self.deadline
        );
    }
}

impl<S: StateName> StateCell<S> {
    /// The first state, which waits for nothing.
    pub const fn new(state: S) -> Self {
        Self {
            state,
            deadline: None,
        }
    }

    /// The present state.
    pub const fn state(&self) -> &S {
        &self.state
    }

    /// The present state, to update the data that it carries.
    pub const fn state_mut(&mut self) -> &mut S {
        &mut self.state
    }

    /// The present deadline.
    pub const fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// Moves to `next` with its deadline, and tells the observer.
    pub fn enter(&mut self, io: &mut Io, next: S, deadline: Option<Deadline>) {
        debug_assert!(
            deadline.is_none_or(|deadline| deadline.at >= io.now),
            "{} begins with a deadline that has passed",
            next.name()
        );
        io.emit(&Event::State {
            old: self.state.name(),
            new: next.name(),
        });
        self.state = next;
        self.deadline = deadline;
    }

    /// Moves the deadline of the present state, because what it awaits has moved.
    pub const fn set_deadline(&mut self, deadline: Option<Deadline>) {
        self.deadline = deadline;
    }
}
