//! A checked view of the TCP segment in a frame.
//!
//! It reads exactly what smoltcp would read as TCP. If the guard missed a segment that smoltcp
//! accepts, nobody would verify that segment's checksum.

use core::ops::Range;

use crate::address::{Address, FlowKey};
use crate::bytes::{read_u16, read_u32, write};
use crate::checksum;
use crate::link::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, Medium};

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

pub(crate) const IPV4_HEADER_LEN_MIN: usize = 20;
pub(crate) const IPV6_HEADER_LEN: usize = 40;
pub(crate) const TCP_HEADER_LEN_MIN: usize = 20;
const NEXT_HEADER_HOP_BY_HOP: u8 = 0;
pub(crate) const NEXT_HEADER_TCP: u8 = 6;

/// Offsets from the start of the TCP header (RFC 9293, 3.1).
pub(crate) const SEQ_OFFSET: usize = 4;
pub(crate) const ACK_OFFSET: usize = 8;
pub(crate) const HEADER_LEN_OFFSET: usize = 12;
pub(crate) const FLAGS_OFFSET: usize = 13;
pub(crate) const WINDOW_OFFSET: usize = 14;
pub(crate) const CHECKSUM_OFFSET: usize = 16;

/// A TCP sequence number. The order is that of RFC 9293, 3.4: it depends on the distance, not on
/// the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Seq(pub(crate) u32);

impl Seq {
    pub(crate) const fn after(self, len: u32) -> Self {
        Self(self.0.wrapping_add(len))
    }

    /// How far this is after `earlier`. Only meaningful if it is.
    pub(crate) const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// The number `len` before this.
    pub(crate) const fn before(self, len: u32) -> Self {
        Self(self.0.wrapping_sub(len))
    }

    pub(crate) const fn is_before(self, other: Self) -> bool {
        self.since(other) > u32::MAX / 2
    }
}

/// What the guard reads in a frame.
#[derive(Debug)]
pub(crate) enum Frame {
    /// No TCP, or so malformed that smoltcp itself drops it.
    Other,
    /// An IPv4 fragment of a TCP segment. Its checksum cannot be verified here.
    Fragment,
    Tcp(Segment),
}

/// The fields that a rule may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) seq: Seq,
    pub(crate) ack: Seq,
    pub(crate) flags: u8,
    pub(crate) window: u16,
}

#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) fields: Fields,
    pub(crate) payload_len: u32,
    /// Where the frame has the source address and, right after it, the destination address.
    addresses: Range<usize>,
    /// Where the frame has the TCP header and the payload.
    tcp: Range<usize>,
    options_len: usize,
}

impl Frame {
    pub(crate) fn parse(frame: &[u8], medium: Medium) -> Self {
        let packet = match medium.ethertype(frame) {
            Some(ETHERTYPE_IPV4) => Packet::parse_ipv4(frame, medium.header_len()),
            Some(ETHERTYPE_IPV6) => Packet::parse_ipv6(frame, medium.header_len()),
            _ => None,
        };
        match packet {
            Some(packet) if packet.is_fragment => Self::Fragment,
            Some(packet) => Segment::parse(frame, packet).map_or(Self::Other, Self::Tcp),
            None => Self::Other,
        }
    }

    /// The flow of a segment that we received. None for everything else.
    pub(crate) fn key_received(&self, frame: &[u8]) -> Option<FlowKey> {
        match self {
            Self::Tcp(segment) => segment.key_received(frame),
            Self::Other | Self::Fragment => None,
        }
    }
}

/// An IP packet with TCP.
struct Packet {
    /// Where the frame has the source address and, right after it, the destination address.
    addresses: Range<usize>,
    /// Where the frame has the TCP header and the payload.
    tcp: Range<usize>,
    is_fragment: bool,
}

impl Packet {
    fn parse_ipv4(frame: &[u8], ip_at: usize) -> Option<Self> {
        let ip = frame.get(ip_at..)?;
        let header_len = ipv4_header_len(ip)?;
        let total_len = usize::from(read_u16(ip, 2)?);
        if ip.get(9) != Some(&NEXT_HEADER_TCP) || total_len < header_len || total_len > ip.len() {
            return None;
        }
        Some(Self {
            addresses: ip_at + 12..ip_at + 20,
            tcp: ip_at + header_len..ip_at + total_len,
            // More fragments, or an offset (RFC 791, 3.1).
            is_fragment: read_u16(ip, 6)? & 0x3fff != 0,
        })
    }

    fn parse_ipv6(frame: &[u8], ip_at: usize) -> Option<Self> {
        let ip = frame.get(ip_at..)?;
        let total_len = IPV6_HEADER_LEN + usize::from(read_u16(ip, 4)?);
        if ip.first()? >> 4 != 6 || total_len > ip.len() {
            return None;
        }
        let mut next_header = *ip.get(6)?;
        let mut header_len = IPV6_HEADER_LEN;
        // The only extension header after which smoltcp looks for TCP (RFC 8200, 4.3).
        if next_header == NEXT_HEADER_HOP_BY_HOP {
            next_header = *ip.get(header_len)?;
            header_len += 8 * (1 + usize::from(*ip.get(header_len + 1)?));
        }
        if next_header != NEXT_HEADER_TCP || header_len > total_len {
            return None;
        }
        Some(Self {
            addresses: ip_at + 8..ip_at + 40,
            tcp: ip_at + header_len..ip_at + total_len,
            is_fragment: false,
        })
    }
}

impl Segment {
    fn parse(frame: &[u8], packet: Packet) -> Option<Self> {
        let bytes = frame.get(packet.tcp.clone())?;
        let header: &[u8; TCP_HEADER_LEN_MIN] = bytes.first_chunk()?;
        let header_len = usize::from(header.get(HEADER_LEN_OFFSET)? >> 4) * 4;
        let payload_len = bytes.len().checked_sub(header_len)?;
        let options_len = header_len.checked_sub(TCP_HEADER_LEN_MIN)?;
        Some(Self {
            fields: Fields {
                seq: Seq(read_u32(header, SEQ_OFFSET)?),
                ack: Seq(read_u32(header, ACK_OFFSET)?),
                flags: *header.get(FLAGS_OFFSET)?,
                window: read_u16(header, WINDOW_OFFSET)?,
            },
            payload_len: u32::try_from(payload_len).ok()?,
            addresses: packet.addresses,
            tcp: packet.tcp,
            options_len,
        })
    }

    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.fields.flags & flag != 0
    }

    /// The number of sequence numbers that the segment takes: its data, SYN and FIN (RFC 9293,
    /// 3.4).
    pub(crate) fn len(&self) -> u32 {
        self.payload_len + u32::from(self.has(SYN)) + u32::from(self.has(FIN))
    }

    /// Whether the segment carries no data, no SYN and no FIN.
    pub(crate) fn is_pure_ack(&self) -> bool {
        self.len() == 0
    }

    /// The flow of a segment that we sent. None for IPv6 without the feature `ipv6`.
    pub(crate) fn key_sent(&self, frame: &[u8]) -> Option<FlowKey> {
        let (source, destination) = self.addresses(frame)?;
        let (source_port, destination_port) = self.ports(frame)?;
        Some(FlowKey {
            local: source,
            local_port: source_port,
            remote: destination,
            remote_port: destination_port,
        })
    }

    /// The flow of a segment that we received. None for IPv6 without the feature `ipv6`.
    pub(crate) fn key_received(&self, frame: &[u8]) -> Option<FlowKey> {
        let (source, destination) = self.addresses(frame)?;
        let (source_port, destination_port) = self.ports(frame)?;
        Some(FlowKey {
            local: destination,
            local_port: destination_port,
            remote: source,
            remote_port: source_port,
        })
    }

    /// Where the frame has the TCP header.
    pub(crate) const fn header_at(&self) -> usize {
        self.tcp.start
    }

    /// Where the frame has the payload.
    pub(crate) const fn payload(&self) -> Range<usize> {
        self.tcp.start + TCP_HEADER_LEN_MIN + self.options_len..self.tcp.end
    }

    /// Writes the checksum of a segment that may have become shorter: it ends with its frame.
    pub(crate) fn write_checksum(&self, frame: &mut [u8]) {
        let Some((head, tcp)) = frame.split_at_mut_checked(self.tcp.start) else {
            return;
        };
        write(tcp, CHECKSUM_OFFSET, &[0, 0]);
        let addresses = head.get(self.addresses.clone()).unwrap_or(&[]);
        let sum = checksum::sum_with_pseudo_header(addresses, NEXT_HEADER_TCP, tcp);
        write(tcp, CHECKSUM_OFFSET, &(!sum).to_be_bytes());
    }

    fn addresses(&self, frame: &[u8]) -> Option<(Address, Address)> {
        let both = frame.get(self.addresses.clone())?;
        let (source, destination) = both.split_at_checked(both.len() / 2)?;
        Some((Address::new(source)?, Address::new(destination)?))
    }

    fn ports(&self, frame: &[u8]) -> Option<(u16, u16)> {
        let tcp = frame.get(self.tcp.clone())?;
        Some((read_u16(tcp, 0)?, read_u16(tcp, 2)?))
    }

    /// Whether the segment's own checksum is right.
    pub(crate) fn checksum_is_right(&self, frame: &[u8]) -> bool {
        let (Some(addresses), Some(tcp)) = (
            frame.get(self.addresses.clone()),
            frame.get(self.tcp.clone()),
        ) else {
            return false;
        };
        checksum::is_right(addresses, NEXT_HEADER_TCP, tcp)
    }

    /// The options of the segment's header.
    pub(crate) fn options<'f>(&self, frame: &'f [u8]) -> &'f [u8] {
        let start = self.tcp.start + TCP_HEADER_LEN_MIN;
        frame
            .get(start..start + self.options_len)
            .unwrap_or_default()
    }

    /// Writes `new` into the segment's frame. If the checksum is computed in software, it is
    /// updated: it stays as right or as wrong as it was. If the device computes it, the field stays
    /// untouched.
    pub(crate) fn rewrite(&self, frame: &mut [u8], new: Fields, checksum_in_software: bool) {
        let Some(tcp) = frame.get_mut(self.tcp.clone()) else {
            return;
        };
        let [seq_0, seq_1, seq_2, seq_3] = new.seq.0.to_be_bytes();
        let [ack_0, ack_1, ack_2, ack_3] = new.ack.0.to_be_bytes();
        let header_len = tcp.get(HEADER_LEN_OFFSET).copied().unwrap_or(0);
        let changes = [
            (SEQ_OFFSET, [seq_0, seq_1]),
            (SEQ_OFFSET + 2, [seq_2, seq_3]),
            (ACK_OFFSET, [ack_0, ack_1]),
            (ACK_OFFSET + 2, [ack_2, ack_3]),
            (HEADER_LEN_OFFSET, [header_len, new.flags]),
            (WINDOW_OFFSET, new.window.to_be_bytes()),
        ];
        let mut sum = read_u16(tcp, CHECKSUM_OFFSET).unwrap_or(0);
        for (at, bytes) in changes {
            let old = read_u16(tcp, at).unwrap_or(0);
            sum = checksum::updated(sum, old, u16::from_be_bytes(bytes));
            write(tcp, at, &bytes);
        }
        if checksum_in_software {
            write(tcp, CHECKSUM_OFFSET, &sum.to_be_bytes());
        }
    }
}

/// Whether the header checksum is right, if the frame has an IPv4 packet. IPv6 has none.
pub(crate) fn ipv4_checksum_is_right(frame: &[u8], medium: Medium) -> bool {
    if medium.ethertype(frame) != Some(ETHERTYPE_IPV4) {
        return true;
    }
    frame
        .get(medium.header_len()..)
        .and_then(|ip| ip.get(..ipv4_header_len(ip)?))
        .is_some_and(|header| checksum::sum(header) == u16::MAX)
}

/// The length of an IPv4 header. None when this is not IPv4.
pub(crate) fn ipv4_header_len(ip: &[u8]) -> Option<usize> {
    let first = *ip.first()?;
    let header_len = usize::from(first & 0x0f) * 4;
    (first >> 4 == 4 && header_len >= IPV4_HEADER_LEN_MIN).then_some(header_len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_compare_across_the_wrap() {
        let before = Seq(u32::MAX - 1);
        let after = before.after(3);
        assert_eq!(after, Seq(1));
        assert_eq!(after.since(before), 3);
        assert!(before.is_before(after));
        assert!(!after.is_before(before));
        assert!(!before.is_before(before));
    }
}
