//! The device of the host: its other end is the script.

use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, IpProtocol,
    Ipv4Address, Ipv4Packet, Ipv4Repr, TcpPacket, TcpRepr,
};
use tickwire::guard::Guarded;

pub(super) const HOST_MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 1]);
const PEER_MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 2]);
pub(super) const HOST: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
pub(super) const PEER: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);

/// Longer than any frame of a script.
pub(super) const MTU: usize = 256;
const TCP_AT: usize = 34;

/// A TCP segment that the host sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) window: u16,
    pub(super) has_syn: bool,
    pub(super) has_fin: bool,
    pub(super) payload_len: usize,
    pub(super) payload: [u8; 64],
}

/// Holds one frame for the host, and what the host has sent since this was last taken.
pub(super) struct Cable {
    to_host: [u8; MTU],
    to_host_len: usize,
    pub(super) sent: Vec<Sent>,
    /// The host has asked for the peer's hardware address.
    pub(super) was_asked: bool,
    pub(super) refuses: bool,
}

/// A device that a script can run on: the bare cable or the guarded one.
pub(super) trait TestDevice: Device {
    fn cable(&mut self) -> &mut Cable;

    /// When the device itself wants to be polled.
    fn poll_at(&self) -> Option<Instant> {
        None
    }
}

impl TestDevice for Cable {
    fn cable(&mut self) -> &mut Cable {
        self
    }
}

impl TestDevice for Guarded<'_, Cable> {
    fn cable(&mut self) -> &mut Cable {
        self.get_mut()
    }

    fn poll_at(&self) -> Option<Instant> {
        self.poll_at()
    }
}

impl Cable {
    pub(super) const fn new() -> Self {
        Self {
            to_host: [0; MTU],
            to_host_len: 0,
            sent: Vec::new(),
            was_asked: false,
            refuses: false,
        }
    }

    pub(super) fn put_segment(&mut self, segment: &TcpRepr<'_>) {
        let ip = Ipv4Repr {
            src_addr: PEER,
            dst_addr: HOST,
            next_header: IpProtocol::Tcp,
            payload_len: segment.buffer_len(),
            hop_limit: 64,
        };
        let sums = ChecksumCapabilities::ignored();
        let [source, destination] = [PEER, HOST].map(Into::into);
        let mut frame = self.put_header(EthernetProtocol::Ipv4, TCP_AT + ip.payload_len);
        let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
        ip.emit(&mut packet, &sums);
        let mut packet = TcpPacket::new_unchecked(packet.payload_mut());
        segment.emit(&mut packet, &source, &destination, &sums);
    }

    /// The peer asks for the host's hardware address, or tells its own.
    pub(super) fn put_arp(&mut self, operation: ArpOperation) {
        let arp = ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: PEER_MAC,
            source_protocol_addr: PEER,
            target_hardware_addr: HOST_MAC,
            target_protocol_addr: HOST,
        };
        let mut frame = self.put_header(EthernetProtocol::Arp, 14 + arp.buffer_len());
        arp.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    }

    fn put_header(
        &mut self,
        protocol: EthernetProtocol,
        frame_len: usize,
    ) -> EthernetFrame<&mut [u8]> {
        self.to_host_len = frame_len;
        let mut frame = EthernetFrame::new_unchecked(&mut self.to_host[..frame_len]);
        frame.set_src_addr(PEER_MAC);
        frame.set_dst_addr(HOST_MAC);
        frame.set_ethertype(protocol);
        frame
    }

    fn note(&mut self, frame: &[u8]) {
        let ethernet = EthernetFrame::new_unchecked(frame);
        if ethernet.ethertype() != EthernetProtocol::Ipv4 {
            // Answers to the peer's own questions need no answer.
            self.was_asked |= ethernet.dst_addr().is_broadcast();
            return;
        }
        let tcp = TcpPacket::new_unchecked(Ipv4Packet::new_unchecked(ethernet.payload()).payload());
        let mut payload = [0; 64];
        let payload_len = tcp.payload().len();
        payload[..payload_len].copy_from_slice(tcp.payload());
        self.sent.push(Sent {
            seq: tcp.seq_number().0.cast_unsigned(),
            ack: tcp.ack_number().0.cast_unsigned(),
            window: tcp.window_len(),
            has_syn: tcp.syn(),
            has_fin: tcp.fin(),
            payload_len,
            payload,
        });
    }
}

impl Device for Cable {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Frame, Room<'_>)> {
        let len = std::mem::take(&mut self.to_host_len);
        (len > 0).then_some((Frame(self.to_host, len), Room(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Room<'_>> {
        (!self.refuses).then_some(Room(self))
    }

    /// Nobody computes checksums: the scripts are about the numbers.
    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MTU;
        capabilities.checksum = ChecksumCapabilities::ignored();
        capabilities
    }
}

/// A frame for the host.
pub(super) struct Frame([u8; MTU], usize);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0[..self.1])
    }
}

/// Room for a frame of the host's.
pub(super) struct Room<'a>(&'a mut Cable);

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = [0; MTU];
        let result = f(&mut frame[..len]);
        self.0.note(&frame[..len]);
        result
    }
}
