//! The frames of a host that has no address yet, which no socket of smoltcp can send or receive.

use core::net::Ipv4Addr;

use heapless::Vec;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, IpProtocol, Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr,
};

use super::{REQUEST_LEN, Request};

pub(super) const SERVER_PORT: u16 = 67;
pub(super) const CLIENT_PORT: u16 = 68;

const HEADERS_LEN: usize = 14 + 20 + 8;
const HOP_LIMIT: u8 = 64;

/// Room for the longest frame that we send.
pub(super) type Frame = Vec<u8, { HEADERS_LEN + REQUEST_LEN }>;

/// Where a message of ours comes from and goes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub(super) source: Ipv4Addr,
    pub(super) destination: Ipv4Addr,
    /// The hardware address of the next hop.
    pub(super) next_hop: EthernetAddress,
}

impl Route {
    /// To every server on the link.
    pub(super) const fn broadcast(source: Ipv4Addr) -> Self {
        Self {
            source,
            destination: Ipv4Addr::BROADCAST,
            next_hop: EthernetAddress::BROADCAST,
        }
    }
}

/// What a frame says that concerns us.
#[derive(Debug)]
pub(super) enum Heard<'f> {
    /// The payload of a datagram for a DHCP client.
    Server(&'f [u8]),
    Arp(Arp),
}

/// Who says in ARP that it has an address, or asks for one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arp {
    pub(super) mac: EthernetAddress,
    /// Unspecified in a probe (RFC 5227).
    pub(super) sender: Ipv4Addr,
    pub(super) target: Ipv4Addr,
}

/// Makes the frame of a message to a server.
pub(super) fn write_request(frame: &mut Frame, request: &Request, route: Route) {
    let checksums = &ChecksumCapabilities::default();
    let ipv4 = Ipv4Repr {
        src_addr: route.source,
        dst_addr: route.destination,
        next_header: IpProtocol::Udp,
        payload_len: 8 + REQUEST_LEN,
        hop_limit: HOP_LIMIT,
    };
    let ethernet = EthernetRepr {
        src_addr: EthernetAddress(request.mac),
        dst_addr: route.next_hop,
        ethertype: EthernetProtocol::Ipv4,
    };
    write_ethernet(frame, &ethernet, 20 + 8 + REQUEST_LEN, |bytes| {
        let mut packet = Ipv4Packet::new_unchecked(bytes);
        ipv4.emit(&mut packet, checksums);
        let mut datagram = UdpPacket::new_unchecked(packet.payload_mut());
        let udp = UdpRepr {
            src_port: CLIENT_PORT,
            dst_port: SERVER_PORT,
        };
        let write = |payload: &mut [u8]| {
            if let Some(message) = payload.first_chunk_mut() {
                request.write(message);
            }
        };
        let ends = (route.source.into(), route.destination.into());
        udp.emit(
            &mut datagram,
            &ends.0,
            &ends.1,
            REQUEST_LEN,
            write,
            checksums,
        );
    });
}

/// Clears the checksums that the device computes itself: some take what is there into account.
pub(super) fn leave_checksums(frame: &mut Frame, checksums: &ChecksumCapabilities) {
    let mut ethernet = EthernetFrame::new_unchecked(&mut frame[..]);
    if ethernet.ethertype() != EthernetProtocol::Ipv4 {
        return;
    }
    let mut packet = Ipv4Packet::new_unchecked(ethernet.payload_mut());
    if !checksums.udp.tx() {
        UdpPacket::new_unchecked(packet.payload_mut()).set_checksum(0);
    }
    if !checksums.ipv4.tx() {
        packet.set_checksum(0);
    }
}

/// Makes the frame of an ARP request by `mac`. With an unspecified `sender` it is a probe, and with
/// the target as its sender an announcement (RFC 5227, section 1.1).
pub(super) fn write_arp(
    frame: &mut Frame,
    mac: EthernetAddress,
    sender: Ipv4Addr,
    target: Ipv4Addr,
) {
    let arp = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: mac,
        source_protocol_addr: sender,
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: target,
    };
    let ethernet = EthernetRepr {
        src_addr: mac,
        dst_addr: EthernetAddress::BROADCAST,
        ethertype: EthernetProtocol::Arp,
    };
    write_ethernet(frame, &ethernet, arp.buffer_len(), |bytes| {
        arp.emit(&mut ArpPacket::new_unchecked(bytes));
    });
}

fn write_ethernet(
    frame: &mut Frame,
    header: &EthernetRepr,
    payload_len: usize,
    write: impl FnOnce(&mut [u8]),
) {
    frame.clear();
    let is_resized = frame.resize(EthernetFrame::<&[u8]>::buffer_len(payload_len), 0);
    debug_assert!(
        is_resized.is_ok(),
        "a frame is as long as the longest message"
    );
    let mut ethernet = EthernetFrame::new_unchecked(&mut frame[..]);
    header.emit(&mut ethernet);
    write(ethernet.payload_mut());
}

/// What `frame` says to a host with this hardware address, if it concerns us.
pub(super) fn read<'f>(
    frame: &'f [u8],
    mac: EthernetAddress,
    checksums: &ChecksumCapabilities,
) -> Option<Heard<'f>> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    let destination = ethernet.dst_addr();
    if destination != mac && !destination.is_broadcast() {
        return None;
    }
    match ethernet.ethertype() {
        EthernetProtocol::Arp => read_arp(ethernet.payload()).map(Heard::Arp),
        EthernetProtocol::Ipv4 => read_datagram(ethernet.payload(), checksums).map(Heard::Server),
        _ => None,
    }
}

fn read_arp(payload: &[u8]) -> Option<Arp> {
    let packet = ArpPacket::new_checked(payload).ok()?;
    let ArpRepr::EthernetIpv4 {
        source_hardware_addr,
        source_protocol_addr,
        target_protocol_addr,
        ..
    } = ArpRepr::parse(&packet).ok()?
    else {
        return None;
    };
    Some(Arp {
        mac: source_hardware_addr,
        sender: source_protocol_addr,
        target: target_protocol_addr,
    })
}

fn read_datagram<'f>(payload: &'f [u8], checksums: &ChecksumCapabilities) -> Option<&'f [u8]> {
    let packet = Ipv4Packet::new_checked(payload).ok()?;
    let is_fragment = packet.more_frags() || packet.frag_offset() != 0;
    if packet.next_header() != IpProtocol::Udp || is_fragment {
        return None;
    }
    let ends = Ipv4Repr::parse(&packet, checksums).ok()?;
    let datagram = UdpPacket::new_checked(packet.payload()).ok()?;
    let ends = (ends.src_addr.into(), ends.dst_addr.into());
    let ports = UdpRepr::parse(&datagram, &ends.0, &ends.1, checksums).ok()?;
    let is_ours = (ports.src_port, ports.dst_port) == (SERVER_PORT, CLIENT_PORT);
    is_ours.then(|| datagram.payload())
}
