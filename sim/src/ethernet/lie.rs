//! Lies: a TCP segment becomes another one with right checksums, or an ICMP error, as only a peer
//! that sees the connection can make them.

use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, Ipv4Address, Ipv4Packet, TcpPacket,
    checksum,
};

use crate::Generator;

const TCP_AT: usize = 34;
const IPV4_AT: usize = 14;
const TCP_HEADER_BYTES: usize = 20;
const ICMP_BYTES: usize = 8;
/// What an ICMP error quotes: the IP header, and 8 bytes of the segment (RFC 792).
const QUOTED_BYTES: usize = 28;
/// A SACK option of one range, aligned (RFC 2018).
const SACK_BYTES: usize = 12;
/// How far lies are from the truth.
const DISTANCE_MAX: u64 = 70_000;

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// The ends of a segment, whose sender stands first.
type Ends = (Ipv4Address, Ipv4Address);

/// Replaces the first `len` bytes of `buffer`. Returns the new length, or `None` when this is no
/// TCP segment in an IPv4 packet without options, and when the buffer is too short.
pub(super) fn lie(buffer: &mut [u8], len: usize, generator: &mut Generator) -> Option<usize> {
    let ends = ends(buffer.get(..len)?)?;
    let is_empty = len == TCP_AT + TCP_HEADER_BYTES;
    let flags = buffer.get(TCP_AT + 13).copied()?;
    let distance = 1 + generator.below(DISTANCE_MAX) as u32;
    let choice = generator.below(8);
    if choice == 7 || choice >= 4 && !is_empty {
        return report(buffer, ends, generator);
    }
    if choice == 6 && flags == ACK {
        return claim_sack(buffer, len, ends, distance);
    }
    if choice >= 4 {
        *buffer.get_mut(TCP_AT + 13)? = if distance & 1 == 0 { SYN } else { RST };
    }
    edit(buffer.get_mut(..len)?, ends, |tcp| match choice {
        0 | 1 => {
            // Closed, nearly closed, small, or any.
            let chosen = (distance & 0xffff) as u16 >> (6 * generator.below(3));
            let is_new = chosen != tcp.window_len();
            tcp.set_window_len(if is_new { chosen } else { chosen ^ 1 });
        }
        2 => tcp.set_ack_number(tcp.ack_number() + distance as usize),
        3 if distance & 1 == 0 => tcp.set_seq_number(tcp.seq_number() - distance as usize),
        3 => tcp.set_seq_number(tcp.seq_number() + distance as usize),
        _ => tcp.set_seq_number(tcp.seq_number() + (distance & 0x3ff) as usize + 1),
    })?;
    Some(len)
}

fn ends(frame: &[u8]) -> Option<Ends> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    if ethernet.ethertype() != EthernetProtocol::Ipv4 {
        return None;
    }
    let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
    let is_plain = ip.header_len() == 20 && ip.next_header() == IpProtocol::Tcp;
    let is_whole = usize::from(ip.total_len()) + IPV4_AT == frame.len();
    TcpPacket::new_checked(ip.payload()).ok()?;
    (is_plain && is_whole).then_some((ip.src_addr(), ip.dst_addr()))
}

/// Edits the TCP header, and makes its checksum right.
fn edit(
    frame: &mut [u8],
    (source, destination): Ends,
    edit: impl FnOnce(&mut TcpPacket<&mut [u8]>),
) -> Option<()> {
    let mut tcp = TcpPacket::new_unchecked(frame.get_mut(TCP_AT..)?);
    edit(&mut tcp);
    tcp.fill_checksum(&IpAddress::Ipv4(source), &IpAddress::Ipv4(destination));
    Some(())
}

/// Claims that a range after the acknowledgement has come, sent or not.
fn claim_sack(buffer: &mut [u8], len: usize, ends: Ends, distance: u32) -> Option<usize> {
    let frame = buffer.get_mut(..len + SACK_BYTES)?;
    let tcp = TcpPacket::new_unchecked(frame.get(TCP_AT..)?);
    let left = (tcp.ack_number() + (distance & 0xfff) as usize).0;
    let right = left.wrapping_add_unsigned(1 + (distance >> 4));
    let option = frame.get_mut(len..)?;
    option.get_mut(..4)?.copy_from_slice(&[1, 1, 5, 10]);
    option.get_mut(4..8)?.copy_from_slice(&left.to_be_bytes());
    option.get_mut(8..)?.copy_from_slice(&right.to_be_bytes());
    let packet_len = u16::try_from(frame.len() - IPV4_AT).ok()?;
    let mut ip = Ipv4Packet::new_unchecked(frame.get_mut(IPV4_AT..)?);
    ip.set_total_len(packet_len);
    ip.fill_checksum();
    edit(frame, ends, |tcp| {
        tcp.set_header_len((TCP_HEADER_BYTES + SACK_BYTES) as u8);
    })?;
    Some(len + SACK_BYTES)
}

/// An ICMP error about what this segment acknowledges last, or about what comes next.
fn report(
    buffer: &mut [u8],
    (source, destination): Ends,
    generator: &mut Generator,
) -> Option<usize> {
    let tcp = TcpPacket::new_unchecked(buffer.get(TCP_AT..)?);
    let (ours, theirs) = (tcp.src_port(), tcp.dst_port());
    let seq = tcp.ack_number().0.wrapping_sub(generator.below(2) as i32);
    let code = generator.below(16) as u8;
    let mtu = generator.below(1_600) as u16;
    let quoted_len = 40 + generator.below(1_500) as u16;
    let frame = buffer.get_mut(..IPV4_AT + 20 + ICMP_BYTES + QUOTED_BYTES)?;
    let mut ip = Ipv4Packet::new_unchecked(frame.get_mut(IPV4_AT..)?);
    ip.set_total_len((20 + ICMP_BYTES + QUOTED_BYTES) as u16);
    ip.set_next_header(IpProtocol::Icmp);
    ip.fill_checksum();
    let icmp = frame.get_mut(IPV4_AT + 20..)?;
    icmp.fill(0);
    icmp.get_mut(..2)?.copy_from_slice(&[3, code]);
    icmp.get_mut(6..8)?.copy_from_slice(&mtu.to_be_bytes());
    let quoted = icmp.get_mut(ICMP_BYTES..)?;
    let mut about = Ipv4Packet::new_unchecked(&mut *quoted);
    about.set_version(4);
    about.set_header_len(20);
    about.set_total_len(quoted_len);
    about.set_next_header(IpProtocol::Tcp);
    about.set_src_addr(destination);
    about.set_dst_addr(source);
    quoted
        .get_mut(20..22)?
        .copy_from_slice(&theirs.to_be_bytes());
    quoted.get_mut(22..24)?.copy_from_slice(&ours.to_be_bytes());
    quoted.get_mut(24..28)?.copy_from_slice(&seq.to_be_bytes());
    let sum = !checksum::data(icmp);
    icmp.get_mut(2..4)?.copy_from_slice(&sum.to_be_bytes());
    Some(frame.len())
}
