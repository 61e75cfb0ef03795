//! One seed: a hub, its members, and a hostile browser, on links that lose frames.

use std::cell::RefCell;

use smoltcp::iface::SocketHandle;
use tickwire::http::server::{HttpSession, Server as HttpServer};
use tickwire::hub::{Hub, HubHandler, Limits, LinesSession, MemberSlot, RoomSlot};
use tickwire::websocket::{self, WebSocket};
use tickwire::{AnyTask, Client, Duration, Server, ServerOptions, Task, Tick};
use tickwire_sim::ethernet::{Ethernet, Frame, PortState};
use tickwire_sim::{FaultPlan, Generator, Node, NodeMemory, Profile, World};

use super::hostile::Hostile;
use super::member::Speech;
use super::place::{HUB, LINES_PORT, Place, ROOMS, WEB_PORT, client, member_task};
use super::truth::Truth;

/// Nodes: the hub's, two with three members each, and a hostile browser with as many connections.
const NODES: usize = 4;
const HOSTILE: usize = 3;
const CALLERS: usize = 3;
const WEB_CALLERS: usize = 10;
const LINE_CALLERS: usize = 5;
const MEMBERS_MAX: usize = 16;
const LOG_BYTES: usize = 4_096;
const FRAMES: usize = 128;
const FRAME_BYTES: usize = 1_514;
const BUFFER_BYTES: usize = 1_460;
const MESSAGE_BYTES: usize = 1_024;
const HEAD_BYTES: usize = 2_048;
/// Within which all must be in their rooms, and have heard all, after all faults have ended.
const HEALED_MAX: Duration = Duration::from_secs(200);
/// Within which a member must be in its room, or it gives the connection up.
const JOIN_MAX: Duration = Duration::from_secs(40);
/// Messages of each member on its last connection.
const FRESH: u32 = 2;

/// What a seed showed.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    /// Messages and events that members have heard.
    pub(super) heard: u64,
    /// Connections of members that ended before the end of all faults.
    pub(super) ended: u64,
    /// Connections of hostile browsers.
    pub(super) hostile: u64,
}

type HostileTask = Task<Client<Hostile>>;

struct Trial<'a, 'e> {
    world: &'a World<'e>,
    hub: &'a Hub<'a>,
    truths: [Truth; 2],
    places: Vec<Place>,
    hostile: Vec<(SocketHandle, HostileTask)>,
    random: Generator,
    is_healed: bool,
    counts: Counts,
}

/// Runs a seed.
///
/// # Errors
/// The rule that was broken.
pub(super) fn run(seed: u64, profile: Profile) -> Result<Counts, &'static str> {
    let root = Generator::new(seed).fork("serve", 0);
    let mut bytes = vec![0; FRAMES * FRAME_BYTES];
    let mut frames: Vec<_> = bytes.chunks_mut(FRAME_BYTES).map(Frame::new).collect();
    let mut ports = [const { PortState::new() }; NODES];
    let world = World::new(Ethernet::new(seed, &mut ports[..], &mut frames[..]));
    let heal_at = Tick::from_millis(root.fork("heal", 0).log_uniform(5_000, 40_000));
    let mut faults = FaultPlan::from_seed(seed, profile, NODES, heal_at);
    // Before the nodes boot, which look at their MTU once.
    faults.set_links(&world.ethernet);
    let mut buffers = vec![vec![0; BUFFER_BYTES]; 2 * (WEB_CALLERS + LINE_CALLERS + 3 * CALLERS)];
    let mut buffers = buffers.iter_mut().map(|buffer| &mut buffer[..]);
    let mut members = vec![MemberSlot::EMPTY; MEMBERS_MAX];
    let mut rooms = vec![RoomSlot::EMPTY; 4];
    let mut logs = vec![0; 4 * LOG_BYTES];
    let mut memory = vec![vec![0; MESSAGE_BYTES + HEAD_BYTES]; WEB_CALLERS + LINE_CALLERS];
    let mut memory = memory
        .iter_mut()
        .map(|memory| memory.split_at_mut(HEAD_BYTES));
    let limits = Limits {
        message_bytes_max: 600,
        ..Limits::DEFAULT
    };
    let hub = Hub::new(&mut members[..], &mut rooms[..], &mut logs[..], limits);
    let mut hub_memory = NodeMemory::<{ WEB_CALLERS + LINE_CALLERS }>::new();
    let mut callers_memory = [const { NodeMemory::<CALLERS>::new() }; NODES - 1];
    let mut node = Node::new(&world.ethernet, HUB, seed, &mut hub_memory);
    let handler = HubHandler::new(&hub, &["*"]);
    let sessions = [(); WEB_CALLERS].map(|()| {
        let (head, message) = memory.next().expect("there is one for each");
        let options = websocket::Options::default();
        let web = WebSocket::server(message, options, handler.member());
        HttpSession::with_upgrade(handler, web, head)
    });
    let sockets = [(); WEB_CALLERS].map(|()| add_socket(&mut node, &mut buffers));
    let mut web = Task::new(HttpServer::http(sockets, WEB_PORT, sessions));
    let sessions = [(); LINE_CALLERS].map(|()| {
        let (_, line) = memory.next().expect("there is one for each");
        LinesSession::new(&hub, line)
    });
    let sockets = [(); LINE_CALLERS].map(|()| add_socket(&mut node, &mut buffers));
    let options = ServerOptions::default();
    let mut lines = Task::new(Server::new(sockets, LINES_PORT, sessions, options));
    let mut nodes = vec![node];
    for (memory, port) in callers_memory.iter_mut().zip(1..) {
        nodes.push(Node::new(&world.ethernet, port, seed, memory));
    }
    let mut trial = Trial {
        world: &world,
        hub: &hub,
        truths: ROOMS.map(|room| Truth::watch(&hub, room)),
        places: Vec::new(),
        hostile: Vec::new(),
        random: root.fork("trial", 0),
        is_healed: false,
        counts: Counts::default(),
    };
    for (port, node) in nodes.iter_mut().enumerate().skip(1) {
        for _ in 0..CALLERS {
            let socket = add_socket(node, &mut buffers);
            trial.add(port, socket, profile);
        }
    }
    // The lines come first: nothing but the other's news wakes them.
    let servers = (&mut lines, &mut web);
    trial.run_to_end(&mut nodes, servers, &mut faults, heal_at)?;
    Ok(trial.counts)
}

impl<'a> Trial<'a, '_> {
    fn add(&mut self, port: usize, socket: SocketHandle, profile: Profile) {
        if port == HOSTILE {
            if profile != Profile::Mild {
                let task = self.hostile_task(socket);
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
        let number = self.places.len();
        self.places.push(Place {
            node: port,
            socket,
            speech,
            room,
            connections: 0,
            task: member_task(socket, speech, ROOMS[room], format!("{number}.0")),
            again_at: None,
            since: Tick::ZERO,
            checked: 0,
            position: None,
            fresh: 0,
        });
    }

    fn hostile_task(&mut self, socket: SocketHandle) -> HostileTask {
        self.counts.hostile += 1;
        let is_web = self.random.chance(700_000);
        let port = if is_web { WEB_PORT } else { LINES_PORT };
        client(socket, port, Hostile::new(&mut self.random, is_web))
    }

    fn run_to_end<L: AnyTask, W: AnyTask>(
        &mut self,
        nodes: &mut [Node<'a>],
        (lines, web): (&mut L, &mut W),
        faults: &mut FaultPlan,
        heal_at: Tick,
    ) -> Result<(), &'static str> {
        let end = heal_at + HEALED_MAX;
        loop {
            let now = self.world.now();
            if !self.is_healed && now >= heal_at {
                self.heal(faults);
            }
            faults.apply(&self.world.ethernet, now);
            self.act(now);
            let slice = Duration::from_millis(self.random.between(5, 300));
            self.run_slice(nodes, (&mut *lines, &mut *web), now + slice)?;
            self.check()?;
            if self.is_healed && self.is_over() {
                return Ok(());
            }
            if now > end {
                return Err(
                    "not all were in their rooms with all messages after all faults had ended",
                );
            }
        }
    }

    /// Lets the world run until `until`, and looks at the rooms after each turn.
    fn run_slice<L: AnyTask, W: AnyTask>(
        &mut self,
        nodes: &mut [Node<'a>],
        (lines, web): (&mut L, &mut W),
        until: Tick,
    ) -> Result<(), &'static str> {
        let tracer = RefCell::new(());
        nodes
            .iter_mut()
            .for_each(|node| node.wake_now(self.world.now()));
        loop {
            let mut tasks: [Vec<&mut dyn AnyTask>; NODES] = Default::default();
            tasks[HUB].push(&mut *lines);
            tasks[HUB].push(&mut *web);
            for place in &mut self.places {
                tasks[place.node].push(&mut place.task);
            }
            tasks[HOSTILE].extend(
                self.hostile
                    .iter_mut()
                    .map(|(_, task)| task as &mut dyn AnyTask),
            );
            let running = nodes.iter_mut().zip(&mut tasks);
            let mut running: Vec<_> = running.map(|(node, tasks)| node.with(tasks)).collect();
            self.world.turn_due(&mut running, &tracer);
            for truth in &mut self.truths {
                truth.look(self.hub)?;
            }
            if lines.is_finished() || web.is_finished() {
                return Err("a server ended");
            }
            if !self.world.sleep(until, nodes.iter()) {
                return Ok(());
            }
        }
    }

    /// Lets members speak, freeze, end and come again, and hostile browsers come again.
    fn act(&mut self, now: Tick) {
        let random = &mut self.random;
        for (number, place) in self.places.iter_mut().enumerate() {
            if place.task.is_finished() {
                let delay = Duration::from_millis(random.log_uniform(1, 5_000));
                let again_at = *place.again_at.get_or_insert(now + delay);
                if again_at <= now {
                    self.counts.ended += u64::from(!self.is_healed);
                    place.connect_again(number, now);
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
                self.hostile[index].1 = self.hostile_task(socket);
            }
        }
    }

    /// All faults end, and the hostile browser is gone without a word.
    fn heal(&mut self, faults: &mut FaultPlan) {
        self.is_healed = true;
        faults.heal(&self.world.ethernet);
        self.world.ethernet.set_up(HOSTILE, false);
        self.hostile.clear();
        for place in &mut self.places {
            place.task.app_mut().session_mut().is_frozen = false;
        }
    }

    /// Compares what each member has heard with the truth.
    fn check(&mut self) -> Result<(), &'static str> {
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
}

fn add_socket<'a>(
    node: &mut Node<'a>,
    buffers: &mut impl Iterator<Item = &'a mut [u8]>,
) -> SocketHandle {
    let (receive, send) = (buffers.next(), buffers.next());
    let receive = receive.expect("there are two for each socket");
    node.add_socket(receive, send.expect("there are two for each socket"))
}
