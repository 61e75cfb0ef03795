//! A peer that follows a script: any behaviour of a peer in a few lines.

use heapless::Vec;
use smoltcp::iface::SocketHandle;
use tickwire::{
    App, Deadline, Duration, Error, Io, LINGER, Lifecycle, Received, Stage, StateCell, StateName,
    Step, Tick, TimeoutKind,
};

use crate::act::{Act, Opening, ScriptError, fill_byte};

/// The longest text that [`Act::Expect`] can wait for.
const EXPECTED_BYTES_MAX: usize = 256;
/// How long a script waits for its peer unless a caller says otherwise.
const TIMEOUT: Duration = Duration::from_secs(3_600);

/// A peer that follows a script over one connection, and then ends.
///
/// After its last act it closes, unless it has already, and waits a while for the peer's FIN.
#[derive(Debug)]
pub struct Script<'a> {
    socket: SocketHandle,
    opening: Opening,
    life: Lifecycle,
    acts: &'a [Act<'a>],
    /// The last bytes that arrived.
    tail: Vec<u8, EXPECTED_BYTES_MAX>,
    /// The number of bytes that arrived since the connection was made.
    received: u64,
    filled: u64,
    ended: bool,
    timeout: Duration,
    state: StateCell<State>,
}

/// `Opening -> Acting, once for each act -> Leaving`.
#[derive(Debug, Clone, Copy)]
enum State {
    Opening,
    Acting { act: usize, done: u64, next: Tick },
    Leaving,
}

impl StateName for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Opening => "Opening",
            Self::Acting { .. } => "Acting",
            Self::Leaving => "Leaving",
        }
    }
}

impl<'a> Script<'a> {
    /// A peer that does `acts` in order.
    pub const fn new(socket: SocketHandle, opening: Opening, acts: &'a [Act<'a>]) -> Self {
        Self {
            socket,
            opening,
            life: Lifecycle::new(socket),
            acts,
            tail: Vec::new(),
            received: 0,
            filled: 0,
            ended: false,
            timeout: TIMEOUT,
            state: StateCell::new(State::Opening),
        }
    }

    /// Ends with [`Error::TimedOut`] when nothing moves in an act for this time. The default is an
    /// hour.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The number of bytes that arrived.
    pub const fn received(&self) -> u64 {
        self.received
    }

    fn open(&mut self, io: &mut Io, is_late: bool) -> Result<Step, ScriptError> {
        if self.life.is_closed() {
            match self.opening {
                Opening::Listen(port) => self.life.listen(io, port),
                Opening::Dial(remote) => self.life.dial(io, remote, self.timeout),
            }
        }
        let stage = self.life.poll(io, is_late)?;
        if let Stage::Opened(_) = stage {
            self.begin(io, 0);
            return Ok(Step::Again);
        }
        self.state.set_deadline(self.life.deadline());
        Ok(Step::Wait)
    }

    fn wait(&mut self, io: &mut Io, next: State, time: Duration) {
        let deadline = Deadline::new(io.now + time, TimeoutKind::Peer);
        self.state.enter(io, next, Some(deadline));
    }

    /// Begins the act with this number, or leaves after the last one.
    fn begin(&mut self, io: &mut Io, act: usize) {
        let Some(next) = self.acts.get(act) else {
            let linger = io.close(self.socket, LINGER);
            return self.state.enter(io, State::Leaving, Some(linger));
        };
        self.tail.clear();
        let time = match next {
            Act::Wait(time) | Act::Stall(time) => *time,
            _ => self.timeout,
        };
        let now = io.now;
        self.wait(
            io,
            State::Acting {
                act,
                done: 0,
                next: now,
            },
            time,
        );
    }

    /// Reads everything that arrived. Returns whether the text that ends this act is in it.
    fn read(&mut self, io: &mut Io, expected: Option<&[u8]>) -> Result<bool, ScriptError> {
        loop {
            let (tail, counted) = (&mut self.tail, &mut self.received);
            let received = io.read_with(self.socket, |bytes| {
                let Some(expected) = expected else {
                    *counted += bytes.len() as u64;
                    return (bytes.len(), false);
                };
                for (index, &byte) in bytes.iter().enumerate() {
                    if tail.is_full() {
                        tail.remove(0);
                    }
                    // There is room now.
                    let _ = tail.push(byte);
                    *counted += 1;
                    if tail.ends_with(expected) {
                        return (index + 1, true);
                    }
                }
                (bytes.len(), false)
            })?;
            match received {
                Received::Data(true) => return Ok(true),
                Received::Data(false) => {}
                Received::Nothing => return Ok(false),
                Received::End => {
                    self.ended = true;
                    return Ok(false);
                }
            }
        }
    }

    /// Sends the rest of `bytes`, of which `done` were sent.
    fn send(&self, io: &mut Io, bytes: &[u8], done: u64) -> Result<u64, ScriptError> {
        let rest = usize::try_from(done)
            .ok()
            .and_then(|done| bytes.get(done..))
            .unwrap_or_default();
        let lost = io.loss_error(self.socket);
        let sent = io.tcp(self.socket).0.send_slice(rest).map_err(|_| lost)?;
        Ok(sent as u64)
    }

    fn fill(&mut self, io: &mut Io, count: u64) -> Result<u64, ScriptError> {
        let first = self.filled;
        let lost = io.loss_error(self.socket);
        let sent = io.tcp(self.socket).0.send(|buffer| {
            let room = buffer
                .len()
                .min(usize::try_from(count).unwrap_or(usize::MAX));
            for (offset, byte) in (first..).zip(buffer.iter_mut().take(room)) {
                *byte = fill_byte(offset);
            }
            (room, room)
        });
        let sent = sent.map_err(|_| lost)? as u64;
        self.filled += sent;
        Ok(sent)
    }

    /// Sends what this act has to send now; `done` bytes of it were sent.
    fn send_due(
        &mut self,
        io: &mut Io,
        act: Act<'_>,
        done: u64,
        next: Tick,
    ) -> Result<u64, ScriptError> {
        match act {
            Act::Send(bytes) => self.send(io, bytes, done),
            Act::Drip(bytes, _) if io.now >= next => {
                let first = usize::try_from(done + 1)
                    .ok()
                    .and_then(|end| bytes.get(..end))
                    .unwrap_or_default();
                self.send(io, first, done)
            }
            Act::Fill(count) => self.fill(io, count - done),
            _ => Ok(0),
        }
    }

    fn act(&mut self, io: &mut Io, act: usize, done: u64, next: Tick) -> Result<Step, ScriptError> {
        let Some(&current) = self.acts.get(act) else {
            return Ok(Step::Done);
        };
        let expected = if let Act::Expect(text) = current {
            Some(text)
        } else {
            None
        };
        let before = self.received;
        let found = if matches!(current, Act::Stall(_)) {
            false
        } else {
            self.read(io, expected)?
        };
        let moved = self.send_due(io, current, done, next)?;
        let queued = io.tcp(self.socket).0.send_queue() as u64;
        let flushed = matches!(current, Act::Flush) && queued != done;
        let done = if flushed { queued } else { done + moved };
        let over = match current {
            Act::Expect(_) => found,
            Act::Read(count) => self.received >= count,
            Act::Send(bytes) | Act::Drip(bytes, _) => done >= bytes.len() as u64,
            Act::Fill(count) => done >= count,
            Act::Wait(_) | Act::Stall(_) => false,
            Act::ExpectEnd => self.ended,
            Act::Flush => queued == 0,
            Act::Close => {
                io.close(self.socket, LINGER);
                true
            }
            Act::Reset => {
                io.drop_connection(self.socket);
                return Ok(Step::Done);
            }
        };
        if over {
            self.begin(io, act + 1);
            return Ok(Step::Again);
        }
        if self.ended && matches!(current, Act::Expect(_) | Act::Read(_)) {
            return Err(ScriptError::Truncated);
        }
        if (moved > 0 || flushed || self.received != before)
            && !matches!(current, Act::Wait(_) | Act::Stall(_))
        {
            let deadline = Deadline::new(io.now + self.timeout, TimeoutKind::Peer);
            self.state.set_deadline(Some(deadline));
        }
        self.go_on(
            io,
            act,
            done,
            if moved > 0 { None } else { Some(next) },
            current,
        )
    }

    /// Stays in an act.
    fn go_on(
        &mut self,
        io: &Io,
        act: usize,
        done: u64,
        next: Option<Tick>,
        current: Act<'_>,
    ) -> Result<Step, ScriptError> {
        let Act::Drip(_, gap) = current else {
            *self.state.state_mut() = State::Acting {
                act,
                done,
                next: io.now,
            };
            return Ok(if next.is_none() {
                Step::Again
            } else {
                Step::Wait
            });
        };
        let next = next.unwrap_or(io.now + gap);
        *self.state.state_mut() = State::Acting { act, done, next };
        // A byte for which there was no room waits for a tick.
        self.state.set_deadline(Some(Deadline::new(
            next.max(io.now + Duration::from_millis(1)),
            TimeoutKind::Peer,
        )));
        Ok(Step::Wait)
    }
}

impl App for Script<'_> {
    type Error = ScriptError;

    fn name(&self) -> &'static str {
        "script"
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, ScriptError> {
        match *self.state.state() {
            State::Opening => self.open(io, false),
            State::Acting { act, done, next } => self.act(io, act, done, next),
            State::Leaving if io.is_closed(self.socket) => Ok(Step::Done),
            State::Leaving => Ok(Step::Wait),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.state.deadline()
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, ScriptError> {
        match *self.state.state() {
            State::Opening => self.open(io, true),
            State::Acting { act, done, next } => match self.acts.get(act) {
                Some(Act::Wait(_) | Act::Stall(_)) => {
                    self.begin(io, act + 1);
                    Ok(Step::Again)
                }
                Some(Act::Drip(..)) => self.act(io, act, done, next),
                _ => Err(Error::TimedOut(TimeoutKind::Peer).into()),
            },
            State::Leaving => {
                io.drop_connection(self.socket);
                Ok(Step::Done)
            }
        }
    }

    fn sockets(&self) -> &[SocketHandle] {
        core::slice::from_ref(&self.socket)
    }
}
