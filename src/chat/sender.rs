//! The sending half of a chat: whole lines that wait for a socket.

use managed::ManagedSlice;
use smoltcp::iface::SocketHandle;

use super::{Event, LineEnd, LineQueue, PushError};
use crate::Io;

/// What waits to be sent, and how much of it belongs to the present conversation.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Sender<'a> {
    queue: LineQueue<'a>,
    line_end: LineEnd,
    /// Bytes at the front of the queue that still go into this conversation, once its end was
    /// decided. What is pushed after that waits for the next.
    remaining: Option<usize>,
    /// Our input has ended: nothing is pushed any more.
    has_ended: bool,
    /// The end of our input is still to be told, by a FIN after what is queued.
    owes_fin: bool,
}

impl<'a> Sender<'a> {
    pub(super) fn new(storage: impl Into<ManagedSlice<'a, u8>>, line_end: LineEnd) -> Self {
        Self {
            queue: LineQueue::new(storage),
            line_end,
            remaining: None,
            has_ended: false,
            owes_fin: false,
        }
    }

    pub(super) fn push_line(&mut self, text: &[u8]) -> Result<(), PushError> {
        self.push(text, self.line_end)
    }

    pub(super) fn push_part(&mut self, text: &[u8]) -> Result<(), PushError> {
        self.push(text, LineEnd::Raw)
    }

    fn push(&mut self, text: &[u8], end: LineEnd) -> Result<(), PushError> {
        if self.has_ended {
            return Err(PushError::Ended);
        }
        self.queue.push_line(text, end)
    }

    pub(super) const fn end_input(&mut self) {
        self.owes_fin |= !self.has_ended;
        self.has_ended = true;
    }

    /// A conversation begins. One that `only_receives` is not owed a FIN with nothing before it.
    pub(super) fn begin(&mut self, only_receives: bool) {
        self.remaining = None;
        if only_receives && self.queue.is_empty() {
            self.owes_fin = false;
        }
    }

    /// This conversation gets what is queued now, and nothing that is pushed later.
    pub(super) fn cut(&mut self) {
        self.remaining.get_or_insert(self.queue.len());
    }

    /// Whether the end of this conversation was decided.
    pub(super) const fn is_cut(&self) -> bool {
        self.remaining.is_some()
    }

    /// Whether something for this conversation is still here.
    pub(super) fn has_unsent(&self) -> bool {
        self.remaining.unwrap_or(self.queue.len()) > 0
    }

    /// Whether a FIN is next.
    pub(super) fn is_at_fin(&self) -> bool {
        self.remaining == Some(0) || self.queue.is_empty() && (self.owes_fin || self.is_cut())
    }

    /// Hands the socket what it has room for, and returns how many bytes that were.
    pub(super) fn send(&mut self, io: &mut Io, handle: SocketHandle) -> usize {
        let front = self.queue.front();
        let count = front.len().min(self.remaining.unwrap_or(usize::MAX));
        let front = front.get(..count).unwrap_or_default();
        if front.is_empty() {
            return 0;
        }
        // A socket that takes nothing any more has ended, which its state tells.
        let sent = io.write(handle, front).unwrap_or(0);
        self.queue.consume(sent);
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining.saturating_sub(sent);
        }
        sent
    }

    /// The conversation is over: drops what was meant for it, and tells how many bytes the peer has
    /// not got, with those that are `unacknowledged`.
    pub(super) fn end(&mut self, io: &mut Io, unacknowledged: usize) {
        let dropped = self.remaining.take().unwrap_or(self.queue.len());
        self.queue.consume(dropped.min(self.queue.len()));
        self.owes_fin = false;
        let bytes = (dropped + unacknowledged) as u64;
        if bytes > 0 {
            io.emit(&crate::Event::App(&Event::Unsent { bytes }));
        }
    }
}
