//! ARP, neighbour discovery and priority tags: what is drawn of them, and what may become of it.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv4Address, Ipv6Address, Ipv6Packet, Ipv6Repr,
    NdiscNeighborFlags, NdiscRepr, RawHardwareAddress,
};

use super::groups;
use super::host::HOST;
use crate::draw::Draw;
use crate::frame::{HOST_MAC, PEER_MAC};

const ETHERNET_HEADER_LEN: usize = 14;
const IPV6_HEADER_LEN: usize = 40;
const TAG_AT: usize = 12;
const ARP_LEN: usize = 42;
/// What a changed ARP packet that comes in differs in: operation, and the addresses of IP.
const ARP_CHANGEABLE_IN: [usize; 10] = [20, 21, 28, 29, 30, 31, 38, 39, 40, 41];
/// And one that goes out: destination, operation, and the target.
const ARP_CHANGEABLE_OUT: [usize; 18] = [
    0, 1, 2, 3, 4, 5, 20, 21, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41,
];
const OTHER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 3]);
const MACS: [EthernetAddress; 4] = [HOST_MAC, PEER_MAC, OTHER_MAC, EthernetAddress::BROADCAST];

/// A true or a false word about whose address is where, or a question about who listens.
pub(super) fn word(draw: &mut Draw<'_>) -> Vec<u8> {
    let choice = draw.byte();
    let mac = |choice: u8| MACS[usize::from(choice) % MACS.len()];
    let (source, destination) = (mac(choice), mac(choice >> 2));
    if choice & 0x10 == 0 {
        arp(draw, source, destination)
    } else if choice & 0x60 == 0 {
        groups::query(draw, source, destination)
    } else {
        neighbour_discovery(draw, source, destination)
    }
}

fn arp(draw: &mut Draw<'_>, source: EthernetAddress, destination: EthernetAddress) -> Vec<u8> {
    let choice = draw.byte();
    let address = |choice: u8| match choice & 7 {
        0 | 1 => HOST,
        2 => Ipv4Address::UNSPECIFIED,
        number => Ipv4Address::new(10, 0, 0, number - 2),
    };
    let repr = ArpRepr::EthernetIpv4 {
        operation: match choice >> 6 {
            0 | 1 => ArpOperation::Request,
            2 => ArpOperation::Reply,
            _ => ArpOperation::Unknown(3),
        },
        source_hardware_addr: source,
        source_protocol_addr: address(choice),
        target_hardware_addr: destination,
        target_protocol_addr: address(choice >> 3),
    };
    let mut bytes = vec![0; ETHERNET_HEADER_LEN + repr.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    frame.set_src_addr(source);
    frame.set_dst_addr(destination);
    frame.set_ethertype(EthernetProtocol::Arp);
    repr.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    bytes
}

fn neighbour_discovery(
    draw: &mut Draw<'_>,
    source: EthernetAddress,
    destination: EthernetAddress,
) -> Vec<u8> {
    let choice = draw.byte();
    let address = |choice: u8| match choice & 3 {
        0 => Ipv6Address::UNSPECIFIED,
        number => Ipv6Address::new(0xfd00, 0, 0, 0, 0, 0, 0, number.into()),
    };
    let target_addr = address(choice >> 2);
    let lladdr = (choice & 0x10 == 0).then_some(RawHardwareAddress::from(source));
    let message = if choice & 0x20 == 0 {
        NdiscRepr::NeighborSolicit {
            target_addr,
            lladdr,
        }
    } else {
        NdiscRepr::NeighborAdvert {
            flags: NdiscNeighborFlags::from_bits_truncate(draw.byte()),
            target_addr,
            lladdr,
        }
    };
    let destination_addr = if choice & 0x40 == 0 {
        address(1)
    } else {
        Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1)
    };
    let ip = Ipv6Repr {
        src_addr: address(choice),
        dst_addr: destination_addr,
        next_header: IpProtocol::Icmpv6,
        payload_len: Icmpv6Repr::Ndisc(message).buffer_len(),
        hop_limit: if choice & 0x80 == 0 { 255 } else { 64 },
    };
    let mut bytes = vec![0; ETHERNET_HEADER_LEN + ip.buffer_len() + ip.payload_len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    frame.set_src_addr(source);
    frame.set_dst_addr(destination);
    frame.set_ethertype(EthernetProtocol::Ipv6);
    ip.emit(&mut Ipv6Packet::new_unchecked(frame.payload_mut()));
    Icmpv6Repr::Ndisc(message).emit(
        &ip.src_addr,
        &ip.dst_addr,
        &mut Icmpv6Packet::new_unchecked(&mut bytes[ETHERNET_HEADER_LEN + IPV6_HEADER_LEN..]),
        &ChecksumCapabilities::default(),
    );
    bytes
}

/// Puts a tag into a frame: with a priority alone, or with a VLAN too.
pub(super) fn tag(draw: &mut Draw<'_>, frame: &mut Vec<u8>) {
    let vlan = draw.byte() % 2;
    let content = frame.split_off(TAG_AT.min(frame.len()));
    frame.extend([0x81, 0x00, draw.byte() & 0xf0, vlan]);
    frame.extend(content);
}

/// The frame that smoltcp is to read: without a tag that has only a priority (N4).
pub(super) fn untagged(frame: &[u8]) -> Vec<u8> {
    match frame.get(TAG_AT..TAG_AT + 4) {
        Some(&[0x81, 0x00, high, 0]) if high & 0x0f == 0 => {
            [&frame[..TAG_AT], &frame[TAG_AT + 4..]].concat()
        }
        _ => frame.to_vec(),
    }
}

/// N1 to N3: what smoltcp may get in place of a frame that is no TCP.
pub(super) fn check_heard(frame: &[u8], given: &[u8]) {
    if given == frame {
        return;
    }
    let ethernet = EthernetFrame::new_checked(frame).expect("only a whole frame is changed");
    match ethernet.ethertype() {
        EthernetProtocol::Arp => check_arp(frame, given, &ARP_CHANGEABLE_IN),
        EthernetProtocol::Ipv6 => check_solicitation(frame, given),
        other => panic!("{other} passes"),
    }
}

/// N1 and N2: what may leave in place of a frame of smoltcp's that is no TCP.
pub(super) fn check_sent(frame: &[u8], sent: &[u8]) {
    if sent != frame {
        check_arp(frame, sent, &ARP_CHANGEABLE_OUT);
        assert_eq!(frame[20..22], [0, 2], "only a reply is changed");
        assert_eq!(
            frame[28..32],
            frame[38..42],
            "and only one to a question of the guard's"
        );
    }
}

fn check_arp(before: &[u8], after: &[u8], changeable: &[usize]) {
    assert_eq!(after.len(), ARP_LEN);
    for at in (0..ARP_LEN).filter(|&at| before[at] != after[at]) {
        assert!(changeable.contains(&at), "byte {at} changed");
    }
}

/// The host is asked for the address that the message is about, as if from that address.
fn check_solicitation(frame: &[u8], given: &[u8]) {
    assert_eq!(frame[..TAG_AT], given[..TAG_AT], "from whom it came");
    let packet = Ipv6Packet::new_checked(&given[ETHERNET_HEADER_LEN..]).expect("a packet");
    let ip = Ipv6Repr::parse(&packet).expect("a header");
    let icmp = Icmpv6Packet::new_checked(packet.payload()).expect("a message");
    let message = Icmpv6Repr::parse(
        &ip.src_addr,
        &ip.dst_addr,
        &icmp,
        &ChecksumCapabilities::default(),
    );
    let Ok(Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr, .. })) = message else {
        panic!("no solicitation: {message:?}");
    };
    assert_eq!((ip.src_addr, ip.hop_limit), (target_addr, 255));
    let group = [
        &[0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff],
        &target_addr.octets()[13..],
    ]
    .concat();
    assert_eq!(ip.dst_addr.octets(), group[..]);
}
