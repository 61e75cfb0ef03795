//! A checked view on the TCP segment in an Ethernet frame.
//!
//! It reads what smoltcp would read as TCP, no more and no less: a segment that smoltcp would take but the guard
//! could not see would reach smoltcp with its checksum unverified.

use core::ops::Range;

use smoltcp::wire::checksum;

use super::flow::{Address, Key};

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const ACK: u8 = 0x10;

pub(super) const ETHERNET_HEADER_LEN: usize = 14;
const ETHERTYPE_IPV4: u16 = 0x0800;
pub(super) const ETHERTYPE_IPV6: u16 = 0x86dd;
const IPV4_HEADER_LEN_MIN: usize = 20;
pub(super) const IPV6_HEADER_LEN: usize = 40;
const TCP_HEADER_LEN_MIN: usize = 20;
const NEXT_HEADER_HOP_BY_HOP: u8 = 0;
const NEXT_HEADER_TCP: u8 = 6;

/// Offsets from the start of the TCP header (RFC 9293, 3.1).
const AT_SEQ: usize = 4;
const AT_ACK: usize = 8;
const AT_HEADER_LEN: usize = 12;
const AT_FLAGS: usize = 13;
const AT_WINDOW: usize = 14;
const AT_CHECKSUM: usize = 16;

/// A TCP sequence number, ordered as RFC 9293, 3.4 says: the distance counts, not the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Seq(pub(super) u32);

impl Seq {
    pub(super) const fn after(self, len: u32) -> Self {
        Self(self.0.wrapping_add(len))
    }

    /// How far this lies beyond `earlier`; meaningful only when it does.
    pub(super) const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    pub(super) const fn is_before(self, other: Self) -> bool {
        self.since(other) > u32::MAX / 2
    }
}

/// What a frame is to the guard.
#[derive(Debug)]
pub(super) enum Frame {
    /// No TCP, or so broken that smoltcp refuses it by itself.
    Other,
    /// A piece of a fragmented TCP segment; its checksum cannot be verified here.
    Fragment,
    Tcp(Segment),
}

/// The fields that a rule may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) seq: Seq,
    pub(super) flags: u8,
    pub(super) window: u16,
}

#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) fields: Fields,
    pub(super) ack: Seq,
    pub(super) payload_len: u32,
    /// Where source and destination address stand in the frame, one behind the other.
    addresses: Range<usize>,
    /// Where TCP header and payload stand in the frame.
    tcp: Range<usize>,
    options_len: usize,
}

impl Frame {
    pub(super) fn parse(frame: &[u8]) -> Self {
        let parsed = match word(frame, 12) {
            Some(ETHERTYPE_IPV4) => Self::parse_ipv4(frame),
            Some(ETHERTYPE_IPV6) => Self::parse_ipv6(frame),
            _ => None,
        };
        parsed.unwrap_or(Self::Other)
    }

    fn parse_ipv4(frame: &[u8]) -> Option<Self> {
        let ip = frame.get(ETHERNET_HEADER_LEN..)?;
        let header_len = ipv4_header_len(ip)?;
        let total_len = usize::from(word(ip, 2)?);
        if ip.get(9) != Some(&NEXT_HEADER_TCP) || total_len < header_len || total_len > ip.len() {
            return None;
        }
        // More fragments, or an offset (RFC 791, 3.1).
        if word(ip, 6)? & 0x3fff != 0 {
            return Some(Self::Fragment);
        }
        let addresses = ETHERNET_HEADER_LEN + 12..ETHERNET_HEADER_LEN + 20;
        let tcp = ETHERNET_HEADER_LEN + header_len..ETHERNET_HEADER_LEN + total_len;
        Segment::parse(frame, addresses, tcp).map(Self::Tcp)
    }

    fn parse_ipv6(frame: &[u8]) -> Option<Self> {
        let ip = frame.get(ETHERNET_HEADER_LEN..)?;
        let total_len = IPV6_HEADER_LEN + usize::from(word(ip, 4)?);
        if ip.first()? >> 4 != 6 || total_len > ip.len() {
            return None;
        }
        let mut next_header = *ip.get(6)?;
        let mut header_len = IPV6_HEADER_LEN;
        // The only extension header that smoltcp looks behind (RFC 8200, 4.3).
        if next_header == NEXT_HEADER_HOP_BY_HOP {
            next_header = *ip.get(header_len)?;
            header_len += 8 * (1 + usize::from(*ip.get(header_len + 1)?));
        }
        if next_header != NEXT_HEADER_TCP || header_len > total_len {
            return None;
        }
        let addresses = ETHERNET_HEADER_LEN + 8..ETHERNET_HEADER_LEN + 40;
        let tcp = ETHERNET_HEADER_LEN + header_len..ETHERNET_HEADER_LEN + total_len;
        Segment::parse(frame, addresses, tcp).map(Self::Tcp)
    }
}

impl Segment {
    fn parse(frame: &[u8], addresses: Range<usize>, tcp: Range<usize>) -> Option<Self> {
        let bytes = frame.get(tcp.clone())?;
        let header_len = usize::from(bytes.get(AT_HEADER_LEN)? >> 4) * 4;
        let payload_len = bytes.len().checked_sub(header_len)?;
        let options_len = header_len.checked_sub(TCP_HEADER_LEN_MIN)?;
        Some(Self {
            fields: Fields {
                seq: Seq(double_word(bytes, AT_SEQ)?),
                flags: *bytes.get(AT_FLAGS)?,
                window: word(bytes, AT_WINDOW)?,
            },
            ack: Seq(double_word(bytes, AT_ACK)?),
            payload_len: u32::try_from(payload_len).ok()?,
            addresses,
            tcp,
            options_len,
        })
    }

    pub(super) const fn has(&self, flag: u8) -> bool {
        self.fields.flags & flag != 0
    }

    /// Sequence numbers that the segment takes: its data, SYN and FIN (RFC 9293, 3.4).
    pub(super) fn len(&self) -> u32 {
        self.payload_len + u32::from(self.has(SYN)) + u32::from(self.has(FIN))
    }

    /// An acknowledgement and nothing else.
    pub(super) fn is_pure_ack(&self) -> bool {
        self.len() == 0
    }

    /// The flow of a segment that we sent; none when its address family is not built in.
    pub(super) fn key_sent(&self, frame: &[u8]) -> Option<Key> {
        let (source, destination) = self.addresses(frame)?;
        let (source_port, destination_port) = self.ports(frame)?;
        Some(Key {
            local: source,
            local_port: source_port,
            remote: destination,
            remote_port: destination_port,
        })
    }

    /// The flow of a segment that we received; none when its address family is not built in.
    pub(super) fn key_received(&self, frame: &[u8]) -> Option<Key> {
        let (source, destination) = self.addresses(frame)?;
        let (source_port, destination_port) = self.ports(frame)?;
        Some(Key {
            local: destination,
            local_port: destination_port,
            remote: source,
            remote_port: source_port,
        })
    }

    fn addresses(&self, frame: &[u8]) -> Option<(Address, Address)> {
        let both = frame.get(self.addresses.clone())?;
        let (source, destination) = both.split_at_checked(both.len() / 2)?;
        Some((Address::new(source)?, Address::new(destination)?))
    }

    fn ports(&self, frame: &[u8]) -> Option<(u16, u16)> {
        let tcp = frame.get(self.tcp.clone())?;
        Some((word(tcp, 0)?, word(tcp, 2)?))
    }

    /// Whether the TCP checksum is right.
    pub(super) fn checksum_is_right(&self, frame: &[u8]) -> bool {
        let (Some(addresses), Some(tcp)) = (
            frame.get(self.addresses.clone()),
            frame.get(self.tcp.clone()),
        ) else {
            return false;
        };
        checksum_is_right(addresses, NEXT_HEADER_TCP, tcp)
    }

    /// The shift of the window scale option (RFC 7323, 2.2), at most 14.
    pub(super) fn window_scale(&self, frame: &[u8]) -> Option<u8> {
        let options_start = self.tcp.start + TCP_HEADER_LEN_MIN;
        let mut options = frame.get(options_start..options_start + self.options_len)?;
        loop {
            let option_len = match *options {
                [] | [0, ..] => return None,
                [1, ..] => 1,
                [3, 3, shift, ..] => return Some(shift.min(14)),
                [_, len, ..] => usize::from(len).max(2),
                [_] => return None,
            };
            options = options.get(option_len..)?;
        }
    }

    /// Writes `new` into the segment's frame. The checksum stays as right or as wrong as it was, unless the device
    /// computes it: then the field is the device's own and stays untouched.
    pub(super) fn rewrite(&self, frame: &mut [u8], new: Fields, checksum_is_ours: bool) {
        let Some(tcp) = frame.get_mut(self.tcp.clone()) else {
            return;
        };
        let [seq_0, seq_1, seq_2, seq_3] = new.seq.0.to_be_bytes();
        let header_len = tcp.get(AT_HEADER_LEN).copied().unwrap_or(0);
        let changes = [
            (AT_SEQ, [seq_0, seq_1]),
            (AT_SEQ + 2, [seq_2, seq_3]),
            (AT_HEADER_LEN, [header_len, new.flags]),
            (AT_WINDOW, new.window.to_be_bytes()),
        ];
        let mut sum = word(tcp, AT_CHECKSUM).unwrap_or(0);
        for (at, bytes) in changes {
            let old = word(tcp, at).unwrap_or(0);
            sum = updated_checksum(sum, old, u16::from_be_bytes(bytes));
            put(tcp, at, bytes);
        }
        if checksum_is_ours {
            put(tcp, AT_CHECKSUM, sum.to_be_bytes());
        }
    }
}

/// Whether the checksum in `payload` is right, with the pseudo-header of RFC 9293, 3.1 or RFC 8200, 8.1.
pub(super) fn checksum_is_right(addresses: &[u8], next_header: u8, payload: &[u8]) -> bool {
    let Ok(payload_len) = u16::try_from(payload.len()) else {
        return false;
    };
    let parts = [
        checksum::data(addresses),
        u16::from(next_header),
        payload_len,
        checksum::data(payload),
    ];
    checksum::combine(&parts) == u16::MAX
}

/// The checksum after one 16-bit word changed from `old` to `new` (RFC 1624, 3, equation 3).
fn updated_checksum(sum: u16, old: u16, new: u16) -> u16 {
    !checksum::combine(&[!sum, !old, new])
}

/// Whether the header checksum of the frame's IPv4 packet is right; IPv6 has none.
pub(super) fn ip_header_is_right(frame: &[u8]) -> bool {
    if word(frame, 12) != Some(ETHERTYPE_IPV4) {
        return true;
    }
    frame
        .get(ETHERNET_HEADER_LEN..)
        .and_then(|ip| ip.get(..ipv4_header_len(ip)?))
        .is_some_and(|header| checksum::data(header) == u16::MAX)
}

/// The length of an IPv4 header, none when this is not IPv4.
fn ipv4_header_len(ip: &[u8]) -> Option<usize> {
    let first = *ip.first()?;
    let header_len = usize::from(first & 0x0f) * 4;
    (first >> 4 == 4 && header_len >= IPV4_HEADER_LEN_MIN).then_some(header_len)
}

pub(super) fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*two))
}

fn double_word(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*four))
}

fn put(bytes: &mut [u8], at: usize, new: [u8; 2]) {
    if let Some(old) = bytes.get_mut(at..at + 2) {
        old.copy_from_slice(&new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_compare_across_the_wrap() {
        let before = Seq(u32::MAX - 1);
        let behind = before.after(3);
        assert_eq!(behind, Seq(1));
        assert_eq!(behind.since(before), 3);
        assert!(before.is_before(behind));
        assert!(!behind.is_before(before));
        assert!(!before.is_before(before));
    }

    #[test]
    fn an_updated_checksum_is_the_one_computed_anew_also_where_it_is_zero() {
        // RFC 1624, 4: the old method (equation 2) gives 0xffff here instead of 0.
        assert_eq!(updated_checksum(0xdd2f, 0x5555, 0x3285), 0x0000);

        let mut words = [0xcd7a_u16, 0x5555, 0x0001, 0xffff];
        let sum_of = |words: &[u16]| !checksum::combine(words);
        for new in 0..=u16::MAX {
            let before = sum_of(&words);
            let old = core::mem::replace(&mut words[1], new);
            assert_eq!(updated_checksum(before, old, new), sum_of(&words));
        }
    }
}
