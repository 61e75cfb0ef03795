//! The rules at TCP's edge that `Io` keeps for all apps, and whole apps on a wire under a late clock.

use smoltcp::iface::Route;
use smoltcp::socket::tcp::State;
use smoltcp::wire::{IpAddress, IpCidr, IpEndpoint, Ipv4Address, TcpControl};
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{Awaited, BufferSink, Discard, Error, Slot, Step, Tick};
use tickwire_sim::{Act, Opening, Script};

use crate::bare::Bare;
use crate::common::lab::{BUFFER, Lab, endpoint, leak, socket};
use crate::frames::{self, Family, HOST_MAC, PEER_MAC, PEER_PORT, repr, tcp_frame};
use crate::puppet::{Puppet, at};

const REQUEST_END: Act<'static> = Act::Expect(b"\r\n\r\n");

fn request() -> Request<'static> {
    Request::new(&Url::parse("http://10.0.0.2/page").unwrap(), &[]).unwrap()
}

/// Runs a GET for `on_time` ticks, then the server alone for `late` ticks, then both to the end.
fn get_under_a_late_clock(
    lab: &mut Lab,
    get: &mut dyn tickwire::App,
    acts: &[Act<'_>],
    (on_time, late): (u64, u64),
) -> Result<(), Error> {
    let server = socket(&mut lab.server, BUFFER);
    let mut script = Script::new(server, Opening::Listen(80), acts);
    let (mut slot, mut script_slot) = (Slot::new(), Slot::new());
    for (span, both) in [(on_time, true), (late, false), (60_000, true)] {
        let until = lab.world.now().after(span);
        let mut client = [slot.seat(get)];
        let mut serving = [script_slot.seat(&mut script)];
        let serving = lab.server.with(&mut serving);
        if both {
            let nodes = &mut [lab.client.with(&mut client), serving];
            lab.world.run(until, nodes, &mut ());
        } else {
            lab.world.run(until, &mut [serving], &mut ());
        }
    }
    slot.outcome().expect("a GET ends by itself")
}

#[test]
fn get_takes_a_body_that_is_here_though_its_deadline_has_passed() {
    let mut lab = Lab::new(1);
    let handle = socket(&mut lab.client, BUFFER);
    let sink = BufferSink::new(leak(0u8, 64));
    let options = GetOptions::default();
    let mut get = Get::new(handle, endpoint(1, 80), request(), options, &mut [], sink);
    let acts = [
        REQUEST_END,
        Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"),
        Act::Wait(1_000),
        Act::Send(b"hello"),
    ];
    // The body comes a second after the head, while the client does not look for a minute.
    let result = get_under_a_late_clock(&mut lab, &mut get, &acts, (500, 60_000));
    assert_eq!(result, Ok(()));
    assert_eq!(get.into_sink().bytes(), b"hello");
}

#[test]
fn get_that_is_late_in_mid_request_times_out_on_the_head() {
    let mut lab = Lab::new(1);
    // The request does not fit into the send buffer: its second half waits for an acknowledgement.
    let handle = socket(&mut lab.client, 64);
    assert!(request().len() > 64);
    let options = GetOptions::default();
    let mut get = Get::new(
        handle,
        endpoint(1, 80),
        request(),
        options,
        &mut [],
        Discard,
    );
    // ARP and SYN take three turns at tick 0; the first half leaves, and then nobody looks for 11 s.
    let result = get_under_a_late_clock(&mut lab, &mut get, &[REQUEST_END], (1, 11_000));
    assert_eq!(result, Err(Error::TimedOut(Awaited::Head)));
}

#[test]
fn a_connection_keeps_its_port_however_many_come_after_it() {
    let mut bare = Bare::new();
    let (long, short) = (bare.socket(64), bare.socket(64));
    let remote = IpEndpoint::new(IpAddress::v4(10, 0, 0, 2), 80);
    let (mut kept, mut dialled) = (None, 0);
    let mut app = Puppet::new(&[long, short], |io, deadline| {
        *deadline = Some(tickwire::Deadline::new(io.now.after(5_000), Awaited::Total));
        if kept.is_none() {
            io.connect(long, remote)?;
            kept = io.tcp(long).0.local_endpoint();
        }
        io.drop_connection(short);
        if io.is_idle(short) {
            io.connect(short, remote)?;
            dialled += 1;
            let port = io.tcp(short).0.local_endpoint();
            assert!(kept.is_some() && port != kept, "after {dialled}");
        }
        Ok(Step::Wait)
    });
    let mut slot = Slot::new();
    // Steps between ports are 4.5 on average, so that a round takes about 3,600 of them: five rounds pass.
    for number in 0..20_000 {
        if number % 1_000 == 0 {
            // Before smoltcp forgets the peer's hardware address.
            bare.hear_frame(frames::introduction(Family::V4));
        }
        bare.turn(&mut [slot.seat(&mut app)]);
        bare.now = bare.now.after(10);
        bare.sent();
    }
    assert_eq!(slot.outcome(), None);
    drop(app);
    assert!(dialled > 18_000, "{dialled}");
}

#[test]
fn a_peer_behind_any_route_is_reachable_until_the_route_expires() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    bare.iface.routes_mut().update(|routes| {
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
        let mut app = Puppet::new(&[socket], |io, deadline| {
            let [a, b, c, d] = address;
            io.connect(socket, IpEndpoint::new(IpAddress::v4(a, b, c, d), 80))?;
            assert_eq!(io.tcp(socket).0.state(), State::SynSent);
            *deadline = at(5_000);
            Ok(Step::Done)
        });
        let mut slot = Slot::new();
        bare.turn(&mut [slot.seat(&mut app)]);
        assert_eq!(slot.outcome(), Some(expected), "{address:?} at {millis}");
    }
}

#[test]
fn a_socket_that_carries_a_connection_is_not_given_to_another() {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let remote = IpEndpoint::new(IpAddress::v4(10, 0, 0, 2), 80);
    let mut app = Puppet::new(&[socket], |io, _| {
        io.connect(socket, remote)?;
        assert_eq!(io.listen(socket, 80), Err(Error::SocketInUse));
        io.connect(socket, remote).map(|()| Step::Done)
    });
    let mut slot = Slot::new();
    bare.turn(&mut [slot.seat(&mut app)]);
    assert_eq!(slot.outcome(), Some(Err(Error::SocketInUse)));
}

#[test]
fn a_syn_that_crosses_ours_before_it_has_left_ends_the_attempt_and_not_the_program() {
    let mut bare = Bare::new();
    // Nobody has told the peer's hardware address.
    bare.cable.0.borrow_mut().to_host.clear();
    let (dialled, listening) = (bare.socket(64), bare.socket(64));
    bare.tcp(listening).listen(7).unwrap();
    let mut is_called = false;
    let mut app = Puppet::new(&[dialled], |io, deadline| {
        if !is_called {
            is_called = true;
            io.connect(dialled, IpEndpoint::new(Family::V4.peer(), PEER_PORT))?;
            *deadline = at(5_000);
        }
        io.connected(dialled).map(|_| Step::Wait)
    });
    let mut slot = Slot::new();
    bare.turn(&mut [slot.seat(&mut app)]);
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
    bare.turn(&mut [slot.seat(&mut app)]);
    assert_eq!(slot.outcome(), Some(Err(Error::Refused)));
    assert_eq!(bare.tcp(listening).state(), State::SynReceived);
}
