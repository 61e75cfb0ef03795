//! A connection as its session sees it.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp;
use smoltcp::wire::IpEndpoint;

use super::{IDLE_BYTES_MIN, IdleTimer};
use crate::{Deadline, Duration, Error, Event, Io, Received, Tick, TimeoutKind};

/// An open connection, for the length of one step of its [`Session`](crate::Session).
///
/// What is read or written through [`io`](Connection::io) itself does not count for the idle rule.
pub struct Connection<'c, 'a, 's> {
    /// Everything else that an app may touch.
    pub io: &'c mut Io<'a, 's>,
    pub(super) socket: SocketHandle,
    pub(super) remote: IpEndpoint,
    pub(super) idle: &'c mut Idle,
}

/// The idle rule of one connection.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Idle {
    pub(super) timer: Option<IdleTimer>,
    /// Bytes that were written here and not yet seen to be acknowledged.
    pub(super) unacknowledged: usize,
    /// Bytes that must move within one period.
    pub(super) bytes_min: u64,
    /// The period while the last bytes are acknowledged, where it is the session's own.
    pub(super) flush: Option<Duration>,
}

impl Default for Idle {
    fn default() -> Self {
        Self {
            timer: None,
            unacknowledged: 0,
            bytes_min: IDLE_BYTES_MIN,
            flush: None,
        }
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Connection<'_, '_, '_> {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(f, "Connection {{ remote: {} }}", self.remote);
    }
}

impl<'s> Connection<'_, '_, 's> {
    /// The time of this turn.
    pub const fn now(&self) -> Tick {
        self.io.now
    }

    /// The peer.
    pub const fn remote(&self) -> IpEndpoint {
        self.remote
    }

    /// The socket of this connection. A server may move a connection to another of its sockets
    /// between two steps, so a session should not keep it.
    pub const fn handle(&self) -> SocketHandle {
        self.socket
    }

    /// smoltcp's socket, for its options.
    pub fn socket(&mut self) -> &mut tcp::Socket<'s> {
        self.io.tcp(self.socket).0
    }

    /// Tells the observer.
    pub fn emit(&mut self, event: &Event) {
        self.io.emit(event);
    }

    /// Hands the contiguous received bytes to `take`, which returns how many of them it took, and a
    /// value. What it does not take stays, and closes the TCP window by itself.
    ///
    /// # Errors
    /// [`Error::Reset`], [`Error::AddressLost`] or [`Error::Spinning`] once everything that came
    /// before was taken.
    pub fn read_with<R>(
        &mut self,
        take: impl FnOnce(&[u8]) -> (usize, R),
    ) -> Result<Received<R>, Error> {
        let (taken, value) = match self.io.peek(self.socket)? {
            Received::Data(bytes) => take(bytes),
            Received::Nothing => return Ok(Received::Nothing),
            Received::End => return Ok(Received::End),
        };
        self.consume(taken);
        Ok(Received::Data(value))
    }

    #[inline(never)] // Once, not in each instance of `read_with`.
    fn consume(&mut self, count: usize) {
        self.io.consume(self.socket, count);
        self.idle.moved(self.io.now, count);
    }

    /// Copies received bytes into `buffer` and returns those that came; [`Received::Nothing`] also
    /// when `buffer` is empty.
    ///
    /// # Errors
    /// As [`read_with`](Connection::read_with).
    pub fn read<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Received<&'b [u8]>, Error> {
        let received = self.read_with(|bytes| {
            let count = bytes.len().min(buffer.len());
            if let (Some(to), Some(from)) = (buffer.get_mut(..count), bytes.get(..count)) {
                to.copy_from_slice(from);
            }
            (count, count)
        })?;
        Ok(match received {
            Received::Data(0) | Received::Nothing => Received::Nothing,
            Received::Data(count) => Received::Data(buffer.get(..count).unwrap_or_default()),
            Received::End => Received::End,
        })
    }

    /// Number of bytes that [`write`](Connection::write) would take now.
    ///
    /// # Errors
    /// As [`write`](Connection::write).
    pub fn room(&mut self) -> Result<usize, Error> {
        self.io.room(self.socket)
    }

    /// Queues the front of `data` and returns how many bytes found room.
    ///
    /// # Errors
    /// [`Error::Reset`], [`Error::AddressLost`] or [`Error::Spinning`] when the connection is gone.
    pub fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        let written = self.io.write(self.socket, data)?;
        self.idle.unacknowledged += written;
        Ok(written)
    }

    /// Queues all of `data` or, where it does not fit now, nothing; whether it was queued.
    ///
    /// # Errors
    /// As [`write`](Connection::write).
    pub fn write_all(&mut self, data: &[u8]) -> Result<bool, Error> {
        let fits = data.len() <= self.room()?;
        if fits {
            self.write(data)?;
        }
        Ok(fits)
    }

    /// Lets `fill` write straight into the send buffer; it returns how many bytes it wrote, and a
    /// value.
    ///
    /// # Errors
    /// As [`write`](Connection::write).
    pub fn write_with<R>(
        &mut self,
        fill: impl FnOnce(&mut [u8]) -> (usize, R),
    ) -> Result<R, Error> {
        let sent = self.socket().send(|buffer| {
            let (written, value) = fill(buffer);
            (written, (written, value))
        });
        let Ok((written, value)) = sent else {
            return Err(self.io.loss_error(self.socket));
        };
        self.idle.unacknowledged += written;
        Ok(value)
    }

    /// Sends FIN after what is queued: this side has said everything, and goes on reading. Whoever
    /// writes after it gets [`Error::Reset`].
    pub fn close_write(&mut self) {
        self.io.close_write(self.socket);
    }

    /// Number of bytes that were written and that the peer has not acknowledged.
    pub fn unacknowledged(&mut self) -> usize {
        self.io.tcp(self.socket).0.send_queue()
    }

    /// Begins an idle period, or ends the idle rule with `None`. When fewer than
    /// [`IDLE_BYTES_MIN`](crate::IDLE_BYTES_MIN) bytes, or
    /// [another number](Connection::set_idle_bytes_min), are read or acknowledged in a period,
    /// `awaits` is what was missing.
    pub fn set_idle_timeout(&mut self, period: Option<Duration>, awaits: TimeoutKind) {
        let now = self.io.now;
        let bytes_min = self.idle.bytes_min;
        let timer = |period| IdleTimer::new(now, period, awaits).with_bytes_min(bytes_min);
        self.idle.timer = period.map(timer);
    }

    /// Sets how many bytes must move in each idle period, in place of
    /// [`IDLE_BYTES_MIN`](crate::IDLE_BYTES_MIN): from the next
    /// [`set_idle_timeout`](Connection::set_idle_timeout) on, and while the last bytes are
    /// acknowledged.
    pub const fn set_idle_bytes_min(&mut self, bytes_min: u64) {
        self.idle.bytes_min = bytes_min;
    }

    /// Sets the idle period while the last bytes are acknowledged, in place of the `flush_timeout` of
    /// client or server; `None` for theirs.
    pub const fn set_flush_timeout(&mut self, period: Option<Duration>) {
        self.idle.flush = period;
    }

    /// Begins the idle period anew: something whole was done, in the protocol's own terms.
    pub const fn restart_idle(&mut self) {
        if let Some(timer) = &mut self.idle.timer {
            timer.restart(self.io.now);
        }
    }

    /// Our own side holds the peer up, such as a sink that presses back: the idle period stops until
    /// [`resume_idle`](Connection::resume_idle). With a `limit`, a longer stall is
    /// [`TimeoutKind::Sink`].
    pub fn stall_idle(&mut self, limit: Option<Duration>) {
        if let Some(timer) = &mut self.idle.timer {
            timer.stall(self.io.now, limit);
        }
    }

    /// Ends a stall: the idle period goes on where it stopped.
    pub fn resume_idle(&mut self) {
        if let Some(timer) = &mut self.idle.timer {
            timer.resume(self.io.now);
        }
    }
}

impl Idle {
    pub(super) fn deadline(&self) -> Option<Deadline> {
        self.timer.as_ref().and_then(IdleTimer::deadline)
    }

    pub(super) fn moved(&mut self, now: Tick, bytes: usize) {
        if let Some(timer) = &mut self.timer
            && bytes > 0
        {
            timer.moved(now, bytes as u64);
        }
    }

    /// Counts what the peer has acknowledged since the last look.
    pub(super) fn observe(&mut self, io: &mut Io, socket: SocketHandle) {
        let (socket, _) = io.tcp(socket);
        // smoltcp empties the queue of a lost address, as if all had arrived.
        if socket.state() == tcp::State::Closed {
            return;
        }
        let queued = socket.send_queue();
        let acknowledged = self.unacknowledged.saturating_sub(queued);
        self.unacknowledged = self.unacknowledged.min(queued);
        self.moved(io.now, acknowledged);
    }
}
