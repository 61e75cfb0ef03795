//! One seed: a hub, its members, and a hostile browser, on links that lose frames.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use smoltcp::iface::SocketHandle;
use tickwire::hub::Hub;
use tickwire::{AnyTask, Client, Duration, EGRESS_MAX, Error, INGRESS_MAX, Task, Tick};
use tickwire_sim::ethernet::{Ethernet, Frame, PortState};
use tickwire_sim::{
    AttemptCounts, FaultPlan, Generator, Node, NodeMemory, Profile, Report, Tracer, World,
};

use super::hostile::Hostile;
use super::member::Speech;
use super::place::{HUB, Place, ROOMS, client};
use super::recorder::Recorder;
use super::servers::{Buffers, CALLERS, HubMemory, LINES_PORT, SessionMemory, WEB_PORT, servers};
use super::truth::Truth;
use super::{Broken, NODES};
use crate::ran::Ran;

const HOSTILE: usize = 3;
/// Connections of each node but the hub's.
const CONNECTIONS: usize = 3;
const FRAMES: usize = 128;
const FRAME_BYTES: usize = 1_514;
/// Frames that one turn of the hub may send: an answer to each frame that arrived, and all passes of
/// egress for each socket.
const FRAMES_SENT_MAX: u64 = (INGRESS_MAX + 5 * EGRESS_MAX * CALLERS) as u64;
/// Within which all must be in their rooms, and have heard all, after all faults have ended.
const HEALED_MAX: Duration = Duration::from_secs(200);
/// Within which a member must be in its room, or it gives the connection up.
const JOIN_MAX: Duration = Duration::from_secs(40);
/// Messages of each member on its last connection.
const FRESH: u32 = 2;

/// What a seed showed.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    /// Messages and events that members have heard.
    heard: u64,
    /// Connections of hostile browsers.
    hostile: u64,
    turns: u64,
    /// Connections of members, by how they talk.
    attempts: [AttemptCounts; 3],
}

impl Counts {
    fn note_end(&mut self, speech: Speech, result: &Result<(), Error>) {
        let attempts = &mut self.attempts[speech as usize];
        match result {
            Ok(()) => attempts.succeeded += 1,
            Err(error) => {
                attempts.failed += 1;
                attempts.last_error = Some((*error).into());
            }
        }
    }
}

/// The names of their tasks.
const HOSTILE_NAMES: [&str; CONNECTIONS] = ["hostile 0", "hostile 1", "hostile 2"];

type HostileTask = Task<Client<Hostile>>;

struct Trial<'a, 'e, 't> {
    world: &'a World<'e>,
    recorder: &'a RefCell<Recorder<'t>>,
    hub: &'a Hub<'a>,
    servers: [Box<dyn AnyTask + 'a>; 2],
    nodes: Vec<Node<'a>>,
    faults: FaultPlan,
    truths: [Truth; 2],
    places: Vec<Place>,
    hostile: Vec<(SocketHandle, HostileTask)>,
    random: Generator,
    heal_at: Tick,
    is_healed: bool,
    counts: Counts,
}

/// Prints what a seed decides.
pub(crate) fn describe(seed: u64, profile: Profile, out: &mut dyn fmt::Write) -> fmt::Result {
    let heal_at = heal_at(seed);
    writeln!(out, "faults end at {heal_at}")?;
    let faults = FaultPlan::from_seed(seed, profile, NODES, heal_at);
    for port in 0..NODES {
        writeln!(
            out,
            "link {port}: mtu {}, {:?}",
            faults.mtu(port),
            faults.link(port)
        )?;
    }
    for (at, change) in faults.changes() {
        writeln!(out, "at {at}: {change:?}")?;
    }
    Ok(())
}

fn root(seed: u64) -> Generator {
    Generator::new(seed).fork("serve", 0)
}

fn heal_at(seed: u64) -> Tick {
    Tick::from_millis(root(seed).fork("heal", 0).log_uniform(5_000, 40_000))
}

/// Runs a seed.
pub(crate) fn run(seed: u64, profile: Profile, is_guarded: bool, tracer: &mut dyn Tracer) -> Ran {
    let recorder = RefCell::new(Recorder::new(tracer));
    let mut bytes = vec![0; FRAMES * FRAME_BYTES];
    let mut frames: Vec<_> = bytes.chunks_mut(FRAME_BYTES).map(Frame::new).collect();
    let mut ports = [const { PortState::new() }; NODES];
    let world = World::new(Ethernet::new(seed, &mut ports[..], &mut frames[..]));
    world.ethernet.observe(Some(&recorder));
    let heal_at = heal_at(seed);
    let faults = FaultPlan::from_seed(seed, profile, NODES, heal_at);
    // Before the nodes boot, which look at their MTU once.
    faults.set_links(&world.ethernet);
    let mut buffers = Buffers::new(CALLERS + (NODES - 1) * CONNECTIONS);
    let mut sockets = buffers.lend();
    let mut hub_memory = HubMemory::new();
    let hub = hub_memory.hub();
    let mut node_memory = NodeMemory::<CALLERS, { CALLERS + 4 }>::with_flows();
    let mut others_memory = [const { NodeMemory::<CONNECTIONS>::new() }; NODES - 1];
    let mut session_memory = SessionMemory::new();
    let ethernet = &world.ethernet;
    let mut node = if is_guarded {
        Node::new(ethernet, HUB, seed, &mut node_memory)
    } else {
        Node::bare(ethernet, HUB, seed, &mut node_memory)
    };
    let servers = servers(&hub, &mut node, &mut sockets, &mut session_memory);
    let mut trial = Trial {
        world: &world,
        recorder: &recorder,
        hub: &hub,
        servers,
        nodes: vec![node],
        faults,
        truths: ROOMS.map(|room| Truth::watch(&hub, room)),
        places: Vec::new(),
        hostile: Vec::new(),
        random: root(seed).fork("trial", 0),
        heal_at,
        is_healed: false,
        counts: Counts::default(),
    };
    for (memory, port) in others_memory.iter_mut().zip(1..) {
        let mut node = if is_guarded {
            Node::new(ethernet, port, seed, memory)
        } else {
            Node::bare(ethernet, port, seed, memory)
        };
        for _ in 0..CONNECTIONS {
            let socket = sockets.add(&mut node);
            trial.add(port, socket, profile);
        }
        trial.nodes.push(node);
    }
    if let Err(broken) = trial.run_to_end() {
        recorder.borrow_mut().fail(world.now(), broken);
    }
    trial.report()
}

impl Trial<'_, '_, '_> {
    fn add(&mut self, port: usize, socket: SocketHandle, profile: Profile) {
        if port == HOSTILE {
            if profile != Profile::Mild {
                let task = self.hostile_task(self.hostile.len(), socket);
                self.hostile.push((socket, task));
            }
            return;
        }
        let speeches = [Speech::Lines, Speech::Text, Speech::SocketIo];
        let speech = speeches[self.random.below(3) as usize];
        let room = match speech {
            Speech::Lines => 0,
            _ => self.random.below(2) as usize,
        };
        self.counts.attempts[speech as usize].begun += 1;
        let number = self.places.len();
        self.places
            .push(Place::new(number, port, socket, speech, room));
    }

    fn hostile_task(&mut self, index: usize, socket: SocketHandle) -> HostileTask {
        self.counts.hostile += 1;
        let is_web = self.random.chance(700_000);
        let port = if is_web { WEB_PORT } else { LINES_PORT };
        let name = HOSTILE_NAMES[index];
        client(socket, port, Hostile::new(name, &mut self.random, is_web))
    }

    fn run_to_end(&mut self) -> Result<(), Broken> {
        let end = self.heal_at + HEALED_MAX;
        loop {
            let now = self.world.now();
            if !self.is_healed && now >= self.heal_at {
                self.heal(now);
            }
            self.faults.apply(&self.world.ethernet, now);
            self.act(now);
            let slice = Duration::from_millis(self.random.between(5, 300));
            self.run_slice(now + slice)?;
            self.check()?;
            if self.is_healed && self.is_over() {
                return Ok(());
            }
            if now > end {
                return Err(Broken::rule(
                    12,
                    "not all were in their rooms with all messages after all faults had ended",
                ));
            }
        }
    }

    /// Lets the world run until `until`, and looks at the rooms after each turn.
    fn run_slice(&mut self, until: Tick) -> Result<(), Broken> {
        for node in &mut self.nodes {
            node.wake_now(self.world.now());
        }
        loop {
            self.turn_due();
            self.counts.turns += 1;
            for truth in &mut self.truths {
                truth.look(self.hub)?;
            }
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
        for (_, task) in &mut self.hostile {
            tasks[HOSTILE].push(task);
        }
        let running = self.nodes.iter_mut().zip(&mut tasks);
        let mut running: Vec<_> = running.map(|(node, tasks)| node.with(tasks)).collect();
        self.world.turn_due(&mut running, self.recorder);
    }

    /// Lets members speak, freeze, end and come again, and hostile browsers come again.
    fn act(&mut self, now: Tick) {
        let random = &mut self.random;
        for place in &mut self.places {
            if let Some(result) = place.task.outcome() {
                let Some(again_at) = place.again_at else {
                    let delay = Duration::from_millis(random.log_uniform(1, 5_000));
                    place.again_at = Some(now + delay);
                    self.counts.note_end(place.speech, result);
                    continue;
                };
                if again_at <= now {
                    self.counts.attempts[place.speech as usize].begun += 1;
                    place.connect_again(now);
                }
                continue;
            }
            let member = place.task.app_mut().session_mut();
            if !member.is_in && now.since(place.since) > JOIN_MAX {
                member.end = Some(false);
            }
            if self.is_healed {
                if member.is_in && place.fresh < FRESH {
                    place.fresh += 1;
                    member.say(20, false);
                }
                continue;
            }
            match random.below(40) {
                0 => member.is_frozen = true,
                1..=3 => member.is_frozen = false,
                4 if random.chance(200_000) => member.end = Some(random.chance(500_000)),
                5..=15 if member.is_in => {
                    let len = random.log_uniform(1, 500) as usize;
                    member.say(len, random.chance(400_000));
                }
                _ => {}
            }
        }
        for index in 0..self.hostile.len() {
            let (socket, task) = &self.hostile[index];
            if task.is_finished() || self.random.chance(10_000) {
                let socket = *socket;
                self.hostile[index].1 = self.hostile_task(index, socket);
            }
        }
    }

    /// All faults end, and the hostile browser is gone without a word.
    fn heal(&mut self, now: Tick) {
        self.is_healed = true;
        self.recorder.borrow_mut().note(now, None, "all faults end");
        self.faults.heal(&self.world.ethernet);
        self.world.ethernet.set_up(HOSTILE, false);
        self.hostile.clear();
        for place in &mut self.places {
            place.task.app_mut().session_mut().is_frozen = false;
        }
    }

    /// Compares what each member has heard with the truth.
    fn check(&mut self) -> Result<(), Broken> {
        for place in &mut self.places {
            let before = place.checked;
            place.check(&self.truths[place.room])?;
            self.counts.heard += (place.checked - before) as u64;
        }
        Ok(())
    }

    /// Whether everybody is in its room, has heard all, and nobody else is there.
    fn is_over(&self) -> bool {
        let is_settled = |place: &Place| {
            let member = place.task.app().session();
            let truth = &self.truths[place.room];
            let has_said = place.fresh == FRESH && truth.count(member.tag()) == member.said;
            !place.task.is_finished() && has_said && place.rest(truth).next().is_none()
        };
        self.places.iter().all(is_settled)
            && self.truths.iter().enumerate().all(|(room, truth)| {
                let ours = self.places.iter().filter(|place| place.room == room);
                // The one who watches is there as well.
                truth.members(self.hub) == ours.count() + 1
            })
    }

    fn report(mut self) -> Ran {
        for place in &self.places {
            match place.task.outcome() {
                None => self.counts.note_end(place.speech, &Ok(())),
                Some(result) if place.again_at.is_none() => {
                    self.counts.note_end(place.speech, result);
                }
                Some(_) => {}
            }
        }
        let counts = [
            ("hub: entries heard", self.counts.heard),
            ("hub: hostile connections", self.counts.hostile),
        ];
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
        let counts = counts.map(|(what, count)| (what.to_owned(), count));
        Ran {
            report,
            counts: BTreeMap::from(counts),
        }
    }
}
