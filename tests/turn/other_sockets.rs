//! Apps that own sockets which are not TCP's.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::{raw, udp};
use smoltcp::storage::{PacketBuffer, PacketMetadata};
use smoltcp::wire::{IpProtocol, IpVersion};
use tickwire::{Error, Step, Task};

use crate::bare::Bare;
use crate::common::fixture::{Fixture, endpoint, leak, ms, secs};
use crate::common::mock_app::{MockApp, at};

const ECHO_PORT: u16 = 7;

/// A buffer for four packets.
fn packets<H: Copy>() -> PacketBuffer<'static, H> {
    let metadata = vec![PacketMetadata::EMPTY; 4].leak();
    PacketBuffer::new(metadata, leak(0, 512))
}

fn udp_socket() -> udp::Socket<'static> {
    udp::Socket::new(packets(), packets())
}

fn raw_socket() -> raw::Socket<'static> {
    let protocol = Some(IpProtocol::Icmp);
    raw::Socket::new(Some(IpVersion::Ipv4), protocol, packets(), packets())
}

#[test]
fn an_app_may_own_sockets_of_any_kind() {
    for ends in [None, Some(Ok(Step::Done)), Some(Err(Error::Reset))] {
        let mut bare = Bare::new();
        let tcp = bare.socket(64);
        let udp = bare.stack.sockets.add(udp_socket());
        let raw = bare.stack.sockets.add(raw_socket());
        let app = MockApp::new(&[udp, tcp, raw], |io, deadline| {
            assert!(!io.socket::<udp::Socket<'_>>(udp).is_open());
            assert!(!io.socket::<raw::Socket<'_>>(raw).can_recv());
            assert!(io.is_idle(tcp));
            *deadline = at(100);
            ends.unwrap_or(Ok(Step::Wait))
        });
        let mut task = Task::new(app);
        // The loop looks at the sockets of an app before and after egress, when an address goes, and
        // when the app has ended.
        bare.turn(&mut [&mut task]);
        bare.stack
            .iface
            .update_ip_addrs(|addresses| addresses.clear());
        bare.turn(&mut [&mut task]);
        let outcome = ends.map(|ends| ends.map(|_| ()));
        assert_eq!(task.outcome().copied(), outcome);
    }
}

/// Sends every datagram back.
fn echo(socket: SocketHandle) -> impl tickwire::App<Error = Error> {
    MockApp::new(&[socket], move |io, _| {
        let socket = io.socket::<udp::Socket<'_>>(socket);
        if !socket.is_open() {
            socket.bind(ECHO_PORT).expect("the port is free");
        }
        let mut bytes = [0; 512];
        match socket.recv_slice(&mut bytes) {
            Ok((count, from)) => {
                let sent = socket.send_slice(&bytes[..count], from);
                sent.expect("there is room for what was received");
                Ok(Step::Again)
            }
            Err(_) => Ok(Step::Wait),
        }
    })
}

#[test]
fn a_udp_echo_is_an_app_like_any_other() {
    let mut net = Fixture::guarded(1, 2);
    let [caller, socket] = [0, 1].map(|host| {
        let sockets = &mut net.hosts[host].node.stack.sockets;
        sockets.add(udp_socket())
    });
    let app = net.start(1, echo(socket));
    let to = endpoint(1, ECHO_PORT);
    let raw: &mut udp::Socket<'_> = net.socket(0, caller);
    raw.bind(5_000).unwrap();
    for word in ["one", "two", "three"] {
        let raw: &mut udp::Socket<'_> = net.socket(0, caller);
        raw.send_slice(word.as_bytes(), to).unwrap();
        net.run(ms(100));
        let raw: &mut udp::Socket<'_> = net.socket(0, caller);
        let (bytes, from) = raw.recv().expect("an answer");
        assert_eq!((bytes, from.endpoint), (word.as_bytes(), to));
    }
    net.run(secs(60));
    assert_eq!(net.outcome(app), None);
}
