//! What the guard must know of the link under it.

use crate::address::Mac;
use crate::bytes::read_u16;

pub(crate) const BROADCAST: Mac = [0xff; 6];
/// Where frames to all IPv6 nodes go: the group ff02::1 (RFC 2464, 7).
pub(crate) const ALL_NODES: Mac = [0x33, 0x33, 0, 0, 0, 1];
pub(crate) const ETHERNET_HEADER_LEN: usize = 14;
pub(crate) const ETHERTYPE_IPV4: u16 = 0x0800;
pub(crate) const ETHERTYPE_ARP: u16 = 0x0806;
pub(crate) const ETHERTYPE_IPV6: u16 = 0x86dd;
/// A tag of IEEE 802.1Q: four bytes before the ethertype.
pub(crate) const ETHERTYPE_TAG: u16 = 0x8100;
const TAG_AT: usize = 12;
const TAG_LEN: usize = 4;
/// The bits of a tag that name a VLAN. None of them is set in a tag that has only a priority.
const VLAN_MASK: u16 = 0x0fff;

/// What a frame begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    /// An Ethernet header.
    Ethernet,
    /// An IP header: TUN, PPP and most VPNs.
    Ip,
}

impl Medium {
    /// Where the frame has its IP header.
    pub(crate) const fn header_len(self) -> usize {
        match self {
            Self::Ethernet => ETHERNET_HEADER_LEN,
            Self::Ip => 0,
        }
    }

    /// The protocol of the frame's content. Without an Ethernet header it is what the IP version
    /// says, as smoltcp reads it.
    pub(crate) fn ethertype(self, frame: &[u8]) -> Option<u16> {
        match self {
            Self::Ethernet => read_u16(frame, 12),
            Self::Ip => match frame.first()? >> 4 {
                4 => Some(ETHERTYPE_IPV4),
                6 => Some(ETHERTYPE_IPV6),
                _ => None,
            },
        }
    }
}

/// The link under the guard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) medium: Medium,
    /// Our hardware address; without meaning where frames have no Ethernet header.
    pub(crate) mac: Mac,
    pub(crate) checksums: SoftwareChecksums,
}

/// The checksums that are computed and verified in software, because the device does not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SoftwareChecksums {
    pub(crate) verify_ipv4: bool,
    pub(crate) verify_tcp: bool,
    pub(crate) compute_tcp: bool,
}

impl Link {
    pub(crate) const NONE: Self = Self {
        medium: Medium::Ethernet,
        mac: [0; 6],
        checksums: SoftwareChecksums {
            verify_ipv4: false,
            verify_tcp: false,
            compute_tcp: false,
        },
    };

    /// Whether the frame came to our hardware address.
    pub(crate) fn is_to_us(&self, frame: &[u8]) -> bool {
        self.medium == Medium::Ip || frame.starts_with(&self.mac)
    }

    /// Whether the frame came to a group of hosts.
    pub(crate) fn is_to_group(&self, frame: &[u8]) -> bool {
        self.medium == Medium::Ethernet && frame.first().is_some_and(|first| first & 1 != 0)
    }

    /// The hardware address that the frame comes from, where it has one.
    pub(crate) fn source_mac(&self, frame: &[u8]) -> Option<Mac> {
        let ethernet = (self.medium == Medium::Ethernet).then_some(frame)?;
        ethernet.get(6..)?.first_chunk().copied()
    }

    /// The hardware address that the frame goes to, where it has one.
    pub(crate) fn destination_mac(&self, frame: &[u8]) -> Option<Mac> {
        let ethernet = (self.medium == Medium::Ethernet).then_some(frame)?;
        ethernet.first_chunk().copied()
    }
}

/// Copies a frame without its priority tag, and returns the length of what is left. None when it has
/// no such tag, or `buffer` is too short.
pub(crate) fn remove_priority_tag(frame: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let has_priority_tag =
        read_u16(frame, TAG_AT)? == ETHERTYPE_TAG && read_u16(frame, TAG_AT + 2)? & VLAN_MASK == 0;
    let (addresses, content) = (frame.get(..TAG_AT)?, frame.get(TAG_AT + TAG_LEN..)?);
    let len = addresses.len() + content.len();
    let untagged = buffer.get_mut(..len).filter(|_| has_priority_tag)?;
    let (start, rest) = untagged.split_at_mut_checked(addresses.len())?;
    start.copy_from_slice(addresses);
    rest.copy_from_slice(content);
    Some(len)
}
