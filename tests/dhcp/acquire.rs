//! From INIT to BOUND.

use std::net::Ipv4Addr;

use smoltcp::wire::{EthernetAddress, Ipv4Cidr};
use tickwire::dhcp::{DhcpEvent, DhcpOptions};
use tickwire::{Duration, Tick};

use crate::messages::{
    ACK, ADDRESS, Answer, Asked, DISCOVER, LEASE_SECS, NAK, OFFER, REQUEST, SERVER,
};
use crate::network::{Arp, Network, unprobed};

/// Checks that `asked` is a broadcast of a host without an address.
#[track_caller]
fn assert_from_nobody(asked: &Asked) {
    assert_eq!(asked.mac, EthernetAddress::BROADCAST);
    assert_eq!(asked.source, Ipv4Addr::UNSPECIFIED);
    assert_eq!(asked.destination, Ipv4Addr::BROADCAST);
    assert_eq!(asked.address(), Ipv4Addr::UNSPECIFIED);
}

#[test]
fn four_messages_give_an_address() {
    let mut net = Network::new(unprobed());
    let discover = net.expect(DISCOVER, 0);
    assert_from_nobody(&discover);
    assert_eq!((discover.wanted(), discover.server()), (None, None));
    net.assert_unbound();
    net.hear(&Answer::to(&discover, OFFER));
    let request = net.expect(REQUEST, 0);
    assert_from_nobody(&request);
    assert_eq!(
        (request.wanted(), request.server()),
        (Some(ADDRESS), Some(SERVER))
    );
    assert_eq!(request.xid(), discover.xid());
    net.assert_unbound();
    net.hear(&Answer::to(&request, ACK));
    net.assert_bound();
    assert_eq!(net.routes(), ["0.0.0.0/0 via 10.0.0.1"]);
    let acquired = DhcpEvent::LeaseAcquired {
        address: Ipv4Cidr::new(ADDRESS, 24),
        server: SERVER,
        time: Some(Duration::from_secs(LEASE_SECS.into())),
    };
    assert_eq!(net.events, [acquired]);
    assert_eq!(net.states, ["Selecting", "Requesting", "Bound"]);
}

#[test]
fn a_new_address_is_announced_twice() {
    let mut net = Network::new(unprobed());
    net.acquire();
    net.run(Duration::from_secs(60));
    let announcement = |millis| {
        let arp = Arp {
            operation: smoltcp::wire::ArpOperation::Request,
            sender: ADDRESS,
            target: ADDRESS,
        };
        (Tick::from_millis(millis), arp)
    };
    assert_eq!(net.arps, [announcement(0), announcement(2_000)]);
}

#[test]
fn answers_may_be_broadcast() {
    let mut net = Network::new(unprobed());
    for kind in [OFFER, ACK] {
        let asked = net.next(0);
        let mut answer = Answer::to(&asked, kind);
        answer.to = EthernetAddress::BROADCAST;
        net.hear(&answer);
    }
    net.assert_bound();
}

/// The waits between the next `count` messages, in milliseconds.
fn waits(net: &mut Network, count: usize) -> (Vec<u64>, Vec<Asked>) {
    let asked: Vec<Asked> = (0..=count).map(|_| net.next(100)).collect();
    let waits = asked.windows(2).map(|pair| pair[1].at.since(pair[0].at));
    (waits.map(Duration::as_millis).collect(), asked)
}

#[track_caller]
fn assert_near(waits: &[u64], secs: &[u64]) {
    assert_eq!(waits.len(), secs.len());
    for (wait, secs) in waits.iter().zip(secs) {
        let range = (secs - 1) * 1_000..=(secs + 1) * 1_000;
        assert!(range.contains(wait), "{waits:?}");
    }
}

#[test]
fn a_discover_is_sent_again_ever_later_with_the_same_number() {
    let mut net = Network::new(unprobed());
    let (times, all) = waits(&mut net, 7);
    assert_near(&times, &[4, 8, 16, 32, 64, 64, 64]);
    for asked in &all {
        assert_eq!((asked.kind(), asked.xid()), (DISCOVER, all[0].xid()));
        assert_eq!(u64::from(asked.secs()), asked.at.as_millis() / 1_000);
    }
    // Two hosts that start together do not ask together.
    let mut other = Network::with_seed(unprobed(), 8);
    let (others, all_of_other) = waits(&mut other, 7);
    assert!(times.iter().zip(&others).all(|(one, two)| one != two));
    assert_ne!(all[0].xid(), all_of_other[0].xid());
}

#[test]
fn an_offer_that_comes_after_the_next_discover_is_taken() {
    let mut net = Network::new(unprobed());
    let first = net.expect(DISCOVER, 0);
    let second = net.expect(DISCOVER, 6);
    net.hear(&Answer::to(&first, OFFER));
    let request = net.expect(REQUEST, 0);
    assert_eq!(request.wanted(), Some(ADDRESS));
    // As RFC 2131, section 4.4.1, wants for relays.
    assert_eq!(request.secs(), second.secs());
}

#[test]
fn a_request_that_nobody_answers_is_given_up_after_a_minute() {
    let mut net = Network::new(unprobed());
    let discover = net.expect(DISCOVER, 0);
    net.hear(&Answer::to(&discover, OFFER));
    let (times, asked) = waits(&mut net, 4);
    assert_near(&times, &[4, 8, 16, 32]);
    let kinds: Vec<u8> = asked.iter().map(Asked::kind).collect();
    assert_eq!(kinds, [REQUEST, REQUEST, REQUEST, REQUEST, DISCOVER]);
    assert!(asked[..4].iter().all(|asked| asked.xid() == discover.xid()));
    assert_ne!(asked[4].xid(), discover.xid());
    // An answer to what was given up is not believed.
    net.hear(&Answer::to(&asked[0], ACK));
    net.assert_unbound();
}

#[test]
fn refusals_in_a_row_are_answered_ever_later() {
    let mut net = Network::new(unprobed());
    let mut waits = Vec::new();
    for _ in 0..10 {
        let discover = net.expect(DISCOVER, 70);
        waits.push(discover.at.as_millis() / 1_000);
        net.hear(&Answer::to(&discover, OFFER));
        let request = net.expect(REQUEST, 0);
        net.hear(&Answer::to(&request, NAK));
    }
    // A pause of 0, 0, 1, 2, 4, 8, 16, 32, 64 and 64 seconds before each.
    assert_eq!(waits, [0, 0, 1, 3, 7, 15, 31, 63, 127, 191]);
    let refused = DhcpEvent::Refused { address: ADDRESS };
    assert_eq!(net.events, [refused; 10]);
    // A lease ends it.
    let discover = net.expect(DISCOVER, 70);
    net.hear(&Answer::to(&discover, OFFER));
    let request = net.expect(REQUEST, 0);
    net.hear(&Answer::to(&request, ACK));
    net.assert_bound();
}

/// A client that had `ADDRESS` before it was started again.
fn restarted() -> Network {
    Network::new(DhcpOptions {
        last_address: Some(ADDRESS),
        ..unprobed()
    })
}

#[test]
fn the_address_of_before_takes_two_messages() {
    let mut net = restarted();
    let request = net.expect(REQUEST, 0);
    assert_from_nobody(&request);
    assert_eq!((request.wanted(), request.server()), (Some(ADDRESS), None));
    net.hear(&Answer::to(&request, ACK));
    net.assert_bound();
    assert_eq!(net.states, ["Rebooting", "Bound"]);
}

#[test]
fn on_another_network_the_address_of_before_is_refused_and_not_asked_for_again() {
    let mut net = restarted();
    let request = net.expect(REQUEST, 0);
    net.hear(&Answer::to(&request, NAK));
    let discover = net.expect(DISCOVER, 0);
    assert_eq!(discover.wanted(), None);
}

#[test]
fn where_nobody_answers_for_the_address_of_before_it_is_only_a_wish() {
    let mut net = restarted();
    let (times, asked) = waits(&mut net, 2);
    assert_near(&times, &[4, 8]);
    let kinds: Vec<u8> = asked.iter().map(Asked::kind).collect();
    assert_eq!(kinds, [REQUEST, REQUEST, DISCOVER]);
    assert_eq!(asked[2].wanted(), Some(ADDRESS));
}

#[test]
fn a_device_without_room_sends_when_it_has_some() {
    let mut net = Network::new(unprobed());
    net.set_refuses(true);
    net.run(Duration::from_secs(2));
    assert!(net.asked.is_empty());
    net.set_refuses(false);
    // Nobody is asked again before the time.
    net.expect(DISCOVER, 0);
}
