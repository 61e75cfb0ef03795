//! What all workloads of a run share.

use core::cell::RefCell;

use smoltcp::iface::SocketHandle;
use tickwire::Tick;

use super::attempts::Attempts;
use super::flash::PowerFault;
use super::node_slot::{NodeSlot, SOCKETS, Violation};
use super::plan::{NODES, OUTSIDER, Options};
use super::run_tracer::RunTracer;
use super::sim_app::{AppSlot, SimApp};
use crate::bump::Bump;
use crate::ethernet::Ethernet;
use crate::{Generator, Profile};

/// What a run found broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The number of the invariant, as in `docs/simulation.md` of the repository.
    pub invariant: u8,
    /// When it was seen.
    pub at: Tick,
    /// On which node; `None` where it concerns the whole run.
    pub node: Option<usize>,
    /// How it was broken.
    pub what: &'static str,
}

/// The parts of a run that its workloads share.
pub(crate) struct RunContext<'a, 't> {
    pub(crate) options: Options,
    pub(crate) ethernet: &'a Ethernet<'a>,
    pub(crate) nodes: [NodeSlot<'a>; NODES],
    pub(crate) bump: Bump<'a, SOCKETS>,
    pub(crate) power: &'a PowerFault,
    /// It is the observer of the Ethernet too.
    pub(crate) tracer: &'a RefCell<RunTracer<'t>>,
    pub(crate) root: Generator,
    /// Decides which peer a client asks.
    pub(crate) peer_choice: Generator,
    /// When all faults ended.
    pub(crate) healed_at: Option<Tick>,
    pub(crate) finding: Option<Finding>,
}

impl<'a> RunContext<'a, '_> {
    pub(crate) fn now(&self) -> Tick {
        self.ethernet.now()
    }

    pub(crate) fn node(&mut self, node: usize) -> &mut NodeSlot<'a> {
        self.nodes.get_mut(node).expect("a world has three nodes")
    }

    /// An app of a node, with its outcome.
    pub(crate) fn slot(&mut self, node: usize, app: usize) -> &mut AppSlot<'a> {
        self.node(node).slot(app)
    }

    /// An app of a node.
    pub(crate) fn app(&mut self, node: usize, app: usize) -> &mut SimApp<'a> {
        self.slot(node, app).task.app_mut()
    }

    /// Lets a node run another app in the place of this one, and gives it a turn.
    pub(crate) fn start_app(&mut self, node: usize, index: usize, app: SimApp<'a>) {
        *self.slot(node, index) = AppSlot::new(app);
        self.wake(node);
    }

    /// Gives a node a turn now.
    pub(crate) fn wake(&mut self, node: usize) {
        let now = self.now();
        self.node(node).wake(now);
    }

    /// Whether a node has power.
    pub(crate) fn is_up(&self, node: usize) -> bool {
        self.nodes.get(node).is_some_and(|slot| slot.node.is_some())
    }

    /// Adds a socket to a node that has just started.
    pub(crate) fn add_socket(&mut self, node: usize, sizes: [usize; 2]) -> SocketHandle {
        let [receive, send] = sizes.map(|size| self.bump.bytes(size));
        let started = self.node(node).node.as_mut();
        started
            .expect("it has just started")
            .add_socket(receive, send)
    }

    /// The node that a client asks which wants something from `node`. Where there is a hostile
    /// peer, it is often that one.
    pub(crate) fn choose_peer(&mut self, node: usize) -> usize {
        let is_hostile = self.options.profile == Profile::Hostile && !self.is_healed();
        if is_hostile && self.peer_choice.chance(700_000) {
            OUTSIDER
        } else {
            node
        }
    }

    /// Whether all faults have ended.
    pub(crate) const fn is_healed(&self) -> bool {
        self.healed_at.is_some()
    }

    /// Checks invariant 12: after the end of all faults a fresh request succeeds in time.
    pub(crate) fn check_fresh(&mut self, attempts: &Attempts, node: usize, what: &'static str) {
        let excused_until = self.tracer.borrow().excused_until;
        let is_overdue = attempts.is_overdue(self.now(), excused_until);
        self.check(!is_overdue, node, Violation::new(12, what));
    }

    /// Notes that an invariant was broken; the first one counts.
    pub(crate) fn fail(
        &mut self,
        node: impl Into<Option<usize>>,
        Violation { invariant, what }: Violation,
    ) {
        self.finding.get_or_insert(Finding {
            invariant,
            at: self.ethernet.now(),
            node: node.into(),
            what,
        });
    }

    /// Notes that an invariant was broken unless `holds`.
    pub(crate) fn check(&mut self, holds: bool, node: usize, violation: Violation) {
        if !holds {
            self.fail(node, violation);
        }
    }
}
