//! One side of a chat: what it says, and what it has heard.

use smoltcp::iface::SocketHandle;
use tickwire::Tick;

use crate::ledger::{Ledger, Speech};

/// One side of the chat.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) sockets: Option<[SocketHandle; 2]>,
    /// What the other side says, while no app has it.
    pub(crate) ledger: Ledger,
    pub(crate) speech: Speech,
    /// Lines that were handed to the app.
    pub(crate) said: u32,
    /// Lines to say in all.
    pub(crate) total: u32,
    pub(crate) says_at: Tick,
    /// Lines below this may be lost: their side was told so.
    pub(crate) excused: u32,
}

impl Side {
    pub(crate) fn new(speech: Speech, other: Speech, total: u32) -> Self {
        Self {
            sockets: None,
            ledger: Ledger::new(other),
            speech,
            said: 0,
            total,
            says_at: Tick::ZERO,
            excused: 0,
        }
    }
}
