//! A second caller, whom a chat must refuse while it talks to another.

use crate::Generator;
use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::Tick;

use crate::cast::{CHAT, Cast};
use crate::plan::{ChatPlan, STRANGER};
use crate::stage::Stage;
use crate::task_chat::PORT;
use crate::{Act, Host, Opening, Script};

/// What it does when it is heard.
const ACTS: &[Act<'static>] = &[
    Act::Send(b"!hello?\n"),
    Act::Wait(300),
    Act::Close,
    Act::ExpectEnd,
];

/// Calls the listener of a chat a few times.
pub(crate) struct Stranger {
    pub(crate) socket: Option<SocketHandle>,
    listener: usize,
    calls: u32,
    calls_at: Tick,
    random: Generator,
}

impl Stranger {
    pub(crate) const fn new(plan: &ChatPlan, random: &Generator) -> Self {
        let mut random = random.fork("stranger", 0);
        Self {
            socket: None,
            listener: plan.listener,
            calls: if plan.has_second_caller { 3 } else { 0 },
            calls_at: Tick::from_millis(random.below(5_000)),
            random,
        }
    }

    pub(crate) fn direct(&mut self, stage: &mut Stage<'_, '_>) {
        let now = stage.now();
        let player = stage.machine(STRANGER).player(CHAT);
        let is_free = !matches!(player.cast, Cast::Script(_)) || player.outcome().is_some();
        if self.calls == 0 || self.calls_at > now || stage.is_calm || !is_free {
            return;
        }
        let Some(handle) = self.socket else {
            return;
        };
        self.calls -= 1;
        self.calls_at = now.after(self.random.below(10_000));
        let remote = IpEndpoint::new(Host::address_of(self.listener).into(), PORT);
        let script = Script::new(handle, Opening::Dial(remote), ACTS).with_patience(5_000);
        stage
            .machine(STRANGER)
            .seat(now, CHAT, Cast::Script(script));
    }

    /// When it calls next.
    pub(crate) fn next(&self) -> Option<Tick> {
        (self.calls > 0).then_some(self.calls_at)
    }
}
