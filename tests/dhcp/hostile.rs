//! Servers that lie, and others that pretend to be servers.

use std::net::Ipv4Addr;

use smoltcp::wire::EthernetAddress;
use tickwire::Duration;
use tickwire::dhcp::DhcpOptions;

use crate::messages::{
    ACK, ADDRESS, Answer, DISCOVER, MAC, NAK, OFFER, OTHER_MAC, REQUEST, SERVER,
};
use crate::network::{Network, unprobed};

type Change = fn(&mut Answer);

/// What makes an answer one that was not asked for.
const FORGERIES: [(&str, Change); 10] = [
    ("another number", |answer| answer.xid[3] ^= 1),
    ("another client", |answer| answer.mac = OTHER_MAC),
    ("no server", |answer| answer.server = None),
    ("a server that is no host", |answer| {
        answer.server = Some(Ipv4Addr::BROADCAST);
    }),
    ("from another port", |answer| answer.ports.0 = 1_067),
    ("to another port", |answer| answer.ports.1 = 69),
    ("to another host", |answer| answer.to = OTHER_MAC),
    ("for another identifier", |answer| {
        answer.options.push((61, vec![1, 2, 3]));
    }),
    ("no address", |answer| {
        answer.address = Ipv4Addr::UNSPECIFIED;
    }),
    ("an address of a group", |answer| {
        answer.address = Ipv4Addr::new(224, 0, 0, 1);
    }),
];

#[test]
fn no_offer_is_believed_that_was_not_asked_for() {
    let mut net = Network::new(unprobed());
    let discover = net.expect(DISCOVER, 0);
    for (what, change) in FORGERIES {
        let mut answer = Answer::to(&discover, OFFER);
        change(&mut answer);
        net.hear(&answer);
        assert!(net.asked.is_empty(), "{what}");
    }
    for kind in [ACK, NAK] {
        net.hear(&Answer::to(&discover, kind));
    }
    assert_eq!(net.states, ["Selecting"]);
    net.hear(&Answer::to(&discover, OFFER));
    net.expect(REQUEST, 0);
    assert_eq!(
        net.others, 0,
        "somebody was told that a port is unreachable"
    );
}

/// What makes an ACK one of something else than was asked for.
const WRONG_LEASES: [(&str, Change); 5] = [
    ("another address", |answer| {
        answer.address = Ipv4Addr::new(10, 0, 0, 10);
    }),
    ("another server", |answer| {
        answer.server = Some(Ipv4Addr::new(10, 0, 0, 2));
    }),
    ("no time", |answer| {
        answer.options.retain(|(code, _)| *code != 51);
    }),
    ("no time at all", |answer| {
        answer.options.retain(|(code, _)| *code != 51);
        answer.options.push((51, vec![0; 4]));
    }),
    ("an offer once more", |answer| answer.kind = OFFER),
];

#[test]
fn no_lease_is_believed_that_was_not_asked_for() {
    let mut net = Network::new(unprobed());
    let discover = net.expect(DISCOVER, 0);
    net.hear(&Answer::to(&discover, OFFER));
    let request = net.expect(REQUEST, 0);
    for (what, change) in FORGERIES.into_iter().chain(WRONG_LEASES) {
        let mut answer = Answer::to(&request, ACK);
        change(&mut answer);
        net.hear(&answer);
        assert_eq!(net.states, ["Selecting", "Requesting"], "{what}");
        net.assert_unbound();
    }
    net.hear(&Answer::to(&request, ACK));
    net.assert_bound();
}

#[test]
fn a_refusal_of_a_server_that_was_not_chosen_is_not_believed() {
    let mut net = Network::new(unprobed());
    let discover = net.expect(DISCOVER, 0);
    net.hear(&Answer::to(&discover, OFFER));
    let request = net.expect(REQUEST, 0);
    for server in [None, Some(Ipv4Addr::new(10, 0, 0, 2))] {
        let mut refusal = Answer::to(&request, NAK);
        refusal.server = server;
        refusal.to = EthernetAddress::BROADCAST;
        net.hear(&refusal);
    }
    assert!(net.events.is_empty());
    net.hear(&Answer::to(&request, ACK));
    net.assert_bound();
}

#[test]
fn the_first_offer_is_taken_and_the_others_are_left() {
    let mut net = Network::new(unprobed());
    let discover = net.expect(DISCOVER, 0);
    let mut other = Answer::to(&discover, OFFER);
    other.server = Some(Ipv4Addr::new(10, 0, 0, 2));
    net.hear_all(&[Answer::to(&discover, OFFER), other]);
    let request = net.expect(REQUEST, 0);
    assert_eq!(
        (request.wanted(), request.server()),
        (Some(ADDRESS), Some(SERVER))
    );
    assert!(net.asked.is_empty());
}

#[test]
fn nothing_is_believed_once_there_is_a_lease() {
    let mut net = Network::new(unprobed());
    let request = net.acquire();
    let lease = net.storage.lease();
    for kind in [OFFER, ACK, NAK] {
        net.hear(&Answer::to(&request, kind).with(51, &[0, 0, 0, 1]));
    }
    net.run(Duration::from_secs(30));
    assert_eq!(net.storage.lease(), lease);
    assert_eq!(net.events.len(), 1);
    assert_eq!(
        net.others, 0,
        "somebody was told that a port is unreachable"
    );
}

#[test]
fn an_answer_with_one_wrong_bit_is_not_believed() {
    let mut net = Network::new(unprobed());
    let discover = net.expect(DISCOVER, 0);
    let good = Answer::to(&discover, OFFER).frame();
    for place in (0..6).chain(12..good.len()) {
        // The type of service is of no interest, and its checksum covers it.
        let mut frame = good.clone();
        frame[place] ^= 1 << (place % 8);
        net.hear_frame(frame);
        assert!(net.asked.is_empty(), "byte {place}");
    }
    net.hear_frame(good);
    net.expect(REQUEST, 0);
}

#[test]
fn an_answer_that_is_cut_anywhere_is_not_believed() {
    let mut net = Network::new(unprobed());
    let discover = net.expect(DISCOVER, 0);
    let good = Answer::to(&discover, OFFER).frame();
    for len in 0..good.len() {
        net.hear_frame(good[..len].to_vec());
        assert!(net.asked.is_empty(), "{len} bytes");
    }
}

#[test]
fn a_fragment_is_not_believed() {
    let mut net = Network::new(unprobed());
    let discover = net.expect(DISCOVER, 0);
    for (flags, offset) in [(0x20, 0), (0, 1)] {
        let mut frame = Answer::to(&discover, OFFER).frame();
        (frame[20], frame[21]) = (flags, offset);
        let mut packet = smoltcp::wire::Ipv4Packet::new_unchecked(&mut frame[14..]);
        packet.fill_checksum();
        net.hear_frame(frame);
        assert!(net.asked.is_empty());
    }
}

/// A million, and fewer where they take long.
const GUESSES: u32 = if cfg!(debug_assertions) {
    100_000
} else {
    1_000_000
};

#[test]
fn no_guess_is_believed() {
    let mut net = Network::new(unprobed());
    let discover = net.expect(DISCOVER, 0);
    let mut answer = Answer::to(&discover, OFFER);
    let number = u32::from_be_bytes(answer.xid);
    for guess in 1..=GUESSES {
        answer.xid = number
            .wrapping_add(guess.wrapping_mul(0x9e37_79b1))
            .to_be_bytes();
        net.queue(&answer);
        if guess.is_multiple_of(1_000) {
            net.run(Duration::from_millis(1));
        }
    }
    assert_eq!(net.states, ["Selecting"]);
    assert!(net.asked.is_empty());
}

#[test]
fn a_server_that_offers_and_never_grants_is_asked_a_few_times_a_minute() {
    let mut net = Network::new(unprobed());
    let mut messages = 0;
    while net.now.as_millis() < 3_600_000 {
        let asked = net.next(100);
        messages += 1;
        if asked.kind() == DISCOVER {
            net.hear(&Answer::to(&asked, OFFER));
        }
    }
    assert!(
        (200..=320).contains(&messages),
        "{messages} messages in an hour"
    );
}

#[test]
fn a_lease_cannot_end_while_its_address_is_tested() {
    // The tests take up to 7 s, the lease lasts for 1 s.
    let mut net = Network::new(DhcpOptions {
        probing: tickwire::dhcp::Probing::RFC5227,
        ..DhcpOptions::default()
    });
    let discover = net.expect(DISCOVER, 0);
    net.hear(&Answer::to(&discover, OFFER));
    let request = net.expect(REQUEST, 0);
    net.hear(&Answer::to(&request, ACK).with(51, &1_u32.to_be_bytes()));
    net.expect(DISCOVER, 10);
    assert!(net.events.is_empty(), "it was never used: {:?}", net.events);
    assert_eq!(net.stack.iface.hardware_addr(), MAC.into());
}
