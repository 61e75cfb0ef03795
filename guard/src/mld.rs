//! Multicast listener discovery (RFC 2710, RFC 3810) over Ethernet, as bytes.

use crate::address::{Address, Mac};
use crate::bytes::{read_u16, write};
use crate::checksum;
use crate::link::{ETHERNET_HEADER_LEN, ETHERTYPE_IPV6};
use crate::ndisc::{NEXT_HEADER_ICMPV6, SOLICITED_NODE_GROUP, write_checksum};
use crate::segment::IPV6_HEADER_LEN;

const NEXT_HEADER_HOP_BY_HOP: u8 = 0;
/// A message with another hop limit comes from beyond a router (RFC 3810, 5).
const HOP_LIMIT: u8 = 1;
/// The option that makes routers look at a packet which is not for them (RFC 2711), for this
/// protocol.
const ROUTER_ALERT: [u8; 4] = [5, 2, 0, 0];
/// Two bytes of padding.
const PADDING: [u8; 2] = [1, 0];
const LINK_LOCAL_PREFIX: u16 = 0xfe80;
const LINK_LOCAL_MASK: u16 = 0xffc0;
const QUERY: u8 = 130;
const REPORT_V1: u8 = 131;
const REPORT_V2: u8 = 143;
const MESSAGE_V1_LEN: usize = 24;
const QUERY_V2_LEN_MIN: usize = 28;
/// With one record that names no sources.
const REPORT_V2_LEN: usize = 28;
/// Record types (RFC 3810, 5.2.12): a node listens to all sources of a group, and has begun to.
const MODE_IS_EXCLUDE: u8 = 2;
const CHANGE_TO_EXCLUDE_MODE: u8 = 4;
/// ff02::16, where routers listen for reports (RFC 3810, 5.2.14).
const ALL_ROUTERS: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16];

/// Offsets from the start of the frame.
const IP_AT: usize = ETHERNET_HEADER_LEN;
const SOURCE_AT: usize = IP_AT + 8;
const DESTINATION_AT: usize = IP_AT + 24;
const HOP_BY_HOP_AT: usize = IP_AT + IPV6_HEADER_LEN;
const HOP_BY_HOP_LEN: usize = 8;
const ICMP_AT: usize = HOP_BY_HOP_AT + HOP_BY_HOP_LEN;
const GROUP_V1_AT: usize = ICMP_AT + 8;
const RECORD_AT: usize = ICMP_AT + 8;

/// The last bytes of an address, which are those of its solicited-node group (RFC 4291, 2.7.1).
pub(crate) type Suffix = [u8; 3];

/// What the router that asks understands. A new one is all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Version {
    Two = 0,
    One,
}

/// A router, or a bridge in its place, asks who listens to groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) version: Version,
    /// The group that it asks about; unspecified for all of them.
    pub(crate) group: Address,
    /// An answer must not come later.
    pub(crate) response_max_micros: i64,
}

impl Query {
    /// Reads the query in a frame. None for everything else, and for what RFC 3810, 6.2 and 8.1 say
    /// to ignore.
    pub(crate) fn parse(frame: &[u8]) -> Option<Self> {
        let next_header_and_hop_limit = frame.get(IP_AT + 6..)?.first_chunk()?;
        let is_link_local = read_u16(frame, SOURCE_AT)? & LINK_LOCAL_MASK == LINK_LOCAL_PREFIX;
        let [next_header, 0, options @ ..] = frame
            .get(HOP_BY_HOP_AT..)?
            .first_chunk::<HOP_BY_HOP_LEN>()?
        else {
            return None;
        };
        if read_u16(frame, 12)? != ETHERTYPE_IPV6
            || *next_header_and_hop_limit != [NEXT_HEADER_HOP_BY_HOP, HOP_LIMIT]
            || *next_header != NEXT_HEADER_ICMPV6
            || !(options.starts_with(&ROUTER_ALERT) || options.ends_with(&ROUTER_ALERT))
            || !is_link_local
            || *frame.get(ICMP_AT)? != QUERY
        {
            return None;
        }
        let payload_len = usize::from(read_u16(frame, IP_AT + 4)?);
        let icmp = frame.get(ICMP_AT..HOP_BY_HOP_AT + payload_len)?;
        let addresses = frame.get(SOURCE_AT..HOP_BY_HOP_AT)?;
        if !checksum::is_right(addresses, NEXT_HEADER_ICMPV6, icmp) {
            return None;
        }
        let version = match icmp.len() {
            MESSAGE_V1_LEN => Version::One,
            QUERY_V2_LEN_MIN.. => Version::Two,
            _ => return None,
        };
        let code = read_u16(icmp, 4)?;
        let millis = match version {
            Version::One => i64::from(code),
            Version::Two => response_max_millis(code),
        };
        Some(Self {
            version,
            group: Address::new(icmp.get(8..24)?)?,
            response_max_micros: millis * 1000,
        })
    }

    /// Whether it asks about the solicited-node group with this suffix.
    pub(crate) fn is_about(&self, suffix: Suffix) -> bool {
        self.group.is_unspecified() || self.group.octets() == group(suffix)
    }
}

/// RFC 3810, 5.1.3.
fn response_max_millis(code: u16) -> i64 {
    let code = i64::from(code);
    if code < 0x8000 {
        code
    } else {
        ((code & 0x0fff) | 0x1000) << (((code >> 12) & 7) + 3)
    }
}

/// The solicited-node group with this suffix.
fn group(suffix: Suffix) -> [u8; 16] {
    let mut group = [0; 16];
    write(&mut group, 0, &SOLICITED_NODE_GROUP);
    write(&mut group, SOLICITED_NODE_GROUP.len(), &suffix);
    group
}

/// That we listen to a group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    pub(crate) version: Version,
    pub(crate) suffix: Suffix,
    /// Nobody has asked: we have just begun to listen.
    pub(crate) is_change: bool,
    /// A link-local address, or none where we have none (RFC 3590).
    pub(crate) source: Address,
}

impl Report {
    /// Writes the report into `buffer`, in a frame from `mac`. Returns its length.
    pub(crate) fn build(&self, mac: Mac, buffer: &mut [u8]) -> Option<usize> {
        let group = group(self.suffix);
        let (destination, icmp_len) = match self.version {
            Version::One => (group, MESSAGE_V1_LEN),
            Version::Two => (ALL_ROUTERS, REPORT_V2_LEN),
        };
        let frame = buffer.get_mut(..ICMP_AT + icmp_len)?;
        frame.fill(0);
        // RFC 2464, 7.
        write(frame, 0, &[0x33, 0x33]);
        write(frame, 2, destination.last_chunk::<4>()?);
        write(frame, 6, &mac);
        write(frame, 12, &ETHERTYPE_IPV6.to_be_bytes());
        let payload_len = (HOP_BY_HOP_LEN + icmp_len) as u8;
        let ip = [
            0x60,
            0,
            0,
            0,
            0,
            payload_len,
            NEXT_HEADER_HOP_BY_HOP,
            HOP_LIMIT,
        ];
        write(frame, IP_AT, &ip);
        write(frame, SOURCE_AT, self.source.octets());
        write(frame, DESTINATION_AT, &destination);
        write(frame, HOP_BY_HOP_AT, &[NEXT_HEADER_ICMPV6, 0]);
        write(frame, HOP_BY_HOP_AT + 2, &ROUTER_ALERT);
        write(frame, HOP_BY_HOP_AT + 6, &PADDING);
        match self.version {
            Version::One => {
                write(frame, ICMP_AT, &[REPORT_V1]);
                write(frame, GROUP_V1_AT, &group);
            }
            Version::Two => {
                write(frame, ICMP_AT, &[REPORT_V2]);
                // One record.
                write(frame, ICMP_AT + 7, &[1]);
                let kind = if self.is_change {
                    CHANGE_TO_EXCLUDE_MODE
                } else {
                    MODE_IS_EXCLUDE
                };
                write(frame, RECORD_AT, &[kind]);
                write(frame, RECORD_AT + 4, &group);
            }
        }
        write_checksum(frame, ICMP_AT);
        Some(frame.len())
    }
}
