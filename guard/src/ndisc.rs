//! Neighbour discovery (RFC 4861) over Ethernet, as bytes.

use crate::address::{Address, Mac};
use crate::bytes::{read_u16, write};
use crate::checksum;
use crate::link::{ALL_NODES, ETHERNET_HEADER_LEN, ETHERTYPE_IPV6};
use crate::segment::IPV6_HEADER_LEN;

/// The length of a frame with a solicitation or an advertisement that has one option.
pub(crate) const FRAME_LEN: usize = ICMP_AT + ICMP_LEN + OPTION_LEN;

const ICMP_LEN: usize = 24;
const OPTION_LEN: usize = 8;
pub(crate) const NEXT_HEADER_ICMPV6: u8 = 58;
/// A message with another hop limit comes from beyond a router (RFC 4861, 7.1).
const HOP_LIMIT: u8 = 255;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const OVERRIDE: u8 = 0x20;
const SOURCE_LINK_LAYER_ADDRESS: [u8; 2] = [1, 1];
const TARGET_LINK_LAYER_ADDRESS: [u8; 2] = [2, 1];
/// ff02::1 and ff02::1:ff00:0 (RFC 4291, 2.7.1).
const ALL_NODES_GROUP: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
pub(crate) const SOLICITED_NODE_GROUP: [u8; 13] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff];

/// Offsets from the start of the frame.
const SOURCE_AT: usize = ETHERNET_HEADER_LEN + 8;
const DESTINATION_AT: usize = ETHERNET_HEADER_LEN + 24;
const ICMP_AT: usize = ETHERNET_HEADER_LEN + IPV6_HEADER_LEN;
const FLAGS_AT: usize = ICMP_AT + 4;
const TARGET_AT: usize = ICMP_AT + 8;
const OPTION_AT: usize = ICMP_AT + ICMP_LEN;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Solicitation,
    Advertisement,
}

/// A neighbour solicitation or advertisement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) source: Address,
    pub(crate) destination: Address,
    pub(crate) target: Address,
    /// Whether it replaces what is known already.
    pub(crate) overrides: bool,
    /// The hardware address that an advertisement tells.
    pub(crate) target_mac: Option<Mac>,
}

impl Message {
    /// Reads the message in a frame. None for everything else, and where the checksum is wrong.
    pub(crate) fn parse(frame: &[u8]) -> Option<Self> {
        let next_header_and_hop_limit = frame.get(ETHERNET_HEADER_LEN + 6..)?.first_chunk()?;
        if read_u16(frame, 12)? != ETHERTYPE_IPV6
            || *next_header_and_hop_limit != [NEXT_HEADER_ICMPV6, HOP_LIMIT]
        {
            return None;
        }
        let kind = match *frame.get(ICMP_AT)? {
            SOLICITATION => Kind::Solicitation,
            ADVERTISEMENT => Kind::Advertisement,
            _ => return None,
        };
        let icmp_len = usize::from(read_u16(frame, ETHERNET_HEADER_LEN + 4)?);
        let icmp = frame.get(ICMP_AT..ICMP_AT + icmp_len)?;
        let addresses = frame.get(SOURCE_AT..ICMP_AT)?;
        if !checksum::is_right(addresses, NEXT_HEADER_ICMPV6, icmp) {
            return None;
        }
        let address = |at: usize| Address::new(frame.get(at..at + 16)?);
        let option = icmp.get(ICMP_LEN..ICMP_LEN + OPTION_LEN);
        let target_mac = option
            .and_then(|option| option.strip_prefix(&TARGET_LINK_LAYER_ADDRESS[..]))
            .and_then(|mac| mac.try_into().ok());
        Some(Self {
            kind,
            source: address(SOURCE_AT)?,
            destination: address(DESTINATION_AT)?,
            target: address(TARGET_AT)?,
            overrides: *frame.get(FLAGS_AT)? & OVERRIDE != 0,
            target_mac,
        })
    }
}

/// Writes into `buffer` a solicitation for `target` as if from that address, in a frame with the
/// hardware addresses of `frame`. Returns its length.
pub(crate) fn solicit(buffer: &mut [u8], frame: &[u8], target: Address) -> Option<usize> {
    let solicitation = buffer.get_mut(..FRAME_LEN)?;
    let target: &[u8; 16] = target.octets().try_into().ok()?;
    solicitation.fill(0);
    write(solicitation, 0, frame.get(..12)?);
    write(solicitation, 12, &ETHERTYPE_IPV6.to_be_bytes());
    let payload_len = (ICMP_LEN + OPTION_LEN) as u8;
    let ip = [0x60, 0, 0, 0, 0, payload_len, NEXT_HEADER_ICMPV6, HOP_LIMIT];
    write(solicitation, ETHERNET_HEADER_LEN, &ip);
    write(solicitation, SOURCE_AT, target);
    write(solicitation, DESTINATION_AT, &SOLICITED_NODE_GROUP);
    let group_end = DESTINATION_AT + SOLICITED_NODE_GROUP.len();
    write(solicitation, group_end, target.last_chunk::<3>()?);
    write(solicitation, ICMP_AT, &[SOLICITATION]);
    write(solicitation, TARGET_AT, target);
    write(solicitation, OPTION_AT, &SOURCE_LINK_LAYER_ADDRESS);
    write(solicitation, OPTION_AT + 2, frame.get(6..12)?);
    write_checksum(solicitation, ICMP_AT);
    Some(FRAME_LEN)
}

/// Turns our answer into one to all nodes, as one to `::` has to be, and as one is that nobody has
/// asked for (RFC 4861, 7.2.4 and 7.2.6).
pub(crate) fn advertise_to_all(advertisement: &mut [u8]) {
    write(advertisement, 0, &ALL_NODES);
    write(advertisement, DESTINATION_AT, &ALL_NODES_GROUP);
    write(advertisement, FLAGS_AT, &[OVERRIDE]);
    write_checksum(advertisement, ICMP_AT);
}

/// Writes the checksum of the message that begins at `icmp_at`. A device that computes it does so
/// again.
pub(crate) fn write_checksum(frame: &mut [u8], icmp_at: usize) {
    write(frame, icmp_at + 2, &[0, 0]);
    let addresses = frame.get(SOURCE_AT..SOURCE_AT + 32);
    let (Some(addresses), Some(icmp)) = (addresses, frame.get(icmp_at..)) else {
        return;
    };
    let sum = checksum::sum_with_pseudo_header(addresses, NEXT_HEADER_ICMPV6, icmp);
    write(frame, icmp_at + 2, &(!sum).to_be_bytes());
}
