//! Counts what happens to the frames.

use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TcpPacket};
use smoltcp::wire::{Ipv4Address, TcpSeqNumber};
use tickwire_sim::ethernet::{Fate, FrameEvent, FrameObserver};

/// The counts for one part of the tour.
#[derive(Debug, Default)]
pub(super) struct FrameCounter {
    /// Frames that were sent.
    pub(super) sent: u64,
    /// Frames that were lost in transit.
    pub(super) lost: u64,
    /// TCP segments whose payload was, at least in part, sent before.
    pub(super) retransmitted: u64,
    flows: Vec<Flow>,
}

/// One direction of a connection.
#[derive(Debug)]
struct Flow {
    source: (Ipv4Address, u16),
    destination_port: u16,
    /// The sequence number after the last byte that was sent.
    next_seq: TcpSeqNumber,
}

impl FrameObserver for FrameCounter {
    fn observe(&mut self, event: &FrameEvent, frame: &[u8]) {
        match event.fate {
            Fate::Sent => {
                self.sent += 1;
                self.count_retransmission(frame);
            }
            Fate::Dropped(_) => self.lost += 1,
            _ => {}
        }
    }
}

impl FrameCounter {
    /// Checks whether the payload of a TCP segment was sent before. Other frames are ignored.
    fn count_retransmission(&mut self, frame: &[u8]) -> Option<()> {
        let frame = EthernetFrame::new_checked(frame).ok()?;
        if frame.ethertype() != EthernetProtocol::Ipv4 {
            return None;
        }
        let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
        if packet.next_header() != IpProtocol::Tcp {
            return None;
        }
        let segment = TcpPacket::new_checked(packet.payload()).ok()?;
        if segment.payload().is_empty() {
            return None;
        }
        let flow = Flow {
            source: (packet.src_addr(), segment.src_port()),
            destination_port: segment.dst_port(),
            next_seq: segment.seq_number() + segment.payload().len(),
        };
        self.update_flow(flow, segment.seq_number());
        Some(())
    }

    fn update_flow(&mut self, flow: Flow, seq: TcpSeqNumber) {
        let is_same = |known: &&mut Flow| {
            (known.source, known.destination_port) == (flow.source, flow.destination_port)
        };
        match self.flows.iter_mut().find(is_same) {
            Some(known) if seq < known.next_seq => self.retransmitted += 1,
            Some(known) => known.next_seq = flow.next_seq,
            None => self.flows.push(flow),
        }
    }
}
