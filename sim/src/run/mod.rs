//! One seed, from its first turn to its report.

mod app_plans;
mod attempts;
mod chat;
mod context;
mod faulty_store;
mod file;
mod flash;
mod get;
mod hostile_peer;
mod hostile_scripts;
mod line_checker;
mod node_slot;
mod participant;
mod plan;
mod portions;
mod report;
mod run_tracer;
mod second_caller;
mod sim_app;
mod workloads;

use core::cell::RefCell;
use core::hash::Hasher;

use tickwire::guard::Duties;
use tickwire::{Duration, Tick};

use self::context::RunContext;
use self::flash::PowerFault;
use self::get::{ACTS_MAX, server_acts};
use self::node_slot::{NodeSlot, Violation};
use self::plan::{GET_SERVER, NODES, NodeFault, OUTSIDER, RESTARTS_MAX, RunPlan};
use self::run_tracer::RunTracer;
use self::workloads::Workloads;
use crate::bump::Bump;
use crate::ethernet::{Ethernet, Frame, PortState};
use crate::scheduler::Scheduler;
use crate::{Act, FaultPlan, Generator, Node, NodeMemory, Profile, Tracer, streams};

pub use self::attempts::AttemptCounts;
pub use self::context::Finding;
pub use self::plan::{Options, Scenario};
pub use self::report::{Report, describe};

/// Frames that can be in flight.
const FRAMES: usize = 256;
/// Acts of all scripts of a hostile peer.
const HOSTILE_ACTS: usize = 768;
/// Bytes of a frame.
const FRAME_BYTES: usize = 1_514;
/// Bytes that a run needs at most.
pub const MEMORY_BYTES: usize = 2 * 1_024 * 1_024;
/// Starts of all nodes together.
const STARTS_MAX: usize = NODES + RESTARTS_MAX + 1;
/// The longest time from the end of all faults until everything has ended.
const HEALED_MAX: Duration = Duration::from_millis(300_000);

/// A run between its start and its end.
struct Run<'a, 't> {
    context: RunContext<'a, 't>,
    workloads: Workloads<'a>,
    plan: &'a RunPlan,
    faults: FaultPlan,
    /// The number of faults of nodes that have happened.
    node_faults_done: usize,
    crashes: u32,
    freezes: u32,
    turns: u64,
}

/// Runs one seed in `memory`, of which it needs [`MEMORY_BYTES`] at most; `tracer` sees everything
/// that happens.
///
/// The same seed and options give the same report, and the tracer the same calls, on every
/// platform.
///
/// # Panics
/// When `memory` is too short.
pub fn run(seed: u64, options: &Options, memory: &mut [u8], tracer: &mut dyn Tracer) -> Report {
    let plan = RunPlan::from_seed(seed, options);
    let mut faults = FaultPlan::from_seed(seed, options.profile, NODES, plan.heal_at);
    let power = PowerFault::default();
    let mut nodes = [const { NodeMemory::new() }; STARTS_MAX];
    let mut bump = Bump::new(memory, &mut nodes);
    let mut frames: [Frame<'_>; FRAMES] =
        core::array::from_fn(|_| Frame::new(bump.bytes(FRAME_BYTES)));
    let root = Generator::new(seed).fork(streams::RUN, 0);
    let mut script = |cut| {
        plan.get.map_or([Act::Flush; ACTS_MAX], |get| {
            server_acts(&get, &mut bump, root.fork(streams::CHUNKS, 0), cut)
        })
    };
    let scripts = [None, plan.get.and_then(|get| get.cut)].map(&mut script);
    let mut hostile_acts = [Act::Flush; HOSTILE_ACTS];
    let mut ports = [const { PortState::new() }; NODES];
    let tracer = RefCell::new(RunTracer::new(tracer));
    let ethernet = Ethernet::new(seed, &mut ports[..], &mut frames[..]);
    if let Some(file) = &plan.file
        && let Some(link) = faults.link_mut(1 - file.receiver)
    {
        link.word_swap_ppm = file.word_swap_ppm;
    }
    if options.profile == Profile::Hostile
        && let Some(link) = faults.link_mut(OUTSIDER)
    {
        let mut random = root.fork(streams::LIES, 0);
        // Half of the hostile peers lie in what they say over their own connections too.
        let rate_ppm = random.below(200_000) as u32;
        link.lie_ppm = if random.chance(500_000) { rate_ppm } else { 0 };
    }
    ethernet.observe(Some(&tracer));
    faults.set_links(&ethernet);
    let mut context = RunContext {
        options: *options,
        ethernet: &ethernet,
        nodes: core::array::from_fn(NodeSlot::new),
        bump,
        power: &power,
        tracer: &tracer,
        peer_choice: root.fork(streams::PEER_CHOICE, 0),
        root,
        healed_at: None,
        finding: None,
    };
    let workloads = Workloads::new(
        &plan,
        scripts.each_ref().map(<[Act<'_>; ACTS_MAX]>::as_slice),
        &mut hostile_acts,
        &mut context,
    );
    let mut run = Run {
        context,
        workloads,
        plan: &plan,
        faults,
        node_faults_done: 0,
        crashes: 0,
        freezes: 0,
        turns: 0,
    };
    run.run_to_end();
    run.report()
}

impl Run<'_, '_> {
    fn run_to_end(&mut self) {
        loop {
            self.apply_faults();
            self.start_nodes();
            self.turn_due();
            self.workloads.drive(&mut self.context);
            if self.context.finding.is_some() || self.is_over() {
                return;
            }
            let Some(next) = self.next() else {
                let what = "nothing is due, and not all is done";
                self.context.fail(None, Violation::new(3, what));
                return;
            };
            let now = self.context.now();
            self.context.ethernet.set_now(next.max(now));
        }
    }

    /// Changes of links, faults of nodes, and the end of both.
    fn apply_faults(&mut self) {
        let now = self.context.now();
        if !self.context.is_healed() && (now >= self.plan.heal_at || self.workloads.is_done()) {
            self.heal();
        }
        self.faults.apply(self.context.ethernet, now);
        while !self.context.is_healed()
            && let Some((at, node, fault)) =
                self.plan.node_faults.get(self.node_faults_done).copied()
            && at <= now
        {
            self.node_faults_done += 1;
            match fault {
                NodeFault::Crash { down, .. } => self.crash(node, down),
                NodeFault::Freeze { time } => self.freeze(node, time),
            }
        }
        if let Some(node) = self.workloads.power_cut(&self.context) {
            self.crash(node, Duration::from_secs(1));
        }
    }

    fn freeze(&mut self, node: usize, time: Duration) {
        let now = self.context.now();
        self.freezes += 1;
        self.note(Some(node), "freezes");
        if let Some(node) = &mut self.context.node(node).node {
            node.freeze(now + time);
        }
    }

    fn crash(&mut self, node: usize, down: Duration) {
        let now = self.context.now();
        if !self.context.is_up(node) {
            return;
        }
        self.crashes += 1;
        self.note(Some(node), "crashes");
        self.context.ethernet.set_up(node, false);
        let up_at = now + down;
        let [get, mut chat, file] = self.context.node(node).crash(up_at);
        drop(get);
        self.workloads.crashed(now, node, &mut chat, file);
    }

    fn note(&self, node: Option<usize>, text: &str) {
        let mut tracer = self.context.tracer.borrow_mut();
        tracer.note(self.context.now(), node, text);
    }

    /// Everything works from now on.
    fn heal(&mut self) {
        let now = self.context.now();
        self.context.healed_at = Some(now);
        self.note(None, "all faults end");
        self.faults.heal(self.context.ethernet);
        for slot in &mut self.context.nodes {
            match &mut slot.node {
                Some(node) => node.heal(),
                None => slot.up_at = Some(now),
            }
        }
        if self.context.options.profile == Profile::Hostile {
            // The hostile peer is gone, without a FIN or a RST.
            self.crash(OUTSIDER, Duration::ZERO);
            self.context.node(OUTSIDER).up_at = None;
            self.context.tracer.borrow_mut().excuse(now);
        }
        self.workloads.heal(&mut self.context);
    }

    fn start_nodes(&mut self) {
        let now = self.context.now();
        for node in 0..NODES {
            let slot = self.context.node(node);
            if slot.node.is_none() && slot.up_at.is_some_and(|at| at <= now) {
                self.start(node);
            }
        }
    }

    fn start(&mut self, node: usize) {
        let context = &mut self.context;
        let (now, ethernet) = (context.now(), context.ethernet);
        let boots = context.node(node).boots;
        let keeps_seed =
            |fault: &NodeFault| matches!(fault, NodeFault::Crash { same_seed, .. } if *same_seed);
        let mut faults = self.plan.node_faults.iter();
        let same_seed = faults.any(|(_, who, fault)| *who == node && keeps_seed(fault));
        let life = if same_seed { 0 } else { boots as u64 };
        let seed = context.root.fork(streams::BOOT, life).u64();
        let memory = context.bump.node();
        ethernet.set_up(node, true);
        let duties = context.options.is_guarded.then_some(Duties::ALL);
        let mut started = Node::boot(ethernet, node, seed, memory, now, duties);
        if let (Some(each), false) = (self.plan.loops.get(node), context.is_healed()) {
            let random = context.root.fork(streams::SCHEDULER, node as u64);
            let scheduler = Scheduler::new(random, each.late_max, each.extra_ppm);
            started.set_clock(each.counter, scheduler);
        }
        let slot = context.node(node);
        slot.node = Some(started);
        slot.up_at = None;
        slot.boots += 1;
        for is_listening in [false, true] {
            self.workloads.install(context, node, is_listening);
        }
    }

    fn turn_due(&mut self) {
        let now = self.context.now();
        let tracer = self.context.tracer;
        let mut violation = None;
        let slots = self.context.nodes.iter_mut();
        for slot in slots.filter(|slot| slot.node.is_some()) {
            if slot.is_due(now) {
                self.turns += 1;
                if let Err(found) = slot.turn(now, tracer) {
                    violation = Some((slot.port, found));
                }
            }
        }
        if let Some((node, violation)) = violation {
            self.context.fail(node, violation);
        }
    }

    /// Whether everything is done and at rest. If that takes too long, it is a finding.
    fn is_over(&mut self) -> bool {
        let Some(healed_at) = self.context.healed_at else {
            return false;
        };
        let (now, is_done) = (self.context.now(), self.workloads.is_done());
        if is_done && self.is_at_rest() {
            self.workloads.check_end(&mut self.context);
            return true;
        }
        if now.since(healed_at) > HEALED_MAX {
            let violation = if is_done {
                Violation::new(8, "sockets did not come to rest")
            } else {
                Violation::new(3, "an operation did not end after all faults had")
            };
            self.context.fail(None, violation);
        }
        false
    }

    /// Whether every listener listens, and no other socket carries a connection.
    fn is_at_rest(&self) -> bool {
        let services = [
            self.plan.get.map(|_| (GET_SERVER, get::PORT)),
            self.plan
                .chat
                .map(|chat| (chat.listener, second_caller::PORT)),
            self.plan
                .file
                .as_ref()
                .map(|file| (file.receiver, file::PORT)),
        ];
        let nodes = &self.context.nodes;
        nodes.iter().all(NodeSlot::is_at_rest)
            && services
                .iter()
                .flatten()
                .all(|(node, port)| nodes.get(*node).is_some_and(|slot| slot.listens(*port)))
    }

    /// When anything happens next.
    fn next(&self) -> Option<Tick> {
        let now = self.context.now();
        let nodes = self.context.nodes.iter().filter_map(NodeSlot::next);
        let workloads = self.workloads.next(now);
        let node_fault = self.plan.node_faults.get(self.node_faults_done);
        let node_fault = node_fault.map(|(at, ..)| *at);
        let events = match self.context.healed_at {
            None => [
                Some(self.plan.heal_at),
                self.faults.next_change(),
                node_fault,
            ],
            Some(healed_at) => [
                Some(healed_at + HEALED_MAX + Duration::from_millis(1)),
                None,
                None,
            ],
        };
        // What was due by now has happened.
        let events = events.into_iter().flatten().filter(|at| *at > now);
        nodes.chain(events).chain(workloads).min()
    }

    fn report(self) -> Report {
        let context = self.context;
        Report {
            trace: context.tracer.borrow().hash.finish(),
            finding: context.finding,
            ended_at: context.now(),
            turns: self.turns,
            counts: context.ethernet.first_counts(),
            crashes: self.crashes,
            freezes: self.freezes,
            attempts: self.workloads.counts(),
        }
    }
}
