//! How the loop notices what happened to a task's sockets.

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::socket::{self, AnySocket};

/// The TCP socket of `handle`; `None` for sockets of other kinds.
pub(super) fn tcp<'s, 'a>(
    sockets: &'s SocketSet<'a>,
    handle: SocketHandle,
) -> Option<&'s Socket<'a>> {
    Socket::downcast(sockets.get::<socket::Socket>(handle))
}

/// Whether one of the sockets is not TCP's.
pub(super) fn has_datagrams(handles: &[SocketHandle], sockets: &SocketSet) -> bool {
    let mut handles = handles.iter();
    handles.any(|&handle| tcp(sockets, handle).is_none())
}

/// Whether a socket in this state carries a connection.
pub(super) const fn is_open(state: State) -> bool {
    !matches!(state, State::Closed | State::Listen | State::TimeWait)
}

/// Whether one of the sockets carries a connection, or is to.
pub(super) fn has_connection(handles: &[SocketHandle], sockets: &SocketSet) -> bool {
    let is_connected =
        |&handle: &SocketHandle| tcp(sockets, handle).is_some_and(|socket| is_open(socket.state()));
    handles.iter().any(is_connected)
}

/// What a task's TCP sockets look like: it changes when payload moves, or when a connection goes on.
#[derive(Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct SocketSnapshot {
    /// The states, folded into one number.
    states: u64,
    /// Numbers of bytes in the send buffers, folded into one number.
    send_queues: usize,
    /// The same of the receive buffers.
    recv_queues: usize,
    /// Which of the first 32 sockets carry a connection, one bit each.
    pub(super) open: u32,
}

impl SocketSnapshot {
    pub(super) fn take(handles: &[SocketHandle], sockets: &SocketSet) -> Self {
        let mut snapshot = Self::default();
        let mut bit: u32 = 1;
        for &handle in handles {
            if let Some(socket) = tcp(sockets, handle) {
                let state = socket.state();
                let has_peer = u64::from(socket.remote_endpoint().is_some());
                snapshot.states = snapshot.states.rotate_left(5) ^ (state as u64 * 2 + has_peer);
                snapshot.send_queues = snapshot.send_queues.rotate_left(7) ^ socket.send_queue();
                snapshot.recv_queues = snapshot.recv_queues.rotate_left(7) ^ socket.recv_queue();
                if is_open(state) {
                    snapshot.open |= bit;
                }
            }
            bit <<= 1;
        }
        snapshot
    }
}
