//! The apps of a run.

use smoltcp::iface::SocketHandle;
use tickwire::chat::Chat;
use tickwire::file::{FileReceiver, FileSender};
use tickwire::http::Get;
use tickwire::{App, Deadline, Io, Step, Task, TimeoutKind};

use super::faulty_store::FaultyStore;
use super::line_checker::LineChecker;
use crate::pattern::{Pattern, PatternSink};
use crate::{Idle, Script, SimError};

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
    Chat(Chat<'a, LineChecker>),
    Receive(FileReceiver<FaultyStore<'a>>),
    Send(FileSender<'a, Pattern>),
    Script(Script<'a>),
}

/// Calls the same method of whichever app this is.
macro_rules! each_app {
    ($self:expr, $app:ident => $call:expr) => {
        match $self {
            SimApp::Idle($app) => $call,
            SimApp::Get($app) => $call,
            SimApp::Chat($app) => $call,
            SimApp::Receive($app) => $call,
            SimApp::Send($app) => $call,
            SimApp::Script($app) => $call,
        }
    };
}

impl App for SimApp<'_> {
    type Error = SimError;

    fn name(&self) -> &'static str {
        each_app!(self, app => app.name())
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, SimError> {
        each_app!(self, app => app.step(io).map_err(SimError::from))
    }

    fn deadline(&self) -> Option<Deadline> {
        each_app!(self, app => app.deadline())
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, SimError> {
        each_app!(self, app => app.expired(io).map_err(SimError::from))
    }

    fn sockets(&self) -> &[SocketHandle] {
        each_app!(self, app => app.sockets())
    }
}

/// An app of a node, with its outcome.
pub(crate) struct AppSlot<'a> {
    pub(crate) task: Task<SimApp<'a>>,
    /// What it waited for after its last turn, and until when.
    last_deadline: Option<Deadline>,
}

impl<'a> AppSlot<'a> {
    pub(crate) fn new(app: SimApp<'a>) -> Self {
        Self {
            task: Task::new(app),
            last_deadline: None,
        }
    }

    pub(crate) fn idle() -> Self {
        Self::new(SimApp::Idle(Idle))
    }

    pub(crate) const fn app(&self) -> &SimApp<'a> {
        self.task.app()
    }

    /// How the app ended; `None` while it lives.
    pub(crate) fn outcome(&self) -> Option<Result<(), SimError>> {
        self.task.outcome().copied()
    }

    /// Whether a deadline was moved that counts from one moment: nothing that a peer says may
    /// postpone it. A chat is left out, because it redials by itself.
    pub(crate) fn has_postponed(&mut self) -> bool {
        let deadline = self.app().deadline();
        let before = core::mem::replace(&mut self.last_deadline, deadline);
        let (Some(before), Some(deadline)) = (before, deadline) else {
            return false;
        };
        // A receiver that is still working may put the reply to a sender off.
        let is_absolute = match deadline.awaits {
            TimeoutKind::Connect | TimeoutKind::Total => {
                matches!(self.app(), SimApp::Get(_) | SimApp::Send(_))
            }
            TimeoutKind::Reply => matches!(self.app(), SimApp::Get(_)),
            _ => false,
        };
        is_absolute && before.awaits == deadline.awaits && deadline.at > before.at
    }
}
