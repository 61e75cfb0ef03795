//! Counts the data segments of a connection, and which of them were sent before.

use smoltcp::wire::{TcpPacket, TcpSeqNumber};

use crate::ethernet::{Cause, Fate, FrameEvent, FrameObserver, tcp_range};

/// The data segments that one port or both sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retransmissions {
    /// Segments with data.
    pub segments: u64,
    /// Those that carry nothing new.
    pub repeated: u64,
    /// Segments with data that the link lost.
    pub lost: u64,
}

impl Retransmissions {
    /// Segments that were sent again although nothing was lost. Where something was lost, it is an
    /// estimate: a lost segment needs one that repeats it, unless a longer one does.
    pub const fn spurious(&self) -> u64 {
        self.repeated.saturating_sub(self.lost)
    }

    /// Adds the counts of another transfer.
    pub const fn add(&mut self, other: &Self) {
        self.segments += other.segments;
        self.repeated += other.repeated;
        self.lost += other.lost;
    }
}

/// Sees the frames of two ports, each of which has one connection at most.
#[derive(Debug, Default)]
pub(super) struct SegmentObserver {
    pub(super) counts: Retransmissions,
    /// For each port the sequence number after the highest that it sent.
    highest: [Option<TcpSeqNumber>; 2],
}

impl FrameObserver for SegmentObserver {
    fn observe(&mut self, event: &FrameEvent, frame: &[u8]) {
        let tcp = tcp_range(frame).and_then(|tcp| frame.get(tcp));
        let Some(packet) = tcp.and_then(|tcp| TcpPacket::new_checked(tcp).ok()) else {
            return;
        };
        let (seq, payload_len) = (packet.seq_number(), packet.payload().len());
        if payload_len == 0 {
            return;
        }
        match event.fate {
            Fate::Sent => self.on_sent(event.from, seq, payload_len),
            Fate::Dropped(Cause::Loss) => self.counts.lost += 1,
            _ => {}
        }
    }
}

impl SegmentObserver {
    fn on_sent(&mut self, from: usize, seq: TcpSeqNumber, payload_len: usize) {
        let Some(highest) = self.highest.get_mut(from) else {
            return;
        };
        let end = seq + payload_len;
        self.counts.segments += 1;
        match *highest {
            Some(known) if end <= known => self.counts.repeated += 1,
            _ => *highest = Some(end),
        }
    }
}
