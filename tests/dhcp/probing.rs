//! Addresses that somebody else has.

use std::net::Ipv4Addr;

use smoltcp::wire::{ArpOperation, EthernetAddress};
use tickwire::Duration;
use tickwire::dhcp::{DhcpEvent, DhcpOptions, LossReason, Probing};

use crate::messages::{
    ACK, ADDRESS, Answer, DECLINE, DISCOVER, MAC, OFFER, OTHER_MAC, REQUEST, SERVER,
};
use crate::network::{Network, unprobed};

const NOBODY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

/// A client whose address was granted and is being tested.
fn probing(probing: Probing) -> Network {
    let mut net = Network::new(DhcpOptions {
        probing,
        ..DhcpOptions::default()
    });
    net.acquire();
    net.assert_unbound();
    assert_eq!(net.states.last(), Some(&"Probing"));
    net
}

#[test]
fn a_granted_address_is_used_after_three_probes() {
    for (times, least, most) in [(Probing::QUICK, 400, 700), (Probing::RFC5227, 4_000, 7_000)] {
        let mut net = probing(times);
        let begin = net.now;
        let end = begin + Duration::from_secs(10);
        assert!(net.run_to(end, |net| net.dhcp.app().is_bound()));
        net.assert_bound();
        let took = net.now.since(begin).as_millis();
        assert!((least..=most).contains(&took), "{took} ms");
        let arps: Vec<_> = net
            .arps
            .iter()
            .map(|(_, arp)| (arp.sender, arp.target))
            .collect();
        assert_eq!(arps[..3], [(NOBODY, ADDRESS); 3]);
    }
}

/// Hears of somebody else while an address is tested; whether it was declined.
#[track_caller]
fn is_declined(
    operation: ArpOperation,
    mac: EthernetAddress,
    sender: Ipv4Addr,
    target: Ipv4Addr,
) -> bool {
    let mut net = probing(Probing::QUICK);
    net.run(Duration::from_millis(150));
    net.hear_arp_of(operation, mac, sender, target);
    net.run(Duration::from_secs(1));
    if net.dhcp.app().is_bound() {
        assert!(net.asked.is_empty());
        return false;
    }
    let decline = net.expect(DECLINE, 0);
    assert_eq!(
        (decline.source, decline.destination),
        (NOBODY, Ipv4Addr::BROADCAST)
    );
    assert_eq!(
        (decline.wanted(), decline.server()),
        (Some(ADDRESS), Some(SERVER))
    );
    assert_eq!((decline.address(), decline.option(55)), (NOBODY, None));
    net.assert_unbound();
    let declined = DhcpEvent::Declined {
        address: ADDRESS,
        holder: mac,
    };
    assert_eq!(net.events, [declined]);
    // Not before ten seconds have passed, and not for the same address.
    let discover = net.expect(DISCOVER, 20);
    assert_eq!(discover.at.since(decline.at), Duration::from_secs(10));
    assert_eq!(discover.wanted(), None);
    true
}

#[test]
fn an_address_that_answers_is_declined() {
    assert!(is_declined(ArpOperation::Reply, OTHER_MAC, ADDRESS, NOBODY));
}

#[test]
fn an_address_that_speaks_or_is_announced_is_declined() {
    for target in [SERVER, ADDRESS] {
        assert!(is_declined(
            ArpOperation::Request,
            OTHER_MAC,
            ADDRESS,
            target
        ));
    }
}

#[test]
fn an_address_that_another_host_tests_too_is_declined() {
    assert!(is_declined(
        ArpOperation::Request,
        OTHER_MAC,
        NOBODY,
        ADDRESS
    ));
}

#[test]
fn what_is_said_of_other_addresses_or_by_ourselves_does_not_count() {
    for (mac, sender, target) in [
        (OTHER_MAC, SERVER, ADDRESS),
        (OTHER_MAC, NOBODY, SERVER),
        (MAC, ADDRESS, ADDRESS),
        (MAC, NOBODY, ADDRESS),
    ] {
        assert!(!is_declined(ArpOperation::Request, mac, sender, target));
    }
}

/// A client with a lease, to which another host says that it has the address.
fn contested() -> Network {
    let mut net = Network::new(unprobed());
    net.acquire();
    net.run(Duration::from_secs(60));
    net.arps.clear();
    net.hear_arp_of(ArpOperation::Request, OTHER_MAC, ADDRESS, SERVER);
    net
}

#[test]
fn an_address_in_use_is_defended_once() {
    let mut net = contested();
    let arps: Vec<_> = net
        .arps
        .iter()
        .map(|(_, arp)| (arp.sender, arp.target))
        .collect();
    assert_eq!(arps, [(ADDRESS, ADDRESS)]);
    net.assert_bound();
    // Once more after a while is another conflict.
    net.run(Duration::from_secs(10));
    net.hear_arp_of(ArpOperation::Reply, OTHER_MAC, ADDRESS, SERVER);
    net.assert_bound();
    assert_eq!(net.arps.len(), 2);
}

#[test]
fn an_address_that_is_contested_again_within_ten_seconds_is_given_up() {
    let mut net = contested();
    net.run(Duration::from_millis(9_999));
    net.hear_arp_of(ArpOperation::Reply, OTHER_MAC, ADDRESS, SERVER);
    net.assert_unbound();
    let decline = net.expect(DECLINE, 0);
    assert_eq!(
        (decline.wanted(), decline.server()),
        (Some(ADDRESS), Some(SERVER))
    );
    let lost = net.events.iter().find_map(|event| match event {
        DhcpEvent::LeaseLost { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(lost, Some(LossReason::Conflict));
    net.expect(DISCOVER, 10);
}

#[test]
fn a_host_that_tests_our_address_takes_nothing_from_us() {
    let mut net = Network::new(unprobed());
    net.acquire();
    for _ in 0..5 {
        net.hear_arp_of(ArpOperation::Request, OTHER_MAC, NOBODY, ADDRESS);
    }
    net.run(Duration::from_secs(5));
    net.assert_bound();
}

#[test]
fn the_address_of_before_is_tested_too() {
    let mut net = Network::new(DhcpOptions {
        last_address: Some(ADDRESS),
        ..DhcpOptions::default()
    });
    let request = net.expect(REQUEST, 0);
    net.hear(&Answer::to(&request, ACK));
    net.run(Duration::from_millis(150));
    net.hear_arp_of(ArpOperation::Reply, OTHER_MAC, ADDRESS, NOBODY);
    net.expect(DECLINE, 0);
    let discover = net.expect(DISCOVER, 10);
    net.hear(&Answer::to(&discover, OFFER));
    let request = net.expect(REQUEST, 0);
    net.hear(&Answer::to(&request, ACK));
    net.run(Duration::from_secs(1));
    net.assert_bound();
}
