//! Links that go and come, and leases that are given back.

use std::net::Ipv4Addr;

use smoltcp::wire::ArpOperation;
use tickwire::Duration;
use tickwire::dhcp::{DhcpEvent, LossReason};

use crate::messages::{
    ACK, ADDRESS, Answer, DISCOVER, NAK, OFFER, RELEASE, REQUEST, SERVER, SERVER_MAC,
};
use crate::network::{Network, unprobed};

fn bound() -> Network {
    let mut net = Network::new(unprobed());
    net.acquire();
    net.run(Duration::from_secs(5));
    net.events.clear();
    net
}

impl Network {
    /// The link goes or comes, and the host has its turns.
    fn set_link(&mut self, is_up: bool) {
        self.dhcp.app_mut().set_link(is_up);
        self.run(Duration::ZERO);
    }
}

#[test]
fn a_link_that_is_not_up_yet_is_waited_for() {
    let mut net = Network::new(unprobed());
    net.set_link(false);
    net.run(Duration::from_secs(100));
    assert!(net.asked.is_empty());
    net.set_link(true);
    assert_eq!(net.expect(DISCOVER, 0).secs(), 0);
}

#[test]
fn a_link_that_goes_ends_the_search_until_it_comes() {
    let mut net = Network::new(unprobed());
    let discover = net.expect(DISCOVER, 0);
    net.set_link(false);
    net.run(Duration::from_secs(100));
    assert!(net.asked.is_empty());
    net.hear(&Answer::to(&discover, OFFER));
    net.set_link(true);
    assert_ne!(net.expect(DISCOVER, 0).xid(), discover.xid());
}

#[test]
fn a_link_that_comes_again_is_asked_at_once_for_the_same_address() {
    let mut net = bound();
    net.set_link(false);
    net.assert_bound();
    net.run(Duration::from_secs(30));
    net.set_link(true);
    let request = net.expect(REQUEST, 0);
    assert_eq!((request.wanted(), request.server()), (Some(ADDRESS), None));
    assert_eq!(request.address(), Ipv4Addr::UNSPECIFIED);
    net.assert_bound();
    net.hear(&Answer::to(&request, ACK));
    net.assert_bound();
    assert!(matches!(net.events[..], [DhcpEvent::LeaseRenewed { .. }]));
}

#[test]
fn on_another_network_the_lease_is_lost_at_once() {
    let mut net = bound();
    net.set_link(false);
    net.set_link(true);
    let request = net.expect(REQUEST, 0);
    net.hear(&Answer::to(&request, NAK));
    net.assert_unbound();
    assert_eq!(net.events.len(), 2);
    net.expect(DISCOVER, 0);
}

#[test]
fn where_nobody_answers_a_lease_is_used_on_and_renewed_in_time() {
    let mut net = bound();
    net.set_link(false);
    net.set_link(true);
    net.expect(REQUEST, 0);
    net.expect(REQUEST, 5);
    net.run(Duration::from_secs(60));
    net.assert_bound();
    assert!(net.asked.is_empty());
    net.arps.clear();
    net.run(Duration::from_secs(340));
    assert_eq!(net.arps[0].0.as_millis(), 400_000);
}

#[test]
fn a_lease_that_ends_while_the_link_is_down_is_lost() {
    let mut net = bound();
    net.set_link(false);
    net.run(Duration::from_secs(900));
    net.assert_unbound();
    assert!(net.asked.is_empty());
    let reasons = |event: &DhcpEvent| {
        matches!(
            event,
            DhcpEvent::LeaseLost {
                reason: LossReason::Expired,
                ..
            }
        )
    };
    assert!(net.events.iter().any(reasons));
    net.set_link(true);
    assert_eq!(net.expect(REQUEST, 0).wanted(), Some(ADDRESS));
}

#[test]
fn a_link_that_flaps_asks_once_each_time() {
    let mut net = bound();
    for _ in 0..20 {
        net.set_link(false);
        net.set_link(true);
        net.expect(REQUEST, 0);
        assert!(net.asked.is_empty());
    }
    net.assert_bound();
}

#[test]
fn a_lease_is_given_back_to_its_server() {
    let mut net = bound();
    net.dhcp.app_mut().release();
    net.run(Duration::ZERO);
    net.hear_arp_of(ArpOperation::Reply, SERVER_MAC, SERVER, ADDRESS);
    let release = net.expect(RELEASE, 0);
    assert_eq!((release.source, release.destination), (ADDRESS, SERVER));
    assert_eq!((release.mac, release.address()), (SERVER_MAC, ADDRESS));
    assert_eq!((release.wanted(), release.server()), (None, Some(SERVER)));
    net.assert_unbound();
    assert_eq!(net.dhcp.outcome(), Some(&Ok(())));
    assert!(matches!(
        net.events[..],
        [DhcpEvent::LeaseLost {
            reason: LossReason::Released,
            ..
        }]
    ));
}

#[test]
fn a_server_that_is_gone_does_not_hold_up_the_end() {
    let mut net = bound();
    net.dhcp.app_mut().release();
    net.run(Duration::from_millis(1_000));
    assert!(net.asked.is_empty());
    net.assert_unbound();
    assert_eq!(net.dhcp.outcome(), Some(&Ok(())));
}

#[test]
fn without_a_lease_there_is_nothing_to_give_back() {
    let mut net = Network::new(unprobed());
    net.expect(DISCOVER, 0);
    net.dhcp.app_mut().release();
    net.run(Duration::ZERO);
    assert!(net.asked.is_empty());
    assert_eq!(net.dhcp.outcome(), Some(&Ok(())));
}
