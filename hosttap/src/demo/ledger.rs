//! What became of the frames.

use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TcpPacket};
use smoltcp::wire::{Ipv4Address, TcpSeqNumber};
use tickwire_sim::ethernet::{Fate, FrameEvent, FrameObserver};

/// The books of one stretch of the tour.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Frames that were sent.
    pub(super) sent: u64,
    /// Frames that the Ethernet lost.
    pub(super) lost: u64,
    /// TCP segments whose payload, or a part of it, had been sent before.
    pub(super) resent: u64,
    flows: Vec<Flow>,
}

/// One direction of a connection.
#[derive(Debug)]
struct Flow {
    from: (Ipv4Address, u16),
    to_port: u16,
    /// Behind the last byte that was sent.
    next: TcpSeqNumber,
}

impl FrameObserver for Ledger {
    fn observe(&mut self, event: &FrameEvent, frame: &[u8]) {
        match event.fate {
            Fate::Sent => {
                self.sent += 1;
                self.note_payload(frame);
            }
            Fate::Dropped(_) => self.lost += 1,
            _ => {}
        }
    }
}

impl Ledger {
    /// Looks whether a segment was there before; a frame that is none is passed over.
    fn note_payload(&mut self, frame: &[u8]) -> Option<()> {
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
            from: (packet.src_addr(), segment.src_port()),
            to_port: segment.dst_port(),
            next: segment.seq_number() + segment.payload().len(),
        };
        self.note(flow, segment.seq_number());
        Some(())
    }

    fn note(&mut self, flow: Flow, first: TcpSeqNumber) {
        let is_same = |known: &&mut Flow| (known.from, known.to_port) == (flow.from, flow.to_port);
        match self.flows.iter_mut().find(is_same) {
            Some(known) if first < known.next => self.resent += 1,
            Some(known) => known.next = flow.next,
            None => self.flows.push(flow),
        }
    }
}
