//! Finds the connection that keeps egress busy without moving anything.
//!
//! smoltcp can be made to send for ever: with a zero-window probe armed in FIN-WAIT-2 every pass of
//! egress emits a segment. The caps of a turn bound its work; this finds whose connection must end.

use smoltcp::iface::{Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpEndpoint, IpProtocol, Ipv4Packet, TcpPacket,
};

use super::snapshot::tcp;
use super::{CAPPED_TURNS_MAX, EGRESS_MAX};

/// The smallest segment that a full send buffer may be cut into (RFC 9293, section 3.7.1).
const SEGMENT_BYTES_MIN: usize = 536;

/// For how many turns at egress's cap a task's sockets have not changed.
#[derive(Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct SpinDetector {
    still_turns: u32,
}

impl SpinDetector {
    /// Counts a turn whose egress reached its cap: whether nothing has moved for more than `patience`
    /// turns. If so, the next suspicion takes as long again.
    pub(super) const fn is_suspect(&mut self, patience: u32) -> bool {
        self.still_turns = self.still_turns.saturating_add(1);
        let is_suspect = self.still_turns > patience;
        if is_suspect {
            self.clear();
        }
        is_suspect
    }

    /// Forgets the still turns: something moved, or egress came to its end.
    pub(super) const fn clear(&mut self) {
        self.still_turns = 0;
    }
}

/// Number of turns at egress's cap that full send buffers could explain, and a margin.
pub(super) fn patience(handles: &[SocketHandle], sockets: &SocketSet) -> u32 {
    let capacity = |&handle: &_| tcp(sockets, handle).map_or(0, |socket| socket.send_capacity());
    let buffered = handles.iter().map(capacity).fold(0, usize::saturating_add);
    let turns = u32::try_from(buffered / SEGMENT_BYTES_MIN / EGRESS_MAX).unwrap_or(u32::MAX);
    CAPPED_TURNS_MAX.saturating_add(turns)
}

/// Whether the connection between `local` and `remote` sends something in every pass of egress.
pub(super) fn spins<D: Device + ?Sized>(
    now: Instant,
    iface: &mut Interface,
    device: &mut CountingDevice<D>,
    sockets: &mut SocketSet,
    (local, remote): (IpEndpoint, IpEndpoint),
) -> bool {
    device.frames = 0;
    device.ports = Some((local.port, remote.port));
    let is_endless =
        (0..EGRESS_MAX).all(|_| iface.poll_egress(now, device, sockets) != PollResult::None);
    device.ports = None;
    is_endless && device.frames >= EGRESS_MAX
}

/// The device of a turn, which can count the frames of one connection on their way out.
///
/// It is always in use: with a device of its own for the rare count, smoltcp's egress would be in
/// flash twice.
pub(super) struct CountingDevice<'d, D: ?Sized> {
    device: &'d mut D,
    /// Whose frames are counted; mostly nobody's.
    ports: Option<(u16, u16)>,
    frames: usize,
}

pub(super) struct CountingToken<'t, T> {
    token: T,
    ports: Option<(u16, u16)>,
    frames: &'t mut usize,
}

impl<'d, D: ?Sized> CountingDevice<'d, D> {
    pub(super) const fn new(device: &'d mut D) -> Self {
        Self {
            device,
            ports: None,
            frames: 0,
        }
    }

    pub(super) const fn inner(&mut self) -> &mut D {
        self.device
    }
}

impl<D: Device + ?Sized> Device for CountingDevice<'_, D> {
    type RxToken<'a>
        = D::RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = CountingToken<'a, D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, timestamp: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (rx, token) = self.device.receive(timestamp)?;
        Some((
            rx,
            CountingToken {
                token,
                ports: self.ports,
                frames: &mut self.frames,
            },
        ))
    }

    fn transmit(&mut self, timestamp: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(timestamp)?;
        Some(CountingToken {
            token,
            ports: self.ports,
            frames: &mut self.frames,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

impl<T: TxToken> TxToken for CountingToken<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        self.token.consume(len, |frame| {
            let filled = fill(frame);
            if self.ports.is_some() && self.ports == ports(frame) {
                *self.frames += 1;
            }
            filled
        })
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}

/// The source and destination port of a TCP segment.
fn ports(frame: &[u8]) -> Option<(u16, u16)> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let ports = |segment: &[u8]| {
        let segment = TcpPacket::new_checked(segment).ok()?;
        Some((segment.src_port(), segment.dst_port()))
    };
    match frame.ethertype() {
        EthernetProtocol::Ipv4 => {
            let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
            if packet.next_header() == IpProtocol::Tcp {
                ports(packet.payload())
            } else {
                None
            }
        }
        #[cfg(feature = "ipv6")]
        EthernetProtocol::Ipv6 => {
            let packet = smoltcp::wire::Ipv6Packet::new_checked(frame.payload()).ok()?;
            if packet.next_header() == IpProtocol::Tcp {
                ports(packet.payload())
            } else {
                None
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::{CountingToken, ports};
    use smoltcp::phy::{ChecksumCapabilities, PacketMeta, TxToken};
    use smoltcp::wire::{
        EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, IpRepr, TcpPacket,
    };

    /// Counts how often a device learns the metadata of a packet.
    struct NotingToken<'c>(&'c Cell<usize>);

    impl TxToken for NotingToken<'_> {
        fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, _len: usize, fill: F) -> R {
            fill(&mut [])
        }

        fn set_meta(&mut self, _meta: PacketMeta) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn a_device_learns_the_metadata_of_its_packets() {
        let (count, mut frames) = (Cell::new(0), 0);
        let mut token = CountingToken {
            token: NotingToken(&count),
            ports: None,
            frames: &mut frames,
        };
        token.set_meta(PacketMeta::default());
        assert_eq!(count.get(), 1);
    }

    /// A frame with the first 20 bytes of some protocol in it, which say 80 and 49,152 where TCP has its ports.
    fn frame(
        ethertype: EthernetProtocol,
        ends: (IpAddress, IpAddress),
        protocol: IpProtocol,
    ) -> [u8; 74] {
        let mut bytes = [0; 74];
        let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
        frame.set_ethertype(ethertype);
        let ip = IpRepr::new(ends.0, ends.1, protocol, 20, 64);
        ip.emit(frame.payload_mut(), &ChecksumCapabilities::default());
        let mut segment = TcpPacket::new_unchecked(&mut frame.payload_mut()[ip.header_len()..]);
        segment.set_src_port(80);
        segment.set_dst_port(49_152);
        segment.set_header_len(20);
        bytes
    }

    fn v4() -> (IpAddress, IpAddress) {
        (IpAddress::v4(10, 0, 0, 1), IpAddress::v4(10, 0, 0, 2))
    }

    #[test]
    fn a_tcp_segment_has_ports_and_nothing_else_has() {
        let ipv4 = EthernetProtocol::Ipv4;
        assert_eq!(
            ports(&frame(ipv4, v4(), IpProtocol::Tcp)),
            Some((80, 49_152))
        );
        assert_eq!(ports(&frame(ipv4, v4(), IpProtocol::Udp)), None);
        assert_eq!(
            ports(&frame(EthernetProtocol::Arp, v4(), IpProtocol::Tcp)),
            None
        );
    }

    #[cfg(feature = "ipv6")]
    #[test]
    fn a_tcp_segment_over_ipv6_has_ports_and_nothing_else_has() {
        let address = |last| IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, last);
        let ends = (address(1), address(2));
        let ipv6 = EthernetProtocol::Ipv6;
        assert_eq!(
            ports(&frame(ipv6, ends, IpProtocol::Tcp)),
            Some((80, 49_152))
        );
        assert_eq!(ports(&frame(ipv6, ends, IpProtocol::Udp)), None);
        // Its own bytes, taken for the other family's.
        assert_eq!(
            ports(&frame(EthernetProtocol::Ipv4, ends, IpProtocol::Tcp)),
            None
        );
    }

    #[test]
    fn a_segment_that_is_cut_has_no_ports() {
        let mut whole = frame(EthernetProtocol::Ipv4, v4(), IpProtocol::Tcp);
        let segment_end = 14 + 20 + 20;
        for len in 0..segment_end {
            assert_eq!(ports(&whole[..len]), None, "{len} bytes");
        }
        assert_eq!(ports(&whole[..segment_end]), Some((80, 49_152)));
        // A header that is longer than its packet.
        let data_offset = &mut whole[14 + 20 + 12];
        *data_offset = 6 << 4;
        assert_eq!(ports(&whole), None);
    }
}
