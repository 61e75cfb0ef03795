//! One participant of a chat: what it says, and what it has heard.

use smoltcp::iface::SocketHandle;
use tickwire::Tick;

use super::line_checker::{LineChecker, Lines};

/// One participant of the chat.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) sockets: Option<[SocketHandle; 2]>,
    /// Checks what the other participant says. A copy, while an app has it.
    pub(crate) checker: LineChecker,
    pub(crate) lines: Lines,
    /// The number of lines that were handed to the app.
    pub(crate) said: u32,
    /// The number of lines to say.
    pub(crate) total: u32,
    pub(crate) says_at: Tick,
    /// Lines with a lower number may be lost: the app has reported it.
    pub(crate) excused: u32,
}

impl Participant {
    pub(crate) fn new(lines: Lines, other: Lines, total: u32) -> Self {
        Self {
            sockets: None,
            checker: LineChecker::new(other),
            lines,
            said: 0,
            total,
            says_at: Tick::ZERO,
            excused: 0,
        }
    }
}
