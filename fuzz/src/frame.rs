//! TCP segments in Ethernet frames: built field by field, and read as smoltcp reads them.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, IpAddress,
    IpEndpoint, IpProtocol, IpRepr, Ipv4Address, Ipv4Packet, Ipv4Repr, Ipv6ExtHeader, Ipv6Packet,
    Ipv6Repr, TcpPacket, TcpSeqNumber,
};

pub(crate) const HOST_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
pub(crate) const PEER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const ACK: u8 = 0x10;

const ETHERNET_HEADER_LEN: usize = 14;
const TCP_HEADER_LEN: usize = 20;

/// A segment in numbers, so that it can be impossible.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub(crate) source: IpEndpoint,
    pub(crate) destination: IpEndpoint,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    /// Whole words.
    pub(crate) options: &'a [u8],
    pub(crate) payload: &'a [u8],
}

impl Segment<'_> {
    /// The frame with right checksums.
    pub(crate) fn build(&self, source: EthernetAddress, destination: EthernetAddress) -> Vec<u8> {
        let header_len = TCP_HEADER_LEN + self.options.len();
        let ip = IpRepr::new(
            self.source.addr,
            self.destination.addr,
            IpProtocol::Tcp,
            header_len + self.payload.len(),
            64,
        );
        let mut bytes = vec![0; ETHERNET_HEADER_LEN + ip.buffer_len()];
        let mut frame = EthernetFrame::new_unchecked(&mut bytes);
        frame.set_src_addr(source);
        frame.set_dst_addr(destination);
        frame.set_ethertype(match ip {
            IpRepr::Ipv4(_) => EthernetProtocol::Ipv4,
            IpRepr::Ipv6(_) => EthernetProtocol::Ipv6,
        });
        ip.emit(frame.payload_mut(), &ChecksumCapabilities::default());
        let mut tcp = TcpPacket::new_unchecked(&mut bytes[ETHERNET_HEADER_LEN + ip.header_len()..]);
        tcp.set_src_port(self.source.port);
        tcp.set_dst_port(self.destination.port);
        tcp.set_seq_number(TcpSeqNumber(self.seq as i32));
        tcp.set_ack_number(TcpSeqNumber(self.ack as i32));
        tcp.set_header_len(header_len as u8);
        tcp.set_window_len(self.window);
        let tcp = tcp.into_inner();
        tcp[13] = self.flags;
        tcp[TCP_HEADER_LEN..header_len].copy_from_slice(self.options);
        tcp[header_len..].copy_from_slice(self.payload);
        TcpPacket::new_unchecked(tcp).fill_checksum(&self.source.addr, &self.destination.addr);
        bytes
    }
}

/// What smoltcp reads as TCP.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) source: IpEndpoint,
    pub(crate) destination: IpEndpoint,
    /// A piece of a segment: nobody can know its ports, its flags or its checksum.
    pub(crate) is_fragment: bool,
    pub(crate) checksum_is_right: bool,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    pub(crate) payload_len: usize,
    /// Where the TCP header stands in the frame.
    pub(crate) tcp_at: usize,
}

/// Reads a frame that comes in with smoltcp's own parsers; none when it is no TCP, or when smoltcp drops it below TCP.
pub(crate) fn read(bytes: &[u8]) -> Option<Read> {
    read_under(bytes, &ChecksumCapabilities::default())
}

/// Reads a frame that goes out, whose IP checksum the device may still have to compute.
pub(crate) fn read_sent(bytes: &[u8]) -> Option<Read> {
    read_under(bytes, &ChecksumCapabilities::ignored())
}

fn read_under(bytes: &[u8], checksums: &ChecksumCapabilities) -> Option<Read> {
    let frame = EthernetFrame::new_checked(bytes).ok()?;
    match frame.ethertype() {
        EthernetProtocol::Ipv4 => {
            let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
            let ends = (packet.src_addr().into(), packet.dst_addr().into());
            let is_fragment = packet.more_frags() || packet.frag_offset() != 0;
            let is_right =
                packet.version() == 4 && (!checksums.ipv4.rx() || packet.verify_checksum());
            if is_fragment && is_right && packet.next_header() == IpProtocol::Tcp {
                return Some(fragment(ends));
            }
            let ip = Ipv4Repr::parse(&packet, checksums).ok()?;
            let at = ETHERNET_HEADER_LEN + usize::from(packet.header_len());
            read_tcp(ip.next_header, ends, packet.payload(), at)
        }
        EthernetProtocol::Ipv6 => {
            let packet = Ipv6Packet::new_checked(frame.payload()).ok()?;
            let ip = Ipv6Repr::parse(&packet).ok()?;
            let ends = (ip.src_addr.into(), ip.dst_addr.into());
            let at = ETHERNET_HEADER_LEN + packet.header_len();
            if ip.next_header != IpProtocol::HopByHop {
                return read_tcp(ip.next_header, ends, packet.payload(), at);
            }
            let extension = Ipv6ExtHeader::new_checked(packet.payload()).ok()?;
            let extension_len = 8 * (1 + usize::from(extension.header_len()));
            let rest = packet.payload().get(extension_len..)?;
            read_tcp(extension.next_header(), ends, rest, at + extension_len)
        }
        _ => None,
    }
}

fn fragment((source, destination): (IpAddress, IpAddress)) -> Read {
    Read {
        source: IpEndpoint::new(source, 0),
        destination: IpEndpoint::new(destination, 0),
        is_fragment: true,
        checksum_is_right: false,
        seq: 0,
        ack: 0,
        flags: 0,
        window: 0,
        payload_len: 0,
        tcp_at: 0,
    }
}

fn read_tcp(
    protocol: IpProtocol,
    (source, destination): (IpAddress, IpAddress),
    bytes: &[u8],
    tcp_at: usize,
) -> Option<Read> {
    if protocol != IpProtocol::Tcp {
        return None;
    }
    let packet = TcpPacket::new_checked(bytes).ok()?;
    Some(Read {
        source: IpEndpoint::new(source, packet.src_port()),
        destination: IpEndpoint::new(destination, packet.dst_port()),
        is_fragment: false,
        checksum_is_right: packet.verify_checksum(&source, &destination),
        seq: packet.seq_number().0 as u32,
        ack: packet.ack_number().0 as u32,
        flags: bytes[13],
        window: packet.window_len(),
        payload_len: packet.payload().len(),
        tcp_at,
    })
}

/// The peer at `peer` asks for the hardware address of `host`, or tells its own.
pub(crate) fn arp(operation: ArpOperation, peer: Ipv4Address, host: Ipv4Address) -> Vec<u8> {
    let repr = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: PEER_MAC,
        source_protocol_addr: peer,
        target_hardware_addr: if operation == ArpOperation::Reply {
            HOST_MAC
        } else {
            EthernetAddress::default()
        },
        target_protocol_addr: host,
    };
    let mut bytes = vec![0; ETHERNET_HEADER_LEN + repr.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    frame.set_src_addr(PEER_MAC);
    frame.set_dst_addr(HOST_MAC);
    frame.set_ethertype(EthernetProtocol::Arp);
    repr.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    bytes
}
