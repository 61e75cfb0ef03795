//! The sending half of a chat: whole lines that wait for a socket.

use managed::ManagedSlice;
use smoltcp::iface::SocketHandle;

use super::{LineEnd, LineQueue, PushError};
use crate::Io;
use crate::canary::{Canary, is_planted};

/// What waits to be sent, and how much of it belongs to the present conversation.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Outbox<'a> {
    queue: LineQueue<'a>,
    line_end: LineEnd,
    /// Bytes at the front of the queue that still go into this conversation, once its end was decided. What is pushed
    /// after that waits for the next.
    left: Option<usize>,
    /// Our input has ended: nothing is pushed any more.
    has_ended: bool,
    /// The end of our input is still to be told, by a FIN behind what is queued.
    owes_fin: bool,
}

impl<'a> Outbox<'a> {
    pub(super) fn new(storage: impl Into<ManagedSlice<'a, u8>>, line_end: LineEnd) -> Self {
        Self {
            queue: LineQueue::new(storage),
            line_end,
            left: None,
            has_ended: false,
            owes_fin: false,
        }
    }

    pub(super) fn push_line(&mut self, text: &[u8]) -> Result<(), PushError> {
        if self.has_ended {
            return Err(PushError::Ended);
        }
        self.queue.push_line(text, self.line_end)
    }

    pub(super) fn push_part(&mut self, text: &[u8]) -> Result<(), PushError> {
        if self.has_ended {
            return Err(PushError::Ended);
        }
        self.queue.push_line(text, LineEnd::Raw)
    }

    pub(super) const fn end_input(&mut self) {
        self.owes_fin |= !self.has_ended;
        self.has_ended = true;
    }

    /// A conversation begins. To one that is `only_heard` a FIN with nothing before it is not owed.
    pub(super) fn begin(&mut self, only_heard: bool) {
        self.left = None;
        if only_heard && self.queue.is_empty() {
            self.owes_fin = false;
        }
    }

    /// This conversation gets what is queued now, and nothing that is pushed later.
    pub(super) fn cut(&mut self) {
        self.left.get_or_insert(self.queue.len());
    }

    /// Whether the end of this conversation was decided.
    pub(super) const fn is_cut(&self) -> bool {
        self.left.is_some()
    }

    /// Whether something for this conversation is still here.
    pub(super) fn has_unsent(&self) -> bool {
        self.left.unwrap_or(self.queue.len()) > 0
    }

    /// Whether a FIN is next.
    pub(super) fn is_at_fin(&self) -> bool {
        self.left == Some(0) || self.queue.is_empty() && (self.owes_fin || self.left.is_some())
    }

    /// Hands the socket what it has room for, and reports how much that was.
    pub(super) fn pump(&mut self, io: &mut Io<'_, '_>, handle: SocketHandle) -> usize {
        let front = self.queue.front();
        let count = front.len().min(self.left.unwrap_or(usize::MAX));
        let front = front.get(..count).unwrap_or_default();
        if front.is_empty() {
            return 0;
        }
        // A socket that takes nothing any more has ended, which its state tells.
        let mut sent = io.tcp(handle).0.send_slice(front).unwrap_or(0);
        if is_planted(Canary::OfferedCountsAsSent) && sent > 0 {
            sent = front.len();
        }
        self.queue.consume(sent);
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(sent);
        }
        sent
    }

    /// The conversation is over: drops what was meant for it and returns how many bytes that were.
    pub(super) fn end(&mut self) -> usize {
        let dropped = self.left.take().unwrap_or(self.queue.len());
        self.queue.consume(dropped.min(self.queue.len()));
        self.owes_fin = false;
        dropped
    }
}
