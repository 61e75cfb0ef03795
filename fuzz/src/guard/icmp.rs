//! ICMP errors about segments of ours, true or not.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpEndpoint, IpProtocol, IpRepr, checksum,
};

use super::drawn::{PAYLOAD, segment};
use crate::draw::Draw;
use crate::frame::{ACK, HOST_MAC, PEER_MAC, Segment};

const ETHERNET_HEADER_LEN: usize = 14;
/// Lengths of packets that a path may take: none said, absurd, the least, and others.
const MTUS: [u32; 8] = [0, 68, 576, 577, 1280, 1281, 1400, 0x1_0000];

/// An error from `remote` about a segment to it whose sequence number is near `seq`.
pub(super) fn error(
    draw: &mut Draw<'_>,
    local: IpEndpoint,
    remote: IpEndpoint,
    seq: u32,
) -> Vec<u8> {
    let is_ipv4 = matches!(local.addr, IpAddress::Ipv4(_));
    let choice = draw.byte();
    let (kind, code) = match (choice & 3, is_ipv4) {
        (0, true) => (3, 4),
        (0, false) => (2, 0),
        (1, _) => (draw.byte(), draw.byte()),
        (_, true) => (3, draw.byte() % 16),
        (_, false) => (1, draw.byte() % 8),
    };
    let payload_len = match choice >> 2 & 3 {
        0 => 0,
        1 => usize::from(draw.byte()),
        _ => PAYLOAD.len(),
    };
    let about = Segment {
        payload: &PAYLOAD[..payload_len],
        ..segment(
            local,
            remote,
            seq.wrapping_add_signed(draw.distance()),
            0,
            ACK,
            0,
        )
    };
    let about = about.build(HOST_MAC, PEER_MAC);
    let packet = &about[ETHERNET_HEADER_LEN..];
    let quoted_len = match choice >> 4 & 3 {
        // As RFC 792 wants it: the IP header and 8 bytes.
        0 => {
            if is_ipv4 {
                28
            } else {
                48
            }
        }
        1 => usize::from(draw.byte()),
        _ => 500,
    };
    let field = MTUS[usize::from(draw.byte()) % MTUS.len()];
    let mut icmp = vec![kind, code, 0, 0];
    icmp.extend(field.to_be_bytes());
    icmp.extend(&packet[..quoted_len.min(packet.len())]);
    packet_of(icmp, remote.addr, local.addr)
}

/// The frame of an ICMP message with a right checksum.
fn packet_of(mut icmp: Vec<u8>, source: IpAddress, destination: IpAddress) -> Vec<u8> {
    let protocol = match source {
        IpAddress::Ipv4(_) => IpProtocol::Icmp,
        IpAddress::Ipv6(_) => IpProtocol::Icmpv6,
    };
    let ip = IpRepr::new(source, destination, protocol, icmp.len(), 64);
    let pseudo = match ip {
        IpRepr::Ipv4(_) => 0,
        IpRepr::Ipv6(_) => {
            checksum::pseudo_header(&source, &destination, protocol, icmp.len() as u32)
        }
    };
    let sum = !checksum::combine(&[pseudo, checksum::data(&icmp)]);
    icmp[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut bytes = vec![0; ETHERNET_HEADER_LEN + ip.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    frame.set_src_addr(PEER_MAC);
    frame.set_dst_addr(HOST_MAC);
    frame.set_ethertype(match ip {
        IpRepr::Ipv4(_) => EthernetProtocol::Ipv4,
        IpRepr::Ipv6(_) => EthernetProtocol::Ipv6,
    });
    ip.emit(frame.payload_mut(), &ChecksumCapabilities::default());
    bytes[ETHERNET_HEADER_LEN + ip.header_len()..].copy_from_slice(&icmp);
    bytes
}
