//! The client: a host that joins by DHCP, looks names up, fetches and keeps its clock, in one life
//! from its start to its crash.

use std::cell::RefCell;
use std::net::Ipv4Addr;

use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::{AnySocket, tcp, udp};
use smoltcp::wire::{IpAddress, IpEndpoint};
use tickwire::dhcp::{self, Dhcp, DhcpDevice, DhcpOptions};
use tickwire::dns::{CachedName, Lookup, Name, Names, Resolver};
use tickwire::guard::{self, Guarded};
use tickwire::sntp::{Sntp, SntpOptions, WallClock};
use tickwire::{AnyTask, Config, Duration, Event, Stack, Task, Tick};
use tickwire_sim::Script;
use tickwire_sim::ethernet::{Ethernet, Port};

use super::judge::Judge;
use super::{CLIENT, CLIENT_MAC, SERVERS};

/// Lookups at a time: as many as the resolver has lanes for one family.
pub(super) const LOOKUPS: usize = 2;
const SOCKETS: usize = 5;
const DATAGRAM_BYTES: usize = 512;
const TCP_BYTES: usize = 2_048;
const NTP_PORT: u16 = 123;
/// A turn that comes so late excuses peers for a while (`Stack::turn`).
const LATE_MIN: Duration = Duration::from_secs(1);
const EXCUSED_MAX: Duration = Duration::from_secs(20);
/// How long the turns take that follow a late one.
const CATCH_UP_MAX: Duration = Duration::from_millis(200);
/// How long a connection may outlive its address.
const ORPHAN_MAX: Duration = Duration::from_secs(2);
/// The time servers.
static TIME_SERVERS: [IpEndpoint; 2] = [ntp(SERVERS[0]), ntp(SERVERS[1])];

const fn ntp(address: Ipv4Addr) -> IpEndpoint {
    IpEndpoint {
        addr: IpAddress::Ipv4(address),
        port: NTP_PORT,
    }
}

type Device<'a> = Guarded<'a, DhcpDevice<'a, Port<'a>>>;

/// Room for datagrams each way.
struct UdpMemory {
    metadata: [[udp::PacketMetadata; 4]; 2],
    bytes: [Vec<u8>; 2],
}

impl Default for UdpMemory {
    fn default() -> Self {
        Self {
            metadata: [[udp::PacketMetadata::EMPTY; 4]; 2],
            bytes: [(); 2].map(|()| vec![0; 4 * DATAGRAM_BYTES]),
        }
    }
}

impl UdpMemory {
    fn socket(&mut self) -> udp::Socket<'_> {
        let [receive, send] = &mut self.bytes;
        let [received, sent] = &mut self.metadata;
        udp::Socket::new(
            udp::PacketBuffer::new(&mut received[..], &mut receive[..]),
            udp::PacketBuffer::new(&mut sent[..], &mut send[..]),
        )
    }
}

/// The client's memory, for one life.
pub(super) struct Memory<'a> {
    sockets: [SocketStorage<'a>; SOCKETS],
    guard: guard::Storage<10>,
    lease: dhcp::Storage,
    udp: [UdpMemory; 3],
    tcp: [Vec<u8>; 4],
    /// More than the names of which one is asked for again within their life.
    cache: [CachedName; 8],
    search: [Name; 1],
    clock: WallClock,
}

impl Default for Memory<'_> {
    fn default() -> Self {
        Self {
            sockets: [SocketStorage::EMPTY; SOCKETS],
            guard: guard::Storage::new(),
            lease: dhcp::Storage::new(),
            udp: Default::default(),
            tcp: [(); 4].map(|()| vec![0; TCP_BYTES]),
            cache: [CachedName::EMPTY; 8],
            search: [Name::ROOT],
            clock: WallClock::new(),
        }
    }
}

/// A lookup that runs.
pub(super) struct LookingUp {
    pub(super) task: Task<Lookup<&'static str>>,
    pub(super) name: &'static str,
    /// When it must have ended.
    pub(super) limit: Tick,
    /// It began before the end of all faults.
    pub(super) is_stale: bool,
}

/// A transfer that runs.
pub(super) struct Transfer<'a> {
    pub(super) task: Task<Script<'a>>,
    /// RSTs that had come before.
    pub(super) resets_before: u64,
    /// It began before the end of all faults.
    pub(super) is_stale: bool,
}

pub(super) struct Client<'a> {
    stack: Stack<'a, Device<'a>>,
    pub(super) clock: &'a WallClock,
    pub(super) dhcp: Task<Dhcp<'a>>,
    pub(super) resolver: Task<Resolver>,
    pub(super) time: Option<Task<Sntp<'a>>>,
    pub(super) lookups: [Option<LookingUp>; LOOKUPS],
    pub(super) transfer: Option<Transfer<'a>>,
    /// For the clock and for transfers.
    time_socket: SocketHandle,
    pub(super) tcp_socket: SocketHandle,
    /// Since when a connection has had an address that is gone.
    orphan_since: Option<Tick>,
    wake: Option<Tick>,
    frozen_until: Tick,
    /// Until then a deadline may have passed, because it was away.
    pub(super) excused_until: Tick,
    /// How late it was last, and when.
    behind: Duration,
    behind_at: Tick,
    /// How late the next turn comes.
    pub(super) late: Duration,
}

/// What a life begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) seed: u64,
    pub(super) now: Tick,
    pub(super) options: DhcpOptions<'static>,
    pub(super) is_guarded: bool,
    pub(super) is_link_up: bool,
}

impl<'a> Client<'a> {
    pub(super) fn new(
        ethernet: &'a Ethernet<'_>,
        memory: &'a mut Memory<'a>,
        start: &Start,
    ) -> Self {
        let lease = &memory.lease;
        let device = DhcpDevice::new(ethernet.port(CLIENT), lease);
        let device = if start.is_guarded {
            Guarded::new(device, CLIENT_MAC, &mut memory.guard)
        } else {
            Guarded::passive(device, &mut memory.guard)
        };
        let config = Config {
            mac: CLIENT_MAC,
            addresses: &[],
            gateway: None,
            seed: start.seed,
        };
        let sockets = SocketSet::new(&mut memory.sockets[..]);
        let mut stack = Stack::new(device, &config, sockets, start.now).with_guard();
        stack.names = Names::new(&mut memory.cache).with_search_room(&mut memory.search);
        let udp = memory.udp.each_mut();
        let [one, other, time_socket] = udp.map(|memory| stack.sockets.add(memory.socket()));
        let [a, b, c, d] = &mut memory.tcp;
        let names_socket = stack.add_tcp_socket(a, b);
        let tcp_socket = stack.add_tcp_socket(c, d);
        let mut dhcp = Dhcp::new(lease, start.options);
        dhcp.set_link(start.is_link_up);
        Self {
            stack,
            clock: &memory.clock,
            dhcp: Task::new(dhcp),
            resolver: Task::new(Resolver::new([one, other], names_socket)),
            time: None,
            lookups: Default::default(),
            transfer: None,
            time_socket,
            tcp_socket,
            orphan_since: None,
            wake: Some(start.now),
            frozen_until: Tick::ZERO,
            excused_until: Tick::ZERO,
            behind: Duration::ZERO,
            behind_at: start.now,
            late: Duration::ZERO,
        }
    }

    /// Starts to keep the clock.
    pub(super) fn start_time(&mut self, once: bool) {
        let options = SntpOptions {
            once,
            interval: Duration::from_secs(16),
        };
        let sntp = Sntp::new(self.time_socket, &TIME_SERVERS, self.clock, options);
        self.time = Some(Task::new(sntp));
    }

    pub(super) fn wake_now(&mut self, now: Tick) {
        self.wake = Some(self.wake.map_or(now, |wake| wake.min(now)));
    }

    pub(super) fn freeze(&mut self, until: Tick) {
        self.frozen_until = self.frozen_until.max(until);
    }

    pub(super) fn is_frozen(&self, now: Tick) -> bool {
        now < self.frozen_until
    }

    /// When its turn was asked for, by itself or by a frame.
    fn asked_for(&self) -> Option<Tick> {
        let port = self.stack.device.get_ref().get_ref();
        [self.wake, port.next_due()].into_iter().flatten().min()
    }

    /// When it has its next turn.
    pub(super) fn next_turn(&self) -> Option<Tick> {
        let asked_for = self.asked_for()?;
        Some((asked_for + self.late).max(self.frozen_until))
    }

    /// The address that it has.
    pub(super) fn address(&self) -> Option<Ipv4Addr> {
        let mut addresses = self.stack.iface.ip_addrs().iter();
        addresses.find_map(|cidr| match cidr.address() {
            IpAddress::Ipv4(address) => Some(address),
            IpAddress::Ipv6(_) => None,
        })
    }

    /// One turn, whose deadlines the loop must have asked for.
    pub(super) fn turn(&mut self, now: Tick, judge: &RefCell<Judge<'_>>) {
        let late = self.asked_for().map_or(Duration::ZERO, |at| now.since(at));
        if late >= LATE_MIN {
            self.excused_until = now + EXCUSED_MAX;
        }
        // What was late is made up for in several turns.
        if late >= self.behind || now.since(self.behind_at) > CATCH_UP_MAX {
            (self.behind, self.behind_at) = (late, now);
        }
        let late = self.behind;
        judge.borrow_mut().begin_turn(late);
        let mut observer = |_: Tick, task: &'static str, event: &Event<'_>| {
            use tickwire_sim::Tracer as _;
            judge.borrow_mut().event(now, CLIENT, task, event);
        };
        let mut tasks: Vec<&mut dyn AnyTask> = vec![&mut self.dhcp, &mut self.resolver];
        tasks.extend(self.time.as_mut().map(|task| task as &mut dyn AnyTask));
        for lookup in self.lookups.iter_mut().flatten() {
            tasks.push(&mut lookup.task);
        }
        if let Some(transfer) = &mut self.transfer {
            tasks.push(&mut transfer.task);
        }
        let next = self.stack.turn(now, &mut tasks, &mut observer);
        let deadlines = tasks.iter().filter_map(|task| task.deadline());
        let earliest = deadlines.map(|deadline| deadline.at).min();
        self.wake = next;
        let judged_at = |at: Tick| {
            at.max(now)
                .max(if at <= now { self.excused_until } else { now })
        };
        if earliest.is_some_and(|at| next.is_none_or(|next| next > judged_at(at))) {
            let what = "a deadline is not in what the turn returned";
            judge.borrow_mut().fail(now, 3, what);
        }
        self.check_connections(now, judge);
        judge.borrow_mut().end_turn(now);
    }

    /// No connection lives on from an address that is gone. One that waits for a neighbour, and
    /// sends nothing, may learn it a second later.
    fn check_connections(&mut self, now: Tick, judge: &RefCell<Judge<'_>>) {
        let held = self.address().map(IpAddress::Ipv4);
        let is_orphan = |socket: &tcp::Socket<'_>| {
            let local = socket.local_endpoint();
            socket.is_open() && local.is_some_and(|local| Some(local.addr) != held)
        };
        let mut sockets = self.stack.sockets.iter();
        if !sockets.any(|(_, socket)| tcp::Socket::downcast(socket).is_some_and(is_orphan)) {
            self.orphan_since = None;
            return;
        }
        let since = *self.orphan_since.get_or_insert(now);
        if now > since + ORPHAN_MAX + judge.borrow().late {
            let what = "a connection has an address that the client does not hold";
            judge.borrow_mut().fail(now, 13, what);
        }
    }

    /// Whether a task has ended that should go on.
    pub(super) fn has_stopped(&self) -> bool {
        self.dhcp.is_finished() || self.resolver.is_finished()
    }

    /// Whether no question is on its way.
    pub(super) fn is_resolver_idle(&self) -> bool {
        self.resolver.app().is_idle()
    }
}
