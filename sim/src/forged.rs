//! Frames that no stack has sent.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, EthernetRepr, IpProtocol, Ipv4Packet, Ipv4Repr, TcpPacket,
    TcpRepr,
};

use crate::Node;

pub(crate) const ETHERNET_HEADER_BYTES: usize = 14;
const IPV4_HEADER_BYTES: usize = 20;

/// Writes a header as if from the node at `source` to the one at `victim`.
pub(crate) fn write_ethernet(
    frame: &mut [u8],
    source: usize,
    victim: usize,
    ethertype: EthernetProtocol,
) {
    let header = EthernetRepr {
        src_addr: Node::mac_of(source),
        dst_addr: Node::mac_of(victim),
        ethertype,
    };
    header.emit(&mut EthernetFrame::new_unchecked(frame));
}

/// Writes a segment as if from the node at `source` to the one at `victim`. Returns the frame's
/// length.
pub(crate) fn write_segment(
    frame: &mut [u8],
    source: usize,
    victim: usize,
    segment: &TcpRepr<'_>,
) -> usize {
    write_ethernet(frame, source, victim, EthernetProtocol::Ipv4);
    let (from, to) = (Node::address_of(source), Node::address_of(victim));
    let packet = Ipv4Repr {
        src_addr: from,
        dst_addr: to,
        next_header: IpProtocol::Tcp,
        payload_len: segment.buffer_len(),
        hop_limit: 64,
    };
    let sums = ChecksumCapabilities::default();
    let (head, body) = frame.split_at_mut(ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES);
    let length = head.len() + segment.buffer_len();
    let header = head.get_mut(ETHERNET_HEADER_BYTES..).unwrap_or_default();
    packet.emit(&mut Ipv4Packet::new_unchecked(header), &sums);
    let body = body.get_mut(..segment.buffer_len()).unwrap_or_default();
    let mut body = TcpPacket::new_unchecked(body);
    segment.emit(&mut body, &from.into(), &to.into(), &sums);
    length
}
