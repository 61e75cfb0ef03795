//! One type for the errors of all apps, for tests in which several apps end.

use std::fmt;

use tickwire::chat::ChatError;
use tickwire::file::{ReceiveError, SendError};
use tickwire::http::GetError;
use tickwire::{Error, Event};
use tickwire_sim::ScriptError;

/// Why an app failed. What happened to its connection is told apart from what its protocol says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnyError {
    Connection(Error),
    Get(GetError),
    Chat(ChatError),
    Send(SendError),
    Receive(ReceiveError),
    Script(ScriptError),
}

impl AnyError {
    /// The error of [`Event::Failed`].
    pub(crate) fn of(event: &Event) -> Self {
        fn find<E: Copy + Into<AnyError> + 'static>(event: &Event) -> Option<AnyError> {
            event.error::<E>().copied().map(Into::into)
        }
        let known = [
            find::<Error>,
            find::<GetError>,
            find::<ChatError>,
            find::<SendError>,
            find::<ReceiveError>,
            find::<ScriptError>,
        ];
        let mut found = known.iter().filter_map(|find| find(event));
        found.next().expect("an error of a known type")
    }
}

impl fmt::Debug for AnyError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Get(error) => error.fmt(f),
            Self::Chat(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::Receive(error) => error.fmt(f),
            Self::Script(error) => error.fmt(f),
        }
    }
}

impl From<Error> for AnyError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

macro_rules! from_app {
    ($($error:ident => $variant:ident),+) => {$(
        impl From<$error> for AnyError {
            fn from(error: $error) -> Self {
                match error {
                    $error::Connection(error) => Self::Connection(error),
                    error => Self::$variant(error),
                }
            }
        }
    )+};
}

from_app!(
    GetError => Get,
    ChatError => Chat,
    SendError => Send,
    ReceiveError => Receive,
    ScriptError => Script
);
