//! Frames that nobody sent, and frames of the guard's own.

extern crate std;

use core::net::SocketAddr;
use std::boxed::Box;
use std::vec::Vec;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use super::Guarded;
use crate::address::{Address, FlowKey};
use crate::counters::Counters;
use crate::notice::{Notice, Unreachable};
use crate::storage::Storage;

const MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const PORTS: (u16, u16) = (49_152, 80);

/// A device on which nothing comes in but what the test puts there.
#[derive(Default)]
struct Recorder {
    received: Vec<Vec<u8>>,
    sent: Vec<Vec<u8>>,
    is_full: bool,
}

struct Received(Vec<u8>);
struct Room<'a>(&'a mut Vec<Vec<u8>>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.0.push(std::vec![0; len]);
        f(self.0.last_mut().expect("just pushed"))
    }
}

impl Device for Recorder {
    type RxToken<'a> = Received;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Room<'_>)> {
        Some((Received(self.received.pop()?), Room(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Room<'_>> {
        (!self.is_full).then_some(Room(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

/// A host that has sent a SYN.
struct Dialler {
    device: Guarded<'static, Recorder>,
    iface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
}

impl Dialler {
    fn new(ours: IpAddress, theirs: IpAddress) -> Self {
        let storage: &mut Storage<3> = Box::leak(Box::default());
        let mut device = Guarded::new(Recorder::default(), MAC, storage);
        let mut iface = Interface::new(Config::new(MAC.into()), &mut device, Instant::ZERO);
        iface.update_ip_addrs(|addresses| {
            let fits = addresses.push(IpCidr::new(ours, 24)).is_ok();
            assert!(fits, "one address fits");
        });
        let buffer = || tcp::SocketBuffer::new(std::vec![0; 64].leak());
        let mut socket = tcp::Socket::new(buffer(), buffer());
        let is_dialled = socket.connect(iface.context(), (theirs, PORTS.1), PORTS.0);
        assert!(is_dialled.is_ok());
        let mut sockets = SocketSet::new(std::vec![SocketStorage::EMPTY].leak());
        let socket = sockets.add(socket);
        Self {
            device,
            iface,
            sockets,
            socket,
        }
    }

    /// Polls once, with what has come in.
    fn poll(&mut self, received: Vec<Vec<u8>>) {
        self.device.get_mut().received = received;
        let now = Instant::from_millis(1);
        self.iface.poll(now, &mut self.device, &mut self.sockets);
    }

    fn state(&self) -> tcp::State {
        self.sockets.get::<tcp::Socket<'_>>(self.socket).state()
    }

    fn counters(&self) -> Counters {
        self.device.counters()
    }
}

/// The neighbour's answer to the ARP request that smoltcp has sent last.
fn arp_reply(request: &[u8]) -> Vec<u8> {
    let mut reply = request.to_vec();
    let (mac, theirs) = ([2, 0, 0, 0, 0, 2], &request[38..42]);
    reply[..6].copy_from_slice(&request[6..12]);
    reply[6..12].copy_from_slice(&mac);
    reply[21] = 2;
    reply[22..28].copy_from_slice(&mac);
    reply[28..32].copy_from_slice(theirs);
    reply[32..42].copy_from_slice(&request[22..32]);
    reply
}

fn dialled() -> (Dialler, FlowKey) {
    let ends = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let mut host = Dialler::new(IpAddress::v4(10, 0, 0, 1), IpAddress::v4(10, 0, 0, 2));
    host.poll(Vec::new());
    let request = host.device.get_ref().sent.last().expect("ARP asks").clone();
    host.poll(std::vec![arp_reply(&request)]);
    let key = FlowKey {
        local: Address::new(&ends.0).expect("4 bytes"),
        remote: Address::new(&ends.1).expect("4 bytes"),
        local_port: PORTS.0,
        remote_port: PORTS.1,
    };
    (host, key)
}

fn refuse(host: &Dialler, key: &FlowKey) {
    host.device
        .with_inspector(|inspector| inspector.refuse(key, Unreachable::Host));
}

#[test]
fn a_refused_dial_ends_at_the_next_poll_and_is_told_once() {
    let (mut host, key) = dialled();
    assert_eq!(host.state(), tcp::State::SynSent);
    assert_eq!(host.device.poll_at(), None);

    refuse(&host, &key);
    assert!(host.device.poll_at() <= Some(Instant::from_millis(1)));
    host.poll(Vec::new());
    assert_eq!(host.state(), tcp::State::Closed);
    assert_eq!(host.device.poll_at(), None);
    let notice = Notice::Unreachable {
        local: SocketAddr::from(([10, 0, 0, 1], PORTS.0)),
        remote: SocketAddr::from(([10, 0, 0, 2], PORTS.1)),
        reason: Unreachable::Host,
    };
    assert_eq!(host.device.take_notice(), Some(notice));
    assert_eq!(host.device.take_notice(), None);
}

#[test]
fn a_dial_that_the_guard_does_not_know_is_not_refused() {
    let (mut host, mut key) = dialled();
    key.remote_port += 1;
    refuse(&host, &key);
    host.poll(Vec::new());
    assert_eq!(host.state(), tcp::State::SynSent);
    assert_eq!(host.device.take_notice(), None);
}

#[test]
fn a_frame_that_nobody_sent_waits_for_room() {
    let (mut host, key) = dialled();
    refuse(&host, &key);
    host.device.get_mut().is_full = true;
    host.poll(Vec::new());
    assert_eq!(host.state(), tcp::State::SynSent);
    host.device.get_mut().is_full = false;
    host.poll(Vec::new());
    assert_eq!(host.state(), tcp::State::Closed);
}

#[test]
fn notices_that_nobody_takes_are_counted() {
    let (host, key) = dialled();
    for _ in 0..3 {
        refuse(&host, &key);
    }
    assert_eq!(host.counters().notices_lost, 1);
}

#[test]
fn a_guarded_device_may_go_to_another_thread() {
    let storage: &mut Storage<3> = Box::leak(Box::default());
    let device = Guarded::new(Recorder::default(), MAC, storage);
    let counters = std::thread::spawn(move || device.counters());
    assert_eq!(counters.join().expect("it ends"), Counters::ZERO);
}
