//! Hosts on a virtual wire under a virtual clock, each with one app, and plain sockets that a test plays by hand.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint};
use tickwire::file::{Receive, ReceiveOptions, Send, SendOptions, Sent};
use tickwire::store::Store;
use tickwire::wire::{Frame, Link, Port, Wire};
use tickwire::{App, Carry, Error, Slot, Tick, turn};
use tickwire_sim::{Act, Opening, Script};

use crate::book::Book;
use crate::log::Log;
use crate::report::Report;
use crate::stores::AnyStore;

/// Turns that one call of [`World::run`] may take.
const TURNS_MAX: u32 = 1_000_000;
/// Bytes of each socket buffer, unless a test wants something else.
pub(crate) const BUFFER: usize = 2_048;
/// The wire, unless a test wants another: with a delay, so that there is a middle of a transfer.
pub(crate) const LINK: Link = Link {
    delay_micros: 1_000,
    ..Link::PERFECT
};
/// Where receivers listen.
pub(crate) const PORT: u16 = 2001;

/// What a host does.
enum Part {
    Nothing,
    Receive(Box<Receive<AnyStore>>),
    Send(Box<Send<'static, Book>>),
    Script(Box<Script<'static>>),
}

pub(crate) struct Host {
    iface: Interface,
    sockets: SocketSet<'static>,
    /// The socket of the app, or the one that the test plays.
    handle: SocketHandle,
    part: Part,
    slot: Slot,
    log: Log,
    carry: Carry,
    next: Option<Tick>,
}

pub(crate) struct World {
    pub(crate) now: Tick,
    pub(crate) wire: Wire<'static>,
    hosts: Vec<Host>,
}

/// A slice that lives as long as the test.
pub(crate) fn leak<T>(value: Vec<T>) -> &'static mut [T] {
    Box::leak(value.into_boxed_slice())
}

pub(crate) fn endpoint(host: usize) -> IpEndpoint {
    IpEndpoint::new(address(host), PORT)
}

fn address(host: usize) -> IpAddress {
    IpAddress::v4(10, 0, 0, u8::try_from(host + 1).unwrap())
}

impl World {
    /// A wire with `count` hosts that do nothing yet.
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let ports = leak((0..count).map(|_| Port::new()).collect());
        let frames = leak(
            (0..64)
                .map(|_| Frame::new(leak(vec![0; 1514])))
                .collect::<Vec<_>>(),
        );
        let mut wire = Wire::new(seed, ports, frames);
        let hosts = (0..count)
            .map(|index| Host::new(&mut wire, seed, index))
            .collect();
        let now = Tick::from_millis(1);
        let mut world = Self { now, wire, hosts };
        world.set_links(LINK);
        world
    }

    /// Gives a host a socket with buffers of other lengths.
    pub(crate) fn set_buffers(&mut self, host: usize, receive: usize, send: usize) {
        let host = &mut self.hosts[host];
        host.sockets.remove(host.handle);
        host.handle = host.sockets.add(socket(receive, send));
    }

    fn set_part(&mut self, host: usize, part: impl FnOnce(SocketHandle) -> Part) {
        let host = &mut self.hosts[host];
        host.part = part(host.handle);
        host.slot = Slot::new();
        host.log = Log::default();
    }

    /// Lets a host receive on [`PORT`].
    pub(crate) fn receive(
        &mut self,
        host: usize,
        store: impl Store + 'static,
        options: ReceiveOptions,
    ) {
        self.receive_on(host, PORT, store, options);
        self.run(1);
    }

    /// Lets a host receive on any port.
    pub(crate) fn receive_on(
        &mut self,
        host: usize,
        port: u16,
        store: impl Store + 'static,
        options: ReceiveOptions,
    ) {
        let store = AnyStore(Box::new(store));
        self.set_part(host, |socket| {
            Part::Receive(Box::new(Receive::new(socket, port, store, options)))
        });
    }

    /// Lets a host send: with a name the checked form, else the plain one.
    pub(crate) fn send(&mut self, host: usize, to: usize, name: Option<&'static str>, book: &Book) {
        self.send_with(host, endpoint(to), name, book, SendOptions::default());
    }

    pub(crate) fn send_with(
        &mut self,
        host: usize,
        to: IpEndpoint,
        name: Option<&'static str>,
        book: &Book,
        options: SendOptions,
    ) {
        let book = book.clone();
        self.set_part(host, |socket| {
            Part::Send(Box::new(match name {
                Some(name) => Send::checked(socket, to, name, book, options),
                None => Send::plain(socket, to, book, options),
            }))
        });
    }

    /// Lets a host follow a script: towards another host, or as a listener on [`PORT`].
    pub(crate) fn script(&mut self, host: usize, to: Option<usize>, acts: &[Act<'static>]) {
        let opening = match to {
            Some(to) => Opening::Dial(endpoint(to)),
            None => Opening::Listen(PORT),
        };
        let acts = leak(acts.to_vec());
        self.set_part(host, |socket| {
            Part::Script(Box::new(Script::new(socket, opening, acts)))
        });
    }

    /// The host loses its power and starts again with nothing.
    pub(crate) fn crash(&mut self, host: usize) {
        let seed = self.now.as_millis();
        self.hosts[host] = Host::new(&mut self.wire, seed, host);
    }

    /// The socket of a host.
    pub(crate) fn raw(&mut self, host: usize) -> &mut tcp::Socket<'static> {
        let host = &mut self.hosts[host];
        host.sockets.get_mut(host.handle)
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

    /// The receiver's report of its transfers so far.
    pub(crate) fn report(&self, host: usize) -> &Report {
        &self.hosts[host].log.report
    }

    pub(crate) fn forget_told(&mut self, host: usize) {
        self.hosts[host].log.lines.clear();
    }

    /// The state of a host's machine.
    pub(crate) fn state(&self, host: usize) -> &'static str {
        self.hosts[host].log.state
    }

    /// Bytes so far in the present conversation, as the events have them.
    pub(crate) fn progress(&self, host: usize) -> u64 {
        self.hosts[host].log.progress.map_or(0, |(bytes, _)| bytes)
    }

    pub(crate) fn hashed(&self, host: usize) -> Option<(u64, u64)> {
        self.hosts[host].log.hashed
    }

    /// How the app of a host ended, if it has.
    pub(crate) fn outcome(&self, host: usize) -> Option<Result<(), Error>> {
        self.hosts[host].slot.outcome()
    }

    /// What a sender sent.
    pub(crate) fn sent(&self, host: usize) -> Option<Sent> {
        match &self.hosts[host].part {
            Part::Send(send) => send.sent(),
            _ => None,
        }
    }

    /// Bytes that came to a script.
    pub(crate) fn heard(&self, host: usize) -> u64 {
        match &self.hosts[host].part {
            Part::Script(script) => script.received(),
            _ => 0,
        }
    }

    /// Loses all frames between two hosts from now on.
    pub(crate) fn cut(&mut self, one: usize, other: usize) {
        self.wire.sever(one, other);
        self.wire.sever(other, one);
    }

    pub(crate) fn mend(&mut self, one: usize, other: usize) {
        self.wire.mend(one, other);
        self.wire.mend(other, one);
    }

    pub(crate) fn set_links(&mut self, link: Link) {
        for port in 0..self.hosts.len() {
            self.wire.set_link(port, link);
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
        for _ in 0..TURNS_MAX {
            for index in 0..self.hosts.len() {
                let due = self.wire.next_due_at(index);
                let host = &mut self.hosts[index];
                let wakes = [due, host.next];
                if wakes.into_iter().flatten().any(|at| at <= self.now) {
                    host.turn(&mut self.wire, index, self.now);
                }
            }
            if is_done(self) {
                return true;
            }
            let hosts = self.hosts.iter().map(|host| host.next);
            let next = hosts.chain([self.wire.next_due()]).flatten().min();
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

    /// Runs until the app of a host has ended, at most for so many seconds; how it ended.
    #[track_caller]
    pub(crate) fn finish(&mut self, host: usize, seconds: u64) -> Result<(), Error> {
        self.run_until(seconds * 1_000, |world| world.outcome(host).is_some());
        self.outcome(host).unwrap()
    }

    /// Runs until a receiver has told the end of a conversation and waits for the next caller.
    #[track_caller]
    pub(crate) fn finish_talk(&mut self, host: usize, seconds: u64) {
        let is_over = |line: &str| line == "disconnected" || line.starts_with("failed");
        self.run_until(seconds * 1_000, |world| {
            is_over(world.last_told(host)) && world.state(host) == "Listening"
        });
    }

    fn told_all(&self) -> Vec<(&'static str, &Vec<(Tick, String)>)> {
        let hosts = self.hosts.iter();
        hosts
            .map(|host| (host.log.state, &host.log.lines))
            .collect()
    }
}

fn socket(receive: usize, send: usize) -> tcp::Socket<'static> {
    let buffer = |bytes| tcp::SocketBuffer::new(leak(vec![0; bytes]));
    tcp::Socket::new(buffer(receive), buffer(send))
}

impl Host {
    fn new(wire: &mut Wire<'static>, seed: u64, index: usize) -> Self {
        let number = u8::try_from(index + 1).unwrap();
        let hardware = EthernetAddress([2, 0, 0, 0, 0, number]);
        wire.set_address(index, hardware);
        let mut config = Config::new(hardware.into());
        config.random_seed = seed ^ u64::from(number) << 32;
        let mut port = wire.port(index, Tick::ZERO);
        let mut iface = Interface::new(config, &mut port, Tick::ZERO.to_smoltcp());
        iface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(address(index), 24)).unwrap());
        let mut sockets = SocketSet::new(leak(vec![SocketStorage::EMPTY]));
        Self {
            handle: sockets.add(socket(BUFFER, BUFFER)),
            iface,
            sockets,
            part: Part::Nothing,
            slot: Slot::new(),
            log: Log::default(),
            carry: Carry::new(seed ^ u64::from(number)),
            next: None,
        }
    }

    fn turn(&mut self, wire: &mut Wire<'static>, index: usize, now: Tick) {
        let mut device = wire.port(index, now);
        let (iface, sockets, carry) = (&mut self.iface, &mut self.sockets, &mut self.carry);
        let app: &mut dyn App = match &mut self.part {
            Part::Nothing => {
                self.next = turn(now, iface, &mut device, sockets, &mut [], carry, &mut ());
                return;
            }
            Part::Receive(receive) => &mut **receive,
            Part::Send(send) => &mut **send,
            Part::Script(script) => &mut **script,
        };
        let mut seats = [self.slot.seat(app)];
        let log = &mut self.log;
        self.next = turn(now, iface, &mut device, sockets, &mut seats, carry, log);
    }
}
