//! The bounds of one turn of the loop.

use tickwire::{EGRESS_MAX, INGRESS_MAX};

use crate::cable::Cable;

/// What waited on a cable before a turn.
pub(crate) struct Before {
    to_host: usize,
    from_host: usize,
}

impl Before {
    pub(crate) fn new(cable: &Cable) -> Self {
        Self {
            to_host: cable.to_host.len(),
            from_host: cable.from_host.len(),
        }
    }

    /// Panics when the turn of a host with so many sockets took or sent too many frames. It may answer each frame that it
    /// takes, run egress to its cap for each socket in each of its four looks, and once more while it counts the frames of
    /// a connection that may spin.
    pub(crate) fn check_turn(&self, after: &Cable, sockets: usize) {
        let taken = self.to_host - after.to_host.len();
        let sent = after.from_host.len() - self.from_host;
        let sent_max = INGRESS_MAX + (4 + 1) * EGRESS_MAX * sockets;
        assert!(taken <= INGRESS_MAX, "a turn took {taken} frames");
        assert!(sent <= sent_max, "a turn sent {sent} frames");
    }
}
