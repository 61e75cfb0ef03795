//! A client that makes smoltcp forget its neighbours, beside a connection with a guard.

use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer};
use smoltcp::wire::{IpCidr, TcpControl};
use tickwire::dhcp::{Dhcp, DhcpDevice, Storage};
use tickwire::guard::{self, Guarded};
use tickwire::{Config, Stack, Task, Tick};

use crate::cable::Cable;
use crate::common::fixture::{leak, secs};
use crate::frames::{self, Family, HOST_PORT, PEER_PORT, Segment};
use crate::guarded::{MASK, Wire, respond};
use crate::messages::{ACK, OFFER};
use crate::network::unprobed;

/// A host with a connection to a peer that the test plays, and a client beside it.
struct Connected {
    cable: Cable,
    stack: Stack<'static, Guarded<'static, Cable>>,
    client: Task<Dhcp<'static>>,
    /// Over which the client speaks.
    wire: Wire,
    socket: SocketHandle,
    now: Tick,
    /// The sequence number of the host's first byte.
    start: u32,
}

impl Connected {
    fn new() -> Self {
        let (cable, family) = (Cable::default(), Family::V4);
        let storage: &mut guard::Storage<3> = Box::leak(Box::default());
        let config = Config {
            mac: frames::HOST_MAC,
            addresses: &[IpCidr::new(family.host(), 24)],
            gateway: None,
            seed: 7,
        };
        let device = Guarded::new(cable.clone(), config.mac, storage);
        let sockets = SocketSet::new(vec![SocketStorage::EMPTY].leak());
        let mut stack = Stack::new(device, &config, sockets, Tick::ZERO).with_guard();
        let buffer = || SocketBuffer::new(leak(0, 64));
        let mut socket = Socket::new(buffer(), buffer());
        socket.set_congestion_control(CongestionControl::None);
        let remote = (family.peer(), PEER_PORT);
        (socket.connect(stack.iface.context(), remote, HOST_PORT)).unwrap();
        let storage: &'static Storage = Box::leak(Box::new(Storage::new()));
        let mut host = Self {
            socket: stack.sockets.add(socket),
            cable,
            stack,
            client: Task::new(Dhcp::new(storage, unprobed())),
            wire: DhcpDevice::new(Cable::default(), storage),
            now: Tick::from_millis(1),
            start: 0,
        };
        host.receive(frames::introduction(family));
        let sent = host.cable.0.borrow_mut().from_host.split_off(0);
        let syn = sent
            .iter()
            .find_map(|frame| frames::read_raw(family, frame));
        host.start = (syn.unwrap().seq_number.0 as u32).wrapping_add(1);
        host.receive_segment(&Segment {
            seq: -1,
            control: TcpControl::Syn,
            ..frames::ACK
        });
        host
    }

    fn turn(&mut self) {
        self.stack.turn(self.now, &mut [&mut self.client], &mut ());
    }

    fn receive(&mut self, frame: Vec<u8>) {
        self.cable.0.borrow_mut().to_host.push_back(frame);
        self.turn();
    }

    fn receive_segment(&mut self, segment: &Segment<'_>) {
        self.receive(frames::build(Family::V4, segment, self.start));
    }

    /// The data that the host has sent since this was asked last.
    fn data_sent(&self) -> Vec<Vec<u8>> {
        let sent = self.cable.0.borrow_mut().from_host.split_off(0);
        let read = |frame: &Vec<u8>| frames::read(Family::V4, frame, self.start);
        let payloads = sent.iter().filter_map(read).map(|sent| sent.payload);
        payloads.filter(|payload| !payload.is_empty()).collect()
    }
}

/// Duplicates arrive that an access point held back, after `empty` has made smoltcp forget the peer.
#[track_caller]
fn assert_resent_after(empty: fn(&mut Connected)) {
    let mut host = Connected::new();
    let socket = host.stack.sockets.get_mut::<Socket<'_>>(host.socket);
    socket.send_slice(b"data").unwrap();
    host.turn();
    assert_eq!(host.data_sent(), [b"data"]);
    empty(&mut host);
    for _ in 0..4 {
        host.receive_segment(&frames::ACK);
    }
    let counters = host.stack.device.counters();
    assert_eq!(counters.neighbour_duplicates_varied, 4);
    host.receive(frames::introduction(Family::V4));
    host.now = host.now + secs(3);
    host.turn();
    assert_eq!(host.data_sent(), [b"data"]);
}

#[test]
fn data_is_resent_although_a_link_that_came_again_has_emptied_the_neighbour_cache() {
    assert_resent_after(|host| {
        for is_up in [false, true] {
            host.client.app_mut().set_link(is_up);
            host.turn();
        }
    });
}

#[test]
fn data_is_resent_although_a_new_address_has_emptied_the_neighbour_cache() {
    assert_resent_after(|host| {
        for kind in [OFFER, ACK] {
            respond(&mut host.wire, frames::HOST_MAC, kind, MASK);
            host.turn();
        }
        assert!(host.client.app().is_bound());
    });
}
