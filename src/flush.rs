//! Waiting until the peer has acknowledged everything.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State;

use crate::{Awaited, Deadline, Error, Io, Pace};

/// Watches a send queue run empty, with a deadline that only acknowledged bytes move.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Flush {
    pace: Pace,
    queued: usize,
}

impl Flush {
    /// Begins to watch the send queue of `handle`; fewer than 256 bytes in `idle_ticks` count as none.
    pub fn new(io: &mut Io<'_, '_>, handle: SocketHandle, idle_ticks: u64) -> Self {
        Self {
            pace: Pace::new(io.now, idle_ticks),
            queued: io.tcp(handle).0.send_queue(),
        }
    }

    /// Until when more must have been acknowledged.
    pub const fn deadline(&self) -> Deadline {
        Deadline::new(self.pace.due(), Awaited::Flush)
    }

    /// Whether everything has been acknowledged.
    ///
    /// # Errors
    /// As [`Io::receive`], when the connection ended with bytes in the queue.
    pub fn is_done(&mut self, io: &mut Io<'_, '_>, handle: SocketHandle) -> Result<bool, Error> {
        let (socket, _) = io.tcp(handle);
        let (queued, state) = (socket.send_queue(), socket.state());
        // smoltcp empties the queue when it drops the connection of a lost address, as if all had arrived.
        let is_emptied = self.queued > 0 && io.cause.is_some();
        if state == State::Closed && (queued > 0 || is_emptied) {
            return Err(io.lost());
        }
        let acknowledged = self.queued.saturating_sub(queued);
        self.queued = queued;
        self.pace.moved(io.now, acknowledged as u64);
        Ok(queued == 0)
    }
}
