//! How the loop notices what egress did to an app's sockets.

use smoltcp::iface::SocketSet;
use smoltcp::socket::tcp::{Socket, State};

use crate::App;

/// What of an app's sockets can change in egress.
#[derive(Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Look {
    /// The states, folded into one number.
    states: u64,
    /// Which of the first 32 carry a connection, one bit each.
    pub(crate) open: u32,
}

impl Look {
    /// What `app`'s sockets look like now.
    pub(crate) fn at(app: &dyn App, sockets: &SocketSet<'_>) -> Self {
        let mut look = Self::default();
        let mut bit: u32 = 1;
        for &handle in app.sockets() {
            let socket = sockets.get::<Socket<'_>>(handle);
            let state = socket.state();
            let has_peer = u64::from(socket.remote_endpoint().is_some());
            look.states = look.states.rotate_left(5) ^ (state as u64 * 2 + has_peer);
            if !matches!(state, State::Closed | State::Listen | State::TimeWait) {
                look.open |= bit;
            }
            bit <<= 1;
        }
        look
    }
}
