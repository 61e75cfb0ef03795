//! What an author of an app implements.

use smoltcp::iface::SocketHandle;

use super::{Deadline, Duration, Error, Io, TimeoutKind};

/// What a step left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Step {
    /// Something moved: take the next step at once.
    Again,
    /// Nothing more can be done before a frame, the deadline, or the caller's own input.
    Wait,
    /// Finished with success.
    Done,
}

/// Callers that wait until a socket listens again, as in listen(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Backlog {
    /// The port that they call.
    pub port: u16,
    /// How long each may wait. It gets no answer meanwhile, and calls again after a second, three
    /// seconds, and so on; after that it is refused.
    pub wait_max: Duration,
}

/// A state machine over sockets. It moves only when [`Stack::turn`](crate::Stack::turn) calls it.
///
/// Most apps are a [`Client`](crate::Client) or a [`Server`](crate::Server) with a
/// [`Session`](crate::Session) of one's own, which is less to write than an `App`.
///
/// # The rule
/// After each turn an app waits for a frame, for its [`deadline`](App::deadline), or for its caller's
/// own input. While one of its TCP sockets is connecting, connected or closing it must have a
/// deadline, or a silent peer would hold it for ever. Debug builds assert this after every turn.
pub trait App {
    /// Why the app can fail. The loop and the life of a connection raise [`Error`]s.
    type Error: From<Error> + 'static;

    /// The app's name in logs.
    fn name(&self) -> &'static str;

    /// Takes at most one transition, or moves some bytes.
    ///
    /// # Errors
    /// The end of the app.
    fn step(&mut self, io: &mut Io) -> Result<Step, Self::Error>;

    /// The deadline of the present state; a getter without effects.
    fn deadline(&self) -> Option<Deadline>;

    /// What happens when the deadline has passed: by default the end of the app with
    /// [`Error::TimedOut`].
    ///
    /// A state in which this is an ordinary event (a retry, the end of lingering) moves on here, and
    /// must then leave with a later deadline or none.
    ///
    /// # Errors
    /// As [`step`](App::step).
    fn expired(&mut self, io: &mut Io) -> Result<Step, Self::Error> {
        let _ = io;
        let kind = self
            .deadline()
            .map_or(TimeoutKind::Total, |deadline| deadline.awaits);
        Err(Error::TimedOut(kind).into())
    }

    /// The sockets that the app owns, of any kind; no other app in the loop has one of them. The loop
    /// watches the TCP sockets among them, and resets what they still carry when the app ends, for
    /// nobody would have a deadline for it.
    fn sockets(&self) -> &[SocketHandle];

    /// The callers that may wait while every socket of the app is busy. By default there are none:
    /// they are refused. Only a guarded stack lets them wait.
    fn backlog(&self) -> Option<Backlog> {
        None
    }
}

impl<A: App + ?Sized> App for &mut A {
    type Error = A::Error;

    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, Self::Error> {
        (**self).step(io)
    }

    fn deadline(&self) -> Option<Deadline> {
        (**self).deadline()
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, Self::Error> {
        (**self).expired(io)
    }

    fn sockets(&self) -> &[SocketHandle] {
        (**self).sockets()
    }

    fn backlog(&self) -> Option<Backlog> {
        (**self).backlog()
    }
}
