//! What the client says, and what a server answers.

use std::net::Ipv4Addr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpProtocol, Ipv4Packet,
    Ipv4Repr, UdpPacket, UdpRepr,
};
use tickwire::Tick;

pub(crate) const MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
pub(crate) const SERVER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 0xfe]);
pub(crate) const OTHER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 0x77]);
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
pub(crate) const LEASE_SECS: u32 = 800;

pub(crate) const DISCOVER: u8 = 1;
pub(crate) const OFFER: u8 = 2;
pub(crate) const REQUEST: u8 = 3;
pub(crate) const DECLINE: u8 = 4;
pub(crate) const ACK: u8 = 5;
pub(crate) const NAK: u8 = 6;
pub(crate) const RELEASE: u8 = 7;

/// A message of the client.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) at: Tick,
    pub(crate) mac: EthernetAddress,
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
    pub(crate) bytes: Vec<u8>,
}

impl Asked {
    pub(crate) fn kind(&self) -> u8 {
        self.option(53).unwrap()[0]
    }

    pub(crate) fn xid(&self) -> [u8; 4] {
        self.bytes[4..8].try_into().unwrap()
    }

    pub(crate) fn secs(&self) -> u16 {
        u16::from_be_bytes([self.bytes[8], self.bytes[9]])
    }

    /// `ciaddr`.
    pub(crate) fn address(&self) -> Ipv4Addr {
        address(&self.bytes[12..16])
    }

    pub(crate) fn wanted(&self) -> Option<Ipv4Addr> {
        self.option(50).map(address)
    }

    pub(crate) fn server(&self) -> Option<Ipv4Addr> {
        self.option(54).map(address)
    }

    pub(crate) fn option(&self, wanted: u8) -> Option<&[u8]> {
        let mut rest = &self.bytes[240..];
        while rest[0] != 255 {
            let (value, after) = rest[2..].split_at(usize::from(rest[1]));
            if rest[0] == wanted {
                return Some(value);
            }
            rest = after;
        }
        None
    }
}

fn address(bytes: &[u8]) -> Ipv4Addr {
    Ipv4Addr::from(<[u8; 4]>::try_from(bytes).unwrap())
}

/// A message of a server. What a test wants otherwise it changes.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) kind: u8,
    pub(crate) xid: [u8; 4],
    pub(crate) mac: EthernetAddress,
    pub(crate) address: Ipv4Addr,
    pub(crate) server: Option<Ipv4Addr>,
    pub(crate) options: Vec<(u8, Vec<u8>)>,
    pub(crate) ports: (u16, u16),
    pub(crate) to: EthernetAddress,
}

impl Answer {
    /// The answer of a server that works.
    pub(crate) fn to(asked: &Asked, kind: u8) -> Self {
        Self {
            kind,
            xid: asked.xid(),
            mac: MAC,
            address: if kind == NAK {
                Ipv4Addr::UNSPECIFIED
            } else {
                ADDRESS
            },
            server: Some(SERVER),
            options: if kind == NAK {
                Vec::new()
            } else {
                vec![
                    (51, LEASE_SECS.to_be_bytes().to_vec()),
                    (1, vec![255, 255, 255, 0]),
                    (3, SERVER.octets().to_vec()),
                ]
            },
            ports: (67, 68),
            to: MAC,
        }
    }

    /// With this option instead of the one that it has.
    pub(crate) fn with(mut self, code: u8, value: &[u8]) -> Self {
        self.options.retain(|(have, _)| *have != code);
        self.options.push((code, value.to_vec()));
        self
    }

    fn payload(&self) -> Vec<u8> {
        let mut bytes = vec![2, 1, 6, 0];
        bytes.extend(self.xid);
        bytes.extend([0; 8]);
        bytes.extend(self.address.octets());
        bytes.extend([0; 8]);
        bytes.extend(self.mac.0);
        bytes.extend([0; 10 + 64 + 128]);
        bytes.extend([99, 130, 83, 99, 53, 1, self.kind]);
        for (code, value) in &self.options {
            bytes.extend([*code, u8::try_from(value.len()).unwrap()]);
            bytes.extend(value);
        }
        if let Some(server) = self.server {
            bytes.extend([54, 4]);
            bytes.extend(server.octets());
        }
        bytes.push(255);
        bytes
    }

    pub(crate) fn frame(&self) -> Vec<u8> {
        let payload = self.payload();
        let ipv4 = Ipv4Repr {
            src_addr: self.server.unwrap_or(SERVER),
            dst_addr: if self.to == EthernetAddress::BROADCAST {
                Ipv4Addr::BROADCAST
            } else {
                self.address
            },
            next_header: IpProtocol::Udp,
            payload_len: 8 + payload.len(),
            hop_limit: 64,
        };
        ethernet(
            self.to,
            EthernetProtocol::Ipv4,
            28 + payload.len(),
            |room| {
                let checksums = ChecksumCapabilities::default();
                let mut packet = Ipv4Packet::new_unchecked(room);
                ipv4.emit(&mut packet, &checksums);
                let udp = UdpRepr {
                    src_port: self.ports.0,
                    dst_port: self.ports.1,
                };
                udp.emit(
                    &mut UdpPacket::new_unchecked(packet.payload_mut()),
                    &ipv4.src_addr.into(),
                    &ipv4.dst_addr.into(),
                    payload.len(),
                    |room| room.copy_from_slice(&payload),
                    &checksums,
                );
            },
        )
    }
}

/// A frame of the server's card.
pub(crate) fn ethernet(
    to: EthernetAddress,
    ethertype: EthernetProtocol,
    len: usize,
    fill: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let mut bytes = vec![0; 14 + len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    let header = EthernetRepr {
        src_addr: SERVER_MAC,
        dst_addr: to,
        ethertype,
    };
    header.emit(&mut frame);
    fill(frame.payload_mut());
    bytes
}
