//! A5: a segment that is too long for its path leaves in parts.
//!
//! smoltcp cannot be told of a smaller maximum segment size after the handshake. So the guard cuts
//! what it sends, retransmissions included. To the peer the parts are segments like any other.

use crate::address::Address;
use crate::bytes::{read_u16, read_u32, write};
use crate::checksum;
use crate::link::{ETHERTYPE_IPV4, Link};
use crate::segment::{
    FIN, FLAGS_OFFSET, Frame, IPV6_HEADER_LEN, PSH, SEQ_OFFSET, Segment, ipv4_header_len,
};

/// Where an IP header has the length of its packet or of its payload, and its own checksum.
const IPV4_LEN_OFFSET: usize = 2;
const IPV4_CHECKSUM_OFFSET: usize = 10;
const IPV6_LEN_OFFSET: usize = 4;

/// The first part of a segment that is too long.
#[derive(Debug)]
pub(crate) struct FirstPart<'l> {
    segment: Segment,
    link: &'l Link,
    /// How much of the payload it carries: some of it, but not all.
    payload_len: usize,
}

impl<'l> FirstPart<'l> {
    /// The part of a segment that fits into a packet as long as `mtu` says for its destination. None
    /// when the whole segment does, or none of it.
    pub(crate) fn new(
        frame: &[u8],
        link: &'l Link,
        mtu: impl FnOnce(Address) -> Option<u16>,
    ) -> Option<Self> {
        let Frame::Tcp(segment) = Frame::parse(frame, link.medium) else {
            return None;
        };
        let mtu = mtu(segment.key_sent(frame)?.remote)?;
        let payload = segment.payload();
        let headers_len = payload.start.checked_sub(link.medium.header_len())?;
        let payload_len = usize::from(mtu).checked_sub(headers_len)?;
        (payload_len > 0 && payload_len < payload.len()).then_some(Self {
            segment,
            link,
            payload_len,
        })
    }

    /// The length of its frame.
    pub(crate) const fn frame_len(&self) -> usize {
        self.segment.payload().start + self.payload_len
    }

    /// Writes it into `part`, which has the length of its frame. `frame` has the whole segment. As
    /// there is more to come, the part has neither PSH nor FIN.
    pub(crate) fn write(&self, frame: &[u8], part: &mut [u8]) {
        if let Some(first) = frame.get(..part.len()) {
            part.copy_from_slice(first);
        }
        let flags_at = self.segment.header_at() + FLAGS_OFFSET;
        let flags = part.get(flags_at).copied().unwrap_or(0);
        write(part, flags_at, &[flags & !(FIN | PSH)]);
        self.finish(part);
    }

    /// Removes it from the segment in `frame`. Returns the length of the frame that is left.
    pub(crate) fn remove(&self, frame: &mut [u8]) -> usize {
        let payload = self.segment.payload();
        let rest = payload.start + self.payload_len..payload.end;
        let len = payload.start + rest.len();
        frame.copy_within(rest, payload.start);
        let seq_at = self.segment.header_at() + SEQ_OFFSET;
        let seq = read_u32(frame, seq_at).unwrap_or(0);
        let seq = seq.wrapping_add(self.payload_len as u32);
        write(frame, seq_at, &seq.to_be_bytes());
        if let Some(frame) = frame.get_mut(..len) {
            self.finish(frame);
        }
        len
    }

    /// Corrects lengths and checksums of a frame that is shorter than that of the whole segment.
    fn finish(&self, frame: &mut [u8]) {
        let is_ipv4 = self.link.medium.ethertype(frame) == Some(ETHERTYPE_IPV4);
        if let Some(ip) = frame.get_mut(self.link.medium.header_len()..) {
            if is_ipv4 {
                write_ipv4_len(ip);
            } else {
                let len = ip.len().saturating_sub(IPV6_HEADER_LEN) as u16;
                write(ip, IPV6_LEN_OFFSET, &len.to_be_bytes());
            }
        }
        if self.link.checksums.compute_tcp {
            self.segment.write_checksum(frame);
        }
    }
}

/// A header checksum that the device computes is not there yet, and stays away.
fn write_ipv4_len(ip: &mut [u8]) {
    let header = ipv4_header_len(ip).and_then(|len| ip.get(..len));
    let has_checksum = header.is_some_and(|header| checksum::sum(header) == u16::MAX);
    let old = read_u16(ip, IPV4_LEN_OFFSET).unwrap_or(0);
    let new = ip.len() as u16;
    write(ip, IPV4_LEN_OFFSET, &new.to_be_bytes());
    if has_checksum {
        let sum = read_u16(ip, IPV4_CHECKSUM_OFFSET).unwrap_or(0);
        let sum = checksum::updated(sum, old, new);
        write(ip, IPV4_CHECKSUM_OFFSET, &sum.to_be_bytes());
    }
}
