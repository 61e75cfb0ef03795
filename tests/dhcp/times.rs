//! Times of a lease that have passed before the client comes to them.

use smoltcp::wire::ArpOperation;
use tickwire::Duration;
use tickwire::dhcp::{DhcpEvent, DhcpOptions, LossReason, Probing};

use crate::messages::{ACK, ADDRESS, Answer, DISCOVER, OFFER, REQUEST, SERVER, SERVER_MAC};
use crate::network::{Arp, Network, unprobed};

/// A client whose server lends an address for `secs`, with these T1 and T2 if any.
fn granted(options: DhcpOptions<'static>, secs: u32, times: Option<(u32, u32)>) -> Network {
    let mut net = Network::new(options);
    for kind in [OFFER, ACK] {
        let asked = net.next(1);
        let mut answer = Answer::to(&asked, kind).with(51, &secs.to_be_bytes());
        if let Some((renewal_secs, rebinding_secs)) = times {
            answer = answer
                .with(58, &renewal_secs.to_be_bytes())
                .with(59, &rebinding_secs.to_be_bytes());
        }
        net.hear(&answer);
    }
    net
}

fn tested(probing: Probing) -> DhcpOptions<'static> {
    DhcpOptions {
        probing,
        ..DhcpOptions::default()
    }
}

/// Fails unless the client asks for more time, and goes on with what it gets.
#[track_caller]
fn is_renewed(mut net: Network) {
    let request = net.expect(REQUEST, 8);
    assert_eq!(request.address(), ADDRESS);
    net.hear(&Answer::to(&request, ACK));
    net.assert_bound();
    let renewed = |event: &DhcpEvent| matches!(event, DhcpEvent::LeaseRenewed { .. });
    assert!(net.events.iter().any(renewed), "{:?}", net.events);
    assert!(!net.dhcp.is_finished());
}

#[test]
fn t1_may_pass_while_the_address_is_tested() {
    // The tests take between 4 and 7 s.
    let mut net = granted(tested(Probing::RFC5227), 8, Some((1, 7)));
    let end = net.now + Duration::from_secs(7);
    assert!(net.run_to(end, |net| net.dhcp.app().is_bound()));
    net.run_to(end, |net| net.states.last() == Some(&"Renewing"));
    net.hear_arp_of(ArpOperation::Reply, SERVER_MAC, SERVER, ADDRESS);
    is_renewed(net);
}

#[test]
fn t1_and_t2_may_pass_while_the_address_is_tested() {
    is_renewed(granted(tested(Probing::RFC5227), 8, Some((1, 2))));
}

#[test]
fn t1_and_t2_may_be_one() {
    is_renewed(granted(unprobed(), 8, Some((5, 5))));
}

#[test]
fn probes_may_follow_each_other_without_a_pause() {
    let probing = Probing {
        count: 3,
        interval: Duration::ZERO,
        settle: Duration::ZERO,
    };
    let mut net = granted(tested(probing), 60, None);
    net.run(Duration::from_millis(10));
    net.assert_bound();
}

#[test]
fn a_late_answer_does_not_count_for_the_request_after_its_own() {
    let mut net = granted(unprobed(), 800, None);
    let mut renewing = || {
        net.arps.clear();
        let end = net.now + Duration::from_secs(1_000);
        assert!(net.run_to(end, |net| {
            net.arps.iter().any(|(_, arp)| arp.target == SERVER)
        }));
        net.hear_arp_of(ArpOperation::Reply, SERVER_MAC, SERVER, ADDRESS);
        net.expect(REQUEST, 0)
    };
    let (first, second) = (renewing(), renewing());
    assert_ne!(first.xid(), second.xid());
    // The lease that it grants began 150 s ago, and nobody can tell that from the answer.
    net.hear(&Answer::to(&first, ACK));
    assert_eq!(net.states.last(), Some(&"Renewing"));
    net.hear(&Answer::to(&second, ACK));
    assert_eq!(net.states.last(), Some(&"Bound"));
}

/// The program gets no turn for longer than the lease lasts. With the next frame so many are there
/// that the loop judges no deadline in its first turn.
fn stop(net: &mut Network) {
    net.now = net.now + Duration::from_secs(5_000);
    (1..tickwire::INGRESS_MAX).for_each(|_| net.queue_frame(vec![0; 60]));
}

#[test]
fn after_a_stop_of_the_program_nothing_leaves_from_an_address_that_is_over() {
    let mut net = granted(unprobed(), 800, None);
    let end = net.now + Duration::from_secs(500);
    assert!(net.run_to(end, |net| net.states.last() == Some(&"Renewing")));
    stop(&mut net);
    net.hear_arp_of(ArpOperation::Reply, SERVER_MAC, SERVER, ADDRESS);
    net.expect(DISCOVER, 1);
    let lost = |event: &DhcpEvent| {
        matches!(
            event,
            DhcpEvent::LeaseLost {
                reason: LossReason::Expired,
                ..
            }
        )
    };
    assert!(net.events.iter().any(lost), "{:?}", net.events);
    net.assert_unbound();
}

#[test]
fn after_a_stop_of_the_program_nobody_defends_an_address_that_is_over() {
    let mut net = granted(unprobed(), 800, None);
    net.run(Duration::from_secs(10));
    net.arps.clear();
    stop(&mut net);
    net.hear_arp_of(ArpOperation::Request, SERVER_MAC, ADDRESS, ADDRESS);
    net.expect(DISCOVER, 1);
    // smoltcp answers what comes before the loop has looked at the clock.
    let is_announced = |arp: &Arp| arp.operation == ArpOperation::Request;
    assert!(!net.arps.iter().any(|(_, arp)| is_announced(arp)));
}
