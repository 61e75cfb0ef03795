//! A lease that is renewed, or is not.

use std::net::Ipv4Addr;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::Socket;
use smoltcp::wire::{ArpOperation, EthernetAddress, IpAddress, IpEndpoint, Ipv4Cidr};
use tickwire::dhcp::{DhcpEvent, LossReason};
use tickwire::{Duration, Error, Step, Task};

use crate::common::fixture::leak;
use crate::common::mock_app::{MockApp, at};
use crate::messages::{
    ACK, ADDRESS, Answer, Asked, DISCOVER, MAC, NAK, OFFER, OTHER_MAC, REQUEST, SERVER, SERVER_MAC,
};
use crate::network::{Network, unprobed};

const OTHER_SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// A client with a lease of 800 s, asked for at 0 s: T1 at 400 s, T2 at 700 s.
fn bound() -> Network {
    let mut net = Network::new(unprobed());
    net.acquire();
    net.assert_bound();
    net
}

/// The client has asked for the hardware address of `hop`, and hears it.
#[track_caller]
fn answer_arp(net: &mut Network, hop: Ipv4Addr) {
    let end = net.now + Duration::from_secs(1_000);
    net.arps.clear();
    let is_sought = |net: &Network| net.arps.iter().any(|(_, arp)| arp.target == hop);
    assert!(net.run_to(end, is_sought));
    net.hear_arp_of(ArpOperation::Reply, SERVER_MAC, hop, ADDRESS);
}

/// The client asks its server alone for more time.
#[track_caller]
fn renewing(net: &mut Network) -> Asked {
    answer_arp(net, SERVER);
    net.expect(REQUEST, 0)
}

fn at_secs(asked: &Asked) -> u64 {
    asked.at.as_millis() / 1_000
}

fn losses(net: &Network) -> Vec<LossReason> {
    let reason = |event: &DhcpEvent| match event {
        DhcpEvent::LeaseLost { reason, .. } => Some(*reason),
        _ => None,
    };
    net.events.iter().filter_map(reason).collect()
}

#[test]
fn at_t1_its_server_alone_is_asked() {
    let mut net = bound();
    let request = renewing(&mut net);
    assert_eq!(at_secs(&request), 400);
    assert_eq!((request.source, request.destination), (ADDRESS, SERVER));
    assert_eq!(request.mac, SERVER_MAC);
    assert_eq!(request.address(), ADDRESS);
    assert_eq!((request.wanted(), request.server()), (None, None));
    net.hear(&Answer::to(&request, ACK));
    net.assert_bound();
    let renewed = DhcpEvent::LeaseRenewed {
        address: Ipv4Cidr::new(ADDRESS, 24),
        server: SERVER,
        time: Some(Duration::from_secs(800)),
    };
    assert_eq!(net.events.last(), Some(&renewed));
    // From the renewal on.
    assert_eq!(at_secs(&renewing(&mut net)), 800);
    assert!(losses(&net).is_empty());
}

#[test]
fn a_server_behind_a_router_is_asked_through_it() {
    let far = Ipv4Addr::new(192, 168, 7, 1);
    let mut net = Network::new(unprobed());
    for kind in [OFFER, ACK] {
        let asked = net.next(1);
        let mut answer = Answer::to(&asked, kind).with(3, &OTHER_SERVER.octets());
        answer.server = Some(far);
        net.hear(&answer);
    }
    answer_arp(&mut net, OTHER_SERVER);
    let request = net.expect(REQUEST, 0);
    assert_eq!((request.destination, request.mac), (far, SERVER_MAC));
}

#[test]
fn a_server_out_of_reach_is_not_asked_before_t2() {
    let mut net = Network::new(unprobed());
    for kind in [OFFER, ACK] {
        let asked = net.next(1);
        let mut answer = Answer::to(&asked, kind).with(3, &[]);
        answer.server = Some(Ipv4Addr::new(192, 168, 7, 1));
        net.hear(&answer);
    }
    let request = net.expect(REQUEST, 1_000);
    assert_eq!(
        (at_secs(&request), request.destination),
        (700, Ipv4Addr::BROADCAST)
    );
}

#[test]
fn a_next_hop_that_does_not_answer_is_asked_three_times_at_each_attempt() {
    let mut net = bound();
    net.run(Duration::from_secs(399));
    net.arps.clear();
    net.run(Duration::from_secs(290));
    let times: Vec<u64> = net
        .arps
        .iter()
        .map(|(at, _)| at.as_millis() / 1_000)
        .collect();
    // Half of the time to T2 after the third one, but at least a minute.
    assert_eq!(times, [400, 401, 402, 551, 552, 553, 627, 628, 629]);
    assert!(net.asked.is_empty());
    let request = net.expect(REQUEST, 100);
    assert_eq!(
        (at_secs(&request), request.destination),
        (700, Ipv4Addr::BROADCAST)
    );
}

#[test]
fn unanswered_renewals_come_at_half_of_the_time_that_is_left() {
    let mut net = bound();
    let mut times = Vec::new();
    for _ in 0..4 {
        times.push(at_secs(&renewing(&mut net)));
    }
    assert_eq!(times, [400, 550, 625, 685]);
    let rebinding = net.expect(REQUEST, 100);
    assert_eq!(at_secs(&rebinding), 700);
    assert_eq!(at_secs(&net.expect(REQUEST, 100)), 760);
    assert_eq!(at_secs(&net.expect(DISCOVER, 100)), 800);
}

#[test]
fn at_t2_every_server_is_asked_and_any_may_answer() {
    let mut net = bound();
    net.run(Duration::from_secs(690));
    let request = net.expect(REQUEST, 20);
    assert_eq!(request.mac, EthernetAddress::BROADCAST);
    assert_eq!(
        (request.source, request.destination),
        (ADDRESS, Ipv4Addr::BROADCAST)
    );
    assert_eq!(request.address(), ADDRESS);
    assert_eq!((request.wanted(), request.server()), (None, None));
    let mut answer = Answer::to(&request, ACK);
    answer.server = Some(OTHER_SERVER);
    net.hear(&answer);
    net.assert_bound();
    assert_eq!(net.storage.lease().unwrap().server, OTHER_SERVER);
    answer_arp(&mut net, OTHER_SERVER);
    assert_eq!(net.expect(REQUEST, 0).destination, OTHER_SERVER);
}

#[test]
fn a_lease_that_nobody_renews_is_lost_to_the_millisecond() {
    let mut net = bound();
    net.run(Duration::from_millis(799_999));
    net.assert_bound();
    net.run(Duration::from_millis(1));
    net.assert_unbound();
    assert_eq!(net.routes(), Vec::<String>::new());
    assert_eq!(losses(&net), [LossReason::Expired]);
    net.asked.retain(|asked| asked.kind() == DISCOVER);
    // The address would still be welcome.
    assert_eq!(net.asked[0].wanted(), Some(ADDRESS));
}

#[test]
fn a_program_that_was_stopped_beyond_the_end_of_its_lease_has_lost_it() {
    let mut net = bound();
    net.now = net.now + Duration::from_secs(5_000);
    net.run(Duration::ZERO);
    net.assert_unbound();
    net.expect(DISCOVER, 0);
}

#[test]
fn a_server_may_withdraw_the_address() {
    let mut net = bound();
    let request = renewing(&mut net);
    let mut refusal = Answer::to(&request, NAK);
    refusal.address = ADDRESS;
    net.hear(&refusal);
    net.assert_unbound();
    assert_eq!(losses(&net), [LossReason::Withdrawn]);
    assert_eq!(net.expect(DISCOVER, 0).wanted(), None);
}

#[test]
fn only_its_own_server_is_believed_before_t2() {
    for kind in [ACK, NAK] {
        let mut net = bound();
        let request = renewing(&mut net);
        let mut answer = Answer::to(&request, kind);
        answer.server = Some(OTHER_SERVER);
        answer.address = ADDRESS;
        net.hear(&answer);
        net.assert_bound();
        assert_eq!(net.events.len(), 1);
    }
}

#[test]
fn a_renewal_for_another_address_is_not_believed() {
    let mut net = bound();
    let request = renewing(&mut net);
    let mut answer = Answer::to(&request, ACK);
    answer.address = Ipv4Addr::new(10, 0, 0, 10);
    net.hear(&answer);
    net.assert_bound();
    assert_eq!(net.events.len(), 1);
}

#[test]
fn a_lease_that_shrinks_is_obeyed() {
    let mut net = bound();
    let request = renewing(&mut net);
    net.hear(&Answer::to(&request, ACK).with(51, &10_u32.to_be_bytes()));
    net.assert_bound();
    let request = renewing(&mut net);
    assert_eq!(at_secs(&request), 405);
    net.run(Duration::from_millis(4_999));
    net.assert_bound();
    net.run(Duration::from_millis(1));
    net.assert_unbound();
}

#[test]
fn the_shortest_lease_asks_for_no_more_than_a_few_frames_a_second() {
    let mut net = Network::new(unprobed());
    let mut frames = 0;
    for _ in 0..200 {
        let asked = net.next(100);
        let kind = if asked.kind() == DISCOVER { OFFER } else { ACK };
        net.hear(&Answer::to(&asked, kind).with(51, &1_u32.to_be_bytes()));
        frames += 1 + net.arps.len();
        net.arps.clear();
    }
    let secs = usize::try_from(net.now.as_millis() / 1_000).unwrap();
    assert!(frames <= 4 * secs, "{frames} frames in {secs} s");
}

#[test]
fn a_lease_for_ever_waits_for_nothing() {
    let mut net = Network::new(unprobed());
    for kind in [OFFER, ACK] {
        let asked = net.next(1);
        net.hear(&Answer::to(&asked, kind).with(51, &[0xff; 4]));
    }
    net.run(Duration::from_secs(10_000_000));
    net.assert_bound();
    assert!(net.asked.is_empty());
}

#[test]
fn a_renewal_changes_the_routes_and_nothing_else() {
    let mut net = bound();
    let request = renewing(&mut net);
    net.hear(&Answer::to(&request, ACK).with(3, &OTHER_SERVER.octets()));
    net.assert_bound();
    assert_eq!(net.routes(), ["0.0.0.0/0 via 10.0.0.2"]);
}

/// A task that dials, and keeps what became of it.
fn dialling(net: &mut Network) -> (SocketHandle, impl tickwire::App<Error = Error> + use<>) {
    let socket = net.stack.add_tcp_socket(leak(0, 64), leak(0, 64));
    let mut is_dialled = false;
    let app = MockApp::new(&[socket], move |io, deadline| {
        *deadline = at(u64::MAX);
        if !is_dialled {
            is_dialled = true;
            let address = IpAddress::Ipv4(OTHER_SERVER);
            io.connect(socket, IpEndpoint::new(address, 80))?;
        }
        io.is_connected(socket).map(|_| Step::Wait)
    });
    (socket, app)
}

#[test]
fn a_lost_lease_ends_connections_with_an_error_that_says_so() {
    let mut net = bound();
    let (_, app) = dialling(&mut net);
    let mut task = Task::new(app);
    net.turn(Some(&mut task));
    assert_eq!(task.outcome(), None);
    net.now = net.now + Duration::from_secs(800);
    for _ in 0..3 {
        net.turn(Some(&mut task));
    }
    net.assert_unbound();
    assert_eq!(task.outcome(), Some(&Err(Error::AddressLost)));
}

/// The same address may be lent by another network, in which a neighbour is another host.
#[test]
fn after_a_link_has_come_again_neighbours_are_asked_for_again() {
    let mut net = bound();
    net.hear_arp_of(ArpOperation::Request, OTHER_MAC, OTHER_SERVER, ADDRESS);
    for (is_known, is_up) in [(true, false), (true, true), (false, true)] {
        net.arps.clear();
        let (_, app) = dialling(&mut net);
        net.turn(Some(&mut Task::new(app)));
        let is_asked = net.arps.iter().any(|(_, arp)| arp.target == OTHER_SERVER);
        assert_eq!(is_asked, !is_known);
        net.dhcp.app_mut().set_link(is_up);
        net.turn(None);
    }
}

#[test]
fn a_renewal_of_the_same_address_disturbs_nothing() {
    let mut net = Network::new(unprobed());
    for kind in [OFFER, ACK] {
        let asked = net.next(1);
        net.hear(&Answer::to(&asked, kind).with(58, &5_u32.to_be_bytes()));
    }
    let (socket, app) = dialling(&mut net);
    let mut task = Task::new(app);
    net.turn(Some(&mut task));
    net.hear_arp_of(ArpOperation::Reply, OTHER_MAC, OTHER_SERVER, ADDRESS);
    let request = renewing(&mut net);
    net.hear(&Answer::to(&request, ACK));
    // The connection is still being made.
    net.turn(Some(&mut task));
    assert_eq!(task.outcome(), None);
    let state = net.stack.sockets.get::<Socket<'_>>(socket).state();
    assert_eq!(state, smoltcp::socket::tcp::State::SynSent);
    // Its neighbour is still known: the next SYN needs no ARP.
    let (_, app) = dialling(&mut net);
    let mut again = Task::new(app);
    (net.others, net.arps) = (0, Vec::new());
    net.turn(Some(&mut again));
    assert!(net.others > 0);
    assert_eq!(net.arps, []);
    assert_eq!(net.stack.iface.hardware_addr(), MAC.into());
}
