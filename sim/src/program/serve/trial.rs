//! One seed: a hub, its members, and a hostile browser, on links that lose frames.

use std::cell::RefCell;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::AnySocket as _;
use smoltcp::socket::tcp::{Socket, State};
use tickwire::hub::Hub;
use tickwire::{AnyTask, Duration, EGRESS_MAX, INGRESS_MAX, Tick};
use tickwire_sim::ethernet::{Ethernet, Frame, PortState};
use tickwire_sim::{FaultPlan, Generator, Node, NodeMemory, Profile, Report, Tracer, World};

use super::chronicle::Chronicle;
use super::counts::Counts;
use super::crowd::Crowd;
use super::member::{End, Speech};
use super::place::Place;
use super::plan::Plan;
use super::recorder::Recorder;
use super::servers::{Buffers, HubMemory, SOCKETS_MAX, SessionMemory, servers};
use super::{Broken, CONNECTIONS, HOSTILE, HUB, NODES};
use crate::ran::Ran;

/// Frames in flight, with those that links hold back until long after all faults have ended.
const FRAMES: usize = 512;
const FRAME_BYTES: usize = 1_514;
/// Frames that one turn of the hub may send: an answer to each frame that arrived, and all passes of
/// egress for each socket.
const FRAMES_SENT_MAX: u64 = (INGRESS_MAX + 5 * EGRESS_MAX * SOCKETS_MAX) as u64;
/// Within which all must be in their rooms, and have heard all, after all faults have ended.
const HEALED_MAX: Duration = Duration::from_secs(200);
/// Within which only they must be there, after the hostile browser has gone without a word, or,
/// without one, after all faults have ended.
const ALONE_MAX: Duration = Duration::from_secs(200);
/// Within which all must have left after that, and every socket listen.
const LEAVING_MAX: Duration = Duration::from_secs(20);
/// Within which a member whom nothing slows hears what was said: a turn, and a look at it.
const PROMPT_MAX: Duration = Duration::from_millis(1_500);
/// Messages of each member on its last connection.
const FRESH: u32 = 3;

/// ```text
/// Faulty -> Healed -> Alone -> Leaving
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Faulty,
    /// All faults have ended, but for the hostile browser where it stays.
    Healed,
    /// It is gone, or there was none.
    Alone,
    /// Everybody ends by the protocol.
    Leaving,
}

struct Trial<'a, 'e, 't> {
    world: &'a World<'e>,
    recorder: &'a RefCell<Recorder<'t>>,
    hub: &'a Hub<'a>,
    servers: [Box<dyn AnyTask + 'a>; 2],
    nodes: Vec<Node<'a>>,
    faults: FaultPlan,
    chronicle: Chronicle,
    places: Vec<Place>,
    hostile: Crowd,
    random: Generator,
    has_hostile: bool,
    hostile_stays: bool,
    phase: Phase,
    healed_at: Tick,
    /// When the hostile browser has gone. Without one, all faults end at that time.
    gone_at: Tick,
    /// When the present phase ends, or must have ended.
    phase_end: Tick,
    counts: Counts,
}

/// Runs a seed.
pub(crate) fn run(seed: u64, profile: Profile, is_guarded: bool, tracer: &mut dyn Tracer) -> Ran {
    let recorder = RefCell::new(Recorder::new(tracer));
    let plan = Plan::new(seed, profile);
    let mut bytes = vec![0; FRAMES * FRAME_BYTES];
    let mut frames: Vec<_> = bytes.chunks_mut(FRAME_BYTES).map(Frame::new).collect();
    let mut ports = [const { PortState::new() }; NODES];
    let world = World::new(Ethernet::new(seed, &mut ports[..], &mut frames[..]));
    world.ethernet.observe(Some(&recorder));
    let faults = FaultPlan::from_seed(seed, profile, NODES, plan.heal_at);
    // Before the nodes boot, which look at their MTU once.
    faults.set_links(&world.ethernet);
    let mut buffers = Buffers::new(SOCKETS_MAX + (NODES - 1) * CONNECTIONS);
    let mut sockets = buffers.lend();
    let mut hub_memory = HubMemory::new(plan.members_max);
    let hub = hub_memory.hub();
    let mut node_memory = NodeMemory::<SOCKETS_MAX, { SOCKETS_MAX + 4 }>::with_flows();
    let mut others_memory = [const { NodeMemory::<CONNECTIONS>::new() }; NODES - 1];
    let mut session_memory = SessionMemory::new();
    let ethernet = &world.ethernet;
    let boot = if is_guarded { Node::new } else { Node::bare };
    let mut node = boot(ethernet, HUB, seed, &mut node_memory);
    let memory = &mut session_memory;
    let servers = servers(&hub, &mut node, &mut sockets, memory, plan.is_roomy);
    let mut trial = Trial {
        world: &world,
        recorder: &recorder,
        hub: &hub,
        servers,
        nodes: vec![node],
        faults,
        chronicle: Chronicle::watch(&hub),
        places: Vec::new(),
        hostile: Crowd::default(),
        random: plan.random.clone(),
        has_hostile: plan.has_hostile,
        hostile_stays: plan.hostile_stays,
        phase: Phase::Faulty,
        healed_at: Tick::ZERO,
        gone_at: Tick::ZERO,
        phase_end: plan.heal_at,
        counts: Counts::default(),
    };
    let boot = if is_guarded { Node::new } else { Node::bare };
    for (memory, port) in others_memory.iter_mut().zip(1..) {
        let mut node = boot(ethernet, port, seed, memory);
        let handles = [(); CONNECTIONS].map(|()| sockets.add(&mut node));
        trial.people(&plan, port, handles);
        trial.nodes.push(node);
    }
    if let Err(broken) = trial.run_to_end() {
        recorder.borrow_mut().fail(world.now(), broken);
    }
    trial.report()
}

impl Trial<'_, '_, '_> {
    /// Puts members on a node, or the hostile browser.
    fn people(&mut self, plan: &Plan, node: usize, sockets: [SocketHandle; CONNECTIONS]) {
        for socket in sockets {
            if node == HOSTILE {
                if self.has_hostile {
                    self.hostile.add(socket, &mut self.random);
                }
                continue;
            }
            let number = self.places.len();
            let place = Place::new(number, node, socket, &plan.members[number]);
            self.counts.note_begin(place.speech);
            self.places.push(place);
        }
    }

    fn run_to_end(&mut self) -> Result<(), Broken> {
        loop {
            let now = self.world.now();
            self.faults.apply(&self.world.ethernet, now);
            self.act(now);
            let slice = Duration::from_millis(self.random.between(5, 300));
            self.run_slice(now + slice)?;
            let now = self.world.now();
            self.check(now)?;
            match self.phase {
                Phase::Faulty if now >= self.phase_end => self.heal(now),
                Phase::Healed if self.all_settled() => self.leave_alone(now),
                Phase::Alone if self.all_settled() && self.is_alone() => self.leave(now),
                Phase::Leaving if self.all_left() && self.is_deserted() => return Ok(()),
                Phase::Faulty => {}
                _ if now < self.phase_end => {}
                _ => return Err(self.late()),
            }
        }
    }

    /// What has not come in time.
    fn late(&self) -> Broken {
        match self.phase {
            Phase::Faulty | Phase::Healed => Broken::rule(
                12,
                "not all were in their rooms with all messages after all faults had ended",
            ),
            Phase::Alone => Broken::at_hub(8, "somebody is in a room who has gone"),
            Phase::Leaving if self.all_left() => Broken::at_hub(
                8,
                "somebody is in a room who has quit, or a socket does not listen",
            ),
            Phase::Leaving => {
                Broken::rule(20, "who quit missed something, or was not closed in order")
            }
        }
    }

    /// Lets the world run until `until`, and looks at the rooms after each turn.
    fn run_slice(&mut self, until: Tick) -> Result<(), Broken> {
        // Whoever was commanded. Nobody commands the hub: nothing but its own deadlines wakes it.
        for node in self.nodes.iter_mut().skip(HUB + 1) {
            node.wake_now(self.world.now());
        }
        loop {
            self.turn_due();
            self.counts.turns += 1;
            self.chronicle.look(self.world.now(), self.hub)?;
            if self.recorder.borrow_mut().take_sent(HUB) > FRAMES_SENT_MAX {
                return Err(Broken::at_hub(
                    7,
                    "one turn sent more frames than its bound",
                ));
            }
            if self.servers.iter().any(|server| server.is_finished()) {
                return Err(Broken::at_hub(2, "a server ended"));
            }
            if !self.world.sleep(until, &self.nodes) {
                return Ok(());
            }
        }
    }

    /// Gives a turn to each node that wants one.
    fn turn_due(&mut self) {
        let mut tasks: [Vec<&mut dyn AnyTask>; NODES] = Default::default();
        for server in &mut self.servers {
            tasks[HUB].push(&mut **server);
        }
        for place in &mut self.places {
            tasks[place.node].push(&mut place.task);
        }
        tasks[HOSTILE].extend(self.hostile.tasks());
        let running = self.nodes.iter_mut().zip(&mut tasks);
        let mut running: Vec<_> = running.map(|(node, tasks)| node.with(tasks)).collect();
        self.world.turn_due(&mut running, self.recorder);
    }

    /// Lets members speak, freeze, end and come again, and hostile browsers come again.
    fn act(&mut self, now: Tick) {
        for place in &mut self.places {
            if let Some(result) = place.task.outcome() {
                let Some(again_at) = place.again_at else {
                    let delay = Duration::from_millis(self.random.log_uniform(1, 5_000));
                    place.again_at = Some(now + delay);
                    self.counts.note_end(place.speech, result);
                    continue;
                };
                if again_at <= now && self.phase != Phase::Leaving {
                    self.counts.note_begin(place.speech);
                    place.connect_again(now);
                }
                continue;
            }
            match self.phase {
                Phase::Faulty => place.act(&mut self.random, &mut self.chronicle, now),
                Phase::Leaving => {}
                _ if place.give_up(now) => {}
                _ => {
                    place.go_home(now);
                    if place.is_in() && place.fresh < FRESH {
                        place.fresh += 1;
                        place.say(&mut self.random, &mut self.chronicle);
                    }
                }
            }
        }
        self.hostile.act(&mut self.random);
    }

    /// All faults end.
    fn heal(&mut self, now: Tick) {
        self.recorder.borrow_mut().heal(now);
        self.faults.heal(&self.world.ethernet);
        for place in &mut self.places {
            place.member_mut().is_frozen = false;
        }
        (self.phase, self.phase_end) = (Phase::Healed, now + HEALED_MAX);
        (self.healed_at, self.gone_at) = (now, now);
        if self.has_hostile && !self.hostile_stays {
            self.unplug_hostile(now);
        }
    }

    /// The hostile browser is gone without a word.
    fn unplug_hostile(&mut self, now: Tick) {
        self.gone_at = now;
        let text = "is gone without a word";
        self.recorder.borrow_mut().note(now, Some(HOSTILE), text);
        self.world.ethernet.set_up(HOSTILE, false);
        self.hostile.clear();
    }

    fn leave_alone(&mut self, now: Tick) {
        if self.hostile_stays {
            self.unplug_hostile(now);
        }
        (self.phase, self.phase_end) = (Phase::Alone, self.gone_at + ALONE_MAX);
    }

    /// Everybody leaves as its protocol wants it.
    fn leave(&mut self, now: Tick) {
        self.recorder.borrow_mut().note(now, None, "all leave");
        for place in &mut self.places {
            place.member_mut().end(End::Quit, now);
        }
        (self.phase, self.phase_end) = (Phase::Leaving, now + LEAVING_MAX);
    }

    /// Compares what each member has heard with what was told.
    fn check(&mut self, now: Tick) -> Result<(), Broken> {
        for place in &mut self.places {
            self.counts.heard += place.check(&self.chronicle, now)?;
            if matches!(self.phase, Phase::Faulty | Phase::Leaving) {
                continue;
            }
            let waits_since = place.waits_since(&self.chronicle);
            if place.is_prompt && place.member().end.is_none() && !place.task.is_finished() {
                let is_heard = waits_since.is_none_or(|at| now.since(at) < PROMPT_MAX);
                place.rule(18, is_heard, "others slow a member who reads at once")?;
            }
            let misled_until = self.recorder.borrow().misled_until(place.node);
            let has_heard_news = place.heard_until >= self.healed_at.max(misled_until);
            place.is_prompt |= has_heard_news && place.is_in() && waits_since.is_none();
        }
        Ok(())
    }

    /// Whether everybody is in its room, and has heard all.
    fn all_settled(&self) -> bool {
        let is_settled = |place: &Place| place.fresh == FRESH && place.is_settled(&self.chronicle);
        self.places.iter().all(is_settled)
    }

    /// Whether nobody else is there but whoever watches, and nobody else has a connection.
    fn is_alone(&self) -> bool {
        let mut rooms = self.chronicle.rooms.iter().enumerate();
        self.callers() == self.places.len()
            && rooms.all(|(index, room)| {
                let ours = self.places.iter().flat_map(Place::rooms);
                let ours = ours.filter(|ear| ear.room == index).count();
                let told = room.told.last();
                told.is_some_and(|told| told.present.len() == ours + 1)
            })
    }

    /// Whether everybody has left in order, with all that was said before.
    fn all_left(&self) -> bool {
        let has_left = |place: &Place| {
            let mut ears = place.ears.iter();
            matches!(place.task.outcome(), Some(Ok(())))
                && (place.speech != Speech::Lines
                    || ears.all(|ear| ear.has_heard_all_before_its_going(&self.chronicle)))
        };
        self.places.iter().all(has_left)
    }

    /// Whether nobody is in a room, and every socket of the hub's node listens.
    fn is_deserted(&self) -> bool {
        self.chronicle.is_empty() && self.callers() == 0
    }

    /// How many sockets of the hub's node do not listen.
    fn callers(&self) -> usize {
        let sockets = self.nodes[HUB].stack.sockets.iter();
        let sockets = sockets.filter_map(|(_, socket)| Socket::downcast(socket));
        sockets
            .filter(|socket| socket.state() != State::Listen)
            .count()
    }

    fn report(mut self) -> Ran {
        self.counts.note_last(&self.places);
        self.counts.hostile = self.hostile.count;
        let recorder = self.recorder.borrow();
        let report = Report {
            trace: recorder.trace(),
            finding: recorder.finding,
            ended_at: self.world.now(),
            turns: self.counts.turns,
            counts: self.world.ethernet.first_counts(),
            crashes: 0,
            freezes: 0,
            attempts: self.counts.attempts,
        };
        Ran {
            report,
            counts: self.counts.named(),
        }
    }
}
