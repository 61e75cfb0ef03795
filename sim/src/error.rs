//! How any app of a run can fail.

use core::fmt;

use tickwire::chat::ChatError;
use tickwire::file::{ReceiveError, SendError};
use tickwire::http::GetError;
use tickwire::hub::SessionError;
use tickwire::{Error, Event};

use crate::ScriptError;

/// The error of any app of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SimError {
    /// What happened to a connection.
    Connection(Error),
    /// Of the GET client.
    Get(GetError),
    /// Of a chat.
    Chat(ChatError),
    /// Of the file sender.
    Send(SendError),
    /// Of the file receiver.
    Receive(ReceiveError),
    /// A scripted peer did not get what it expected.
    Script,
    /// Of a member of a hub.
    Hub(SessionError),
}

impl SimError {
    /// The error of a failed connection, whatever its app.
    pub fn of(event: &Event) -> Option<Self> {
        None.or_else(|| event.error::<Error>().map(|&error| error.into()))
            .or_else(|| event.error::<GetError>().map(|&error| error.into()))
            .or_else(|| event.error::<ChatError>().map(|&error| error.into()))
            .or_else(|| event.error::<SendError>().map(|&error| error.into()))
            .or_else(|| event.error::<ReceiveError>().map(|&error| error.into()))
            .or_else(|| event.error::<SessionError>().map(|&error| error.into()))
            .or_else(|| event.error::<ScriptError>().map(|&error| error.into()))
    }
}

impl fmt::Display for SimError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Get(error) => error.fmt(f),
            Self::Chat(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::Receive(error) => error.fmt(f),
            Self::Script => ScriptError::Truncated.fmt(f),
            Self::Hub(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SimError {}

impl From<Error> for SimError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl From<GetError> for SimError {
    fn from(error: GetError) -> Self {
        match error {
            GetError::Connection(error) => Self::Connection(error),
            error => Self::Get(error),
        }
    }
}

impl From<ChatError> for SimError {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::Connection(error) => Self::Connection(error),
            error => Self::Chat(error),
        }
    }
}

impl From<SendError> for SimError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Connection(error) => Self::Connection(error),
            error => Self::Send(error),
        }
    }
}

impl From<ReceiveError> for SimError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Connection(error) => Self::Connection(error),
            error => Self::Receive(error),
        }
    }
}

impl From<ScriptError> for SimError {
    fn from(error: ScriptError) -> Self {
        match error {
            ScriptError::Connection(error) => Self::Connection(error),
            ScriptError::Truncated => Self::Script,
        }
    }
}

impl From<SessionError> for SimError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Connection(error) => Self::Connection(error),
            error => Self::Hub(error),
        }
    }
}
