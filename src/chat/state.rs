//! The states of a chat, and what its caller may want.

use smoltcp::wire::IpEndpoint;

use crate::{DialOrListen, Error, StateName};

/// What the caller wants next. A conversation is ended in order first.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Command<T> {
    Open(DialOrListen<T>),
    Disconnect,
    Quit,
}

/// A conversation that has ended, and how. Its last bytes wait for the sink.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct PreviousSession {
    pub(super) remote: IpEndpoint,
    pub(super) result: Result<(), Error>,
}

/// ```text
/// Idle ---> Opening -> Talking -+-> HalfClosed -+-> Closing -> Ended -> Finishing
/// Pausing -----^                '---------------'
/// ```
/// A lost connection leads from Talking and HalfClosed to Ended at once; so does the peer's FIN
/// from HalfClosed. Ended leads to what the role, the options and the caller's command ask for:
/// Opening, Pausing, Idle or Finishing. So do a failed attempt, from Opening, a command, from Idle,
/// Opening and Pausing, and a sink that stalls, from a conversation that it holds up.
#[derive(Debug, Clone, Copy)]
pub(super) enum State {
    /// Nobody is listened for or dialled.
    Idle,
    /// The connection is being made; how far it is, its life knows.
    Opening,
    /// Before the next attempt to dial.
    Pausing,
    /// Our side is open.
    Talking(IpEndpoint),
    /// The peer gets or has our FIN, and we receive.
    HalfClosed(IpEndpoint),
    /// Both sides have ended what they say; the last acknowledgements are missing.
    Closing(IpEndpoint),
    /// Over on the wire; waits until an earlier conversation was delivered.
    Ended(IpEndpoint, Result<(), Error>),
    /// The app ends when everything was delivered.
    Finishing(Result<(), Error>),
}

impl StateName for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Opening => "Opening",
            Self::Pausing => "Pausing",
            Self::Talking(_) => "Talking",
            Self::HalfClosed(_) => "HalfClosed",
            Self::Closing(_) => "Closing",
            Self::Ended(..) => "Ended",
            Self::Finishing(_) => "Finishing",
        }
    }
}
