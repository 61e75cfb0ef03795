//! Frames of the guard's own.

use crate::address::{Address, FlowKey, Mac};
use crate::bytes::write;
use crate::checksum;
use crate::link::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, Link, Medium};
use crate::segment::{
    ACK_OFFSET, CHECKSUM_OFFSET, Fields, HEADER_LEN_OFFSET, IPV4_HEADER_LEN_MIN, IPV6_HEADER_LEN,
    NEXT_HEADER_TCP, SEQ_OFFSET, TCP_HEADER_LEN_MIN, WINDOW_OFFSET,
};

const HOP_LIMIT: u8 = 64;
const DO_NOT_FRAGMENT: u8 = 0x40;

/// Where a frame comes from and goes to; in each pair the source stands first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    macs: (Mac, Mac),
    addresses: (Address, Address),
    ports: (u16, u16),
}

impl Ends {
    /// From the peer of a flow to us. The hardware address is our own on both ends, so that neither
    /// smoltcp nor the guard takes the frame for a sign of life of the neighbour.
    pub(crate) const fn from_peer(key: &FlowKey, link: &Link) -> Self {
        Self {
            macs: (link.mac, link.mac),
            addresses: (key.remote, key.local),
            ports: (key.remote_port, key.local_port),
        }
    }

    /// From us to the peer of a flow, by way of this hardware address.
    #[cfg(feature = "recovery")]
    pub(crate) const fn to_peer(key: &FlowKey, next_hop: Mac, link: &Link) -> Self {
        Self {
            macs: (link.mac, next_hop),
            addresses: (key.local, key.remote),
            ports: (key.local_port, key.remote_port),
        }
    }
}

/// Writes a frame with a TCP segment that has no payload, and returns its length. None when it does
/// not fit into `buffer`. The checksums are right, whether the device computes them or not.
/// `options` has a multiple of 4 bytes.
pub(crate) fn segment(
    buffer: &mut [u8],
    medium: Medium,
    ends: &Ends,
    fields: Fields,
    options: &[u8],
) -> Option<usize> {
    let tcp_len = TCP_HEADER_LEN_MIN + options.len();
    let is_ipv4 = ends.addresses.0.is_ipv4();
    let ip_header_len = if is_ipv4 {
        IPV4_HEADER_LEN_MIN
    } else {
        IPV6_HEADER_LEN
    };
    let len = medium.header_len() + ip_header_len + tcp_len;
    let frame = buffer.get_mut(..len)?;
    frame.fill(0);
    let (link_header, packet) = frame.split_at_mut_checked(medium.header_len())?;
    let (ip, tcp) = packet.split_at_mut_checked(ip_header_len)?;
    write_link_header(link_header, ends, is_ipv4);
    write_ip_header(ip, ends, is_ipv4, tcp_len);

    write(tcp, 0, &ends.ports.0.to_be_bytes());
    write(tcp, 2, &ends.ports.1.to_be_bytes());
    write(tcp, SEQ_OFFSET, &fields.seq.0.to_be_bytes());
    write(tcp, ACK_OFFSET, &fields.ack.0.to_be_bytes());
    let header_len = u8::try_from(tcp_len / 4).ok()?;
    write(tcp, HEADER_LEN_OFFSET, &[header_len << 4, fields.flags]);
    write(tcp, WINDOW_OFFSET, &fields.window.to_be_bytes());
    write(tcp, TCP_HEADER_LEN_MIN, options);
    let addresses = ip.get(ip_header_len - 2 * ends.addresses.0.octets().len()..)?;
    let sum = checksum::sum_with_pseudo_header(addresses, NEXT_HEADER_TCP, tcp);
    write(tcp, CHECKSUM_OFFSET, &(!sum).to_be_bytes());
    Some(len)
}

/// Nothing where frames have no Ethernet header.
fn write_link_header(header: &mut [u8], ends: &Ends, is_ipv4: bool) {
    let ethertype = if is_ipv4 {
        ETHERTYPE_IPV4
    } else {
        ETHERTYPE_IPV6
    };
    write(header, 0, &ends.macs.1);
    write(header, 6, &ends.macs.0);
    write(header, 12, &ethertype.to_be_bytes());
}

fn write_ip_header(ip: &mut [u8], ends: &Ends, is_ipv4: bool, tcp_len: usize) {
    let (source, destination) = (ends.addresses.0.octets(), ends.addresses.1.octets());
    // The addresses are the last fields of either header.
    let destination_at = ip.len() - destination.len();
    write(ip, destination_at - source.len(), source);
    write(ip, destination_at, destination);
    // Headers and options of TCP have at most 60 bytes.
    let len_of = |header: usize| ((header + tcp_len) as u16).to_be_bytes();
    if is_ipv4 {
        write(ip, 0, &[0x45, 0]);
        write(ip, 2, &len_of(IPV4_HEADER_LEN_MIN));
        write(ip, 6, &[DO_NOT_FRAGMENT, 0, HOP_LIMIT, NEXT_HEADER_TCP]);
        let sum = checksum::sum(ip);
        write(ip, 10, &(!sum).to_be_bytes());
    } else {
        write(ip, 0, &[0x60]);
        write(ip, 4, &len_of(0));
        write(ip, 6, &[NEXT_HEADER_TCP, HOP_LIMIT]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{ACK, Frame, Seq, ipv4_checksum_is_right};

    const MAC: Mac = [2, 0, 0, 0, 0, 1];

    fn key(local: &[u8], remote: &[u8]) -> FlowKey {
        FlowKey {
            local: Address::new(local).expect("an address"),
            remote: Address::new(remote).expect("an address"),
            local_port: 49_152,
            remote_port: 80,
        }
    }

    #[test]
    fn a_built_segment_reads_as_it_was_meant_on_every_medium() {
        let keys = [
            key(&[10, 0, 0, 1], &[10, 0, 0, 2]),
            #[cfg(feature = "ipv6")]
            key(&[0xfd; 16], &[0xfe; 16]),
        ];
        let fields = Fields {
            seq: Seq(u32::MAX),
            ack: Seq(7),
            flags: ACK,
            window: 1000,
        };
        for (key, medium) in keys
            .iter()
            .flat_map(|key| [(key, Medium::Ethernet), (key, Medium::Ip)])
        {
            let link = Link {
                medium,
                mac: MAC,
                ..Link::NONE
            };
            let mut buffer = [0xff; 96];
            let options = [1, 1, 1, 0];
            let ends = Ends::from_peer(key, &link);
            let len = segment(&mut buffer, medium, &ends, fields, &options);
            let frame = &buffer[..len.expect("it fits")];
            assert!(link.is_to_us(frame) && ipv4_checksum_is_right(frame, medium));
            let Frame::Tcp(read) = Frame::parse(frame, medium) else {
                panic!("no TCP: {frame:?}");
            };
            assert!(read.checksum_is_right(frame));
            assert_eq!(read.key_received(frame), Some(*key));
            assert_eq!((read.fields, read.payload_len), (fields, 0));

            let too_short = &mut [0; 96][..frame.len() - 1];
            assert_eq!(segment(too_short, medium, &ends, fields, &options), None);
        }
    }
}
