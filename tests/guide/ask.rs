//! A client that asks a command server one question, and calls again until it has the answer.

use heapless::Vec;
use tickwire::{Connection, Error, Received, Session, Step};

/// A question and its answer, both one line with LF.
pub(crate) struct Ask<'q> {
    pub(crate) question: &'q [u8],
    pub(crate) answer: Vec<u8, 32>,
    pub(crate) is_sent: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskError {
    Connection(Error),
    /// The server closed before the end of the line.
    Truncated,
    TooLong,
}

impl From<Error> for AskError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl Session for Ask<'_> {
    type Error = AskError;

    fn name(&self) -> &'static str {
        "ask"
    }

    fn begin(&mut self, _connection: &mut Connection) -> Result<(), AskError> {
        self.answer.clear();
        self.is_sent = false;
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, AskError> {
        self.is_sent = self.is_sent || connection.write_all(self.question)?;
        let answer = &mut self.answer;
        match connection.read_with(|bytes| (bytes.len(), answer.extend_from_slice(bytes)))? {
            Received::Data(Err(_)) => Err(AskError::TooLong),
            Received::Data(Ok(())) if self.answer.ends_with(b"\n") => Ok(Step::Done),
            Received::Data(Ok(())) => Ok(Step::Again),
            Received::Nothing => Ok(Step::Wait),
            Received::End => Err(AskError::Truncated),
        }
    }

    fn is_retryable(&self, error: &AskError) -> bool {
        *error != AskError::TooLong
    }
}
