//! The apps of a run.

use tickwire::chat::Peer;
use tickwire::file::{Receive, Send};
use tickwire::http::Get;
use tickwire::{App, Awaited, Deadline, Error, Seat, Slot};

use super::faulty_store::FaultyStore;
use super::line_checker::LineChecker;
use crate::pattern::{Pattern, PatternSink};
use crate::{Idle, Script};

/// Apps of a node, one of each kind: a GET or its server, a chat, a file transfer.
pub(crate) const APPS: usize = 3;
pub(crate) const GET: usize = 0;
pub(crate) const CHAT: usize = 1;
pub(crate) const FILE: usize = 2;

/// An app.
#[expect(
    clippy::large_enum_variant,
    reason = "without an allocator there is no box"
)]
pub(crate) enum SimApp<'a> {
    Idle(Idle),
    Get(Get<'a, PatternSink>),
    Chat(Peer<'a, LineChecker>),
    Receive(Receive<FaultyStore<'a>>),
    Send(Send<'a, Pattern>),
    Script(Script<'a>),
}

impl SimApp<'_> {
    fn app_mut(&mut self) -> &mut dyn App {
        match self {
            Self::Idle(app) => app,
            Self::Get(app) => app,
            Self::Chat(app) => app,
            Self::Receive(app) => app,
            Self::Send(app) => app,
            Self::Script(app) => app,
        }
    }

    fn app(&self) -> &dyn App {
        match self {
            Self::Idle(app) => app,
            Self::Get(app) => app,
            Self::Chat(app) => app,
            Self::Receive(app) => app,
            Self::Send(app) => app,
            Self::Script(app) => app,
        }
    }
}

/// An app of a node, with its outcome.
pub(crate) struct AppSlot<'a> {
    pub(crate) app: SimApp<'a>,
    slot: Slot,
    /// What it waited for after its last turn, and until when.
    last_deadline: Option<Deadline>,
}

impl<'a> AppSlot<'a> {
    pub(crate) fn new(app: SimApp<'a>) -> Self {
        Self {
            app,
            slot: Slot::new(),
            last_deadline: None,
        }
    }

    pub(crate) fn idle() -> Self {
        Self::new(SimApp::Idle(Idle))
    }

    /// The app as the loop takes it.
    pub(crate) fn seat(&mut self) -> Seat<'_> {
        self.slot.seat(self.app.app_mut())
    }

    pub(crate) fn app(&self) -> &dyn App {
        self.app.app()
    }

    /// How the app ended; `None` while it lives.
    pub(crate) const fn outcome(&self) -> Option<Result<(), Error>> {
        self.slot.outcome()
    }

    /// Whether a deadline was moved that counts from one moment: nothing that a peer says may
    /// postpone it. A chat is left out, because it redials by itself.
    pub(crate) fn has_postponed(&mut self) -> bool {
        let deadline = self.app().deadline();
        let before = core::mem::replace(&mut self.last_deadline, deadline);
        let is_absolute = matches!(self.app, SimApp::Get(_) | SimApp::Send(_));
        match (before, deadline) {
            (Some(before), Some(deadline)) => {
                is_absolute
                    && matches!(
                        deadline.awaits,
                        Awaited::Connect | Awaited::Head | Awaited::Total
                    )
                    && before.awaits == deadline.awaits
                    && deadline.at > before.at
            }
            _ => false,
        }
    }
}
