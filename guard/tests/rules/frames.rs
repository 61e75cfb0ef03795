//! Frames in a test's terms: sequence numbers count from the first byte of data.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, IpAddress,
    IpProtocol, IpRepr, Ipv4Address, Ipv4Packet, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
    checksum,
};
#[cfg(feature = "ipv6")]
use smoltcp::wire::{Icmpv6Packet, Icmpv6Repr, Ipv6Address, NdiscNeighborFlags, NdiscRepr};

pub(crate) const HOST_MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 1]);
pub(crate) const PEER_MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 2]);
pub(crate) const HOST_PORT: u16 = 49_152;
pub(crate) const PEER_PORT: u16 = 80;
/// The sequence number of the peer's first byte. It is close to the wrap, so that every script
/// crosses it.
pub(crate) const PEER_START: u32 = u32::MAX - 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    #[cfg(feature = "ipv6")]
    V6,
}

pub(crate) const FAMILIES: &[Family] = &[
    Family::V4,
    #[cfg(feature = "ipv6")]
    Family::V6,
];

impl Family {
    pub(crate) fn host(self) -> IpAddress {
        match self {
            Self::V4 => IpAddress::v4(10, 0, 0, 1),
            #[cfg(feature = "ipv6")]
            Self::V6 => IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 1),
        }
    }

    pub(crate) fn peer(self) -> IpAddress {
        match self {
            Self::V4 => IpAddress::v4(10, 0, 0, 2),
            #[cfg(feature = "ipv6")]
            Self::V6 => IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 2),
        }
    }

    const fn ip_header_len(self) -> usize {
        match self {
            Self::V4 => 20,
            #[cfg(feature = "ipv6")]
            Self::V6 => 40,
        }
    }

    /// Where the TCP header begins in a frame without IP options.
    pub(crate) const fn tcp_at(self) -> usize {
        14 + self.ip_header_len()
    }
}

/// A segment from the peer. A test writes `Segment { ack: 4, ..ACK }`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    /// Counted from the peer's first byte of data.
    pub(crate) seq: i32,
    /// Counted from the host's first byte of data.
    pub(crate) ack: i32,
    pub(crate) window: u16,
    pub(crate) control: TcpControl,
    pub(crate) payload: &'a [u8],
}

/// An ACK that acknowledges no data, with a window for everything that a script sends.
pub(crate) const ACK: Segment<'static> = Segment {
    seq: 0,
    ack: 0,
    window: 1000,
    control: TcpControl::None,
    payload: &[],
};

/// A segment from the host, as a test reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Counted from the host's first byte of data.
    pub(crate) seq: i32,
    /// Counted from the peer's first byte of data.
    pub(crate) ack: i32,
    pub(crate) window: u16,
    pub(crate) control: TcpControl,
    pub(crate) payload: Vec<u8>,
}

/// Builds the frame of a segment. `host_start` is the sequence number of the host's first byte.
pub(crate) fn build(family: Family, segment: &Segment<'_>, host_start: u32) -> Vec<u8> {
    let seq = PEER_START.wrapping_add_signed(segment.seq);
    let ack = host_start.wrapping_add_signed(segment.ack);
    let repr = TcpRepr {
        window_len: segment.window,
        max_seg_size: (segment.control == TcpControl::Syn).then_some(1400),
        payload: segment.payload,
        ..repr((PEER_PORT, HOST_PORT), segment.control, seq, Some(ack))
    };
    tcp_frame((PEER_MAC, family.peer()), (HOST_MAC, family.host()), &repr)
}

/// A segment without payload or options, with a window of 64 bytes.
pub(crate) fn repr(
    ports: (u16, u16),
    control: TcpControl,
    seq: u32,
    ack: Option<u32>,
) -> TcpRepr<'static> {
    TcpRepr {
        src_port: ports.0,
        dst_port: ports.1,
        control,
        seq_number: TcpSeqNumber(seq as i32),
        ack_number: ack.map(|ack| TcpSeqNumber(ack as i32)),
        window_len: 64,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    }
}

/// A frame with one TCP segment and right checksums.
pub(crate) fn tcp_frame(
    source: (EthernetAddress, IpAddress),
    destination: (EthernetAddress, IpAddress),
    repr: &TcpRepr<'_>,
) -> Vec<u8> {
    let checksums = ChecksumCapabilities::default();
    ip_frame(
        source,
        destination,
        IpProtocol::Tcp,
        repr.buffer_len(),
        |bytes| {
            let mut packet = TcpPacket::new_unchecked(bytes);
            repr.emit(&mut packet, &source.1, &destination.1, &checksums);
        },
    )
}

fn ip_frame(
    source: (EthernetAddress, IpAddress),
    destination: (EthernetAddress, IpAddress),
    protocol: IpProtocol,
    len: usize,
    fill: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let ip = IpRepr::new(source.1, destination.1, protocol, len, 255);
    let mut bytes = vec![0; 14 + ip.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    frame.set_src_addr(source.0);
    frame.set_dst_addr(destination.0);
    frame.set_ethertype(match ip {
        IpRepr::Ipv4(_) => EthernetProtocol::Ipv4,
        // smoltcp has IPv6 if any crate of the build switches it on.
        #[allow(unreachable_patterns)]
        _ => EthernetProtocol::Ipv6,
    });
    ip.emit(frame.payload_mut(), &ChecksumCapabilities::default());
    fill(&mut bytes[14 + ip.header_len()..]);
    bytes
}

/// An ICMP error from a router about a frame of the host's: its type, its code, the field after the
/// checksum, and how much of the packet it quotes.
pub(crate) fn icmp_error(
    family: Family,
    (kind, code): (u8, u8),
    field: u32,
    about: &[u8],
) -> Vec<u8> {
    let (router, protocol) = match family {
        Family::V4 => (IpAddress::v4(192, 0, 2, 1), IpProtocol::Icmp),
        #[cfg(feature = "ipv6")]
        Family::V6 => (
            IpAddress::v6(0xfd99, 0, 0, 0, 0, 0, 0, 1),
            IpProtocol::Icmpv6,
        ),
    };
    let quoted = &about[14..about.len().min(14 + 548)];
    let len = 8 + quoted.len();
    let (source, destination) = ((PEER_MAC, router), (HOST_MAC, family.host()));
    ip_frame(source, destination, protocol, len, |icmp| {
        icmp[..2].copy_from_slice(&[kind, code]);
        icmp[4..8].copy_from_slice(&field.to_be_bytes());
        icmp[8..].copy_from_slice(quoted);
        let pseudo = match family {
            Family::V4 => 0,
            #[cfg(feature = "ipv6")]
            Family::V6 => checksum::pseudo_header(&router, &family.host(), protocol, len as u32),
        };
        let sum = !checksum::combine(&[pseudo, checksum::data(icmp)]);
        icmp[2..4].copy_from_slice(&sum.to_be_bytes());
    })
}

/// Reads a frame from the host. None when it is not TCP.
pub(crate) fn read(family: Family, bytes: &[u8], host_start: u32) -> Option<Sent> {
    let repr = read_raw(family, bytes)?;
    let seq = repr.seq_number.0 as u32;
    let ack = repr.ack_number.map_or(PEER_START, |ack| ack.0 as u32);
    Some(Sent {
        seq: seq.wrapping_sub(host_start) as i32,
        ack: ack.wrapping_sub(PEER_START) as i32,
        window: repr.window_len,
        control: repr.control,
        payload: repr.payload.to_vec(),
    })
}

/// The host's TCP segment. None when the frame is not TCP.
///
/// # Panics
/// When a checksum is wrong: whatever the guard changes, checksums stay right.
pub(crate) fn read_raw(family: Family, bytes: &[u8]) -> Option<TcpRepr<'_>> {
    let frame = EthernetFrame::new_checked(bytes).ok()?;
    let is_tcp = match (family, frame.ethertype()) {
        (Family::V4, EthernetProtocol::Ipv4) => {
            let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
            assert!(packet.verify_checksum());
            packet.next_header() == IpProtocol::Tcp
        }
        #[cfg(feature = "ipv6")]
        (Family::V6, EthernetProtocol::Ipv6) => bytes.get(20) == Some(&6),
        _ => false,
    };
    if !is_tcp {
        return None;
    }
    let packet = TcpPacket::new_checked(&bytes[family.tcp_at()..]).ok()?;
    let checksums = ChecksumCapabilities::default();
    let repr = TcpRepr::parse(&packet, &family.host(), &family.peer(), &checksums);
    Some(repr.expect("the host's checksum is right"))
}

/// The peer asks for the host's hardware address. From the question the host learns the peer's.
pub(crate) fn introduction(family: Family) -> Vec<u8> {
    match family {
        Family::V4 => arp_request(Ipv4Address::new(10, 0, 0, 2)),
        #[cfg(feature = "ipv6")]
        Family::V6 => neighbor_solicitation(),
    }
}

/// The peer answers the host's question for its hardware address.
pub(crate) fn neighbour_reply(family: Family) -> Vec<u8> {
    match family {
        Family::V4 => arp(ArpOperation::Reply, Ipv4Address::new(10, 0, 0, 2), HOST_MAC),
        #[cfg(feature = "ipv6")]
        Family::V6 => {
            neighbor_advertisement(NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE)
        }
    }
}

/// An ARP request for the host's hardware address.
pub(crate) fn arp_request(source: Ipv4Address) -> Vec<u8> {
    arp(ArpOperation::Request, source, EthernetAddress::BROADCAST)
}

fn arp(operation: ArpOperation, source: Ipv4Address, destination: EthernetAddress) -> Vec<u8> {
    let host = Ipv4Address::new(10, 0, 0, 1);
    arp_frame(
        operation,
        (PEER_MAC, source),
        (destination, host),
        destination,
    )
}

/// An ARP packet in a frame to `destination`.
pub(crate) fn arp_frame(
    operation: ArpOperation,
    source: (EthernetAddress, Ipv4Address),
    target: (EthernetAddress, Ipv4Address),
    destination: EthernetAddress,
) -> Vec<u8> {
    let packet = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: source.0,
        source_protocol_addr: source.1,
        target_hardware_addr: target.0,
        target_protocol_addr: target.1,
    };
    let mut bytes = vec![0; 14 + packet.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    frame.set_src_addr(source.0);
    frame.set_dst_addr(destination);
    frame.set_ethertype(EthernetProtocol::Arp);
    packet.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    bytes
}

#[cfg(feature = "ipv6")]
fn neighbor_solicitation() -> Vec<u8> {
    let IpAddress::Ipv6(target_addr) = Family::V6.host() else {
        unreachable!("the family's addresses are IPv6");
    };
    neighbor_discovery(NdiscRepr::NeighborSolicit {
        target_addr,
        lladdr: Some(PEER_MAC.into()),
    })
}

#[cfg(feature = "ipv6")]
pub(crate) fn neighbor_advertisement(flags: NdiscNeighborFlags) -> Vec<u8> {
    let IpAddress::Ipv6(target_addr) = Family::V6.peer() else {
        unreachable!("the family's addresses are IPv6");
    };
    neighbor_discovery(NdiscRepr::NeighborAdvert {
        flags,
        target_addr,
        lladdr: Some(PEER_MAC.into()),
    })
}

/// A packet from the peer to the host.
#[cfg(feature = "ipv6")]
fn neighbor_discovery(packet: NdiscRepr<'_>) -> Vec<u8> {
    let (IpAddress::Ipv6(host), IpAddress::Ipv6(peer)) = (Family::V6.host(), Family::V6.peer())
    else {
        unreachable!("the family's addresses are IPv6");
    };
    ndisc_frame((PEER_MAC, peer), (HOST_MAC, host), packet)
}

#[cfg(feature = "ipv6")]
pub(crate) fn ndisc_frame(
    source: (EthernetAddress, Ipv6Address),
    destination: (EthernetAddress, Ipv6Address),
    packet: NdiscRepr<'_>,
) -> Vec<u8> {
    let repr = Icmpv6Repr::Ndisc(packet);
    let checksums = ChecksumCapabilities::default();
    let mut bytes = ip_frame(
        (source.0, source.1.into()),
        (destination.0, destination.1.into()),
        IpProtocol::Icmpv6,
        repr.buffer_len(),
        |bytes| {
            let mut packet = Icmpv6Packet::new_unchecked(bytes);
            repr.emit(&source.1, &destination.1, &mut packet, &checksums);
        },
    );
    bytes[21] = 255;
    bytes
}
