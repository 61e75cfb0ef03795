//! Signs of life: notices within 60 s that a peer has vanished.
//!
//! A peer that is gone and one that is silent look alike until it is asked. There are two ways to ask, and each has
//! its time:
//!
//! - **Something of ours is unacknowledged.** TCP sends it again by itself, and only what is acknowledged counts:
//!   the deadline is [`Awaited::Flush`]. It ends a peer that never reads, too.
//! - **Everything is acknowledged.** smoltcp's keep-alive asks, and its timeout, which any segment of the peer
//!   moves, ends the connection: [`Awaited::Peer`].
//!
//! The keep-alive carries a byte at the last sequence number sent. While that number is unacknowledged, the peer
//! would take the byte for payload or for the place of the FIN; so it is on only while the send queue is
//! empty and no FIN is under way. A byte before SND.UNA can never be payload (RFC 9293, section 3.10.7.4).

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::time::Duration;

use crate::{Awaited, Deadline, Io, Pace, Tick};

/// Quiet after which the peer is asked, and again after each such time. Five questions may be lost.
const ASK_TICKS: u64 = 5_000;

/// A connection that is asked ends when nothing was heard for so long.
const UNHEARD_TICKS: u64 = 30_000;

/// How long what was sent may stay unacknowledged, and how long it takes to notice a peer that vanished.
pub(super) const FLUSH_TICKS: u64 = 60_000;

/// Watches one connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    /// When bytes moved last, in either direction.
    moved_at: Tick,
    /// What was received and not yet read, and what was sent and not yet acknowledged, at the last look.
    queues: (usize, usize),
    /// Runs while something is unacknowledged.
    pace: Option<Pace>,
}

impl Watch {
    pub(super) const fn new(now: Tick) -> Self {
        Self {
            moved_at: now,
            queues: (0, 0),
            pace: None,
        }
    }

    /// Looks at the socket, to which `sent` bytes were handed and from which bytes were read if `has_read` since the
    /// last look, and returns the deadline until the next.
    pub(super) fn look(
        &mut self,
        io: &mut Io<'_, '_>,
        handle: SocketHandle,
        sent: usize,
        has_read: bool,
    ) -> Deadline {
        let now = io.now;
        let (socket, _) = io.tcp(handle);
        let (unread, unacknowledged) = (socket.recv_queue(), socket.send_queue());
        let acknowledged = (self.queues.1 + sent).saturating_sub(unacknowledged);
        if has_read || unread != self.queues.0 || acknowledged > 0 {
            self.moved_at = now;
        }
        self.queues = (unread, unacknowledged);
        if unacknowledged > 0 || has_fin_under_way(socket) {
            leave(socket);
            let heard = self.heard(now);
            let pace = self.pace.get_or_insert(Pace::new(heard, FLUSH_TICKS));
            return Deadline::new(pace.moved(now, acknowledged as u64), Awaited::Flush);
        }
        self.pace = None;
        socket.set_timeout(Some(Duration::from_millis(UNHEARD_TICKS)));
        let ask_at = self.moved_at.after(ASK_TICKS);
        if ask_at > now {
            socket.set_keep_alive(None);
            return Deadline::new(ask_at, Awaited::Peer);
        }
        // To set it sends the first at once. Whatever is heard brings the next look, so that this deadline only passes
        // when smoltcp's own has.
        socket.set_keep_alive(Some(Duration::from_millis(ASK_TICKS)));
        Deadline::new(now.after(UNHEARD_TICKS), Awaited::Peer)
    }

    /// Since when the peer may have been gone: since the last movement, but not longer than the timeout allows.
    fn heard(&self, now: Tick) -> Tick {
        let timeout = Tick::from_millis(now.as_millis().saturating_sub(UNHEARD_TICKS));
        self.moved_at.max(timeout)
    }
}

/// Leaves the connection alone: from here on it has deadlines of its own.
pub(super) fn leave(socket: &mut Socket<'_>) {
    socket.set_keep_alive(None);
    socket.set_timeout(None);
}

fn has_fin_under_way(socket: &Socket<'_>) -> bool {
    matches!(
        socket.state(),
        State::FinWait1 | State::Closing | State::LastAck
    )
}
