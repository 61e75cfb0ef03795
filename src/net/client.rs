//! The app that dials.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;

use super::conversation::{Conversation, Progress, Timing};
use super::{Dial, LINGER, NoRetry, Remote, Retry, Session};
use crate::{App, Deadline, Duration, Error, Event, Io, Step, TimeoutKind};

/// What a caller may set about a client.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClientOptions {
    /// For the connection to be established, whether a name server, ARP, SYN or nothing answers.
    pub connect_timeout: Duration,
    /// In which at least 256 bytes must be read or acknowledged while the session talks; `None` where
    /// the session has deadlines of its own.
    pub idle_timeout: Option<Duration>,
    /// In which at least 256 bytes, or the rest, must be acknowledged when the session is done. A
    /// session may set [another time](crate::Connection::set_flush_timeout) and
    /// [another number](crate::Connection::set_idle_bytes_min).
    pub flush_timeout: Duration,
    /// How long the peer's FIN is waited for after ours.
    pub linger: Duration,
    /// For everything up to our FIN, retries included, where there is a limit.
    pub total_timeout: Option<Duration>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Some(Duration::from_secs(20)),
            flush_timeout: Duration::from_secs(20),
            linger: LINGER,
            total_timeout: None,
        }
    }
}

/// An app that dials a peer and says what its [`Session`] has to say.
///
/// It ends with its session's result. With a [`Backoff`](crate::Backoff) it tries again after every
/// failure that is [retryable](Session::is_retryable), and after an orderly end where the session
/// [wants another](Session::wants_another) connection, for as long as it takes or for
/// [`ClientOptions::total_timeout`].
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Client<S, R = NoRetry, T = IpEndpoint> {
    conversation: Conversation<S, Dial<T>>,
    options: ClientOptions,
    retry: R,
    total: Option<Deadline>,
    /// When to dial again.
    retry_at: Option<Deadline>,
}

impl<S: Session, T: Remote> Client<S, NoRetry, T> {
    /// A client of `remote`, over a socket of its own, that makes one attempt.
    pub fn new(socket: SocketHandle, remote: T, session: S, options: ClientOptions) -> Self {
        Self::with_retry(socket, remote, session, options, NoRetry)
    }
}

impl<S: Session, R: Retry, T: Remote> Client<S, R, T> {
    /// A client that tries again as `retry` says.
    pub fn with_retry(
        socket: SocketHandle,
        remote: T,
        session: S,
        options: ClientOptions,
        retry: R,
    ) -> Self {
        let mut conversation = Conversation::new(socket, session);
        let timeout = options.connect_timeout;
        conversation
            .life
            .set_opening(Some(Dial { remote, timeout }));
        Self {
            conversation,
            options,
            retry,
            total: None,
            retry_at: None,
        }
    }

    /// The session.
    pub const fn session(&self) -> &S {
        &self.conversation.session
    }

    /// The session, to command it between turns.
    pub const fn session_mut(&mut self) -> &mut S {
        &mut self.conversation.session
    }

    /// Dials `remote` in the next attempt. Only between two attempts.
    #[cfg(feature = "download")]
    pub(crate) fn set_remote(&mut self, remote: T) {
        let timeout = self.options.connect_timeout;
        let dial = Dial { remote, timeout };
        self.conversation.life.set_opening(Some(dial));
    }

    /// The session, with all that it holds.
    pub fn into_session(self) -> S {
        self.conversation.session
    }

    fn dial(&mut self, io: &mut Io) -> Step {
        if let (None, Some(total)) = (self.total, self.options.total_timeout) {
            self.total = Some(Deadline::new(io.now + total, TimeoutKind::Total));
        }
        self.conversation.life.begin_again(io);
        Step::Again
    }

    fn talk(&mut self, io: &mut Io, is_late: bool) -> Result<Step, S::Error> {
        let timing = Timing {
            idle: self.options.idle_timeout,
            flush: self.options.flush_timeout,
            linger: self.options.linger,
        };
        let progress = self.conversation.step(io, &timing, is_late);
        if self.conversation.is_begun() && self.conversation.session.has_progressed() {
            self.retry.reset();
        }
        match progress {
            Progress::Step(step) => Ok(step),
            Progress::Ended(Ok(())) if self.conversation.session.wants_another() => {
                Ok(self.retry(io).unwrap_or(Step::Done))
            }
            Progress::Ended(Ok(())) => Ok(Step::Done),
            Progress::Ended(Err(error)) => self.fail(io, error),
            Progress::Unusable(error) => Err(error),
        }
    }

    fn fail(&mut self, io: &mut Io, error: S::Error) -> Result<Step, S::Error> {
        let session = &self.conversation.session;
        if !session.is_retryable(&error) {
            return Err(error);
        }
        self.retry(io).ok_or(error)
    }

    /// Makes another attempt after a delay, unless there is none.
    fn retry(&mut self, io: &mut Io) -> Option<Step> {
        let delay = self.retry.next_delay(io)?;
        io.emit(&Event::Retrying { delay });
        self.retry_at = Some(Deadline::new(io.now + delay, TimeoutKind::Connect));
        Some(Step::Again)
    }
}

impl<S: Session, R: Retry, T: Remote> App for Client<S, R, T> {
    type Error = S::Error;

    fn name(&self) -> &'static str {
        self.conversation.session.name()
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, S::Error> {
        if !self.conversation.life.is_closed() {
            return self.talk(io, false);
        }
        Ok(match self.retry_at {
            None => self.dial(io),
            Some(_) => Step::Wait,
        })
    }

    fn deadline(&self) -> Option<Deadline> {
        let life = &self.conversation.life;
        let deadline = if life.is_closed() {
            self.retry_at
        } else {
            self.conversation.deadline()
        };
        // While it closes, the result is decided: nothing that is still awaited can change it.
        if life.is_closing() {
            deadline
        } else {
            Deadline::earlier(deadline, self.total)
        }
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, S::Error> {
        // A session may call a deadline of its own total.
        if self.total.is_some() && self.deadline() == self.total {
            let error = Error::TimedOut(TimeoutKind::Total).into();
            return self.conversation.end(io, Err(error)).map(|()| Step::Done);
        }
        if !self.conversation.life.is_closed() {
            return self.talk(io, true);
        }
        self.retry_at = None;
        Ok(Step::Again)
    }

    fn sockets(&self) -> &[SocketHandle] {
        self.conversation.life.sockets()
    }
}
