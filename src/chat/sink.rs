//! Where the messages of a chat go.

use super::Ending;
use crate::{Sink, SinkError};

/// Takes what the peer of a chat says, message by message.
///
/// Every [`Sink`] is one: it gets each message as its bytes and one LF. Whoever must know what
/// ended a message, such as a decoder whose characters may be cut between two pieces, implements
/// this instead.
pub trait MessageSink {
    /// Takes the front of `text`, bytes of the present message without its line end, and returns
    /// how many were taken. Fewer are back-pressure: the rest is offered again.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn take_text(&mut self, text: &[u8]) -> Result<usize, SinkError>;

    /// All text of the present message was taken, and `ending` ended it. `false` presses back: it
    /// is told again.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn end_message(&mut self, ending: Ending) -> Result<bool, SinkError>;

    /// The conversation is over, and its last message was taken or given up: the next is another's.
    fn end_conversation(&mut self) {}
}

impl<S: Sink> MessageSink for S {
    fn take_text(&mut self, text: &[u8]) -> Result<usize, SinkError> {
        self.write(text)
    }

    fn end_message(&mut self, _ending: Ending) -> Result<bool, SinkError> {
        Ok(self.write(b"\n")? > 0)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::BufferSink;

    /// Takes one byte at every second call.
    struct Slow(BufferSink<'static>, bool);

    impl Sink for Slow {
        fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
            self.1 = !self.1;
            let count = usize::from(self.1).min(data.len());
            self.0.write(data.get(..count).unwrap_or_default())
        }
    }

    #[test]
    fn a_plain_sink_gets_bytes_and_line_ends_and_may_press_back() {
        let mut sink = Slow(BufferSink::new(std::vec![0; 8].leak()), false);
        assert_eq!(sink.take_text(b"ab"), Ok(1));
        assert_eq!(sink.take_text(b"b"), Ok(0));
        assert_eq!(sink.take_text(b"b"), Ok(1));
        assert_eq!(sink.end_message(Ending::Line), Ok(false));
        assert_eq!(sink.end_message(Ending::Line), Ok(true));
        sink.end_conversation();
        assert_eq!(sink.0.bytes(), b"ab\n");
    }
}
