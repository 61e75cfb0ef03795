//! Apps that own sockets which are not TCP's.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::{raw, udp};
use smoltcp::storage::{PacketBuffer, PacketMetadata};
use smoltcp::wire::{IpAddress, IpProtocol, IpVersion};
use tickwire::{Error, Io, Step, Task, UdpError};

use crate::bare::Bare;
use crate::common::fixture::{Fixture, endpoint, leak, ms, secs};
use crate::common::mock_app::{MockApp, at};
use crate::frames::Family;

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
            assert!(io.is_free(tcp));
            *deadline = at(100);
            ends.unwrap_or(Ok(Step::Wait))
        });
        let mut task = Task::new(app);
        // The loop looks at the sockets of an app before and after egress, when an address goes,
        // and when the app has ended.
        bare.turn(&mut [&mut task]);
        bare.stack
            .iface
            .update_ip_addrs(|addresses| addresses.clear());
        bare.turn(&mut [&mut task]);
        let outcome = ends.map(|ends| ends.map(|_| ()));
        assert_eq!(task.outcome().copied(), outcome);
    }
}

/// Does `act` once, in an app with two UDP sockets.
fn with_udp(act: impl FnOnce(&mut Io, SocketHandle, SocketHandle)) {
    let mut bare = Bare::new();
    let [one, other] = [(); 2].map(|()| bare.stack.sockets.add(udp_socket()));
    let mut act = Some(act);
    let app = MockApp::new(&[one, other], move |io, _| {
        (act.take().expect("it is done after one step"))(io, one, other);
        Ok(Step::Done)
    });
    let mut task = Task::new(app);
    bare.turn(&mut [&mut task]);
    assert!(task.is_finished());
}

#[test]
fn a_port_is_drawn_or_given_and_nobody_shares_it() {
    with_udp(|io, one, other| {
        assert_eq!(io.bind(one, ECHO_PORT), Ok(ECHO_PORT));
        assert_eq!(io.bind(other, ECHO_PORT), Err(UdpError::PortInUse));
        assert_eq!(io.bind(one, ECHO_PORT), Err(UdpError::SocketInUse));
        assert_eq!(io.bind(one, 0), Err(UdpError::SocketInUse));
        let drawn = io.bind(other, 0).unwrap();
        assert!(drawn >= 49_152);
        io.socket::<udp::Socket<'_>>(other).close();
        assert_ne!(io.bind(other, 0), Ok(drawn));
    });
}

#[test]
fn a_datagram_that_cannot_be_sent_is_refused_with_its_reason() {
    with_udp(|io, one, _| {
        let peer = (Family::V4.peer(), 9);
        assert_eq!(io.send_to(one, peer, b"."), Err(UdpError::Unaddressable));
        io.bind(one, 0).unwrap();
        let nowhere = (IpAddress::v4(0, 0, 0, 0), 9);
        let nothing = (Family::V4.peer(), 0);
        for to in [nowhere, nothing] {
            assert_eq!(io.send_to(one, to, b"."), Err(UdpError::Unaddressable));
        }
        let far = (IpAddress::v4(192, 0, 2, 1), 9);
        let other_family = (Family::V6.peer(), 9);
        for to in [far, other_family] {
            assert_eq!(io.send_to(one, to, b"."), Err(UdpError::Unreachable));
        }
        assert_eq!(io.send_to(one, peer, &[0; 513]), Err(UdpError::TooLong));
        assert_eq!(io.send_to(one, peer, &[0; 512]), Ok(()));
        assert_eq!(io.send_to(one, peer, b"."), Err(UdpError::NoRoom));
        assert_eq!(io.receive_from(one, |_, _| ()), None);
    });
}

#[test]
fn all_may_be_addressed_without_a_route() {
    with_udp(|io, one, _| {
        io.bind(one, 0).unwrap();
        let all = [
            IpAddress::v4(255, 255, 255, 255),
            IpAddress::v4(224, 0, 0, 251),
        ];
        for address in all {
            assert_eq!(io.send_to(one, (address, 9), b"."), Ok(()));
        }
    });
}

#[test]
fn an_app_that_found_no_room_goes_on_when_there_is_room() {
    const DATAGRAMS: u32 = 50;
    let mut net = Fixture::guarded(1, 2);
    let socket = net.hosts[0].node.stack.sockets.add(udp_socket());
    let all = (IpAddress::v4(255, 255, 255, 255), 9);
    let mut sent = 0;
    let app = net.start(
        0,
        MockApp::new(&[socket], move |io, _| {
            if !io.socket::<udp::Socket<'_>>(socket).is_open() {
                io.bind(socket, 0).unwrap();
            }
            match io.send_to(socket, all, &[0; 100]) {
                Ok(()) => sent += 1,
                Err(error) => {
                    assert_eq!(error, UdpError::NoRoom);
                    return Ok(Step::Wait);
                }
            }
            Ok(if sent == DATAGRAMS {
                Step::Done
            } else {
                Step::Again
            })
        }),
    );
    assert_eq!(net.finish(app, secs(1)), Ok(()));
}

/// Sends every datagram back.
fn echo(socket: SocketHandle) -> impl tickwire::App<Error = Error> {
    MockApp::new(&[socket], move |io, _| {
        if !io.socket::<udp::Socket<'_>>(socket).is_open() {
            io.bind(socket, ECHO_PORT).expect("the port is free");
        }
        let received = io.receive_from(socket, |bytes, from| (bytes.to_vec(), *from));
        let Some((bytes, from)) = received else {
            return Ok(Step::Wait);
        };
        let sent = io.send_to(socket, from, &bytes);
        sent.expect("there is room for what was received");
        Ok(Step::Again)
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
