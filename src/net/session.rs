//! What is said over one connection.

use crate::{Connection, Deadline, Error, Step};

/// How a connection ends after its session is [`Done`](Step::Done).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Closing {
    /// The peer must acknowledge everything that was sent, then FIN. What is lost on the way is a
    /// failure.
    Flush,
    /// FIN at once, after what is queued. The result stands whatever comes.
    Fin,
    /// FIN at once, after what is queued. RST in place of the peer's FIN is a failure: that is how the
    /// peer says that it failed. Silence is none.
    Confirm,
    /// RST: the peer must not take this for an orderly end.
    Reset,
}

impl Closing {
    /// Whether a list of ways has this one.
    pub(crate) const fn is_in(self, closings: &[Self]) -> bool {
        match closings {
            [] => false,
            [first, rest @ ..] => *first as u8 == self as u8 || self.is_in(rest),
        }
    }
}

/// What is said over one connection. It knows nothing of dialling, accepting, flushing or lingering:
/// a [`Client`](crate::Client) or a [`Server`](crate::Server) does that.
///
/// One session serves one connection after another. [`begin`](Session::begin) must forget what the
/// last peer left.
pub trait Session {
    /// Why a session can fail.
    type Error: From<Error> + 'static;

    /// How a connection may end after [`Step::Done`]. The program has no code for what is not in the
    /// list. A list of more than one needs a [`closing`](Session::closing) that chooses.
    const CLOSINGS: &'static [Closing] = &[Closing::Flush];

    /// The name in logs.
    fn name(&self) -> &'static str;

    /// A connection is established: a fresh state for a fresh peer.
    ///
    /// # Errors
    /// The end of the connection, by RST.
    fn begin(&mut self, connection: &mut Connection) -> Result<(), Self::Error>;

    /// Moves some bytes or takes one transition. [`Step::Done`] when everything was said.
    ///
    /// # Errors
    /// The end of the connection, by RST.
    fn step(&mut self, connection: &mut Connection) -> Result<Step, Self::Error>;

    /// The session's own deadline, beyond the idle rule.
    fn deadline(&self) -> Option<Deadline> {
        None
    }

    /// The session's deadline or the idle period has passed: by default the end of the connection.
    /// A session that goes on must have moved its deadline; an idle period begins anew.
    ///
    /// # Errors
    /// As [`step`](Session::step); by default [`Error::TimedOut`].
    fn expired(
        &mut self,
        connection: &mut Connection,
        missed: Deadline,
    ) -> Result<Step, Self::Error> {
        let _ = connection;
        Err(Error::TimedOut(missed.awaits).into())
    }

    /// Whether another attempt can end better, for a client that [retries](crate::Retry).
    fn is_retryable(&self, error: &Self::Error) -> bool {
        let _ = error;
        true
    }

    /// Whether the session wants another connection after one that has ended in order, for a client
    /// that [retries](crate::Retry).
    fn wants_another(&self) -> bool {
        false
    }

    /// Whether this connection has been of use, for a client that [retries](crate::Retry): the next
    /// delay is the first again. By default every connection is. Where a peer may accept a connection
    /// and end it at once, it should take an answer, or the delay never grows.
    fn has_progressed(&self) -> bool {
        true
    }

    /// How the connection ends after [`Step::Done`]: one of [`CLOSINGS`](Session::CLOSINGS), by
    /// default the first.
    fn closing(&self) -> Closing {
        const {
            match Self::CLOSINGS {
                [first, ..] => *first,
                [] => panic!("a connection must end in some way"),
            }
        }
    }

    /// `count` bytes that came after our FIN were dropped.
    fn on_discarded(&mut self, count: usize) {
        let _ = count;
    }

    /// The connection is over. Called once for each [`begin`](Session::begin). What it returns is the
    /// result: a session that has decided earlier returns its own.
    ///
    /// # Errors
    /// Why the conversation failed.
    fn end(
        &mut self,
        connection: &mut Connection,
        result: Result<(), Self::Error>,
    ) -> Result<(), Self::Error> {
        let _ = connection;
        result
    }
}
