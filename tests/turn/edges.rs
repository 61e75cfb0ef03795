//! The rules at TCP's edge that `Io` keeps for all apps.

use smoltcp::iface::Route;
use smoltcp::socket::tcp::State;
use smoltcp::wire::{IpAddress, IpCidr, IpEndpoint, Ipv4Address, TcpControl};
use tickwire::{Deadline, Error, Step, Task, Tick, TimeoutKind};

use crate::bare::Bare;
use crate::common::fixture::{ms, secs};
use crate::common::mock_app::{MockApp, at};
use crate::frames::{self, Family, HOST_MAC, PEER_MAC, PEER_PORT, repr, tcp_frame};

#[test]
fn a_connection_keeps_its_port_however_many_come_after_it() {
    let mut bare = Bare::new();
    let (long, short) = (bare.socket(64), bare.socket(64));
    let remote = IpEndpoint::new(IpAddress::v4(10, 0, 0, 2), 80);
    let (mut kept, mut dialled) = (None, 0);
    let app = MockApp::new(&[long, short], |io, deadline| {
        *deadline = Some(Deadline::new(io.now + secs(5), TimeoutKind::Total));
        if kept.is_none() {
            io.connect(long, remote)?;
            kept = io.tcp(long).0.local_endpoint();
        }
        io.drop_connection(short);
        if io.is_free(short) {
            io.connect(short, remote)?;
            dialled += 1;
            let port = io.tcp(short).0.local_endpoint();
            assert!(kept.is_some() && port != kept, "after {dialled}");
        }
        Ok(Step::Wait)
    });
    let mut task = Task::new(app);
    // Steps between ports are 4.5 on average, so that a round takes about 3,600 of them: five
    // rounds pass.
    for number in 0..20_000 {
        if number % 1_000 == 0 {
            // Before smoltcp forgets the peer's hardware address.
            bare.hear_frame(frames::introduction(Family::V4));
        }
        bare.turn(&mut [&mut task]);
        bare.now = bare.now + ms(10);
        bare.sent();
    }
    assert_eq!(task.outcome().copied(), None);
    drop(task);
    assert!(dialled > 18_000, "{dialled}");
}

#[test]
fn a_peer_that_any_route_leads_to_is_reachable_until_the_route_expires() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    bare.stack.iface.routes_mut().update(|routes| {
        let route = Route {
            cidr: IpCidr::new(IpAddress::v4(10, 9, 0, 0), 16),
            via_router: Ipv4Address::new(10, 0, 0, 2).into(),
            preferred_until: None,
            expires_at: Some(Tick::from_millis(1_000).to_smoltcp()),
        };
        assert!(routes.push(route).is_ok());
    });
    for (millis, address, expected) in [
        (0, [10, 8, 0, 1], Err(Error::Unreachable)),
        (1_000, [10, 9, 0, 1], Ok(())),
        (1_001, [10, 9, 0, 1], Err(Error::Unreachable)),
    ] {
        bare.now = Tick::from_millis(millis);
        let app = MockApp::new(&[socket], |io, deadline| {
            let [a, b, c, d] = address;
            io.connect(socket, IpEndpoint::new(IpAddress::v4(a, b, c, d), 80))?;
            assert_eq!(io.tcp(socket).0.state(), State::SynSent);
            *deadline = at(5_000);
            Ok(Step::Done)
        });
        let mut task = Task::new(app);
        bare.turn(&mut [&mut task]);
        assert_eq!(
            task.outcome().copied(),
            Some(expected),
            "{address:?} at {millis}"
        );
    }
}

#[test]
fn a_socket_that_carries_a_connection_is_not_given_to_another() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let remote = IpEndpoint::new(IpAddress::v4(10, 0, 0, 2), 80);
    let app = MockApp::new(&[socket], |io, _| {
        io.connect(socket, remote)?;
        assert_eq!(io.listen(socket, 80), Err(Error::SocketInUse));
        io.connect(socket, remote).map(|()| Step::Done)
    });
    let mut task = Task::new(app);
    bare.turn(&mut [&mut task]);
    assert_eq!(task.outcome().copied(), Some(Err(Error::SocketInUse)));
}

#[test]
fn a_syn_that_crosses_ours_before_it_has_left_ends_the_attempt_and_not_the_program() {
    let mut bare = Bare::new();
    // Nobody has told the peer's hardware address.
    bare.cable.0.borrow_mut().to_host.clear();
    let (dialled, listening) = (bare.socket(64), bare.socket(64));
    bare.tcp(listening).listen(7).unwrap();
    let mut is_called = false;
    let app = MockApp::new(&[dialled], |io, deadline| {
        if !is_called {
            is_called = true;
            io.connect(dialled, IpEndpoint::new(Family::V4.peer(), PEER_PORT))?;
            *deadline = at(5_000);
        }
        io.is_connected(dialled).map(|_| Step::Wait)
    });
    let mut task = Task::new(app);
    bare.turn(&mut [&mut task]);
    assert!(bare.sent().is_empty(), "the SYN waits");
    let local = bare.tcp(dialled).local_endpoint().unwrap();
    for port in [7, local.port] {
        let syn = repr((PEER_PORT, port), TcpControl::Syn, 0, None);
        bare.hear_frame(tcp_frame(
            (PEER_MAC, Family::V4.peer()),
            (HOST_MAC, Family::V4.host()),
            &syn,
        ));
    }
    bare.turn(&mut [&mut task]);
    assert_eq!(task.outcome().copied(), Some(Err(Error::Refused)));
    assert_eq!(bare.tcp(listening).state(), State::SynReceived);
}
