//! Signs of life: notices within 60 s that a peer has vanished.
//!
//! A peer that is gone and one that is silent look alike until it is asked. There are two ways to
//! ask, and each has its time:
//!
//! - **Something of ours is unacknowledged.** TCP sends it again by itself, and only what is
//!   acknowledged counts: the deadline is [`TimeoutKind::Flush`]. It ends a peer that never reads,
//!   too.
//! - **Everything is acknowledged.** smoltcp's keep-alive asks, and its timeout, which any segment
//!   of the peer moves, ends the connection: [`TimeoutKind::Peer`].
//!
//! The keep-alive carries a byte at the last sequence number sent. While that number is
//! unacknowledged, the peer would take the byte for payload or for the place of the FIN; so it is
//! on only while the send queue is empty and no FIN is under way. A byte before SND.UNA can never
//! be payload (RFC 9293, 3.10.7.4).
//!
//! A program that was stopped has heard nothing either. That is no silence of the peer, which gets
//! the time to answer once more.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};

use crate::{Deadline, Duration, IdleTimer, Io, Tick, TimeoutKind};

/// Quiet after which the peer is asked, and again after each such time. Five questions may be lost.
const ASK_INTERVAL: Duration = Duration::from_secs(5);

/// A connection that is asked ends when nothing was heard for this long.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// We were away when there was no look for this long at a connection that is asked, for which each
/// question is one.
const ABSENCE_MIN: Duration = Duration::from_secs(10);

/// The same when a deadline is noticed this late.
const OVERSLEPT_MIN: Duration = Duration::from_secs(1);

/// How long what was sent may stay unacknowledged, and how long it takes to notice a peer that
/// vanished.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(60);

/// Watches one connection.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Keepalive {
    /// When bytes moved last, in either direction.
    moved_at: Tick,
    /// Bytes received and not yet read, at the last look.
    unread: usize,
    /// Bytes sent and not yet acknowledged, at the last look.
    unacknowledged: usize,
    /// Runs while something is unacknowledged.
    flush: Option<IdleTimer>,
    /// The last look.
    looked_at: Tick,
    /// Until when silence means nothing, because we were away.
    excused_until: Tick,
}

impl Keepalive {
    /// A connection is established.
    pub(crate) const fn new(now: Tick) -> Self {
        Self {
            moved_at: now,
            unread: 0,
            unacknowledged: 0,
            flush: None,
            looked_at: now,
            excused_until: now,
        }
    }

    /// Looks at the socket, which since the last look took `sent` bytes, and from which bytes were
    /// read if `has_read`. Returns the deadline until the next look.
    pub(crate) fn observe(
        &mut self,
        io: &mut Io,
        handle: SocketHandle,
        sent: usize,
        has_read: bool,
    ) -> Option<Deadline> {
        let now = io.now;
        let (socket, _) = io.tcp(handle);
        let (unread, unacknowledged) = (socket.recv_queue(), socket.send_queue());
        let acknowledged = (self.unacknowledged + sent).saturating_sub(unacknowledged);
        if has_read || unread != self.unread || acknowledged > 0 {
            self.moved_at = now;
        }
        (self.unread, self.unacknowledged) = (unread, unacknowledged);
        if now.since(self.looked_at) >= ABSENCE_MIN {
            self.excused_until = now + SILENCE_MAX;
        }
        self.looked_at = now;
        if unacknowledged > 0 || has_fin_under_way(socket) {
            Self::stop(socket);
            self.flush.take_if(|timer| {
                let end = timer.deadline();
                end.is_some_and(|end| end.at + OVERSLEPT_MIN <= now)
            });
            let begin = self.flush_begin(now);
            let awaits = TimeoutKind::Flush;
            let timer = self
                .flush
                .get_or_insert(IdleTimer::new(begin, FLUSH_TIMEOUT, awaits));
            timer.moved(now, acknowledged as u64);
            return timer.deadline();
        }
        self.flush = None;
        let is_excused = now < self.excused_until;
        socket.set_timeout((!is_excused).then(|| SILENCE_MAX.to_smoltcp()));
        let ask_at = self.moved_at + ASK_INTERVAL;
        if ask_at > now {
            socket.set_keep_alive(None);
            return Some(Deadline::new(ask_at, TimeoutKind::Peer));
        }
        // Setting it sends the first at once. Whatever is heard brings the next look, so that this
        // deadline only passes when smoltcp's own has.
        socket.set_keep_alive(Some(ASK_INTERVAL.to_smoltcp()));
        Some(Deadline::new(now + SILENCE_MAX, TimeoutKind::Peer))
    }

    /// Stops asking: from here on the connection has other deadlines.
    pub(crate) fn stop(socket: &mut Socket) {
        socket.set_keep_alive(None);
        socket.set_timeout(None);
    }

    /// Since when the peer may have been gone: since the last movement, but no longer than a silent
    /// peer is tolerated.
    fn flush_begin(&self, now: Tick) -> Tick {
        let tolerated = now.as_millis().saturating_sub(SILENCE_MAX.as_millis());
        self.moved_at.max(Tick::from_millis(tolerated))
    }
}

fn has_fin_under_way(socket: &Socket) -> bool {
    matches!(
        socket.state(),
        State::FinWait1 | State::Closing | State::LastAck
    )
}
