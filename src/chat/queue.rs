//! What a chat still has to send: whole lines, in memory that the caller lends.

use managed::ManagedSlice;
use smoltcp::storage::RingBuffer;

/// What follows a line on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LineEnd {
    /// One LF.
    Lf,
    /// Nothing, for peers that take bare text (raw mode).
    Raw,
}

impl LineEnd {
    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::Raw => b"",
        }
    }
}

/// Why a line was not queued. Nothing of it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PushError {
    /// [`LineQueue::push_line`]: there is no room now; try again when more was sent.
    Full,
    /// [`LineQueue::push_line`]: the line with its end is longer than the whole queue; split it.
    TooLong,
    /// [`Chat::push_line`](super::Chat::push_line): the caller has ended its input.
    Ended,
}

/// A queue of bytes to send, filled by whole lines and drained as the socket takes them.
#[derive(Debug)]
pub struct LineQueue<'a> {
    /// Lent by the caller for as long as the queue lives.
    ring: RingBuffer<'a, u8>,
}

#[cfg(feature = "defmt")]
impl defmt::Format for LineQueue<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "LineQueue {{ len: {=usize}, capacity: {=usize} }}",
            self.len(),
            self.capacity()
        );
    }
}

impl<'a> LineQueue<'a> {
    /// An empty queue that holds as many bytes as `storage`.
    pub fn new(storage: impl Into<ManagedSlice<'a, u8>>) -> Self {
        Self {
            ring: RingBuffer::new(storage),
        }
    }

    /// Queues `text` and its end, both or nothing.
    ///
    /// `text` is not searched for line ends: with one inside, the peer sees two lines.
    ///
    /// # Errors
    /// [`PushError::Full`] when it has no room now, [`PushError::TooLong`] when it never has.
    pub fn push_line(&mut self, text: &[u8], end: LineEnd) -> Result<(), PushError> {
        let end = end.bytes();
        let length = text.len().saturating_add(end.len());
        if length > self.ring.capacity() {
            return Err(PushError::TooLong);
        }
        if length > self.ring.window() {
            return Err(PushError::Full);
        }
        let queued = self.ring.enqueue_slice(text) + self.ring.enqueue_slice(end);
        debug_assert_eq!(queued, length, "the window was large enough");
        Ok(())
    }

    /// The first queued bytes that lie in one piece; empty only when the queue is.
    pub fn front(&self) -> &[u8] {
        self.ring.get_allocated(0, self.ring.len())
    }

    /// Removes `count` bytes from the front, which the socket has taken.
    ///
    /// # Panics
    /// When fewer than `count` bytes are queued.
    pub fn consume(&mut self, count: usize) {
        self.ring.dequeue_allocated(count);
    }

    /// Number of bytes in the queue.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether all was sent.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Number of bytes that it can hold.
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// Forgets what is queued.
    pub fn clear(&mut self) {
        self.ring.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_queued_whole_or_not_at_all() {
        let mut storage = [0; 8];
        let mut queue = LineQueue::new(&mut storage[..]);
        assert_eq!(queue.push_line(b"abcd", LineEnd::Lf), Ok(()));
        assert_eq!(queue.push_line(b"efg", LineEnd::Lf), Err(PushError::Full));
        assert_eq!(queue.front(), b"abcd\n");
        assert_eq!(queue.push_line(b"efg", LineEnd::Raw), Ok(()));
        assert_eq!(queue.front(), b"abcd\nefg");
    }

    #[test]
    fn a_line_longer_than_the_queue_is_too_long_and_not_merely_late() {
        let mut storage = [0; 4];
        let mut queue = LineQueue::new(&mut storage[..]);
        assert_eq!(
            queue.push_line(b"abcd", LineEnd::Lf),
            Err(PushError::TooLong)
        );
        assert_eq!(queue.push_line(b"abcd", LineEnd::Raw), Ok(()));
        assert_eq!(queue.push_line(b"a", LineEnd::Raw), Err(PushError::Full));
        queue.clear();
        assert!(queue.is_empty());
    }

    #[test]
    fn order_is_kept_around_the_end_of_the_memory() {
        let mut storage = [0; 7];
        let mut queue = LineQueue::new(&mut storage[..]);
        for round in 0..20u8 {
            let line = [b'a' + round, b'b', b'c', b'd'];
            queue.push_line(&line, LineEnd::Lf).unwrap();
            let mut sent = 0;
            while !queue.is_empty() {
                let piece = queue.front();
                assert!(!piece.is_empty());
                let count = piece.len().min(2);
                assert!([&line[..], b"\n"].concat()[sent..].starts_with(&piece[..count]));
                queue.consume(count);
                sent += count;
            }
            assert_eq!(sent, 5);
        }
    }
}
