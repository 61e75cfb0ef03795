//! The states of a chat peer, and what its caller may want.

use smoltcp::wire::IpEndpoint;

use super::watch::Watch;
use crate::{Error, Named};

/// The part that the caller has given us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Role {
    None,
    Listen(u16),
    Dial(IpEndpoint),
}

/// What the caller wants next. A conversation is ended in order first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Wish {
    Play(Role),
    Disconnect,
    Quit,
}

/// How a conversation ended that is still being delivered.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Left {
    pub(super) remote: IpEndpoint,
    pub(super) result: Result<(), Error>,
}

/// ```text
/// Idle ──► Waiting ─────────────────────► Talking ─────► HalfClosed
///     └──► Preparing ──► Dialling ──────►  │   │          │      │
///              ▲            │              │   └► Lingering ◄─┘  │
///              └─ Pausing ◄─┴─ Ending ◄────┴────────┴────────────┘
///                                 └────► Finishing
/// ```
/// Ending leads to whatever the part, the options and the caller's wish ask for: Waiting, Preparing, Pausing, Idle or
/// Finishing. A failed attempt leaves Dialling in the same way.
#[derive(Debug, Clone, Copy)]
pub(super) enum State {
    /// No part to play.
    Idle,
    /// For a caller.
    Waiting,
    /// Until the socket can be dialled with.
    Preparing(IpEndpoint),
    Dialling(IpEndpoint),
    /// Before the next attempt.
    Pausing(IpEndpoint),
    /// Our side is open.
    Talking(IpEndpoint, Watch),
    /// The peer has our FIN, and we receive.
    HalfClosed(IpEndpoint, Watch),
    /// Nothing more is wanted but the last acknowledgements.
    Lingering(IpEndpoint),
    /// Over on the wire; waits until what an earlier conversation left behind was delivered.
    Ending(IpEndpoint, Result<(), Error>),
    /// The app ends when everything was delivered.
    Finishing(Result<(), Error>),
}

impl Named for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Waiting => "Waiting",
            Self::Preparing(_) => "Preparing",
            Self::Dialling(_) => "Dialling",
            Self::Pausing(_) => "Pausing",
            Self::Talking(..) => "Talking",
            Self::HalfClosed(..) => "HalfClosed",
            Self::Lingering(_) => "Lingering",
            Self::Ending(..) => "Ending",
            Self::Finishing(_) => "Finishing",
        }
    }
}
