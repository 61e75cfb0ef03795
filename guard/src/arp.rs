//! ARP for IPv4 over Ethernet (RFC 826), as bytes.

use crate::address::{Address, Resolved};
use crate::bytes::{read_u16, write};
use crate::link::{BROADCAST, ETHERNET_HEADER_LEN, ETHERTYPE_ARP};

/// The length of a frame with an ARP packet, without what pads it.
pub(crate) const FRAME_LEN: usize = ETHERNET_HEADER_LEN + 28;
pub(crate) const REQUEST: u16 = 1;
pub(crate) const REPLY: u16 = 2;

/// Hardware type Ethernet, protocol type IPv4, and the lengths of their addresses.
const ETHERNET_IPV4: [u8; 6] = [0, 1, 8, 0, 6, 4];
/// Offsets from the start of the frame.
const OPERATION_AT: usize = ETHERNET_HEADER_LEN + 6;
const SENDER_AT: usize = ETHERNET_HEADER_LEN + 8;
const TARGET_AT: usize = ETHERNET_HEADER_LEN + 18;
const MAC_LEN: usize = 6;

/// An ARP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arp {
    pub(crate) operation: u16,
    pub(crate) sender: Resolved,
    pub(crate) target: Resolved,
}

impl Arp {
    /// Reads the packet in a frame, whatever the operation.
    pub(crate) fn parse(frame: &[u8]) -> Option<Self> {
        let is_arp = read_u16(frame, 12)? == ETHERTYPE_ARP
            && frame
                .get(ETHERNET_HEADER_LEN..)?
                .starts_with(&ETHERNET_IPV4);
        let resolved = |at: usize| {
            let mac = *frame.get(at..)?.first_chunk()?;
            let address = Address::new(frame.get(at + MAC_LEN..at + MAC_LEN + 4)?)?;
            Some(Resolved { address, mac })
        };
        is_arp.then_some(Self {
            operation: read_u16(frame, OPERATION_AT)?,
            sender: resolved(SENDER_AT)?,
            target: resolved(TARGET_AT)?,
        })
    }
}

pub(crate) fn set_operation(frame: &mut [u8], operation: u16) {
    write(frame, OPERATION_AT, &operation.to_be_bytes());
}

pub(crate) fn set_sender_address(frame: &mut [u8], address: Address) {
    write(frame, SENDER_AT + MAC_LEN, address.octets());
}

pub(crate) fn set_target_address(frame: &mut [u8], address: Address) {
    write(frame, TARGET_AT + MAC_LEN, address.octets());
}

/// Turns our reply, whose two addresses are the same, into an announcement to everybody (RFC 5227,
/// 2.3).
pub(crate) fn announce(reply: &mut [u8]) {
    write(reply, 0, &BROADCAST);
    set_operation(reply, REQUEST);
    write(reply, TARGET_AT, &[0; MAC_LEN]);
}

/// Turns our reply into the one to a probe: its sender has no address yet (RFC 5227, 2.1.1).
pub(crate) fn set_no_target_address(reply: &mut [u8]) {
    write(reply, TARGET_AT + MAC_LEN, &[0; 4]);
}
