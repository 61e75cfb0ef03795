//! Segments that neither end of a trial has sent: from somebody who sees the connection, or who
//! guesses.

use core::cell::RefCell;

use smoltcp::wire::{TcpControl, TcpPacket, TcpRepr, TcpSeqNumber};

use crate::Generator;
use crate::ethernet::{Ethernet, Fate, FrameEvent, FrameObserver, Link, tcp_range};
use crate::forged::write_segment;

const FRAME_BYTES_MAX: usize = 80;
/// So far from what is expected that smoltcp drops it.
const FAR_MIN: u64 = 70_000;
const FAR_MAX: u64 = 1 << 30;
const WINDOW: u16 = 1_000;
const AFTER_THE_END: &[u8] = b"after the end";

/// What one end has shown of itself.
#[derive(Debug, Clone, Copy)]
struct Seen {
    port: u16,
    /// The sequence number after the highest that it sent.
    next: TcpSeqNumber,
    ack: TcpSeqNumber,
    has_fin: bool,
}

/// Sees both ends, and forges what may not harm them.
#[derive(Debug)]
pub(super) struct Forger {
    random: Generator,
    /// None before an end has acknowledged something.
    ends: [Option<Seen>; 2],
    /// How much an end can send at most.
    send_buffer_bytes: u64,
}

impl FrameObserver for Forger {
    fn observe(&mut self, event: &FrameEvent, frame: &[u8]) {
        let tcp = tcp_range(frame).and_then(|tcp| frame.get(tcp));
        let packet = tcp.and_then(|tcp| TcpPacket::new_checked(tcp).ok());
        let Some(packet) = packet.filter(|_| event.fate == Fate::Sent) else {
            return;
        };
        let Some(seen) = self.ends.get_mut(event.from) else {
            return;
        };
        let end = packet.seq_number() + packet.segment_len();
        let known = seen.map_or(end, |seen| seen.next);
        *seen = packet.ack().then(|| Seen {
            port: packet.src_port(),
            next: if known < end { end } else { known },
            ack: packet.ack_number(),
            has_fin: packet.fin() || seen.is_some_and(|seen| seen.has_fin),
        });
    }
}

impl Forger {
    pub(super) const fn new(random: Generator, send_buffer_bytes: usize) -> Self {
        Self {
            random,
            ends: [None; 2],
            send_buffer_bytes: send_buffer_bytes as u64,
        }
    }

    /// Writes a segment as if from one end to the other, once both have answered. Returns the end
    /// that it is from, and the frame's length.
    fn forge(&mut self, frame: &mut [u8]) -> Option<(usize, usize)> {
        let from = self.random.below(2) as usize;
        let (sender, victim) = (
            self.ends.get(from).copied()??,
            self.ends.get(1 - from).copied()??,
        );
        let random = &mut self.random;
        let honest = TcpRepr {
            src_port: sender.port,
            dst_port: victim.port,
            control: TcpControl::None,
            seq_number: sender.next,
            ack_number: Some(sender.ack),
            window_len: WINDOW,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: &[],
        };
        let segment = match random.below(6) {
            // It acknowledges what waits in the send buffer.
            0 => TcpRepr {
                ack_number: Some(victim.next + random.between(1, self.send_buffer_bytes) as usize),
                ..honest
            },
            // It acknowledges everything, with a sequence number of no window.
            1 => TcpRepr {
                seq_number: sender.next - random.between(FAR_MIN, FAR_MAX) as usize,
                ack_number: Some(victim.next),
                ..honest
            },
            2 => TcpRepr {
                window_len: 0,
                ..honest
            },
            3 => TcpRepr {
                control: TcpControl::Rst,
                seq_number: sender.next + random.between(1, 500) as usize,
                ..honest
            },
            4 => TcpRepr {
                control: TcpControl::Syn,
                seq_number: TcpSeqNumber(random.u32().cast_signed()),
                ack_number: None,
                ..honest
            },
            // Earlier nobody can know that there is an end.
            _ if sender.has_fin && victim.ack == sender.next => TcpRepr {
                payload: AFTER_THE_END,
                ..honest
            },
            _ => return None,
        };
        Some((from, write_segment(frame, from, 1 - from, &segment)))
    }
}

/// Lets a forged segment arrive at once, if there is one: what is a lie now could be true later.
pub(super) fn forge(forger: &RefCell<Forger>, ethernet: &Ethernet<'_>) {
    let mut frame = [0; FRAME_BYTES_MAX];
    let forged = forger.borrow_mut().forge(&mut frame);
    let Some((from, length)) = forged else {
        return;
    };
    // Its own segments tell it nothing.
    let (observer, link) = (ethernet.observe(None), ethernet.link(from));
    ethernet.set_link(from, Link::PERFECT);
    (ethernet.port(from)).send(frame.get(..length).unwrap_or_default());
    ethernet.set_link(from, link);
    ethernet.observe(observer);
}
