//! Lines that wait for a WebSocket, and what becomes of them when it ends.

use tickwire::websocket::{Channel, Kind, MessageQueue, Outbox, Part, QueueError, QueueSlot};

/// Lines that wait to be sent, one message each. A long one waits in parts.
pub(super) struct LineQueue {
    queue: MessageQueue<'static>,
    /// Some bytes of the first part were sent.
    is_in_part: bool,
    /// The first part is not the first one of its line: the others were sent.
    is_in_line: bool,
    /// The beginning of a line was lost, and its end has not been queued yet.
    is_skipping: bool,
    /// Bytes that were dropped, with one for the end of each line.
    unsent: u64,
}

impl LineQueue {
    /// An empty queue.
    pub(super) fn new(lines_max: usize, bytes_max: usize) -> Self {
        let slots = vec![QueueSlot::EMPTY; lines_max].leak();
        Self {
            queue: MessageQueue::new(slots, vec![0; bytes_max].leak()),
            is_in_part: false,
            is_in_line: false,
            is_skipping: false,
            unsent: 0,
        }
    }

    /// Queues a line, or the next part of one.
    pub(super) fn push(&mut self, text: &str, is_last: bool) -> Result<(), QueueError> {
        if self.is_skipping {
            self.unsent += counted(text.len(), is_last);
            self.is_skipping = !is_last;
            return Ok(());
        }
        self.queue.push(Part {
            kind: Kind::Text,
            bytes: text.as_bytes(),
            is_last,
        })
    }

    /// Sends as much as there is room for.
    pub(super) fn transmit(&mut self, channel: &mut Channel) {
        channel.send_queued(self);
        self.is_in_part = channel.is_in_frame();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Drops the rest of a line of which something was sent. The others wait for the next connection.
    pub(super) fn drop_begun(&mut self) {
        let mut is_begun = self.is_in_part || self.is_in_line;
        while is_begun && let Some(is_last) = self.drop_front() {
            is_begun = !is_last;
        }
        self.is_skipping |= is_begun;
        (self.is_in_part, self.is_in_line) = (false, false);
    }

    /// Drops all lines.
    pub(super) fn drop_all(&mut self) {
        self.drop_begun();
        while let Some(is_last) = self.drop_front() {
            self.is_skipping = !is_last;
        }
    }

    /// The number of bytes that were dropped since the last call.
    pub(super) fn take_unsent(&mut self) -> u64 {
        std::mem::take(&mut self.unsent)
    }

    /// Drops the first part, and returns whether its line ends with it.
    fn drop_front(&mut self) -> Option<bool> {
        let front = self.queue.front()?;
        let is_last = front.is_last;
        self.unsent += counted(front.bytes.len(), is_last);
        self.queue.pop();
        Some(is_last)
    }
}

impl Outbox for LineQueue {
    fn front(&mut self) -> Option<Part<'_>> {
        self.queue.front()
    }

    fn pop(&mut self) {
        self.is_in_line = self.queue.front().is_some_and(|part| !part.is_last);
        self.queue.pop();
    }
}

/// The number of bytes of a part, with its line's end.
fn counted(bytes: usize, is_last: bool) -> u64 {
    bytes as u64 + u64::from(is_last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(parts: &[(&str, bool)]) -> LineQueue {
        let mut queue = LineQueue::new(8, 1_000);
        for (text, is_last) in parts {
            queue.push(text, *is_last).unwrap();
        }
        queue
    }

    fn rest(queue: &mut LineQueue) -> Vec<String> {
        let mut rest = Vec::new();
        while let Some(part) = queue.front() {
            rest.push(String::from_utf8(part.bytes.to_vec()).unwrap());
            queue.pop();
        }
        rest
    }

    #[test]
    fn a_line_that_was_not_begun_stays() {
        let mut queue = queue(&[("sent", true), ("one", true), ("two", true)]);
        queue.pop();
        queue.drop_begun();
        assert_eq!(queue.take_unsent(), 0);
        assert_eq!(rest(&mut queue), ["one", "two"]);
    }

    #[test]
    fn the_rest_of_a_line_that_was_begun_is_dropped_and_counted() {
        let mut queue = queue(&[("be", false), ("gu", false), ("n", true), ("next", true)]);
        queue.pop();
        queue.drop_begun();
        assert_eq!(queue.take_unsent(), 4);
        assert_eq!(queue.take_unsent(), 0);
        assert_eq!(rest(&mut queue), ["next"]);
    }

    #[test]
    fn the_rest_of_a_line_that_comes_later_is_dropped_and_counted() {
        let mut queue = queue(&[("be", false)]);
        queue.pop();
        queue.drop_begun();
        queue.push("gu", false).unwrap();
        queue.push("n", true).unwrap();
        queue.push("next", true).unwrap();
        assert_eq!(queue.take_unsent(), 4);
        assert_eq!(rest(&mut queue), ["next"]);
    }

    #[test]
    fn at_the_end_all_that_is_left_is_counted() {
        let mut queue = queue(&[("one", true), ("", true), ("half", false)]);
        queue.drop_all();
        assert_eq!(queue.take_unsent(), 9);
        assert!(queue.is_empty());
    }
}
