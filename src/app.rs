//! Everything that an author of an app must learn: [`App`], [`Step`], [`Deadline`] and [`Phase`].
//! What an app may touch is in [`Io`](crate::Io).

use core::task::Poll;

use smoltcp::iface::SocketHandle;

use crate::{Awaited, Error, Io, Tick};

/// Steps that one poll of an app may take. An app that needs more goes on in the next turn, which comes at once.
pub const STEPS_MAX: u32 = 64;

/// What a step left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Step {
    /// Something moved: take the next step at once.
    Again,
    /// Nothing more can be done before a frame, the deadline, or the caller's own input.
    Wait,
    /// The app has finished with success.
    Done,
}

/// A point in time, and what will be missing when it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Deadline {
    /// When it passes.
    pub at: Tick,
    /// What the app waits for until then.
    pub awaits: Awaited,
}

impl Deadline {
    /// A deadline at `at`.
    pub const fn new(at: Tick, awaits: Awaited) -> Self {
        Self { at, awaits }
    }

    /// The earlier of this and another that may be there.
    #[must_use]
    pub fn or_earlier(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.at < self.at => other,
            _ => self,
        }
    }
}

/// A state machine over TCP sockets that only moves inside [`poll`](App::poll), which only
/// [`turn`](crate::turn) calls.
///
/// An implementation writes [`step`](App::step) and the getters; [`Echo`](crate::Echo) is the worked example, and
/// [`guide`](crate::guide) explains it.
///
/// # The rule
/// When `poll` returns [`Poll::Pending`], the app waits for a frame, for its [`deadline`](App::deadline), or for
/// its caller's own input. While one of its sockets is connecting, connected or closing it must have a deadline:
/// debug builds assert this after every turn, for without it a silent peer would hold the app for ever.
pub trait App {
    /// The app's name in logs.
    fn name(&self) -> &'static str;

    /// Takes at most one transition, or moves some bytes.
    ///
    /// # Errors
    /// The end of the app. A server's conversation that fails is an [`Event`](crate::Event), and the server goes on.
    fn step(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error>;

    /// The deadline of the present state; a getter without effects.
    fn deadline(&self) -> Option<Deadline>;

    /// What happens when the deadline has passed: by default the end of the app with [`Error::TimedOut`].
    ///
    /// A state in which it is an ordinary event (silence that ends a message, a redial, the end of lingering)
    /// moves on here, and must then leave with a later deadline or none.
    ///
    /// # Errors
    /// As [`step`](App::step).
    fn expired(&mut self, _io: &mut Io<'_, '_>) -> Result<Step, Error> {
        Err(Error::TimedOut(
            self.deadline()
                .map_or(Awaited::Total, |deadline| deadline.awaits),
        ))
    }

    /// The sockets that the app owns: they are watched for changes, and when the app ends, well or not, what they
    /// still carry is aborted, for nobody would be left with a deadline for it.
    fn sockets(&self) -> &[SocketHandle];

    /// Takes steps until there is nothing more to do now. Provided, and the same for all apps.
    ///
    /// Steps come first and the deadline after them, so that data which is already here beats a late clock; but
    /// after [`STEPS_MAX`] steps the deadline is looked at in any case, so that no flood can outrun it.
    fn poll(&mut self, io: &mut Io<'_, '_>) -> Poll<Result<(), Error>> {
        let outcome = drive(self, io);
        if outcome.is_ready() {
            for &handle in self.sockets() {
                io.drop_connection(handle);
            }
        }
        outcome
    }
}

/// The body of [`App::poll`].
fn drive<A: App + ?Sized>(app: &mut A, io: &mut Io<'_, '_>) -> Poll<Result<(), Error>> {
    let mut steps = 0;
    loop {
        let mut step = app.step(io)?;
        steps += 1;
        if step != Step::Done && (step == Step::Wait || steps >= STEPS_MAX) {
            match app.deadline().filter(|deadline| deadline.at <= io.now) {
                Some(missed) => {
                    step = app.expired(io)?;
                    if step != Step::Done && app.deadline() == Some(missed) {
                        debug_assert!(
                            false,
                            "{} stayed in a state whose deadline has passed",
                            app.name()
                        );
                        return Poll::Ready(Err(Error::TimedOut(missed.awaits)));
                    }
                }
                None if step == Step::Wait => return Poll::Pending,
                None => {}
            }
        }
        match step {
            Step::Done => return Poll::Ready(Ok(())),
            Step::Again | Step::Wait if steps >= STEPS_MAX => {
                io.leave_unfinished();
                return Poll::Pending;
            }
            Step::Again | Step::Wait => {}
        }
    }
}

/// A state that has a name for logs.
pub trait Named {
    /// The name of the state, without its data.
    fn name(&self) -> &'static str;
}

/// A machine's state together with its deadline; [`enter`](Phase::enter) is the only way to change either to
/// another state, so that no state can keep the deadline of the one before.
#[derive(Debug)]
pub struct Phase<S> {
    state: S,
    deadline: Option<Deadline>,
}

/// The state goes by its name alone: the machines need no more, and its data may be a hash or a whole message.
#[cfg(feature = "defmt")]
impl<S: Named> defmt::Format for Phase<S> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Phase {{ state: {=str}, deadline: {=?} }}",
            self.state.name(),
            self.deadline
        );
    }
}

impl<S: Named> Phase<S> {
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

    /// The error when the present deadline has passed: it says what was awaited.
    pub fn timed_out(&self) -> Error {
        let awaited = self.deadline.map_or(Awaited::Total, |missed| missed.awaits);
        Error::TimedOut(awaited)
    }

    /// Moves to `next` with its deadline, and tells the observer.
    pub fn enter(&mut self, io: &mut Io<'_, '_>, next: S, deadline: Option<Deadline>) {
        debug_assert!(
            deadline.is_none_or(|deadline| deadline.at >= io.now),
            "{} begins with a deadline that has passed",
            next.name()
        );
        io.entered(self.state.name(), next.name());
        self.state = next;
        self.deadline = deadline;
    }

    /// Moves the deadline of the present state, because what it awaits has moved.
    pub const fn set_deadline(&mut self, deadline: Option<Deadline>) {
        self.deadline = deadline;
    }
}
