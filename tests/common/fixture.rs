//! Hosts on a virtual Ethernet under a virtual clock, in memory that tests may leak: each runs any
//! number of tasks, or has plain sockets that a test plays by hand.
//!
//! ```text
//! let mut net = Fixture::guarded(1, 2);
//! let socket = net.add_socket(0, BUFFER);
//! let get = net.start(0, Get::new(socket, ..));
//! net.script(1, Opening::Listen(80), &acts);
//! assert_eq!(net.finish(get, secs(60)), Ok(()));
//! ```

use std::any::Any;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::DerefMut;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::AnySocket;
use smoltcp::socket::tcp::Socket;
use smoltcp::wire::IpEndpoint;
use tickwire::{AnyTask, App, Duration, Task, Tick};
use tickwire_sim::ethernet::{Ethernet, Frame, Link, PortState};
use tickwire_sim::{Act, Node, NodeMemory, Opening, RunningNode, Script, World};

use super::log::Log;

/// Bytes of each socket buffer unless a test wants something else.
pub(crate) const BUFFER: usize = 4_096;
/// Sockets that one host may have.
const SOCKETS: usize = 16;
/// Turns that the hosts may take together in one run.
const TURNS_MAX: u32 = 4_000_000;

/// A slice that lives as long as the test.
pub(crate) fn leak<T: Clone>(value: T, count: usize) -> &'static mut [T] {
    vec![value; count].leak()
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The endpoint of the host at `port` of the Ethernet.
pub(crate) fn endpoint(port: usize, tcp_port: u16) -> IpEndpoint {
    IpEndpoint::new(Node::address_of(port).into(), tcp_port)
}

/// A [`Task`] whose app only the test knows.
trait HostedTask: AnyTask + Any {}
impl<T: AnyTask + Any> HostedTask for T {}

/// A task of a host, by the type of its app.
pub(crate) struct TaskId<A> {
    host: usize,
    index: usize,
    app: PhantomData<fn() -> A>,
}

impl<A> Clone for TaskId<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for TaskId<A> {}

/// One host.
pub(crate) struct Host {
    pub(crate) node: Node<'static>,
    /// Its TCP sockets, in the order in which they were added.
    pub(crate) handles: Vec<SocketHandle>,
    /// It gets no turns, as if its program were stopped. Frames wait for it.
    pub(crate) is_paused: bool,
    /// `None` where a task was stopped.
    tasks: Vec<Option<Box<dyn HostedTask>>>,
}

/// All hosts, and what their apps told.
pub(crate) struct Fixture {
    pub(crate) world: &'static World<'static>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) log: RefCell<Log>,
    is_guarded: bool,
    seed: u64,
}

impl Host {
    fn new(node: Node<'static>) -> Self {
        Self {
            node,
            handles: Vec::new(),
            is_paused: false,
            tasks: Vec::new(),
        }
    }

    fn running(&mut self) -> (&mut Node<'static>, Vec<&mut dyn AnyTask>) {
        let tasks = self.tasks.iter_mut().flatten();
        let tasks = tasks.map(|task| &mut **task as &mut dyn AnyTask);
        (&mut self.node, tasks.collect())
    }
}

impl Fixture {
    /// `count` hosts without guards: smoltcp as it is. There is room for 64 frames at a time.
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        Self::build(seed, count, 64, false)
    }

    /// `count` hosts with guards. There is room for 256 frames at a time.
    pub(crate) fn guarded(seed: u64, count: usize) -> Self {
        Self::build(seed, count, 256, true)
    }

    fn build(seed: u64, count: usize, frames: usize, is_guarded: bool) -> Self {
        let ports: Vec<PortState<'static>> = (0..count).map(|_| PortState::new()).collect();
        let frames: Vec<Frame<'static>> = (0..frames).map(|_| Frame::new(leak(0, 1_514))).collect();
        let ethernet = Ethernet::new(seed, ports.leak(), frames.leak());
        let mut fixture = Self {
            world: Box::leak(Box::new(World::new(ethernet))),
            hosts: Vec::new(),
            log: RefCell::default(),
            is_guarded,
            seed,
        };
        for host in 0..count {
            let node = fixture.boot(host, seed);
            fixture.hosts.push(Host::new(node));
        }
        fixture
    }

    fn boot(&self, host: usize, seed: u64) -> Node<'static> {
        let memory = NodeMemory::<SOCKETS, { SOCKETS + 2 }>::with_flows();
        let memory = Box::leak(Box::new(memory));
        if self.is_guarded {
            Node::new(&self.world.ethernet, host, seed, memory)
        } else {
            Node::bare(&self.world.ethernet, host, seed, memory)
        }
    }

    pub(crate) fn ethernet(&self) -> &'static Ethernet<'static> {
        &self.world.ethernet
    }

    pub(crate) fn now(&self) -> Tick {
        self.world.now()
    }

    /// The host loses its power and starts again at once, with nothing but other random values.
    pub(crate) fn crash(&mut self, host: usize) {
        let seed = self.seed ^ (self.now().as_millis() << 8);
        let node = self.boot(host, seed);
        self.hosts[host] = Host::new(node);
    }

    /// A socket with buffers of `bytes` each.
    pub(crate) fn add_socket(&mut self, host: usize, bytes: usize) -> SocketHandle {
        self.add_socket_with(host, bytes, bytes)
    }

    /// A socket with buffers of these lengths.
    pub(crate) fn add_socket_with(
        &mut self,
        host: usize,
        receive: usize,
        send: usize,
    ) -> SocketHandle {
        let host = &mut self.hosts[host];
        let handle = host.node.add_socket(leak(0, receive), leak(0, send));
        host.handles.push(handle);
        handle
    }

    /// Removes all sockets of a host, with what they carry, and all tasks with them.
    pub(crate) fn clear(&mut self, host: usize) {
        let host = &mut self.hosts[host];
        host.tasks.clear();
        for handle in host.handles.drain(..) {
            host.node.stack.sockets.remove(handle);
        }
    }

    /// A socket of a host, of any kind.
    pub(crate) fn socket<T: AnySocket<'static>>(
        &mut self,
        host: usize,
        handle: SocketHandle,
    ) -> &mut T {
        self.hosts[host].node.stack.sockets.get_mut(handle)
    }

    /// The first TCP socket of a host, for a test that plays it by hand.
    pub(crate) fn raw(&mut self, host: usize) -> &mut Socket<'static> {
        let handle = self.hosts[host].handles[0];
        self.socket(host, handle)
    }

    /// Dials by hand, with the first socket of a host.
    pub(crate) fn raw_connect(&mut self, host: usize, remote: IpEndpoint, local_port: u16) {
        let host = &mut self.hosts[host];
        let stack = &mut host.node.stack;
        let socket = stack.sockets.get_mut::<Socket<'_>>(host.handles[0]);
        socket
            .connect(stack.iface.context(), remote, local_port)
            .unwrap();
    }

    /// Lets a host run an app, beside those that it runs already.
    pub(crate) fn start<A: App + 'static>(&mut self, host: usize, app: A) -> TaskId<A> {
        let tasks = &mut self.hosts[host].tasks;
        tasks.push(Some(Box::new(Task::new(app))));
        TaskId {
            host,
            index: tasks.len() - 1,
            app: PhantomData,
        }
    }

    /// Lets a host follow a script, over a socket of its own.
    pub(crate) fn script(
        &mut self,
        host: usize,
        opening: Opening,
        acts: &[Act<'static>],
    ) -> TaskId<Script<'static>> {
        let socket = self.add_socket(host, BUFFER);
        self.start(host, Script::new(socket, opening, acts.to_vec().leak()))
    }

    /// A task, while it was not stopped.
    pub(crate) fn task<A: App + 'static>(&self, id: TaskId<A>) -> &Task<A> {
        let task: &dyn Any = &**self.hosts[id.host].tasks[id.index].as_ref().unwrap();
        task.downcast_ref().unwrap()
    }

    pub(crate) fn app<A: App + 'static>(&self, id: TaskId<A>) -> &A {
        self.task(id).app()
    }

    /// The app, to command it. Its host gets a turn in the next run.
    pub(crate) fn app_mut<A: App + 'static>(&mut self, id: TaskId<A>) -> &mut A {
        let task: &mut dyn Any = &mut **self.hosts[id.host].tasks[id.index].as_mut().unwrap();
        task.downcast_mut::<Task<A>>().unwrap().app_mut()
    }

    /// Takes an app out of its host, whether it has ended or not. Its sockets stay as they are.
    pub(crate) fn stop<A: App + 'static>(&mut self, id: TaskId<A>) -> A {
        let task: Box<dyn Any> = self.hosts[id.host].tasks[id.index].take().unwrap();
        task.downcast::<Task<A>>().unwrap().into_app()
    }

    /// How a task ended, if it has.
    pub(crate) fn outcome<A>(&self, id: TaskId<A>) -> Option<Result<(), A::Error>>
    where
        A: App + 'static,
        A::Error: Clone,
    {
        self.task(id).outcome().cloned()
    }

    /// Loses all frames between two hosts from now on.
    pub(crate) fn cut(&self, one: usize, other: usize) {
        self.world.ethernet.sever(one, other);
        self.world.ethernet.sever(other, one);
    }

    pub(crate) fn mend(&self, one: usize, other: usize) {
        self.world.ethernet.mend(one, other);
        self.world.ethernet.mend(other, one);
    }

    pub(crate) fn set_links(&self, link: Link) {
        for port in 0..self.hosts.len() {
            self.world.ethernet.set_link(port, link);
        }
    }

    /// Runs for some virtual time, the turns of its last tick included.
    pub(crate) fn run(&mut self, time: Duration) {
        self.run_to(self.now() + time, |_| false);
    }

    /// Runs until `is_done`, at most for `time`.
    #[track_caller]
    pub(crate) fn run_until(&mut self, time: Duration, mut is_done: impl FnMut(&mut Self) -> bool) {
        run_until(&mut &mut *self, time, |net| is_done(net));
    }

    /// Runs until a task has ended, at most for `time`; how it ended.
    #[track_caller]
    pub(crate) fn finish<A>(&mut self, id: TaskId<A>, time: Duration) -> Result<(), A::Error>
    where
        A: App + 'static,
        A::Error: Clone,
    {
        self.run_until(time, |net| net.task(id).is_finished());
        self.outcome(id).unwrap()
    }

    /// Runs until `is_done` or until `end`, as [`run_to`] does; whether it was done.
    pub(crate) fn run_to(&mut self, end: Tick, mut is_done: impl FnMut(&mut Self) -> bool) -> bool {
        run_to(&mut &mut *self, end, |net| is_done(net))
    }

    /// Gives each host its turn that wants one now.
    fn turn_due(&mut self) {
        let awake = self.hosts.iter_mut().filter(|host| !host.is_paused);
        let mut running: Vec<_> = awake.map(Host::running).collect();
        let nodes = running.iter_mut();
        let mut nodes: Vec<RunningNode<'_, '_, '_>> =
            nodes.map(|(node, tasks)| node.with(tasks)).collect();
        self.world.turn_due(&mut nodes, &self.log);
    }

    /// What a host has told, without the times.
    pub(crate) fn told(&self, host: usize) -> Vec<String> {
        self.log.borrow().told(host)
    }

    /// Whether a host has told this line.
    pub(crate) fn has_told(&self, host: usize, line: &str) -> bool {
        self.told(host).iter().any(|told| told == line)
    }

    /// What a host told last.
    pub(crate) fn last_told(&self, host: usize) -> String {
        self.told(host).pop().unwrap_or_default()
    }

    /// When a host first told a line that begins like this, and that it did.
    #[track_caller]
    pub(crate) fn when(&self, host: usize, line: &str) -> Tick {
        self.log.borrow().when(host, line)
    }

    pub(crate) fn forget_told(&self, host: usize) {
        self.log.borrow_mut().forget(host);
    }
}

/// Runs the hosts until `is_done`, at most for `time`. `W` is what a test has built on the fixture.
#[track_caller]
pub(crate) fn run_until<W: DerefMut<Target = Fixture>>(
    world: &mut W,
    time: Duration,
    is_done: impl FnMut(&mut W) -> bool,
) {
    let is_done = run_to(world, world.now() + time, is_done);
    assert!(
        is_done,
        "not done at {}: {}",
        world.now(),
        world.log.borrow()
    );
}

/// Runs the hosts until `is_done`, which is asked before the first turn and after all turns of one
/// tick, or until `end`; whether it was done.
///
/// Hosts have only the turns that their loops asked for, after one at once: the test may have given
/// a host something to do.
fn run_to<W: DerefMut<Target = Fixture>>(
    world: &mut W,
    end: Tick,
    mut is_done: impl FnMut(&mut W) -> bool,
) -> bool {
    let now = world.now();
    for host in &mut world.hosts {
        host.node.wake_now(now);
    }
    if is_done(world) {
        return true;
    }
    for _ in 0..TURNS_MAX {
        world.turn_due();
        if is_done(world) {
            return true;
        }
        let net = &**world;
        let awake = || net.hosts.iter().filter(|host| !host.is_paused);
        let nodes = || awake().map(|host| &host.node);
        let is_due_now = |node: &Node<'_>| node.next_turn().is_some_and(|at| at <= net.now());
        if !net.world.sleep(end, nodes()) && !nodes().any(is_due_now) {
            return false;
        }
    }
    panic!("too many turns: {}", world.log.borrow());
}
