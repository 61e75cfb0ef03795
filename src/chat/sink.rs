//! Where the messages of a chat go.

use super::Ending;
use crate::{Error, Sink};

/// Takes what the peer of a chat says, message by message.
///
/// Every [`Sink`] is one: it gets each message as its bytes and one LF. Whoever must know what ended a message, such
/// as a decoder whose characters may be cut between two pieces, implements this instead.
pub trait MessageSink {
    /// Takes the front of `text`, bytes of the present message without its line end, and returns how many were taken.
    /// Fewer are back-pressure: the rest is offered again.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn take_text(&mut self, text: &[u8]) -> Result<usize, Error>;

    /// All text of the present message was taken, and `ending` ended it. `false` presses back: it is told again.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn end_message(&mut self, ending: Ending) -> Result<bool, Error>;

    /// The conversation is over, and its last message was taken or given up: the next is another's.
    fn end_conversation(&mut self) {}
}

impl<S: Sink> MessageSink for S {
    fn take_text(&mut self, text: &[u8]) -> Result<usize, Error> {
        self.write(text)
    }

    fn end_message(&mut self, _ending: Ending) -> Result<bool, Error> {
        Ok(self.write(b"\n")? > 0)
    }
}
