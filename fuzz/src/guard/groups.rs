//! Multicast listener discovery: the questions that are drawn, and the reports that may answer them (N5).

use smoltcp::wire::{EthernetAddress, Icmpv6Packet, Ipv6Address};

use crate::draw::Draw;
use crate::frame::HOST_MAC;

/// The address that the guard is told.
pub(super) const OURS: Ipv6Address = Ipv6Address::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
/// There is one address, and so one group to report at a tick.
pub(super) const REPORTS_MAX: usize = 1;

const OUR_GROUP: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 1);
const ALL_ROUTERS: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
const ALL_NODES: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ROUTER_ALERT: [u8; 6] = [5, 2, 0, 0, 1, 0];
/// Offsets from the start of the frame.
const SOURCE_AT: usize = 22;
const DESTINATION_AT: usize = 38;
const OPTIONS_AT: usize = 54;
const ICMP_AT: usize = 62;

/// A question of either version, from a router of the link or from beyond it, about one group or all.
pub(super) fn query(
    draw: &mut Draw<'_>,
    source: EthernetAddress,
    destination: EthernetAddress,
) -> Vec<u8> {
    let choice = draw.byte();
    let icmp_len = match choice & 3 {
        0 => 24,
        1 => 24 + usize::from(draw.byte() % 32),
        _ => 28,
    };
    let querier = match choice & 0x0c {
        0 => Ipv6Address::UNSPECIFIED,
        _ => Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 9),
    };
    let group = match choice & 0x30 {
        0 => OUR_GROUP,
        0x10 => ALL_ROUTERS,
        _ => Ipv6Address::UNSPECIFIED,
    };
    let mut options = ROUTER_ALERT;
    if choice & 0x40 == 0 {
        options.rotate_left(4);
    }
    let hop_limit = if draw.once_in(8) { 64 } else { 1 };
    let mut frame = vec![0; ICMP_AT + icmp_len];
    frame[..6].copy_from_slice(destination.as_bytes());
    frame[6..12].copy_from_slice(source.as_bytes());
    frame[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
    frame[19..22].copy_from_slice(&[(icmp_len + 8) as u8, 0, hop_limit]);
    frame[SOURCE_AT..DESTINATION_AT].copy_from_slice(&querier.octets());
    frame[DESTINATION_AT..OPTIONS_AT].copy_from_slice(&ALL_NODES.octets());
    frame[OPTIONS_AT] = 58;
    frame[OPTIONS_AT + 2..ICMP_AT].copy_from_slice(&options);
    frame[ICMP_AT] = 130;
    frame[ICMP_AT + 4..ICMP_AT + 6].copy_from_slice(&draw.word().to_be_bytes());
    frame[ICMP_AT + 8..ICMP_AT + 24].copy_from_slice(&group.octets());
    Icmpv6Packet::new_unchecked(&mut frame[ICMP_AT..]).fill_checksum(&querier, &ALL_NODES);
    frame
}

/// Whether a frame that leaves by itself is a report. It tells of our group, whoever asked, and how.
pub(super) fn check_report(made: &[u8]) -> bool {
    if made.get(20) != Some(&0) || made[12..14] != [0x86, 0xdd] {
        return false;
    }
    let address = |at: usize| {
        let octets: [u8; 16] = made[at..at + 16].try_into().expect("16 bytes");
        Ipv6Address::from_octets(octets)
    };
    let (destination, group_at, icmp_len) = match made[ICMP_AT] {
        131 => (OUR_GROUP, ICMP_AT + 8, 24),
        143 => (ALL_ROUTERS, ICMP_AT + 12, 28),
        other => panic!("ICMP type {other}"),
    };
    assert_eq!(made.len(), ICMP_AT + icmp_len);
    assert_eq!(usize::from(made[19]), 8 + icmp_len);
    assert_eq!(
        made[..6],
        [&[0x33, 0x33], &destination.octets()[12..]].concat()
    );
    assert_eq!(made[6..12], *HOST_MAC.as_bytes());
    assert_eq!(made[21], 1, "for this link alone");
    assert_eq!(made[OPTIONS_AT..ICMP_AT], [58, 0, 5, 2, 0, 0, 1, 0]);
    let source = address(SOURCE_AT);
    assert_eq!(
        source,
        Ipv6Address::UNSPECIFIED,
        "no link-local address is known"
    );
    assert_eq!(address(DESTINATION_AT), destination);
    assert_eq!(address(group_at), OUR_GROUP);
    let icmp = Icmpv6Packet::new_unchecked(&made[ICMP_AT..]);
    assert!(icmp.verify_checksum(&source, &destination));
    true
}
