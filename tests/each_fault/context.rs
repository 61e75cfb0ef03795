//! Two hosts on a virtual Ethernet, in memory that lives for one run: there are some ten thousand
//! runs, too many to leak it as `common::fixture` does.

use core::cell::{Ref, RefCell};
use core::fmt;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::wire::IpEndpoint;
use tickwire::{AnyTask, App, Duration, Task};
use tickwire_sim::ethernet::{Action, Ethernet, Frame, Link, Planned, PortState};
use tickwire_sim::{Act, Idle, Node, NodeMemory, Opening, Script, SimError, World};

use crate::common::fixture::secs;
use crate::log::Log;

/// The host that dials.
pub(crate) const CLIENT: usize = 0;
/// The host that listens.
pub(crate) const SERVER: usize = 1;
/// Where it listens.
pub(crate) const PORT: u16 = 2001;
/// Bytes of each socket buffer: less than a transfer, so that windows close and open.
const BUFFER: usize = 1_024;
/// And in a [`Setting::Small`], where every few hundred bytes need a frame of their own.
const SMALL_BUFFER: usize = 256;
/// IP bytes of a frame there.
const SMALL_MTU: usize = 600;
/// The Ethernet has a delay, so that there is a middle of a transfer.
const LINK: Link = Link {
    delay_micros: 1_000,
    ..Link::PERFECT
};
const SEED: u64 = 7;
const FRAMES: usize = 32;
const FRAME_BYTES: usize = 1_514;
const SOCKETS: usize = 8;
/// How long a script waits for a peer that has gone.
const SCRIPT_TIMEOUT: Duration = secs(20);
/// Hosts that one run may start.
const HOSTS: usize = 4;
const BUFFERS_BYTES: usize = 48 * 1_024;

/// What happens to one frame.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) from: usize,
    pub(crate) number: u64,
    pub(crate) action: Action,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let side = ["client", "server"][self.from];
        let Self { number, action, .. } = self;
        write!(f, "{action:?} of the {side}'s frame {number}")
    }
}

/// On what the hosts run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    /// With guards.
    Guarded,
    /// Without them.
    Bare,
    /// With guards, with the smallest buffers and frames that the simulator draws. Listeners are
    /// for one caller.
    Small,
}

/// A task whatever its app, and how it ended.
trait HostedTask: AnyTask {
    fn outcome(&self) -> Option<Result<(), SimError>>;
}

impl<A> HostedTask for Task<A>
where
    A: App,
    A::Error: Clone + Into<SimError>,
{
    fn outcome(&self) -> Option<Result<(), SimError>> {
        let outcome = Self::outcome(self).cloned();
        outcome.map(|result| result.map_err(Into::into))
    }
}

/// Any app, in a task of its own.
pub(crate) struct AppSlot<'a>(Box<dyn HostedTask + 'a>);

impl<'a> AppSlot<'a> {
    pub(crate) fn new<A>(app: A) -> Self
    where
        A: App + 'a,
        A::Error: Clone + Into<SimError>,
    {
        Self(Box::new(Task::new(app)))
    }

    pub(crate) fn outcome(&self) -> Option<Result<(), SimError>> {
        self.0.outcome()
    }
}

/// Memory that is lent once.
struct Bump<'a> {
    bytes: &'a mut [u8],
    nodes: &'a mut [NodeMemory<'a, SOCKETS>],
}

impl<'a> Bump<'a> {
    fn bytes(&mut self, count: usize) -> &'a mut [u8] {
        self.bytes.split_off_mut(..count).unwrap()
    }

    fn node(&mut self) -> &'a mut NodeMemory<'a, SOCKETS> {
        self.nodes.split_off_first_mut().unwrap()
    }
}

pub(crate) struct RunContext<'a> {
    pub(crate) world: &'a World<'a>,
    log: &'a RefCell<Log>,
    setting: Setting,
    hosts: [Node<'a>; 2],
    bump: Bump<'a>,
}

/// Lends the memory for one run.
pub(crate) fn with_context<R>(
    setting: Setting,
    fault: Option<Fault>,
    run: impl FnOnce(&mut RunContext<'_>) -> R,
) -> R {
    let mut bytes = vec![0; FRAMES * FRAME_BYTES + BUFFERS_BYTES];
    let mut nodes = [const { NodeMemory::new() }; HOSTS];
    let plan = fault.map(|fault| Planned {
        number: fault.number,
        action: fault.action,
    });
    let mut bump = Bump {
        bytes: &mut bytes,
        nodes: &mut nodes,
    };
    let mut frames: [Frame<'_>; FRAMES] =
        core::array::from_fn(|_| Frame::new(bump.bytes(FRAME_BYTES)));
    let mut ports = [const { PortState::new() }; 2];
    let log = RefCell::new(Log::new(fault));
    let ethernet = Ethernet::new(SEED, &mut ports[..], &mut frames[..]);
    for port in [CLIENT, SERVER] {
        ethernet.set_link(port, LINK);
        if setting == Setting::Small {
            ethernet.set_mtu(port, SMALL_MTU);
        }
    }
    if let Some(fault) = fault {
        ethernet.set_plan(fault.from, plan.as_slice());
    }
    ethernet.observe(Some(&log));
    let world = World::new(ethernet);
    let hosts = [CLIENT, SERVER].map(|port| {
        let memory = bump.node();
        if setting == Setting::Bare {
            Node::bare(&world.ethernet, port, SEED, memory)
        } else {
            Node::new(&world.ethernet, port, SEED, memory)
        }
    });
    run(&mut RunContext {
        world: &world,
        log: &log,
        setting,
        hosts,
        bump,
    })
}

impl<'a> RunContext<'a> {
    pub(crate) fn log(&self) -> Ref<'_, Log> {
        self.log.borrow()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> &'a mut [u8] {
        self.bump.bytes(count)
    }

    pub(crate) fn socket(&mut self, host: usize) -> SocketHandle {
        let is_small = self.setting == Setting::Small;
        let count = if is_small { SMALL_BUFFER } else { BUFFER };
        let (receive, send) = (self.bump.bytes(count), self.bump.bytes(count));
        self.hosts[host].add_socket(receive, send)
    }

    /// A scripted peer that listens where the server does.
    pub(crate) fn scripted_server<'b>(&mut self, acts: &'b [Act<'b>]) -> AppSlot<'b> {
        let script = Script::new(self.socket(SERVER), Opening::Listen(PORT), acts);
        AppSlot::new(script.with_timeout(SCRIPT_TIMEOUT))
    }

    /// A scripted peer that dials the server.
    pub(crate) fn scripted_caller<'b>(&mut self, acts: &'b [Act<'b>]) -> AppSlot<'b> {
        let script = Script::new(self.socket(CLIENT), Opening::Dial(self.server()), acts);
        AppSlot::new(script.with_timeout(SCRIPT_TIMEOUT))
    }

    /// Whether servers are for one caller.
    pub(crate) fn is_once(&self) -> bool {
        self.setting == Setting::Small
    }

    pub(crate) fn server(&self) -> IpEndpoint {
        (Node::address_of(SERVER), PORT).into()
    }

    /// Lets both apps run for this time, without a turn that neither of the hosts asked for.
    pub(crate) fn run(
        &mut self,
        time: Duration,
        client: &mut AppSlot<'_>,
        server: &mut AppSlot<'_>,
    ) {
        let until = self.world.now() + time;
        let [calling, called] = &mut self.hosts;
        let mut idle = Task::new(Idle);
        let mut clients: [&mut dyn AnyTask; 1] = [&mut *client.0];
        let mut servers: [&mut dyn AnyTask; 2] = [&mut *server.0, &mut idle];
        let nodes = &mut [calling.with(&mut clients), called.with(&mut servers)];
        self.world.run_traced(until, nodes, self.log);
    }

    /// A host loses its power and starts again at once, with nothing but other random values.
    pub(crate) fn crash(&mut self, host: usize, seed: u64) {
        self.world.ethernet.set_up(host, false);
        let memory = self.bump.node();
        self.hosts[host] = Node::new(&self.world.ethernet, host, seed, memory);
        self.world.ethernet.set_up(host, true);
    }

    /// The state of a socket that still carries something.
    pub(crate) fn open_socket(&self) -> Option<(usize, State)> {
        let hosts = self.hosts.iter().enumerate();
        let sockets =
            hosts.flat_map(|(index, host)| host.stack.sockets.iter().map(move |it| (index, it)));
        let states = sockets.map(|(host, (handle, _))| {
            let socket = self.hosts[host].stack.sockets.get::<Socket<'_>>(handle);
            (host, socket.state())
        });
        let mut open = states.filter(|(_, state)| !matches!(state, State::Closed | State::Listen));
        open.next()
    }

    /// Frames that each host has sent.
    pub(crate) fn frames(&self) -> [u64; 2] {
        [CLIENT, SERVER].map(|port| self.world.ethernet.counts(port).sent)
    }
}
