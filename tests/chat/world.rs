//! Hosts on a virtual wire under a virtual clock: chat peers, and plain sockets that a test plays by hand.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint};
use tickwire::chat::{Ending, MessageSink, Options, Peer};
use tickwire::wire::{Frame, Link, Port, Wire};
use tickwire::{Carry, Error, Event, Observer, Slot, Tick, turn};

/// Turns that one call of [`World::run`] may take.
const TURNS_MAX: u32 = 400_000;

/// What a chat writes, as far as the test allows.
pub(crate) struct Capture {
    pub(crate) bytes: Vec<u8>,
    /// Bytes that it still takes; `None` takes all.
    pub(crate) room: Option<usize>,
    /// What ended each message; `None` stands for the end of a conversation.
    pub(crate) ends: Vec<Option<Ending>>,
}

impl MessageSink for Capture {
    fn take_text(&mut self, text: &[u8]) -> Result<usize, Error> {
        let count = text.len().min(self.room.unwrap_or(usize::MAX));
        if let Some(room) = &mut self.room {
            *room -= count;
        }
        self.bytes.extend_from_slice(&text[..count]);
        Ok(count)
    }

    fn end_message(&mut self, ending: Ending) -> Result<bool, Error> {
        let is_taken = self.take_text(b"\n")? > 0;
        if is_taken {
            self.ends.push(Some(ending));
        }
        Ok(is_taken)
    }

    fn end_conversation(&mut self) {
        self.ends.push(None);
    }
}

/// What a host told, as text with its time; state changes are left out.
#[derive(Default)]
pub(crate) struct Log(pub(crate) Vec<(Tick, String)>);

impl Observer for Log {
    fn event(&mut self, now: Tick, _app: usize, event: &Event<'_>) {
        let line = match *event {
            Event::Entered { .. } => return,
            Event::Connected { part, .. } => format!("connected as {part:?}"),
            Event::Disconnected { .. } => "disconnected".into(),
            Event::Failed { remote, error } => match remote {
                Some(remote) => format!("failed with {}: {error:?}", remote.addr),
                None => format!("failed: {error:?}"),
            },
            Event::Listening { port } => format!("listening {port}"),
            Event::Connecting { remote } => format!("connecting {remote}"),
            Event::Redialling { delay_ticks } => format!("redialling in {delay_ticks}"),
            Event::Unsent { bytes } => format!("unsent {bytes}"),
            Event::Partial => "partial".into(),
            _ => format!("{event:?}"),
        };
        self.0.push((now, line));
    }
}

pub(crate) struct Host {
    pub(crate) iface: Interface,
    pub(crate) sockets: SocketSet<'static>,
    /// The sockets of the chat, or those that the test plays.
    pub(crate) handles: [SocketHandle; 2],
    pub(crate) chat: Option<Peer<'static, Capture>>,
    pub(crate) slot: Slot,
    pub(crate) log: Log,
    carry: Carry,
    next: Option<Tick>,
}

pub(crate) struct World {
    pub(crate) now: Tick,
    pub(crate) wire: Wire<'static>,
    pub(crate) hosts: Vec<Host>,
}

fn leak<T>(value: Vec<T>) -> &'static mut [T] {
    Box::leak(value.into_boxed_slice())
}

pub(crate) fn address(host: usize) -> IpAddress {
    IpAddress::v4(10, 0, 0, u8::try_from(host + 1).unwrap())
}

pub(crate) fn endpoint(host: usize, port: u16) -> IpEndpoint {
    IpEndpoint::new(address(host), port)
}

pub(crate) fn options() -> Options {
    Options::DEFAULT
}

impl World {
    /// A wire with `count` hosts that have neither chat nor part yet.
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
        Self { now, wire, hosts }
    }

    /// Gives a host a chat peer with a line buffer of 80 bytes and a queue of 256.
    pub(crate) fn chat(&mut self, host: usize, options: Options) -> &mut Peer<'static, Capture> {
        let host = &mut self.hosts[host];
        let capture = Capture {
            bytes: Vec::new(),
            room: None,
            ends: Vec::new(),
        };
        host.chat.insert(Peer::new(
            host.handles,
            leak(vec![0; 80]),
            leak(vec![0; 256]),
            capture,
            options,
        ))
    }

    /// The chat of a host.
    pub(crate) fn peer(&mut self, host: usize) -> &mut Peer<'static, Capture> {
        self.hosts[host].chat.as_mut().unwrap()
    }

    /// What the chat of a host has delivered.
    pub(crate) fn heard(&mut self, host: usize) -> String {
        String::from_utf8(self.peer(host).sink_mut().bytes.clone()).unwrap()
    }

    /// A socket that the test plays.
    pub(crate) fn raw(&mut self, host: usize) -> &mut tcp::Socket<'static> {
        let host = &mut self.hosts[host];
        host.sockets.get_mut(host.handles[0])
    }

    /// Dials by hand.
    pub(crate) fn raw_connect(&mut self, host: usize, remote: IpEndpoint, local_port: u16) {
        let host = &mut self.hosts[host];
        host.sockets
            .get_mut::<tcp::Socket<'_>>(host.handles[0])
            .connect(host.iface.context(), remote, local_port)
            .unwrap();
    }

    /// What a host told, without the times.
    pub(crate) fn told(&self, host: usize) -> Vec<&str> {
        let log = &self.hosts[host].log.0;
        log.iter().map(|(_, line)| line.as_str()).collect()
    }

    /// When a host first told this, and that it did.
    pub(crate) fn when(&self, host: usize, line: &str) -> Tick {
        let log = &self.hosts[host].log.0;
        let found = log.iter().find(|(_, told)| told.starts_with(line));
        found
            .unwrap_or_else(|| panic!("host {host} never told {line:?} but {log:?}"))
            .0
    }

    /// How the chat of a host ended, if it has.
    pub(crate) fn outcome(&self, host: usize) -> Option<Result<(), Error>> {
        self.hosts[host].slot.outcome()
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
        let mut turns = 0;
        // The test may have given a host something to do.
        for host in &mut self.hosts {
            host.next = Some(self.now);
        }
        loop {
            for index in 0..self.hosts.len() {
                let due = self.wire.next_due_at(index);
                let host = &mut self.hosts[index];
                if [due, host.next]
                    .into_iter()
                    .flatten()
                    .any(|at| at <= self.now)
                {
                    host.turn(&mut self.wire, index, self.now);
                    turns += 1;
                    assert!(turns < TURNS_MAX, "too many turns, now {}", self.now);
                }
            }
            let hosts = self.hosts.iter().map(|host| host.next);
            let next = hosts.chain([self.wire.next_due()]).flatten().min();
            match next.filter(|next| *next <= end) {
                Some(next) => self.now = next.max(self.now),
                None => break,
            }
        }
        self.now = end;
    }

    /// Runs until `is_done`, at most for so many ticks.
    #[track_caller]
    pub(crate) fn run_until(&mut self, ticks: u64, mut is_done: impl FnMut(&mut Self) -> bool) {
        let end = self.now.after(ticks);
        while !is_done(self) {
            assert!(self.now < end, "not done: {:?}", self.told_all());
            self.run(10);
        }
    }

    fn told_all(&self) -> Vec<&Vec<(Tick, String)>> {
        self.hosts.iter().map(|host| &host.log.0).collect()
    }
}

impl Host {
    fn new(wire: &mut Wire<'static>, seed: u64, index: usize) -> Self {
        let number = u8::try_from(index + 1).unwrap();
        let hardware = EthernetAddress([2, 0, 0, 0, 0, number]);
        wire.set_address(index, hardware);
        let mut config = Config::new(hardware.into());
        config.random_seed = seed ^ u64::from(number) << 32;
        let mut iface = Interface::new(
            config,
            &mut wire.port(index, Tick::ZERO),
            Tick::ZERO.to_smoltcp(),
        );
        iface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(address(index), 24)).unwrap());
        let mut sockets = SocketSet::new(leak(vec![SocketStorage::EMPTY, SocketStorage::EMPTY]));
        let mut socket = || {
            let buffer = || tcp::SocketBuffer::new(leak(vec![0; 1024]));
            sockets.add(tcp::Socket::new(buffer(), buffer()))
        };
        Self {
            handles: [socket(), socket()],
            iface,
            sockets,
            chat: None,
            slot: Slot::new(),
            log: Log::default(),
            carry: Carry::new(seed ^ u64::from(number)),
            next: None,
        }
    }

    fn turn(&mut self, wire: &mut Wire<'static>, index: usize, now: Tick) {
        let mut device = wire.port(index, now);
        let (iface, sockets, carry) = (&mut self.iface, &mut self.sockets, &mut self.carry);
        self.next = match &mut self.chat {
            Some(chat) => {
                let mut seats = [self.slot.seat(chat)];
                let log = &mut self.log;
                turn(now, iface, &mut device, sockets, &mut seats, carry, log)
            }
            None => turn(now, iface, &mut device, sockets, &mut [], carry, &mut ()),
        };
    }
}
