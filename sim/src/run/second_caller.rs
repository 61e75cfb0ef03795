//! A second caller, which a chat must refuse during a conversation with another node.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::{Duration, Tick};

use super::app_plans::ChatPlan;
use super::context::RunContext;
use super::plan::OUTSIDER;
use super::sim_app::{CHAT, SimApp};
use crate::{Act, Generator, Node, Opening, Script, streams};

/// The port of the chat's listener.
pub(crate) const PORT: u16 = 1_001;

/// What it does when it is accepted.
const ACTS: &[Act<'static>] = &[
    Act::Send(b"!hello?\n"),
    Act::Wait(Duration::from_millis(300)),
    Act::Close,
    Act::ExpectEnd,
];

/// Calls the listener of a chat a few times.
pub(crate) struct SecondCaller {
    pub(crate) socket: Option<SocketHandle>,
    listener: usize,
    calls: u32,
    calls_at: Tick,
    random: Generator,
}

impl SecondCaller {
    pub(crate) const fn new(plan: &ChatPlan, random: &Generator) -> Self {
        let mut random = random.fork(streams::SECOND_CALLER, 0);
        Self {
            socket: None,
            listener: plan.listener,
            calls: if plan.has_second_caller { 3 } else { 0 },
            calls_at: Tick::from_millis(random.below(5_000)),
            random,
        }
    }

    pub(crate) fn drive(&mut self, context: &mut RunContext<'_, '_>) {
        let now = context.now();
        let slot = context.slot(OUTSIDER, CHAT);
        let is_free = !matches!(slot.app(), SimApp::Script(_)) || slot.outcome().is_some();
        if self.calls == 0 || self.calls_at > now || context.is_healed() || !is_free {
            return;
        }
        let Some(handle) = self.socket else {
            return;
        };
        self.calls -= 1;
        self.calls_at = now + Duration::from_millis(self.random.below(10_000));
        let remote = IpEndpoint::new(Node::address_of(self.listener).into(), PORT);
        let script =
            Script::new(handle, Opening::Dial(remote), ACTS).with_timeout(Duration::from_secs(5));
        context.start_app(OUTSIDER, CHAT, SimApp::Script(script));
    }

    /// When it calls next.
    pub(crate) fn next(&self) -> Option<Tick> {
        (self.calls > 0).then_some(self.calls_at)
    }
}
