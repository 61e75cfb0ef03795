//! A frame as the input draws it: near what is expected, or far from it, whole or damaged.

use smoltcp::wire::{EthernetAddress, IpAddress, IpEndpoint, Ipv4Packet, TcpPacket};

use crate::draw::Draw;
use crate::frame::{ACK, PEER_MAC, RST, SYN, Segment};

/// Flags that occur in the world, and every other value.
const FLAGS: [u8; 8] = [ACK, ACK, ACK, ACK | 1, ACK | 8, SYN, SYN | ACK, RST | ACK];

/// What a SYN says: SACK is permitted, and windows are scaled.
pub(super) const PERMITTED: [u8; 8] = [4, 2, 1, 1, 1, 3, 3, 2];

/// More than any segment has.
pub(super) const PAYLOAD: [u8; 1440] = [0x5a; 1440];

pub(super) struct Drawn<'d> {
    pub(super) segment: Segment<'d>,
    /// Of sequence number and acknowledgement from what is expected.
    pub(super) distances: (i32, i32),
    /// A range that it reports by SACK: the distance of its start from the acknowledgement, and its
    /// length.
    sacked: Option<(u8, i32)>,
}

impl<'d> Drawn<'d> {
    pub(super) fn new(draw: &mut Draw<'d>) -> Self {
        let nobody = IpEndpoint::new(IpAddress::v4(0, 0, 0, 0), 0);
        let choice = draw.byte();
        let flags = match choice & 15 {
            15 => draw.byte(),
            common => FLAGS[usize::from(common) % FLAGS.len()],
        };
        let window = match choice >> 4 & 3 {
            0 => 0,
            1 => u16::from(draw.byte()),
            _ => draw.word(),
        };
        let options: &[u8] = match choice >> 6 {
            0 | 1 => &[],
            2 => &PERMITTED,
            _ => {
                let options = draw.bytes(12);
                &options[..options.len() / 4 * 4]
            }
        };
        let payload_len = match draw.byte() {
            small @ 0..128 => usize::from(small % 4),
            // The longest with a SACK option.
            128..144 => PAYLOAD.len() - options.len().max(12),
            large => usize::from(large),
        };
        let sacked = (choice >> 6 == 1).then(|| {
            let start = draw.byte();
            match draw.distance() {
                0 => (start, i32::from(draw.byte())),
                len => (start, len),
            }
        });
        Self {
            sacked,
            distances: (draw.distance(), draw.distance()),
            segment: Segment {
                options,
                payload: &PAYLOAD[..payload_len],
                ..segment(nobody, nobody, 0, 0, flags, window)
            },
        }
    }
}

impl Drawn<'_> {
    /// The SACK option of a segment whose acknowledgement is `ack`; empty without one.
    pub(super) fn sack_option(&self, ack: u32) -> Vec<u8> {
        let Some((distance, len)) = self.sacked else {
            return Vec::new();
        };
        let start = ack.wrapping_add(distance.into());
        let end = start.wrapping_add_signed(len);
        [&[1, 1, 5, 10], &start.to_be_bytes()[..], &end.to_be_bytes()].concat()
    }
}

/// Bytes that change on their way, a frame that is cut, one for somebody else.
pub(super) fn damage(draw: &mut Draw<'_>, frame: &mut Vec<u8>, ends: (IpEndpoint, IpEndpoint)) {
    if draw.once_in(4) {
        for _ in 0..=draw.byte() % 4 {
            // Mostly in the headers.
            let within = if draw.once_in(4) { frame.len() } else { 80 };
            let at = usize::from(draw.word()) % within;
            if let Some(byte) = frame.get_mut(at) {
                *byte ^= draw.byte();
            }
        }
        // Or they were meant.
        if draw.once_in(2) {
            seal(frame, ends);
        }
    }
    if draw.once_in(16) {
        frame.truncate(usize::from(draw.word()) % frame.len());
    }
    if draw.once_in(16) && frame.len() >= 6 {
        let others = [EthernetAddress::BROADCAST, PEER_MAC];
        let other = others[usize::from(draw.byte()) % 2];
        frame[..6].copy_from_slice(other.as_bytes());
    }
}

/// Computes the checksums anew, as far as the frame is still what it was.
fn seal(frame: &mut [u8], (source, destination): (IpEndpoint, IpEndpoint)) {
    let tcp_at = match source.addr {
        IpAddress::Ipv4(_) => 34,
        IpAddress::Ipv6(_) => 54,
    };
    if frame.get(12..15) == Some(&[0x08, 0x00, 0x45]) {
        Ipv4Packet::new_unchecked(&mut frame[14..]).fill_checksum();
    }
    TcpPacket::new_unchecked(&mut frame[tcp_at..]).fill_checksum(&source.addr, &destination.addr);
}

/// A segment without options or payload.
pub(super) fn segment(
    source: IpEndpoint,
    destination: IpEndpoint,
    seq: u32,
    ack: u32,
    flags: u8,
    window: u16,
) -> Segment<'static> {
    Segment {
        source,
        destination,
        seq,
        ack,
        flags,
        window,
        options: &[],
        payload: &[],
    }
}
