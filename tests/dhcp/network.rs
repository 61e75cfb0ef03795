//! One host with a DHCP client, on a cable whose other end is in the test's hands.

use std::net::Ipv4Addr;

use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, IpCidr,
    IpProtocol, Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr,
};
use tickwire::dhcp::{Dhcp, DhcpDevice, DhcpEvent, DhcpOptions, Probing, Storage};
use tickwire::{AnyTask, Config, Duration, Event, Stack, Task, Tick};

use crate::cable::Cable;
use crate::messages::{ACK, ADDRESS, Answer, Asked, DISCOVER, MAC, OFFER, REQUEST, ethernet};

/// What the host says by ARP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arp {
    pub(crate) operation: ArpOperation,
    pub(crate) sender: Ipv4Addr,
    pub(crate) target: Ipv4Addr,
}

pub(crate) struct Network {
    cable: Cable,
    pub(crate) stack: Stack<'static, DhcpDevice<'static, Cable>>,
    pub(crate) storage: &'static Storage,
    pub(crate) dhcp: Task<Dhcp<'static>>,
    pub(crate) now: Tick,
    wake: Option<Tick>,
    pub(crate) events: Vec<DhcpEvent>,
    pub(crate) states: Vec<&'static str>,
    /// All that the host has said and no test has looked at.
    pub(crate) asked: Vec<Asked>,
    pub(crate) arps: Vec<(Tick, Arp)>,
    pub(crate) others: usize,
}

/// Options of most tests: an address is not probed.
pub(crate) fn unprobed() -> DhcpOptions<'static> {
    DhcpOptions {
        probing: Probing::OFF,
        ..DhcpOptions::default()
    }
}

impl Network {
    pub(crate) fn new(options: DhcpOptions<'static>) -> Self {
        Self::with_seed(options, 7)
    }

    pub(crate) fn with_seed(options: DhcpOptions<'static>, seed: u64) -> Self {
        let storage: &'static Storage = Box::leak(Box::new(Storage::new()));
        let cable = Cable::default();
        let config = Config {
            mac: MAC,
            addresses: &[],
            gateway: None,
            seed,
        };
        let sockets: Vec<SocketStorage<'static>> = (0..4).map(|_| SocketStorage::EMPTY).collect();
        let device = DhcpDevice::new(cable.clone(), storage);
        Self {
            cable,
            stack: Stack::new(device, &config, SocketSet::new(sockets.leak()), Tick::ZERO),
            storage,
            dhcp: Task::new(Dhcp::new(storage, options)),
            now: Tick::ZERO,
            wake: Some(Tick::ZERO),
            events: Vec::new(),
            states: Vec::new(),
            asked: Vec::new(),
            arps: Vec::new(),
            others: 0,
        }
    }

    /// One turn now, beside this task if any.
    pub(crate) fn turn(&mut self, other: Option<&mut dyn AnyTask>) {
        let (events, states) = (&mut self.events, &mut self.states);
        let mut observer = |_: Tick, _: &'static str, event: &Event<'_>| {
            if let Event::State { new, .. } = event {
                states.push(new);
            }
            events.extend(event.app::<DhcpEvent>());
        };
        let mut tasks: Vec<&mut dyn AnyTask> = vec![&mut self.dhcp];
        if let Some(other) = other {
            tasks.push(other);
        }
        self.wake = self.stack.turn(self.now, &mut tasks, &mut observer);
        self.listen();
    }

    /// Takes what the host has sent.
    fn listen(&mut self) {
        let frames: Vec<Vec<u8>> = self.cable.0.borrow_mut().from_host.drain(..).collect();
        for bytes in frames {
            let frame = EthernetFrame::new_checked(&bytes[..]).unwrap();
            assert_eq!(frame.src_addr(), MAC);
            match frame.ethertype() {
                EthernetProtocol::Arp => self.hear_arp(frame.payload()),
                EthernetProtocol::Ipv4 => self.hear_ipv4(frame.dst_addr(), frame.payload()),
                _ => self.others += 1,
            }
        }
    }

    fn hear_arp(&mut self, payload: &[u8]) {
        let packet = ArpPacket::new_checked(payload).unwrap();
        let ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr,
            source_protocol_addr: sender,
            target_protocol_addr: target,
            ..
        } = ArpRepr::parse(&packet).unwrap()
        else {
            panic!("another kind of ARP");
        };
        assert_eq!(source_hardware_addr, MAC);
        let arp = Arp {
            operation,
            sender,
            target,
        };
        self.arps.push((self.now, arp));
    }

    fn hear_ipv4(&mut self, mac: EthernetAddress, payload: &[u8]) {
        let checksums = ChecksumCapabilities::default();
        let packet = Ipv4Packet::new_checked(payload).unwrap();
        let ipv4 = Ipv4Repr::parse(&packet, &checksums).unwrap();
        if ipv4.next_header != IpProtocol::Udp {
            self.others += 1;
            return;
        }
        let (source, destination) = (ipv4.src_addr, ipv4.dst_addr);
        let udp = UdpPacket::new_checked(packet.payload()).unwrap();
        let ends = (source.into(), destination.into());
        let ports = UdpRepr::parse(&udp, &ends.0, &ends.1, &checksums).unwrap();
        assert_eq!((ports.src_port, ports.dst_port), (68, 67));
        assert_eq!(udp.payload()[28..34], MAC.0);
        self.asked.push(Asked {
            at: self.now,
            mac,
            source,
            destination,
            bytes: udp.payload().to_vec(),
        });
    }

    /// Lets virtual time pass until `is_done` or `end`; whether it was done.
    pub(crate) fn run_to(&mut self, end: Tick, mut is_done: impl FnMut(&Self) -> bool) -> bool {
        for _ in 0..100_000 {
            self.turn(None);
            if is_done(self) {
                return true;
            }
            match self.wake {
                Some(wake) if wake <= end => self.now = self.now.max(wake),
                _ => {
                    self.now = end;
                    return false;
                }
            }
        }
        panic!("too many turns");
    }

    pub(crate) fn run(&mut self, time: Duration) {
        self.run_to(self.now + time, |_| false);
    }

    /// The next message of the client, within `secs` seconds.
    #[track_caller]
    pub(crate) fn next(&mut self, secs: u64) -> Asked {
        let end = self.now + Duration::from_secs(secs);
        assert!(
            self.run_to(end, |net| !net.asked.is_empty()),
            "nothing was asked until {}: {:?}",
            self.now,
            self.states
        );
        self.asked.remove(0)
    }

    /// The next message, which must be of this kind.
    #[track_caller]
    pub(crate) fn expect(&mut self, kind: u8, secs: u64) -> Asked {
        let asked = self.next(secs);
        assert_eq!(asked.kind(), kind, "{:?}", self.states);
        asked
    }

    pub(crate) fn hear(&mut self, answer: &Answer) {
        self.hear_frame(answer.frame());
    }

    /// All of these arrive at once.
    pub(crate) fn hear_all(&mut self, answers: &[Answer]) {
        answers.iter().for_each(|answer| self.queue(answer));
        self.run(Duration::ZERO);
    }

    /// An answer arrives with the next turn.
    pub(crate) fn queue(&self, answer: &Answer) {
        self.queue_frame(answer.frame());
    }

    pub(crate) fn queue_frame(&self, frame: Vec<u8>) {
        self.cable.0.borrow_mut().to_host.push_back(frame);
    }

    /// Whether the device has no room to transmit.
    pub(crate) fn set_refuses(&self, refuses: bool) {
        self.cable.0.borrow_mut().refuses = refuses;
    }

    /// A frame arrives, and the host has its turns.
    pub(crate) fn hear_frame(&mut self, frame: Vec<u8>) {
        self.queue_frame(frame);
        self.run(Duration::ZERO);
    }

    /// `mac` says by ARP that it has `sender`.
    pub(crate) fn hear_arp_of(
        &mut self,
        operation: ArpOperation,
        mac: EthernetAddress,
        sender: Ipv4Addr,
        target: Ipv4Addr,
    ) {
        let arp = ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: mac,
            source_protocol_addr: sender,
            target_hardware_addr: MAC,
            target_protocol_addr: target,
        };
        let to = EthernetAddress::BROADCAST;
        let frame = ethernet(to, EthernetProtocol::Arp, arp.buffer_len(), |room| {
            arp.emit(&mut ArpPacket::new_unchecked(room));
        });
        self.hear_frame(frame);
    }

    /// From the first step to the end of the exchange of four messages.
    #[track_caller]
    pub(crate) fn acquire(&mut self) -> Asked {
        let discover = self.expect(DISCOVER, 1);
        self.hear(&Answer::to(&discover, OFFER));
        let request = self.expect(REQUEST, 0);
        self.hear(&Answer::to(&request, ACK));
        request
    }

    pub(crate) fn addresses(&self) -> Vec<IpCidr> {
        self.stack.iface.ip_addrs().to_vec()
    }

    /// The routes of the interface: destination, prefix, router.
    pub(crate) fn routes(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        self.stack.iface.routes_mut().update(|routes| {
            told.extend(
                routes
                    .iter()
                    .map(|route| format!("{} via {}", route.cidr, route.via_router)),
            );
        });
        told
    }

    #[track_caller]
    pub(crate) fn assert_bound(&self) {
        assert_eq!(self.addresses(), [IpCidr::new(ADDRESS.into(), 24)]);
        assert_eq!(self.storage.lease().unwrap().address.address(), ADDRESS);
        assert!(self.dhcp.app().is_bound());
    }

    #[track_caller]
    pub(crate) fn assert_unbound(&self) {
        assert_eq!(self.addresses(), []);
        assert_eq!(self.storage.lease(), None);
        assert!(!self.dhcp.app().is_bound());
    }
}
