//! Pure bytes: what a frame holds, and how it is altered.

use core::ops::Range;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket,
};

use super::Change;
use super::lie::lie;
use crate::Generator;

/// The headers that [`Change::Junk`] picks from: Ethernet, IPv4 and TCP without options.
const HEADER_BYTES: usize = 54;
/// The most bytes that [`Change::Padding`] appends: Ethernet's own padding of an empty frame (IEEE
/// 802.3, 3.2.7).
const PADDING_BYTES_MAX: usize = 46;

/// What a TCP segment carries, as far as it matters to faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TcpKind {
    /// Nothing but an acknowledgement: no payload, no SYN, FIN or RST.
    Ack,
    /// Payload.
    Data,
}

/// What kind of TCP segment the frame holds; `None` for everything else.
pub(super) fn tcp_kind(frame: &[u8]) -> Option<TcpKind> {
    let tcp = tcp_range(frame)?;
    let packet = TcpPacket::new_checked(frame.get(tcp)?).ok()?;
    if !packet.payload().is_empty() {
        Some(TcpKind::Data)
    } else if packet.ack() && !packet.syn() && !packet.fin() && !packet.rst() {
        Some(TcpKind::Ack)
    } else {
        None
    }
}

/// Where the TCP segment is in the frame, with its header.
pub(crate) fn tcp_range(frame: &[u8]) -> Option<Range<usize>> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    let start = EthernetFrame::<&[u8]>::header_len();
    let (protocol, header, total) = match ethernet.ethertype() {
        EthernetProtocol::Ipv4 => {
            let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
            (
                ip.next_header(),
                usize::from(ip.header_len()),
                usize::from(ip.total_len()),
            )
        }
        EthernetProtocol::Ipv6 => {
            let ip = Ipv6Packet::new_checked(ethernet.payload()).ok()?;
            (ip.next_header(), ip.header_len(), ip.total_len())
        }
        _ => return None,
    };
    (protocol == IpProtocol::Tcp).then_some(start + header..start + total)
}

/// Where the TCP payload is in the frame.
fn payload_range(frame: &[u8]) -> Option<Range<usize>> {
    let tcp = tcp_range(frame)?;
    let packet = TcpPacket::new_checked(frame.get(tcp.clone())?).ok()?;
    Some(tcp.start + usize::from(packet.header_len())..tcp.end)
}

/// Alters the first `len` bytes of `buffer`, which is as long as the longest frame that the
/// receiver takes.
///
/// Returns the frame's new length, or `None` when this frame cannot be altered in this way and is
/// unchanged.
pub(super) fn alter(
    change: Change,
    buffer: &mut [u8],
    len: usize,
    generator: &mut Generator,
) -> Option<usize> {
    match change {
        Change::BitFlip => {
            let byte = buffer.get_mut(below(generator, len)?)?;
            *byte ^= 1 << below(generator, 8)?;
            Some(len)
        }
        Change::Truncation => Some(1 + below(generator, len.checked_sub(1)?)?),
        Change::Padding => {
            let room = buffer.len().saturating_sub(len).min(PADDING_BYTES_MAX);
            let padded = len + 1 + below(generator, room)?;
            for byte in buffer.get_mut(len..padded)? {
                *byte = random_byte(generator);
            }
            Some(padded)
        }
        Change::Junk => {
            let byte = buffer.get_mut(below(generator, len.min(HEADER_BYTES))?)?;
            // Never 0, so that the byte changes.
            let [difference, ..] = (1 + generator.below(255)).to_le_bytes();
            *byte ^= difference;
            Some(len)
        }
        Change::WordSwap => {
            swap_words(buffer.get_mut(..len)?, generator)?;
            Some(len)
        }
        Change::Lie => lie(buffer, len, generator),
    }
}

/// Swaps two different words of the frame's TCP payload. A TCP header is a multiple of four bytes
/// long, so that words of the payload are words of the checksum (RFC 9293, 3.1).
fn swap_words(frame: &mut [u8], generator: &mut Generator) -> Option<()> {
    let payload = payload_range(frame)?;
    let (words, _) = frame.get_mut(payload)?.as_chunks_mut::<2>();
    let first = below(generator, words.len())?;
    let chosen = *words.get(first)?;
    // The next one that differs, from a random word on. There is none when all words are the same.
    let start = below(generator, words.len())?;
    let second = (start..words.len())
        .chain(0..start)
        .find(|&n| words.get(n).is_some_and(|word| *word != chosen))?;
    words.swap(first, second);
    Some(())
}

/// An index below `n`; `None` when there is none.
fn below(generator: &mut Generator, n: usize) -> Option<usize> {
    if n == 0 {
        return None;
    }
    let n = u64::try_from(n).ok()?;
    usize::try_from(generator.below(n)).ok()
}

fn random_byte(generator: &mut Generator) -> u8 {
    let [byte, ..] = generator.u32().to_be_bytes();
    byte
}
