//! ICMP errors about segments of ours, for A4 and A5.

use crate::address::{Address, FlowKey};
use crate::bytes::{read_u16, read_u32};
use crate::checksum;
use crate::link::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, Link};
use crate::notice::Unreachable;
use crate::segment::{
    IPV4_HEADER_LEN_MIN, IPV6_HEADER_LEN, NEXT_HEADER_TCP, Seq, ipv4_checksum_is_right,
    ipv4_header_len,
};

const NEXT_HEADER_ICMPV4: u8 = 1;
const NEXT_HEADER_ICMPV6: u8 = 58;
/// Type, code, checksum, and a field whose meaning depends on the type.
const ICMP_HEADER_LEN: usize = 8;

/// Types and codes of RFC 792, RFC 1191 and RFC 4443.
const V4_UNREACHABLE: u8 = 3;
const V4_FRAGMENTATION_NEEDED: u8 = 4;
const V6_UNREACHABLE: u8 = 1;
const V6_PACKET_TOO_BIG: u8 = 2;

/// What an ICMP error says about a segment that we sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IcmpError {
    pub(crate) kind: IcmpErrorKind,
    /// The connection of the segment.
    pub(crate) key: FlowKey,
    /// Its sequence number. Who does not see our segments has to guess it (RFC 5927, 4.1).
    pub(crate) seq: Seq,
    /// How long its packet was, IP header included.
    pub(crate) packet_len: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IcmpErrorKind {
    Unreachable(Unreachable),
    /// The next link takes no packets longer than this. 0 is from a router older than RFC 1191.
    TooBig(u32),
}

impl IcmpError {
    /// Reads an ICMP error that came to us and quotes a TCP segment. None for everything else, and
    /// where a checksum is wrong.
    pub(crate) fn parse(frame: &[u8], link: &Link) -> Option<Self> {
        if !link.is_to_us(frame) {
            return None;
        }
        let ip = frame.get(link.medium.header_len()..)?;
        match link.medium.ethertype(frame)? {
            ETHERTYPE_IPV4 if ipv4_checksum_is_right(frame, link.medium) => Self::parse_ipv4(ip),
            ETHERTYPE_IPV6 => Self::parse_ipv6(ip),
            _ => None,
        }
    }

    fn parse_ipv4(ip: &[u8]) -> Option<Self> {
        let is_fragment = read_u16(ip, 6)? & 0x3fff != 0;
        if ip.get(9) != Some(&NEXT_HEADER_ICMPV4) || is_fragment {
            return None;
        }
        let icmp = ip.get(ipv4_header_len(ip)?..usize::from(read_u16(ip, 2)?))?;
        if checksum::sum(icmp) != u16::MAX {
            return None;
        }
        let kind = kind_v4(icmp)?;
        let quoted = icmp.get(ICMP_HEADER_LEN..)?;
        let header_len = ipv4_header_len(quoted)?;
        // Only a first fragment has the TCP header, and what we send has no fragments.
        let is_fragment = read_u16(quoted, 6)? & 0x3fff != 0;
        if quoted.get(9) != Some(&NEXT_HEADER_TCP) || is_fragment {
            return None;
        }
        // An error goes to the one who sent what it quotes.
        let ours = quoted.get(12..16)?;
        (ip.get(16..IPV4_HEADER_LEN_MIN)? == ours).then_some(())?;
        let remote = quoted.get(16..IPV4_HEADER_LEN_MIN)?;
        let packet_len = read_u16(quoted, 2)?;
        Self::about(kind, [ours, remote], quoted.get(header_len..)?, packet_len)
    }

    fn parse_ipv6(ip: &[u8]) -> Option<Self> {
        let icmp_end = IPV6_HEADER_LEN + usize::from(read_u16(ip, 4)?);
        let icmp = ip.get(IPV6_HEADER_LEN..icmp_end)?;
        let addresses = ip.get(8..IPV6_HEADER_LEN)?;
        if ip.first()? >> 4 != 6
            || ip.get(6) != Some(&NEXT_HEADER_ICMPV6)
            || !checksum::is_right(addresses, NEXT_HEADER_ICMPV6, icmp)
        {
            return None;
        }
        let kind = kind_v6(icmp)?;
        let quoted = icmp.get(ICMP_HEADER_LEN..)?;
        // What we send has no extension headers.
        if quoted.first()? >> 4 != 6 || quoted.get(6) != Some(&NEXT_HEADER_TCP) {
            return None;
        }
        let ours = quoted.get(8..24)?;
        (ip.get(24..IPV6_HEADER_LEN)? == ours).then_some(())?;
        let remote = quoted.get(24..IPV6_HEADER_LEN)?;
        let packet_len = read_u16(quoted, 4)?.checked_add(IPV6_HEADER_LEN as u16)?;
        Self::about(
            kind,
            [ours, remote],
            quoted.get(IPV6_HEADER_LEN..)?,
            packet_len,
        )
    }

    /// The first 8 bytes of the segment are always quoted (RFC 792).
    fn about(kind: IcmpErrorKind, ends: [&[u8]; 2], tcp: &[u8], packet_len: u16) -> Option<Self> {
        let [ours, remote] = ends;
        let key = FlowKey {
            local: Address::new(ours)?,
            remote: Address::new(remote)?,
            local_port: read_u16(tcp, 0)?,
            remote_port: read_u16(tcp, 2)?,
        };
        Some(Self {
            kind,
            key,
            seq: Seq(read_u32(tcp, 4)?),
            packet_len,
        })
    }
}

/// RFC 792, RFC 1122, 3.2.2.1 and RFC 1812, 5.2.7.1.
fn kind_v4(icmp: &[u8]) -> Option<IcmpErrorKind> {
    let &[V4_UNREACHABLE, code, ..] = icmp else {
        return None;
    };
    let why = match code {
        0 | 6 | 11 => Unreachable::Network,
        1 | 5 | 7 | 8 | 12 => Unreachable::Host,
        2 => Unreachable::Protocol,
        3 => Unreachable::Port,
        V4_FRAGMENTATION_NEEDED => {
            return Some(IcmpErrorKind::TooBig(u32::from(read_u16(icmp, 6)?)));
        }
        9 | 10 | 13..=15 => Unreachable::Prohibited,
        _ => return None,
    };
    Some(IcmpErrorKind::Unreachable(why))
}

/// RFC 4443, 3.1 and 3.2.
fn kind_v6(icmp: &[u8]) -> Option<IcmpErrorKind> {
    let why = match *icmp {
        [V6_PACKET_TOO_BIG, ..] => return Some(IcmpErrorKind::TooBig(read_u32(icmp, 4)?)),
        [V6_UNREACHABLE, code, ..] => match code {
            0 | 2 => Unreachable::Network,
            1 | 5 | 6 => Unreachable::Prohibited,
            3 => Unreachable::Host,
            4 => Unreachable::Port,
            _ => return None,
        },
        _ => return None,
    };
    Some(IcmpErrorKind::Unreachable(why))
}
