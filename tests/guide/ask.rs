//! A client that asks a command server, and calls again until it gets an answer.

use heapless::Vec;
use tickwire::{Connection, Error, Received, Session, Step};

/// A question of one line, and its answer.
pub(crate) struct Ask {
    pub(crate) question: &'static [u8],
    pub(crate) answer: Vec<u8, 64>,
    pub(crate) is_sent: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskError {
    Connection(Error),
    /// The server closed before the end of the line.
    Truncated,
    /// The answer is longer than 64 bytes.
    TooLong,
}

impl From<Error> for AskError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl Session for Ask {
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
        let received = connection.read_with(|bytes| {
            let fits = answer.extend_from_slice(bytes).is_ok();
            (bytes.len(), fits)
        })?;
        match received {
            Received::Data(false) => Err(AskError::TooLong),
            Received::Data(true) if self.answer.ends_with(b"\n") => Ok(Step::Done),
            Received::Data(true) => Ok(Step::Again),
            Received::Nothing => Ok(Step::Wait),
            Received::End => Err(AskError::Truncated),
        }
    }

    fn is_retryable(&self, error: &AskError) -> bool {
        *error != AskError::TooLong
    }
}
