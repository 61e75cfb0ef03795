//! Frames as bytes: what the servers and the forger send, and what the judge reads.

use std::net::Ipv4Addr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, IpProtocol, Ipv4Packet, Ipv4Repr, TcpPacket, UdpPacket, UdpRepr,
};

/// Flips these bits of one byte, if there is such a byte.
pub(super) fn flip(bytes: &mut [u8], at: usize, bits: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= bits;
    }
}

/// Puts `value` at this place, if there is room.
pub(super) fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

/// One UDP datagram in its frame.
#[derive(Debug, Clone)]
pub(super) struct Datagram {
    pub(super) mac: EthernetAddress,
    pub(super) to_mac: EthernetAddress,
    pub(super) source: (Ipv4Addr, u16),
    pub(super) destination: (Ipv4Addr, u16),
    pub(super) payload: Vec<u8>,
}

impl Datagram {
    pub(super) fn frame(&self) -> Vec<u8> {
        let checksums = ChecksumCapabilities::default();
        let ((source, source_port), (destination, port)) = (self.source, self.destination);
        let ipv4 = Ipv4Repr {
            src_addr: source,
            dst_addr: destination,
            next_header: IpProtocol::Udp,
            payload_len: 8 + self.payload.len(),
            hop_limit: 64,
        };
        let header = EthernetRepr {
            src_addr: self.mac,
            dst_addr: self.to_mac,
            ethertype: EthernetProtocol::Ipv4,
        };
        ethernet(&header, ipv4.buffer_len() + ipv4.payload_len, |bytes| {
            let mut packet = Ipv4Packet::new_unchecked(bytes);
            ipv4.emit(&mut packet, &checksums);
            let ports = UdpRepr {
                src_port: source_port,
                dst_port: port,
            };
            let mut udp = UdpPacket::new_unchecked(packet.payload_mut());
            ports.emit(
                &mut udp,
                &source.into(),
                &destination.into(),
                self.payload.len(),
                |room| room.copy_from_slice(&self.payload),
                &checksums,
            );
        })
    }

    /// The datagram in a frame whose checksums are right.
    pub(super) fn read(frame: &[u8]) -> Option<Self> {
        let checksums = ChecksumCapabilities::default();
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        let packet = ipv4(&ethernet)?;
        let ends = Ipv4Repr::parse(&packet, &checksums).ok()?;
        if ends.next_header != IpProtocol::Udp {
            return None;
        }
        let udp = UdpPacket::new_checked(packet.payload()).ok()?;
        let (source, destination) = (ends.src_addr, ends.dst_addr);
        let ports = UdpRepr::parse(&udp, &source.into(), &destination.into(), &checksums).ok()?;
        Some(Self {
            mac: ethernet.src_addr(),
            to_mac: ethernet.dst_addr(),
            source: (source, ports.src_port),
            destination: (destination, ports.dst_port),
            payload: udp.payload().to_vec(),
        })
    }
}

/// `mac` says by ARP to everybody that it has `address`.
pub(super) fn arp_claim(mac: EthernetAddress, address: Ipv4Addr) -> Vec<u8> {
    let arp = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: mac,
        source_protocol_addr: address,
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: address,
    };
    let header = EthernetRepr {
        src_addr: mac,
        dst_addr: EthernetAddress::BROADCAST,
        ethertype: EthernetProtocol::Arp,
    };
    ethernet(&header, arp.buffer_len(), |bytes| {
        arp.emit(&mut ArpPacket::new_unchecked(bytes));
    })
}

/// The IPv4 address that a frame says its sender has; `None` where it says none.
pub(super) fn claimed(frame: &[u8]) -> Option<Ipv4Addr> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    let address = match ethernet.ethertype() {
        EthernetProtocol::Ipv4 => ipv4(&ethernet)?.src_addr(),
        EthernetProtocol::Arp => {
            let packet = ArpPacket::new_checked(ethernet.payload()).ok()?;
            let ArpRepr::EthernetIpv4 {
                source_protocol_addr,
                ..
            } = ArpRepr::parse(&packet).ok()?
            else {
                return None;
            };
            source_protocol_addr
        }
        _ => return None,
    };
    Some(address).filter(|address| !address.is_unspecified())
}

/// Whether a frame has a RST.
pub(super) fn is_reset(frame: &[u8]) -> bool {
    let segment = EthernetFrame::new_checked(frame).ok();
    let segment = segment.as_ref().and_then(ipv4);
    segment.is_some_and(|packet| {
        packet.next_header() == IpProtocol::Tcp
            && TcpPacket::new_checked(packet.payload()).is_ok_and(|segment| segment.rst())
    })
}

fn ipv4<'f>(ethernet: &EthernetFrame<&'f [u8]>) -> Option<Ipv4Packet<&'f [u8]>> {
    let is_ipv4 = ethernet.ethertype() == EthernetProtocol::Ipv4;
    is_ipv4.then(|| Ipv4Packet::new_checked(ethernet.payload()).ok())?
}

fn ethernet(header: &EthernetRepr, length: usize, write: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut bytes = vec![0; EthernetFrame::<&[u8]>::buffer_len(length)];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    header.emit(&mut frame);
    write(frame.payload_mut());
    bytes
}
