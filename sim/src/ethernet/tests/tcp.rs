//! Two stacks of smoltcp over the Ethernet.

use smoltcp::{
    iface::{
        Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet,
        SocketStorage,
    },
    phy::Device,
    socket::tcp,
    wire::{IpAddress, IpCidr},
};

use super::{
    super::{Bandwidth, Link, Port},
    std::vec::Vec,
    *,
};

const PAYLOAD_BYTES: usize = 64 * 1_024;
const ROUNDS_MAX: usize = 20_000;

struct Host<'e> {
    device: Port<'e>,
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
}

impl<'e> Host<'e> {
    fn new(ethernet: &'e Ethernet<'_>, port: usize) -> Self {
        let hardware = address(port as u8);
        ethernet.set_address(port, hardware);
        let mut device = ethernet.port(port);
        let config = Config::new(hardware.into());
        let mut interface = Interface::new(config, &mut device, Tick::ZERO.to_smoltcp());
        interface.update_ip_addrs(|addresses| {
            let cidr = IpCidr::new(IpAddress::v4(10, 0, 0, port as u8 + 1), 24);
            addresses.push(cidr).unwrap();
        });
        let buffer = || tcp::SocketBuffer::new(Box::leak(vec![0_u8; 8_192].into_boxed_slice()));
        let storage = Box::leak(Box::new([SocketStorage::EMPTY]));
        let mut sockets = SocketSet::new(&mut storage[..]);
        let handle = sockets.add(tcp::Socket::new(buffer(), buffer()));
        Self {
            device,
            interface,
            sockets,
            handle,
        }
    }

    fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    /// Receives what is due and sends what there is.
    fn poll(&mut self, now: Tick) {
        let time = now.to_smoltcp();
        while self
            .interface
            .poll_ingress_single(time, &mut self.device, &mut self.sockets)
            != PollIngressSingleResult::None
        {}
        while self
            .interface
            .poll_egress(time, &mut self.device, &mut self.sockets)
            != PollResult::None
        {}
    }

    /// When to poll again. Not a part of `poll`: what that receives must be read first.
    fn poll_at(&mut self, now: Tick) -> Option<Tick> {
        self.interface
            .poll_at(now.to_smoltcp(), &self.sockets)
            .map(Tick::from_smoltcp)
    }
}

/// Sends 64 KiB from port 0 to port 1 and back; returns what came back and when all of it was
/// there.
fn echo(ethernet: &Ethernet<'_>, payload: &[u8]) -> (Vec<u8>, Tick) {
    let (mut client, mut server) = (Host::new(ethernet, 0), Host::new(ethernet, 1));
    server.socket().listen(7).unwrap();
    let Host {
        interface,
        sockets,
        handle,
        ..
    } = &mut client;
    let remote = (IpAddress::v4(10, 0, 0, 2), 7);
    sockets
        .get_mut::<tcp::Socket<'_>>(*handle)
        .connect(interface.context(), remote, 50_000)
        .unwrap();
    let (mut sent, mut back, mut now) = (0, Vec::new(), Tick::ZERO);
    for _ in 0..ROUNDS_MAX {
        ethernet.set_now(now);
        client.poll(now);
        server.poll(now);
        let socket = client.socket();
        if socket.can_send() {
            sent += socket.send_slice(&payload[sent..]).unwrap();
        }
        while socket.can_recv() {
            socket
                .recv(|bytes| {
                    back.extend_from_slice(bytes);
                    (bytes.len(), ())
                })
                .unwrap();
        }
        let socket = server.socket();
        while socket.can_recv() && socket.can_send() {
            let room = socket.send_capacity() - socket.send_queue();
            let bytes = socket
                .recv(|bytes| {
                    let taken = bytes.len().min(room);
                    (taken, bytes[..taken].to_vec())
                })
                .unwrap();
            assert_eq!(socket.send_slice(&bytes), Ok(bytes.len()));
        }
        if back.len() >= payload.len() {
            return (back, now);
        }
        let wake = [
            client.poll_at(now),
            server.poll_at(now),
            ethernet.next_due(),
        ];
        now = wake
            .into_iter()
            .flatten()
            .min()
            .expect("the transfer is stuck")
            .max(now);
    }
    panic!("the transfer took more than {ROUNDS_MAX} rounds");
}

fn payload() -> Vec<u8> {
    (0..PAYLOAD_BYTES).map(|n| (n % 251) as u8).collect()
}

#[test]
fn two_stacks_echo_64_kib_over_a_perfect_ethernet_without_a_loss() {
    let ethernet = ethernet(1, 2, 64);
    let (back, now) = echo(&ethernet, &payload());
    assert!(back == payload());
    // Only smoltcp's delayed ACKs take time.
    assert!(now < at(1_000), "{now}");
    for port in 0..2 {
        let counts = ethernet.counts(port);
        assert_eq!(counts.dropped_total(), 0);
        assert!(counts.delivered_bytes > PAYLOAD_BYTES as u64);
    }
}

#[test]
fn two_stacks_echo_over_a_slow_line_as_fast_as_it_is() {
    let ethernet = ethernet(1, 2, 64);
    for port in 0..2 {
        ethernet.set_link(
            port,
            Link {
                delay_micros: 1_000,
                bandwidth: Some(Bandwidth::new(1_000_000, 64)),
                ..Link::PERFECT
            },
        );
    }
    let (back, now) = echo(&ethernet, &payload());
    assert!(back == payload());
    // 64 KiB and a header of 54 bytes for each 1,460 take 544 ms on the line.
    assert!((544..700).contains(&now.as_millis()), "{now}");
    assert_eq!(
        ethernet.counts(0).dropped_total() + ethernet.counts(1).dropped_total(),
        0
    );
}

#[test]
fn two_stacks_echo_over_an_ethernet_that_loses_duplicates_and_alters() {
    let ethernet = ethernet(3, 2, 64);
    for port in 0..2 {
        ethernet.set_link(
            port,
            Link {
                loss_ppm: 10_000,
                duplicate_ppm: 10_000,
                bit_flip_ppm: 10_000,
                truncate_ppm: 10_000,
                pad_ppm: 10_000,
                junk_ppm: 10_000,
                delay_micros: 2_000,
                ..Link::PERFECT
            },
        );
    }
    let (back, _) = echo(&ethernet, &payload());
    assert!(back == payload());
    assert!(ethernet.counts(0).dropped_total() > 0);
}

#[test]
fn smoltcp_is_told_the_mtu_with_the_ethernet_header() {
    let ethernet = ethernet(1, 2, 8);
    ethernet.set_mtu(0, 576);
    assert_eq!(ethernet.port(0).capabilities().max_transmission_unit, 590);
    assert_eq!(ethernet.port(1).capabilities().max_transmission_unit, 1_514);
    ethernet.set_mtu(1, 9_000);
    // The lent memory is not longer.
    assert_eq!(
        ethernet.port(1).capabilities().max_transmission_unit,
        FRAME_BYTES
    );
}
