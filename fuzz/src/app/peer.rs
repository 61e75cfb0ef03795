//! The peer: frames made by hand.

use smoltcp::wire::{
    ArpOperation, EthernetFrame, EthernetProtocol, IpAddress, IpEndpoint, IpProtocol, Ipv4Packet,
};

use super::{HOST, PEER, PORT};
use crate::cable::Cable;
use crate::draw::Draw;
use crate::frame::{ACK, FIN, HOST_MAC, PEER_MAC, SYN, Segment, arp, read};

/// The port of a peer that dials.
const DIALLER_PORT: u16 = 40_000;

/// A peer that is played by hand: a few numbers of its own, and no state machine.
pub(super) struct Peer {
    listens: bool,
    is_silent: bool,
    /// Whether it acknowledges what comes.
    pub(super) acks: bool,
    pub(super) window: u16,
    host_port: u16,
    /// What it would send next, and what it would hear next.
    next: u32,
    expected: u32,
    pub(super) last: Vec<u8>,
}

impl Peer {
    pub(super) fn new(host_listens: bool, draw: &mut Draw<'_>) -> Self {
        let mut peer = Self {
            listens: !host_listens,
            is_silent: false,
            acks: true,
            window: 1000,
            host_port: if host_listens { PORT } else { 0 },
            next: u32::MAX - 20,
            expected: 0,
            last: Vec::new(),
        };
        let choice = draw.byte();
        peer.is_silent = choice == 1;
        peer.acks = choice != 2;
        peer
    }

    fn segment<'s>(&self, flags: u8, payload: &'s [u8]) -> Segment<'s> {
        let port = if self.listens { PORT } else { DIALLER_PORT };
        Segment {
            source: IpEndpoint::new(PEER.into(), port),
            destination: IpEndpoint::new(HOST.into(), self.host_port),
            seq: self.next,
            ack: self.expected,
            flags,
            window: self.window,
            options: &[],
            payload,
        }
    }

    fn send(&mut self, cable: &mut Cable, segment: &Segment<'_>) {
        self.last = segment.build(PEER_MAC, HOST_MAC);
        cable.to_host.push_back(self.last.clone());
    }

    /// Sends what comes next in the stream.
    pub(super) fn say(&mut self, cable: &mut Cable, payload: &[u8], flags: u8) {
        let segment = self.segment(ACK | flags, payload);
        self.send(cable, &segment);
        self.next = self
            .next
            .wrapping_add(payload.len() as u32 + u32::from(flags & FIN));
    }

    /// Dials, or introduces itself again.
    pub(super) fn call(&mut self, cable: &mut Cable) {
        cable
            .to_host
            .push_back(arp(ArpOperation::Request, PEER, HOST));
        if !self.listens {
            let syn = Segment {
                ack: 0,
                options: &[2, 4, 1, 0xf4],
                ..self.segment(SYN, b"")
            };
            self.send(cable, &syn);
            self.next = self.next.wrapping_add(1);
        }
    }

    pub(super) fn say_anything(&mut self, cable: &mut Cable, draw: &mut Draw<'_>) {
        let mut segment = self.segment(draw.byte(), b"");
        segment.seq = segment.seq.wrapping_add_signed(draw.distance());
        segment.ack = segment.ack.wrapping_add_signed(draw.distance());
        segment.window = draw.word();
        let len = usize::from(draw.byte() % 64);
        segment.payload = draw.bytes(len);
        if draw.once_in(4) {
            let options = draw.bytes(8);
            segment.options = &options[..options.len() / 4 * 4];
        }
        self.send(cable, &segment);
    }

    /// Answers what must be answered for anything to happen, and acknowledges in order.
    pub(super) fn hear(&mut self, cable: &mut Cable, frame: &[u8]) {
        if self.is_silent {
            return;
        }
        let ethernet = EthernetFrame::new_unchecked(frame);
        if ethernet.ethertype() == EthernetProtocol::Arp {
            let reply = arp(ArpOperation::Reply, PEER, HOST);
            return cable.to_host.push_back(reply);
        }
        // A protocol that it does not know is answered by an error.
        if Ipv4Packet::new_unchecked(ethernet.payload()).next_header() == IpProtocol::Icmp {
            return;
        }
        let segment = read(frame).expect("the host sends ARP, ICMP and TCP");
        assert!(segment.checksum_is_right && segment.destination.addr == IpAddress::from(PEER));
        if segment.flags & SYN != 0 {
            self.host_port = segment.source.port;
            self.expected = segment.seq.wrapping_add(1);
            if self.listens {
                self.next = self.next.wrapping_add(1);
                let syn_ack = Segment {
                    seq: self.next.wrapping_sub(1),
                    options: &[2, 4, 1, 0xf4],
                    ..self.segment(SYN | ACK, b"")
                };
                return self.send(cable, &syn_ack);
            }
            let ack = self.segment(ACK, b"");
            return self.send(cable, &ack);
        }
        let len = segment.payload_len as u32 + u32::from(segment.flags & FIN);
        if len > 0 && segment.seq == self.expected && self.acks {
            self.expected = self.expected.wrapping_add(len);
            let ack = self.segment(ACK, b"");
            self.send(cable, &ack);
        }
    }
}
