//! Who asks for our address, who uses it too, and neighbours with a new hardware address.

use core::net::IpAddr;

use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, Ipv4Address,
};
use smoltcp_guard::{Duties, Guarded, Notice, Storage};

use crate::cable::Cable;
use crate::frames::{ACK, Family, HOST_MAC, PEER_MAC, arp_frame};
use crate::host::{GuardedCable, Host, TestDevice, sends_from};

const HOST: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const PEER: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);
const OTHER: Ipv4Address = Ipv4Address::new(10, 0, 0, 3);
const OTHER_MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 3]);
const NO_MAC: EthernetAddress = EthernetAddress([0; 6]);
const BROADCAST: EthernetAddress = EthernetAddress::BROADCAST;

/// An ARP packet from `mac`, whose IP address is `sender`, about `target`, to everybody.
fn broadcast(
    operation: ArpOperation,
    mac: EthernetAddress,
    sender: Ipv4Address,
    target: Ipv4Address,
) -> Vec<u8> {
    arp_frame(operation, (mac, sender), (NO_MAC, target), BROADCAST)
}

fn probe(target: Ipv4Address) -> Vec<u8> {
    broadcast(
        ArpOperation::Request,
        OTHER_MAC,
        Ipv4Address::UNSPECIFIED,
        target,
    )
}

/// The ARP packets that the host sends when `frame` comes in, with where their frames go, except its
/// own questions for the peer.
fn answers<D: TestDevice>(host: &mut Host<D>, frame: Vec<u8>) -> Vec<(EthernetAddress, ArpRepr)> {
    host.cable.0.borrow_mut().from_host.clear();
    host.receive_frame(frame);
    let sent = std::mem::take(&mut host.cable.0.borrow_mut().from_host);
    let read = |bytes: &Vec<u8>| {
        let frame = EthernetFrame::new_checked(&bytes[..]).ok()?;
        let packet = ArpPacket::new_checked(frame.payload()).ok()?;
        Some((frame.dst_addr(), ArpRepr::parse(&packet).ok()?))
    };
    let asks_for_peer = |arp: &ArpRepr| {
        let ArpRepr::EthernetIpv4 {
            target_protocol_addr,
            ..
        } = arp
        else {
            return false;
        };
        *target_protocol_addr == PEER
    };
    let answers = sent.iter().filter_map(read);
    answers.filter(|(_, arp)| !asks_for_peer(arp)).collect()
}

fn reply_to(mac: EthernetAddress, address: Ipv4Address) -> (EthernetAddress, ArpRepr) {
    let reply = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Reply,
        source_hardware_addr: HOST_MAC,
        source_protocol_addr: HOST,
        target_hardware_addr: mac,
        target_protocol_addr: address,
    };
    (mac, reply)
}

fn announcement() -> (EthernetAddress, ArpRepr) {
    let announcement = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: HOST_MAC,
        source_protocol_addr: HOST,
        target_hardware_addr: NO_MAC,
        target_protocol_addr: HOST,
    };
    (BROADCAST, announcement)
}

#[test]
fn a_probe_for_our_address_is_answered_and_one_for_another_is_not() {
    let mut bare = Host::<Cable>::resolving(Family::V4, 64, Cable::default());
    assert!(
        answers(&mut bare, probe(HOST)).is_empty(),
        "smoltcp answers probes now"
    );

    // Before the host has sent anything with its address.
    let mut guarded = Host::<GuardedCable>::resolving(Family::V4, 64, Cable::default());
    let expected = reply_to(OTHER_MAC, Ipv4Address::UNSPECIFIED);
    assert_eq!(answers(&mut guarded, probe(HOST)), [expected]);
    assert_eq!(guarded.device.counters().probes_answered, 1);
    assert!(answers(&mut guarded, probe(OTHER)).is_empty());
    assert_eq!(guarded.device.take_notice(), None);
}

#[test]
fn a_guard_without_that_duty_answers_no_probe() {
    let mut host = Host::<GuardedCable>::resolving(Family::V4, 64, Cable::default());
    let storage: &mut Storage<3> = Box::leak(Box::default());
    host.device = Guarded::new(host.cable.clone(), HOST_MAC, storage).with_duties(Duties::HANGS);
    assert!(answers(&mut host, probe(HOST)).is_empty());
}

#[test]
fn a_host_with_our_address_is_told_off_and_noticed_but_not_more_than_every_ten_seconds() {
    let mut host = Host::<GuardedCable>::connected(Family::V4, 64, 1000);
    let rival = |operation| broadcast(operation, OTHER_MAC, HOST, HOST);
    let conflict = Some(Notice::AddressConflict {
        address: IpAddr::V4(HOST),
        mac: OTHER_MAC.0,
    });
    for operation in [ArpOperation::Request, ArpOperation::Reply] {
        assert_eq!(answers(&mut host, rival(operation)), [announcement()]);
        assert_eq!(host.device.take_notice(), conflict);
        for _ in 0..100 {
            let answers = answers(&mut host, rival(operation));
            assert!(
                !answers.contains(&announcement()),
                "two hosts would fight for ever"
            );
        }
        assert_eq!(host.device.take_notice(), None);
        host.advance(10_000);
    }
    // It asks for somebody else, from our address.
    let asks = broadcast(ArpOperation::Request, OTHER_MAC, HOST, OTHER);
    assert_eq!(answers(&mut host, asks), [announcement()]);
    assert_eq!(host.device.take_notice(), conflict);
    assert_eq!(host.device.counters().addresses_defended, 3);
}

#[test]
fn an_address_that_was_ours_is_not_defended() {
    let mut host = Host::<GuardedCable>::connected(Family::V4, 64, 1000);
    host.set_address(OTHER.into());
    let announced = broadcast(ArpOperation::Request, OTHER_MAC, HOST, HOST);
    assert!(answers(&mut host, announced).is_empty());
    assert_eq!(host.device.take_notice(), None);
}

#[test]
fn our_own_frame_that_comes_back_is_no_conflict() {
    let mut host = Host::<GuardedCable>::connected(Family::V4, 64, 1000);
    let looped = broadcast(ArpOperation::Request, HOST_MAC, HOST, OTHER);
    assert!(answers(&mut host, looped).is_empty());
    assert_eq!(host.device.take_notice(), None);
}

/// Where the host sends data after its peer has announced another hardware address.
fn follows<D: TestDevice>(operation: ArpOperation, target: Ipv4Address) -> EthernetAddress {
    let mut host = Host::<D>::connected(Family::V4, 64, 1000);
    assert!(sends_from(&host.write(b"some"), 0));
    host.receive_frame(broadcast(operation, OTHER_MAC, PEER, target));
    host.cable.0.borrow_mut().from_host.clear();
    assert!(sends_from(&host.write(b"more"), 4));
    let ends = host.cable.0.borrow();
    EthernetFrame::new_unchecked(&ends.from_host[0]).dst_addr()
}

#[test]
fn a_neighbour_that_announces_its_new_hardware_address_is_believed() {
    for operation in [ArpOperation::Request, ArpOperation::Reply] {
        // About itself, and about a third host.
        for target in [PEER, OTHER] {
            assert_eq!(
                follows::<Cable>(operation, target),
                PEER_MAC,
                "smoltcp believes it now"
            );
            assert_eq!(follows::<GuardedCable>(operation, target), OTHER_MAC);
        }
    }
}

#[test]
fn whoever_can_send_to_us_moves_a_neighbour_without_the_guard_too() {
    for operation in [ArpOperation::Request, ArpOperation::Reply] {
        assert_eq!(follows::<Cable>(operation, HOST), OTHER_MAC);
    }
}

#[test]
fn a_neighbour_that_smoltcp_never_met_takes_no_place_in_its_cache() {
    let mut host = Host::<GuardedCable>::connected(Family::V4, 64, 1000);
    for number in 10..30 {
        let stranger = Ipv4Address::new(10, 0, 0, number);
        host.receive_frame(broadcast(
            ArpOperation::Request,
            OTHER_MAC,
            stranger,
            stranger,
        ));
    }
    assert!(
        sends_from(&host.write(b"data"), 0),
        "the peer is still known"
    );
    assert_eq!(host.device.counters().neighbours_moved, 0);
}

#[test]
fn a_neighbour_that_moved_gets_its_fast_retransmit() {
    let mut host = Host::<GuardedCable>::connected(Family::V4, 64, 1000);
    host.receive_frame(broadcast(ArpOperation::Request, OTHER_MAC, PEER, PEER));
    assert!(sends_from(&host.write(b"data"), 0));
    let sent: Vec<_> = (0..4).flat_map(|_| host.receive(ACK)).collect();
    assert!(sends_from(&sent, 0));
    assert_eq!(host.device.counters().neighbour_duplicates_varied, 0);
}
