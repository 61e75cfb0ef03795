//! Hosts without guards on a virtual Ethernet under a virtual clock, each with at most one app, and plain sockets that a test
//! plays by hand.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{EthernetAddress, IpCidr};
use tickwire::{App, Carry, Error, Event, Observer, Slot, Tick, turn};
use tickwire_sim::ethernet::{Ethernet, Frame, Link, Port, PortState};

use super::lab::{endpoint, leak};

/// Times at which one call of [`World::run`] may give turns.
const TIMES_MAX: u32 = 1_000_000;

/// What a host does, and what it begins with.
pub(crate) trait Role: Default {
    /// What is noted of its events.
    type Notes: Notes;
    const SOCKETS: usize;
    /// Bytes of each socket buffer.
    const BUFFER: usize;
    const LINK: Link;

    /// Its app, if it has one by now.
    fn app(&mut self) -> Option<&mut dyn App>;
}

/// Makes words of events.
pub(crate) trait Notes: Default {
    /// A line for the log, or nothing.
    fn line(&mut self, now: Tick, event: &Event<'_>) -> Option<String>;
}

/// What a host told, as text with its time.
#[derive(Default)]
pub(crate) struct Log<N> {
    lines: Vec<(Tick, String)>,
    pub(crate) notes: N,
}

impl<N: Notes> Observer for Log<N> {
    fn event(&mut self, now: Tick, _app: usize, event: &Event<'_>) {
        let line = self.notes.line(now, event);
        self.lines.extend(line.map(|line| (now, line)));
    }
}

pub(crate) struct Host<R: Role> {
    device: Port<'static>,
    pub(crate) iface: Interface,
    pub(crate) sockets: SocketSet<'static>,
    /// The sockets of the app, or those that the test plays.
    pub(crate) handles: Vec<SocketHandle>,
    pub(crate) role: R,
    slot: Slot,
    pub(crate) log: Log<R::Notes>,
    carry: Carry,
    next: Option<Tick>,
}

pub(crate) struct World<R: Role> {
    pub(crate) now: Tick,
    pub(crate) ethernet: &'static Ethernet<'static>,
    pub(crate) hosts: Vec<Host<R>>,
}

impl<R: Role> World<R> {
    /// An Ethernet with `count` hosts that do nothing yet.
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let ports: Vec<PortState<'static>> = (0..count).map(|_| PortState::new()).collect();
        let frames: Vec<Frame<'static>> = (0..64).map(|_| Frame::new(leak(0, 1_514))).collect();
        let ethernet = Ethernet::new(seed, ports.leak(), frames.leak());
        let ethernet: &Ethernet<'_> = Box::leak(Box::new(ethernet));
        let hosts = (0..count).map(|index| Host::new(ethernet, seed, index));
        let hosts = hosts.collect();
        let now = Tick::from_millis(1);
        let world = Self {
            now,
            ethernet,
            hosts,
        };
        world.set_links(R::LINK);
        world
    }

    /// Gives a host another part, and forgets what it did and told before.
    pub(crate) fn set_role(&mut self, host: usize, role: R) {
        let host = &mut self.hosts[host];
        host.role = role;
        host.slot = Slot::new();
        host.log = Log::default();
    }

    /// The host loses its power and starts again with nothing.
    pub(crate) fn crash(&mut self, host: usize) {
        let seed = self.now.as_millis();
        self.hosts[host] = Host::new(self.ethernet, seed, host);
    }

    /// The socket of a host, or its first.
    pub(crate) fn raw(&mut self, host: usize) -> &mut Socket<'static> {
        let host = &mut self.hosts[host];
        host.sockets.get_mut(host.handles[0])
    }

    /// What a host has told, without the times.
    pub(crate) fn told(&self, host: usize) -> Vec<&str> {
        let lines = &self.hosts[host].log.lines;
        lines.iter().map(|(_, line)| line.as_str()).collect()
    }

    /// What a host told last.
    pub(crate) fn last_told(&self, host: usize) -> &str {
        let last = self.hosts[host].log.lines.last();
        last.map_or("", |(_, line)| line)
    }

    /// When a host first told this, and that it did.
    pub(crate) fn when(&self, host: usize, line: &str) -> Tick {
        let lines = &self.hosts[host].log.lines;
        let found = lines.iter().find(|(_, told)| told.starts_with(line));
        found
            .unwrap_or_else(|| panic!("host {host} never told {line:?} but {lines:?}"))
            .0
    }

    pub(crate) fn forget_told(&mut self, host: usize) {
        self.hosts[host].log.lines.clear();
    }

    /// How the app of a host ended, if it has.
    pub(crate) fn outcome(&self, host: usize) -> Option<Result<(), Error>> {
        self.hosts[host].slot.outcome()
    }

    /// Loses all frames between two hosts from now on.
    pub(crate) fn cut(&self, one: usize, other: usize) {
        self.ethernet.sever(one, other);
        self.ethernet.sever(other, one);
    }

    pub(crate) fn mend(&self, one: usize, other: usize) {
        self.ethernet.mend(one, other);
        self.ethernet.mend(other, one);
    }

    pub(crate) fn set_links(&self, link: Link) {
        for port in 0..self.hosts.len() {
            self.ethernet.set_link(port, link);
        }
    }

    /// Runs for some ticks of virtual time.
    pub(crate) fn run(&mut self, ticks: u64) {
        let end = self.now.after(ticks);
        self.run_to(end, |_| false);
        self.now = end;
    }

    /// Runs until `is_done`, at most for so many ticks.
    #[track_caller]
    pub(crate) fn run_until(&mut self, ticks: u64, is_done: impl FnMut(&mut Self) -> bool) {
        let end = self.now.after(ticks);
        let is_done = self.run_to(end, is_done);
        assert!(is_done, "not done at {}: {:?}", self.now, self.told_all());
    }

    /// Runs until `is_done`, which is asked before the first turn and after all turns of one tick, or until `end`.
    fn run_to(&mut self, end: Tick, mut is_done: impl FnMut(&mut Self) -> bool) -> bool {
        // The test may have given a host something to do.
        for host in &mut self.hosts {
            host.next = Some(self.now);
        }
        if is_done(self) {
            return true;
        }
        for _ in 0..TIMES_MAX {
            self.ethernet.set_now(self.now);
            for (index, host) in self.hosts.iter_mut().enumerate() {
                let wakes = [self.ethernet.next_due_at(index), host.next];
                if wakes.into_iter().flatten().any(|at| at <= self.now) {
                    host.turn(self.now);
                }
            }
            if is_done(self) {
                return true;
            }
            let hosts = self.hosts.iter().map(|host| host.next);
            let next = hosts.chain([self.ethernet.next_due()]).flatten().min();
            match next.filter(|next| *next <= end) {
                Some(next) => self.now = next.max(self.now),
                None => {
                    self.now = end;
                    return false;
                }
            }
        }
        panic!("too many turns: {:?}", self.told_all());
    }

    fn told_all(&self) -> Vec<&Vec<(Tick, String)>> {
        self.hosts.iter().map(|host| &host.log.lines).collect()
    }
}

impl<R: Role> Host<R> {
    fn new(ethernet: &'static Ethernet<'_>, seed: u64, index: usize) -> Self {
        let number = u8::try_from(index + 1).unwrap();
        let hardware = EthernetAddress([2, 0, 0, 0, 0, number]);
        ethernet.set_address(index, hardware);
        let mut config = Config::new(hardware.into());
        config.random_seed = seed ^ u64::from(number) << 32;
        let mut device = ethernet.port(index);
        let mut iface = Interface::new(config, &mut device, Tick::ZERO.to_smoltcp());
        let address = IpCidr::new(endpoint(index, 0).addr, 24);
        iface.update_ip_addrs(|addresses| addresses.push(address).unwrap());
        let places: Vec<SocketStorage<'static>> =
            (0..R::SOCKETS).map(|_| SocketStorage::EMPTY).collect();
        let mut host = Self {
            device,
            iface,
            sockets: SocketSet::new(places.leak()),
            handles: Vec::new(),
            role: R::default(),
            slot: Slot::new(),
            log: Log::default(),
            carry: Carry::new(seed ^ u64::from(number)),
            next: None,
        };
        for _ in 0..R::SOCKETS {
            host.add_socket(R::BUFFER, R::BUFFER);
        }
        host
    }

    /// Adds a socket with buffers of these lengths.
    pub(crate) fn add_socket(&mut self, receive: usize, send: usize) {
        let buffer = |bytes| SocketBuffer::new(leak(0, bytes));
        let socket = Socket::new(buffer(receive), buffer(send));
        self.handles.push(self.sockets.add(socket));
    }

    fn turn(&mut self, now: Tick) {
        let app = self.role.app();
        let mut seat = app.map(|app| self.slot.seat(app));
        self.next = turn(
            now,
            &mut self.iface,
            &mut self.device,
            &mut self.sockets,
            seat.as_mut_slice(),
            &mut self.carry,
            &mut self.log,
        );
    }
}
