//! A session and the life of its connection, as client and server share them.

use core::any::Any;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State;
use smoltcp::wire::IpEndpoint;

use super::connection::Idle;
use super::{Closing, Connection, IdleTimer, Lifecycle, Opening, Session, Stage};
use crate::{Deadline, Duration, Error, Event, Io, Step, TimeoutKind};

/// What happens to every connection of a client or server.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Timing {
    /// The idle rule while the session talks; a session may set its own.
    pub(super) idle: Option<Duration>,
    /// The idle rule while the last bytes are acknowledged; a session may set its own.
    pub(super) flush: Duration,
    pub(super) linger: Duration,
}

/// One session, and one connection after another for it.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Conversation<S, O> {
    pub(super) life: Lifecycle<O>,
    pub(super) session: S,
    idle: Idle,
    phase: Phase,
}

/// How far the session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Phase {
    /// It has not begun, or has been told of its end.
    Silent,
    Talking,
    /// It is done, and what it said has still to be acknowledged.
    Flushing,
    /// Our FIN is out.
    Closing,
    /// The same, and RST in place of the peer's FIN is a failure.
    Confirming,
}

/// What one step of a conversation did.
pub(super) enum Progress<E> {
    Step(Step),
    /// The connection is over, or could not be made.
    Ended(Result<(), E>),
    /// No attempt can succeed: the address or port can never be used. Nothing has begun, and nothing
    /// was told.
    Unusable(E),
}

impl<S: Session, O: Opening> Conversation<S, O> {
    const FLUSHES: bool = Closing::Flush.is_in(S::CLOSINGS);
    const CONFIRMS: bool = Closing::Confirm.is_in(S::CLOSINGS);

    pub(super) fn new(socket: SocketHandle, session: S) -> Self {
        Self {
            life: Lifecycle::new(socket),
            session,
            idle: Idle::default(),
            phase: Phase::Silent,
        }
    }

    /// Whether the session has a connection.
    pub(super) const fn is_begun(&self) -> bool {
        !matches!(self.phase, Phase::Silent)
    }

    /// The earliest of the deadlines of connection, session and idle rule.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        match self.phase {
            Phase::Talking => Deadline::earlier(self.session.deadline(), self.idle.deadline()),
            Phase::Flushing if Self::FLUSHES => self.idle.deadline(),
            _ => self.life.deadline(),
        }
    }

    /// Moves the connection or its session on. `is_late` says that the deadline has passed.
    pub(super) fn step(
        &mut self,
        io: &mut Io,
        timing: &Timing,
        is_late: bool,
    ) -> Progress<S::Error> {
        let stage = match self.phase {
            Phase::Closing | Phase::Confirming => self.discard(io),
            _ => Ok(()),
        }
        .and_then(|()| self.life.poll(io, is_late));
        let step = match stage {
            Ok(Stage::Wait) => return Progress::Step(Step::Wait),
            Ok(Stage::Opened(remote)) => self.begin(io, timing, remote),
            Ok(Stage::Open(_)) if Self::FLUSHES && self.phase == Phase::Flushing => self
                .await_flushed(io, timing, is_late)
                .map_err(S::Error::from),
            Ok(Stage::Open(remote)) => self.talk(io, remote, is_late),
            Ok(Stage::Closed(_)) => return Progress::Ended(self.end(io, Ok(()))),
            Err(error) if error.is_hopeless() || error == Error::SocketInUse => {
                return Progress::Unusable(error.into());
            }
            Err(error) => Err(error.into()),
        };
        match step {
            Ok(Step::Done) => self.close(io, timing),
            Ok(step) => Progress::Step(step),
            Err(error) => Progress::Ended(self.end(io, Err(error))),
        }
    }

    fn begin(
        &mut self,
        io: &mut Io,
        timing: &Timing,
        remote: IpEndpoint,
    ) -> Result<Step, S::Error> {
        self.idle = Idle::default();
        self.phase = Phase::Talking;
        let (mut connection, session) = self.parts(io, remote);
        connection.set_idle_timeout(timing.idle, TimeoutKind::Receive);
        session.begin(&mut connection).map(|()| Step::Again)
    }

    fn talk(&mut self, io: &mut Io, remote: IpEndpoint, is_late: bool) -> Result<Step, S::Error> {
        self.idle.observe(io, self.life.socket());
        let now = io.now;
        let is_due = |deadline: &Deadline| is_late && deadline.at <= now;
        let (mut connection, session) = self.parts(io, remote);
        let mut step = None;
        if let Some(missed) = session.deadline().filter(is_due) {
            step = Some(session.expired(&mut connection, missed)?);
        }
        // Both may pass in the same tick.
        if let Some(missed) = connection.idle.deadline().filter(is_due)
            && step != Some(Step::Done)
        {
            step = Some(session.expired(&mut connection, missed)?);
            connection.resume_idle();
            connection.restart_idle();
        }
        match step {
            Some(step) => Ok(step),
            None => session.step(&mut connection),
        }
    }

    fn close(&mut self, io: &mut Io, timing: &Timing) -> Progress<S::Error> {
        let closing = self.session.closing();
        debug_assert!(
            closing.is_in(S::CLOSINGS),
            "{} closes against its CLOSINGS",
            self.session.name()
        );
        match closing {
            Closing::Flush if Self::FLUSHES => self.flush(io, timing),
            Closing::Confirm if Self::CONFIRMS => self.send_fin(io, timing, Phase::Confirming),
            Closing::Reset => return Progress::Ended(self.end(io, Ok(()))),
            _ => self.send_fin(io, timing, Phase::Closing),
        }
        Progress::Step(Step::Again)
    }

    /// Nothing more is said. Too few acknowledged bytes in the period count as none.
    fn flush(&mut self, io: &mut Io, timing: &Timing) {
        self.phase = Phase::Flushing;
        let queued = io.tcp(self.life.socket()).0.send_queue();
        let period = self.idle.flush.unwrap_or(timing.flush);
        let timer = IdleTimer::new(io.now, period, TimeoutKind::Flush);
        self.idle.timer = Some(timer.with_bytes_min(self.idle.bytes_min));
        self.idle.unacknowledged = self.idle.unacknowledged.max(queued);
        io.emit(&Event::State {
            old: "Open",
            new: "Flushing",
        });
    }

    /// FIN goes only after everything was acknowledged: the lingering is too short to send lost bytes
    /// again.
    fn await_flushed(
        &mut self,
        io: &mut Io,
        timing: &Timing,
        is_late: bool,
    ) -> Result<Step, Error> {
        let handle = self.life.socket();
        let loss = io.loss_error(handle);
        let (socket, _) = io.tcp(handle);
        let (queued, state) = (socket.send_queue(), socket.state());
        // As in `Idle::observe`.
        let is_emptied = self.idle.unacknowledged > 0 && loss != Error::Reset;
        if state == State::Closed && (queued > 0 || is_emptied) {
            return Err(loss);
        }
        self.idle.observe(io, handle);
        if queued == 0 {
            self.send_fin(io, timing, Phase::Closing);
            return Ok(Step::Again);
        }
        match self.idle.deadline() {
            Some(missed) if is_late && missed.at <= io.now => Err(Error::TimedOut(missed.awaits)),
            _ => Ok(Step::Wait),
        }
    }

    fn send_fin(&mut self, io: &mut Io, timing: &Timing, phase: Phase) {
        self.phase = phase;
        self.life.close(io, timing.linger);
    }

    /// Drops what came after our FIN, so that it cannot hold the peer in its last sends.
    fn discard(&mut self, io: &mut Io) -> Result<(), Error> {
        let handle = self.life.socket();
        self.session.on_discarded(io.discard(handle));
        if Self::CONFIRMS && self.phase == Phase::Confirming {
            // Fails when the connection ended without the peer's FIN.
            io.peek(handle)?;
        }
        Ok(())
    }

    /// Ends the connection, or the attempt to make one, with `result`, of which the session has the
    /// last word.
    pub(super) fn end(
        &mut self,
        io: &mut Io,
        result: Result<(), S::Error>,
    ) -> Result<(), S::Error> {
        let remote = self.life.remote();
        let has_begun = core::mem::replace(&mut self.phase, Phase::Silent) != Phase::Silent;
        let result = match remote.filter(|_| has_begun) {
            Some(remote) => {
                let (mut connection, session) = self.parts(io, remote);
                session.end(&mut connection, result)
            }
            None => result,
        };
        let error = result.as_ref().err();
        io.emit_end(remote, error.map(|error| error as &dyn Any));
        self.life.abort(io);
        result
    }

    fn parts<'c, 'a, 's>(
        &'c mut self,
        io: &'c mut Io<'a, 's>,
        remote: IpEndpoint,
    ) -> (Connection<'c, 'a, 's>, &'c mut S) {
        let connection = Connection {
            io,
            socket: self.life.socket(),
            remote,
            idle: &mut self.idle,
        };
        (connection, &mut self.session)
    }
}
