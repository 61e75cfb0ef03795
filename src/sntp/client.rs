//! The SNTP client as an app.

use core::fmt;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp::Socket;
use smoltcp::wire::IpEndpoint;

use super::{Reply, Unusable, WallClock, packet};
use crate::{
    App, Deadline, Duration, Error, Event, Io, StateCell, StateName, Step, Tick, TimeoutKind,
    UdpError,
};

/// The port of time servers (RFC 5905, section 7.2).
pub const NTP_PORT: u16 = 123;
/// Servers that are asked; more are left alone.
pub const SERVERS_MAX: usize = 8;
/// The first wait for an answer. Each round of all servers doubles it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
const ANSWER_TIMEOUT_MAX: Duration = Duration::from_secs(8);
/// Rounds of all servers before an app that asks once gives up: 15 s with one server.
const ROUNDS_MAX: u32 = 4;
/// The rest after a round in which no server answered; it doubles up to the interval.
const RETRY: Duration = Duration::from_secs(16);
/// Nobody asks more often (RFC 4330, section 10).
const INTERVAL_MIN: Duration = Duration::from_secs(16);
/// A server that wants to be asked less often is asked every 36 hours at least.
const INTERVAL_MAX: Duration = Duration::from_secs(1 << 17);
/// Ticks are whole milliseconds, so a round trip may be longer than it looks by this much.
const TICK_MICROS: u64 = 1_000;

/// Options of an [`Sntp`] client.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SntpOptions {
    /// End after the first answer, or after about 15 s for each server without one.
    pub once: bool,
    /// The time between two questions, and a random sixteenth; less than 16 s (RFC 4330, section 10)
    /// counts as 16 s.
    pub interval: Duration,
}

impl Default for SntpOptions {
    /// Every 1,024 s.
    fn default() -> Self {
        Self {
            once: false,
            interval: Duration::from_secs(1_024),
        }
    }
}

/// Why an [`Sntp`] client ended without the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SntpError {
    /// The loop ended it.
    Loop(Error),
    /// There is no server, or every one of them refuses to be asked.
    NoServer,
    /// No server answered.
    NoAnswer,
    /// The last question could not be sent.
    Udp(UdpError),
    /// The last answer told no time.
    Unusable(Unusable),
}

impl From<Error> for SntpError {
    fn from(error: Error) -> Self {
        Self::Loop(error)
    }
}

impl fmt::Display for SntpError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Loop(error) => error.fmt(f),
            Self::NoServer => f.write_str("no time server may be asked"),
            Self::NoAnswer => f.write_str("no time server answered"),
            Self::Udp(error) => error.fmt(f),
            Self::Unusable(why) => why.fmt(f),
        }
    }
}

impl core::error::Error for SntpError {}

/// What an [`Sntp`] client tells, in [`Event::App`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SntpEvent {
    /// The wall clock was set.
    Set {
        /// The server.
        server: IpEndpoint,
        /// How far it is from a reference clock.
        stratum: u8,
        /// By how many microseconds our clock was slow; `None` the first time.
        offset_micros: Option<i64>,
        /// How long question and answer were on their way, in microseconds. The time is right to
        /// half of it, and a millisecond.
        round_trip_micros: u64,
    },
    /// A server gave no time.
    Failed {
        /// The server.
        server: IpEndpoint,
        /// Why.
        error: SntpError,
    },
}

/// `Starting -> Asking, one server after another -> Resting -> Asking`.
#[derive(Debug, Clone, Copy)]
enum State {
    Starting,
    /// Waits for the answer of a server.
    Asking {
        nonce: u64,
        /// When the question left: not before its neighbour was found.
        sent_at: Option<Tick>,
    },
    /// Until the next question.
    Resting,
}

impl StateName for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            Self::Asking { .. } => "Asking",
            Self::Resting => "Resting",
        }
    }
}

/// An SNTP client (RFC 4330, the client of RFC 5905): asks servers for the time, and sets a
/// [`WallClock`].
///
/// It asks one server after another until one answers, each question from a fresh port and with a
/// fresh random number that the answer must bring back.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sntp<'a> {
    socket: SocketHandle,
    servers: &'a [IpEndpoint],
    clock: &'a WallClock,
    options: SntpOptions,
    state: StateCell<State>,
    /// The server that is asked.
    server: usize,
    /// Servers that must not be asked again, one bit each.
    denied: u8,
    /// Servers asked since the last answer.
    asked: usize,
    /// Why the last one gave no time.
    error: SntpError,
    /// How long the next rest without an answer is.
    retry: Duration,
}

impl<'a> Sntp<'a> {
    /// A client that asks `servers`, the first [`SERVERS_MAX`] of them, through a UDP socket with
    /// room for a packet of 48 bytes each way, and sets `clock`.
    pub fn new(
        socket: SocketHandle,
        servers: &'a [IpEndpoint],
        clock: &'a WallClock,
        options: SntpOptions,
    ) -> Self {
        Self {
            socket,
            servers: servers.get(..SERVERS_MAX).unwrap_or(servers),
            clock,
            options: SntpOptions {
                interval: options.interval.max(INTERVAL_MIN),
                ..options
            },
            state: StateCell::new(State::Starting),
            server: 0,
            denied: 0,
            asked: 0,
            error: SntpError::NoAnswer,
            retry: RETRY,
        }
    }

    /// Asks the present server, or the next one that may be asked.
    fn ask(&mut self, io: &mut Io) -> Result<Step, SntpError> {
        let Some((index, server)) = self.next_server() else {
            return Err(SntpError::NoServer);
        };
        self.server = index;
        let nonce = io.random();
        // An answer to the question before has nowhere to go.
        io.socket::<Socket>(self.socket).close();
        let sent = io.bind(self.socket, 0).and_then(|_| {
            let question = packet::request(nonce);
            io.send_to(self.socket, server, &question)
        });
        if let Err(error) = sent {
            return self.failed(io, SntpError::Udp(error));
        }
        let round = (self.asked / self.servers.len().max(1)).min(3);
        let millis = ANSWER_TIMEOUT.as_millis() << round;
        let wait = Duration::from_millis(millis).min(ANSWER_TIMEOUT_MAX);
        let sent_at = None;
        self.enter(io, State::Asking { nonce, sent_at }, wait);
        Ok(Step::Again)
    }

    /// The first server from the present one on that may be asked.
    fn next_server(&self) -> Option<(usize, IpEndpoint)> {
        let count = self.servers.len();
        let indexes = (0..count).map(|offset| (self.server + offset) % count);
        let mut allowed = indexes.filter(|&index| self.denied & 1 << index == 0);
        let index = allowed.next()?;
        Some((index, *self.servers.get(index)?))
    }

    /// Takes the next datagram, if there is one.
    fn listen(
        &mut self,
        io: &mut Io,
        nonce: u64,
        sent_at: Option<Tick>,
    ) -> Result<Step, SntpError> {
        let Some(server) = self.servers.get(self.server).copied() else {
            return Err(SntpError::NoServer);
        };
        let received = io.receive_from(self.socket, |bytes, from| {
            (from.endpoint == server).then(|| Reply::parse(bytes, nonce))
        });
        match received {
            None => Ok(Step::Wait),
            // Anybody can send anything: the deadline stays.
            Some(None | Some(Err(Unusable::Stranger | Unusable::Malformed))) => Ok(Step::Again),
            Some(Some(Ok(reply))) => self.take(io, server, reply, sent_at.unwrap_or(io.now)),
            Some(Some(Err(why))) => {
                match why {
                    Unusable::Kiss(code) if &code == b"DENY" || &code == b"RSTR" => {
                        self.denied |= 1 << self.server;
                    }
                    // No rest is long enough for a client that wants one answer now.
                    Unusable::Kiss(code) if &code == b"RATE" && self.options.once => {
                        self.denied |= 1 << self.server;
                    }
                    Unusable::Kiss(code) if &code == b"RATE" => {
                        self.options.interval = self.options.interval.doubled(INTERVAL_MAX);
                        self.tell_failed(io, SntpError::Unusable(why));
                        return Ok(self.rest(io, self.options.interval));
                    }
                    _ => {}
                }
                self.failed(io, SntpError::Unusable(why))
            }
        }
    }

    /// Sets the clock.
    fn take(
        &mut self,
        io: &mut Io,
        server: IpEndpoint,
        reply: Reply,
        sent_at: Tick,
    ) -> Result<Step, SntpError> {
        let away = io.now.since(sent_at).as_millis().saturating_mul(1_000);
        let there = reply
            .sent
            .as_micros()
            .saturating_sub(reply.received.as_micros());
        // It cannot have kept our question for longer than we waited.
        if there > away.saturating_add(TICK_MICROS) {
            return self.failed(io, SntpError::Unusable(Unusable::Malformed));
        }
        let round_trip_micros = away.saturating_sub(there);
        let now = reply.sent.as_micros().saturating_add(round_trip_micros / 2);
        let offset_micros = self.clock.set(io.now, super::UnixTime::from_micros(now));
        let event = SntpEvent::Set {
            server,
            stratum: reply.stratum,
            offset_micros,
            round_trip_micros,
        };
        io.emit(&Event::App(&event));
        (self.asked, self.retry) = (0, RETRY);
        if self.options.once {
            return Ok(Step::Done);
        }
        Ok(self.rest(io, self.options.interval))
    }

    fn tell_failed(&mut self, io: &mut Io, error: SntpError) {
        self.error = error;
        if let Some(&server) = self.servers.get(self.server) {
            io.emit(&Event::App(&SntpEvent::Failed { server, error }));
        }
    }

    /// The present server gave no time: asks the next one, or rests when all were asked.
    fn failed(&mut self, io: &mut Io, error: SntpError) -> Result<Step, SntpError> {
        self.tell_failed(io, error);
        self.asked += 1;
        self.server += 1;
        let count = self.servers.len().max(1);
        if !self.asked.is_multiple_of(count) {
            return self.ask(io);
        }
        if self.options.once {
            if self.asked / count >= ROUNDS_MAX as usize || self.next_server().is_none() {
                return Err(self.error);
            }
            // A question that cannot be sent does not get better at once.
            if matches!(error, SntpError::NoAnswer) {
                return self.ask(io);
            }
            return Ok(self.rest(io, ANSWER_TIMEOUT));
        }
        let rest = self.retry.min(self.options.interval);
        self.retry = self.retry.doubled(self.options.interval);
        Ok(self.rest(io, rest))
    }

    /// Rests for `time` and a random part of it.
    fn rest(&mut self, io: &mut Io, time: Duration) -> Step {
        io.socket::<Socket>(self.socket).close();
        let spread = io.random() % (time.as_millis() / 16 + 1);
        let time = Duration::from_millis(time.as_millis().saturating_add(spread));
        self.enter(io, State::Resting, time);
        Step::Again
    }

    fn enter(&mut self, io: &mut Io, state: State, time: Duration) {
        let deadline = Deadline::new(io.now + time, TimeoutKind::Reply);
        self.state.enter(io, state, Some(deadline));
    }
}

impl App for Sntp<'_> {
    type Error = SntpError;

    fn name(&self) -> &'static str {
        "sntp"
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, SntpError> {
        let now = io.now;
        match self.state.state_mut() {
            State::Starting => self.ask(io),
            State::Resting => Ok(Step::Wait),
            State::Asking { nonce, sent_at } => {
                if sent_at.is_none() && io.socket::<Socket>(self.socket).send_queue() == 0 {
                    *sent_at = Some(now);
                }
                let (nonce, sent_at) = (*nonce, *sent_at);
                self.listen(io, nonce, sent_at)
            }
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.state.deadline()
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, SntpError> {
        match self.state.state() {
            State::Starting => Ok(Step::Wait),
            State::Asking { .. } => self.failed(io, SntpError::NoAnswer),
            State::Resting => self.ask(io),
        }
    }

    fn sockets(&self) -> &[SocketHandle] {
        core::slice::from_ref(&self.socket)
    }
}
