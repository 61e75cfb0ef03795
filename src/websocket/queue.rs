//! What waits to be sent to one peer: whole messages, in memory that the caller lends.

use core::fmt;

use managed::ManagedSlice;
use smoltcp::storage::{PacketBuffer, PacketMetadata};

use super::{Kind, Part};

/// Room for what a queue notes of one message.
pub type QueueSlot = PacketMetadata<(Kind, bool)>;

/// Messages that wait to be sent.
///
/// [`MessageQueue`] is one for one peer. A program that keeps each message once for many peers
/// implements it itself.
pub trait Outbox {
    /// The message, or the part of one, that is sent next.
    ///
    /// It must stay the same until [`pop`](Outbox::pop): a front of which some bytes were sent cannot
    /// be taken back.
    fn front(&mut self) -> Option<Part<'_>>;

    /// The front was sent.
    fn pop(&mut self);
}

/// Why a message was not queued. Nothing of it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum QueueError {
    /// There is no room now. What can be done about a peer that reads too slowly is to wait, or to
    /// close with [`CloseCode::POLICY`](super::CloseCode::POLICY) or
    /// [`CloseCode::TRY_AGAIN_LATER`](super::CloseCode::TRY_AGAIN_LATER).
    Full,
    /// The message is longer than the whole queue.
    TooLong,
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the queue is full",
            Self::TooLong => "the message is longer than the queue",
        })
    }
}

impl core::error::Error for QueueError {}

/// A bounded queue of messages for one peer.
#[derive(Debug)]
pub struct MessageQueue<'a> {
    /// Lent by the caller for as long as the queue lives.
    messages: PacketBuffer<'a, (Kind, bool)>,
    bytes_max: usize,
}

#[cfg(feature = "defmt")]
impl defmt::Format for MessageQueue<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "MessageQueue {{ is_empty: {=bool} }}",
            self.messages.is_empty()
        );
    }
}

impl<'a> MessageQueue<'a> {
    /// An empty queue of as many messages as `slots` has, with as many bytes as `bytes` has. A message
    /// lies in one piece, so that some bytes may be lost to the end of the memory.
    pub fn new(
        slots: impl Into<ManagedSlice<'a, QueueSlot>>,
        bytes: impl Into<ManagedSlice<'a, u8>>,
    ) -> Self {
        let bytes = bytes.into();
        Self {
            bytes_max: bytes.len(),
            messages: PacketBuffer::new(slots, bytes),
        }
    }

    /// Queues a message, or the next part of one.
    ///
    /// # Errors
    /// [`QueueError::Full`] when it has no room now, [`QueueError::TooLong`] when it never has.
    pub fn push(&mut self, part: Part) -> Result<(), QueueError> {
        self.push_pieces(part.kind, &[part.bytes], part.is_last)
    }

    /// Queues a message, or the next part of one, that is made of several pieces.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_pieces(
        &mut self,
        kind: Kind,
        pieces: &[&[u8]],
        is_last: bool,
    ) -> Result<(), QueueError> {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        if length > self.bytes_max {
            return Err(QueueError::TooLong);
        }
        // What was left by the last message may be padding.
        let _ = self.messages.peek();
        let mut room = self
            .messages
            .enqueue(length, (kind, is_last))
            .map_err(|_| QueueError::Full)?;
        for piece in pieces {
            let Some((to, rest)) = room.split_at_mut_checked(piece.len()) else {
                break;
            };
            to.copy_from_slice(piece);
            room = rest;
        }
        Ok(())
    }

    /// Whether all was sent.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Forgets what is queued. Only between two connections: a front that was sent in part must stay.
    pub fn clear(&mut self) {
        while self.messages.dequeue().is_ok() {}
    }
}

impl Outbox for MessageQueue<'_> {
    fn front(&mut self) -> Option<Part<'_>> {
        let (&(kind, is_last), bytes) = self.messages.peek().ok()?;
        Some(Part {
            kind,
            bytes,
            is_last,
        })
    }

    fn pop(&mut self) {
        let _ = self.messages.dequeue();
    }
}
