//! What the peers get back of an absence of our own.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};

use super::snapshot::{has_connection, tcp};
use super::{Deadline, Duration, Io, Tick};

impl Io<'_, '_> {
    /// When the deadline of an app with these sockets is judged.
    pub(super) fn judged_at(
        &self,
        deadline: Option<Deadline>,
        handles: &[SocketHandle],
    ) -> Option<Tick> {
        let absence = self.absence.filter(|_| self.is_excused(deadline, handles));
        match absence {
            Some(absence) => Some(absence.excused_until),
            None => deadline.map(|deadline| deadline.at),
        }
    }

    /// Whether the deadline of an app with these sockets passed while we were away, and a peer has
    /// more time.
    pub(super) fn is_excused(&self, deadline: Option<Deadline>, handles: &[SocketHandle]) -> bool {
        match (self.absence, deadline) {
            (Some(absence), Some(deadline)) => {
                absence.excuses(self.now, &deadline) && has_connection(handles, self.sockets)
            }
            _ => false,
        }
    }

    /// Until when a peer has time whose `deadline` passed while we were away; `None` where it did not.
    ///
    /// For apps that wait without a connection: the loop knows nothing of these.
    #[cfg(feature = "dns")]
    pub(crate) fn excused_until(&self, deadline: Deadline) -> Option<Tick> {
        let absence = self.absence?;
        let is_excused = absence.excuses(self.now, &deadline);
        is_excused.then_some(absence.excused_until)
    }

    /// Has a keep-alive sent on each of these connections. Where something of ours is unacknowledged,
    /// smoltcp sends that again.
    pub(super) fn ask_peers(&mut self, handles: &[SocketHandle]) {
        for &handle in handles {
            if tcp(self.sockets, handle).is_some_and(can_be_asked) {
                let socket = self.sockets.get_mut::<Socket>(handle);
                // Setting it has the first one sent, and there is no second.
                socket.set_keep_alive(Some(Duration::from_secs(1).to_smoltcp()));
                socket.set_keep_alive(None);
            }
        }
    }
}

/// A keep-alive is a byte before the next one to be sent: where that is unacknowledged, the peer would
/// take it for payload. An app that asks by itself goes on with it.
fn can_be_asked(socket: &Socket) -> bool {
    socket.state() == State::Established
        && socket.send_queue() == 0
        && socket.keep_alive().is_none()
}
