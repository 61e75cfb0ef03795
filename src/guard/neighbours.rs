//! Which hardware addresses smoltcp surely knows.
//!
//! smoltcp keeps its own cache of neighbours private, so rule R10 needs a copy of what can be seen of it from the wire. The
//! copy may know less than smoltcp: then a fast retransmit is put off to the timeout, and nothing else changes. It knows more
//! after a change of the interface's addresses, which empties the cache, and after an ARP reply that smoltcp does not take
//! for its IP addresses: until those neighbours are heard again or 59 s have passed, the rule rests.

use smoltcp::time::{Duration, Instant};

use super::flow::Address;
use super::segment::{
    ETHERNET_HEADER_LEN, ETHERTYPE_IPV6, IPV6_HEADER_LEN, checksum_is_right, word,
};

/// How many smoltcp keeps, unless it is built otherwise.
const NEIGHBOURS: usize = 8;
/// smoltcp forgets a neighbour 60 s after it was heard; one second is for a loop that sends later than it receives.
const KNOWN_FOR: Duration = Duration::from_secs(59);

const ETHERTYPE_ARP: u16 = 0x0806;
const ARP_REPLY: u16 = 2;
const NEXT_HEADER_ICMPV6: u8 = 58;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const OVERRIDE: u8 = 0x20;
const TARGET_LINK_LAYER_ADDRESS: [u8; 2] = [2, 1];

/// A hardware address of Ethernet.
pub(super) type Mac = [u8; 6];

/// A neighbour, under the protocol address by which it was resolved.
#[derive(Debug, Clone, Copy)]
struct Neighbour {
    address: Address,
    mac: Mac,
    heard_at: Instant,
}

/// The neighbours that were heard last.
#[derive(Debug)]
pub(super) struct Neighbours([Option<Neighbour>; NEIGHBOURS]);

impl Neighbours {
    pub(super) const fn new() -> Self {
        Self([None; NEIGHBOURS])
    }

    /// Whether smoltcp can surely send to `remote` by way of `mac` at `now`.
    ///
    /// A router's own address is in no frame that it passes on, so every address of the same family under which `mac` was
    /// resolved may be the one that smoltcp asks for, and all must be known. The other family's is none of them: most
    /// routers have both.
    pub(super) fn knows(&self, remote: Address, mac: Mac, now: Instant) -> bool {
        let is_known = |neighbour: &Neighbour| now < neighbour.heard_at + KNOWN_FOR;
        let mut candidates = self.iter().filter(|neighbour| {
            neighbour.mac == mac && neighbour.address.is_ipv4() == remote.is_ipv4()
        });
        if let Some(direct) = candidates.clone().find(|direct| direct.address == remote) {
            return is_known(direct);
        }
        candidates.next().is_some_and(is_known) && candidates.all(is_known)
    }

    /// Notes a frame that came in from `address`: smoltcp keeps its entry for it, if there is one with this hardware address.
    /// There is none for a host behind a router, and the router's is kept by ARP and neighbour discovery alone.
    pub(super) fn note_heard(&mut self, address: Address, mac: Mac, now: Instant) {
        let mut known = self.0.iter_mut().flatten();
        if let Some(known) = known.find(|known| known.mac == mac && known.address == address) {
            known.heard_at = now;
        }
    }

    /// Learns from an answer of a neighbour's to us.
    pub(super) fn note_received(&mut self, frame: &[u8], now: Instant) {
        let learnt = match word(frame, 12) {
            Some(ETHERTYPE_ARP) => arp_reply(frame).map(|reply| reply.sender),
            Some(ETHERTYPE_IPV6) => advertisement_received(frame),
            _ => None,
        };
        if let Some((address, mac)) = learnt {
            self.note_resolved(address, mac, now);
        }
    }

    /// Learns from an answer of ours: smoltcp has just taken the addresses of the neighbour who asked.
    pub(super) fn note_sent(&mut self, frame: &[u8], now: Instant) {
        let learnt = match word(frame, 12) {
            Some(ETHERTYPE_ARP) => arp_reply(frame).map(|reply| reply.target),
            Some(ETHERTYPE_IPV6) => advertisement_sent(frame),
            _ => None,
        };
        if let Some((address, mac)) = learnt {
            self.note_resolved(address, mac, now);
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Neighbour> + Clone {
        self.0.iter().flatten()
    }

    fn note_resolved(&mut self, address: Address, mac: Mac, now: Instant) {
        let is_known = self.iter().any(|known| known.address == address);
        let place = if is_known {
            self.0
                .iter_mut()
                .find(|place| place.is_some_and(|known| known.address == address))
        } else {
            // A free place, or that of the neighbour who was not heard for the longest time, as in smoltcp.
            self.0
                .iter_mut()
                .min_by_key(|place| place.map(|known| known.heard_at))
        };
        if let Some(place) = place {
            *place = Some(Neighbour {
                address,
                mac,
                heard_at: now,
            });
        }
    }
}

/// An IP address and its hardware address.
type Resolved = (Address, Mac);

struct ArpReply {
    sender: Resolved,
    target: Resolved,
}

/// Reads an ARP reply for IPv4 over Ethernet (RFC 826).
fn arp_reply(frame: &[u8]) -> Option<ArpReply> {
    let arp = frame.get(ETHERNET_HEADER_LEN..)?;
    if !arp.starts_with(&[0, 1, 8, 0, 6, 4]) || word(arp, 6)? != ARP_REPLY {
        return None;
    }
    let resolved = |at: usize| {
        let mac = *arp.get(at..)?.first_chunk()?;
        let address = Address::new(arp.get(at + 6..at + 10)?)?;
        Some((address, mac))
    };
    Some(ArpReply {
        sender: resolved(8)?,
        target: resolved(18)?,
    })
}

/// Reads a neighbour advertisement (RFC 4861, 4.4) that makes smoltcp replace its entry: with one that does not, the
/// entry may be as old as it was.
fn advertisement_received(frame: &[u8]) -> Option<Resolved> {
    let icmp = advertisement(frame)?;
    let source = frame.get(ETHERNET_HEADER_LEN + 8..ETHERNET_HEADER_LEN + 24)?;
    let addresses = frame.get(ETHERNET_HEADER_LEN + 8..ETHERNET_HEADER_LEN + 40)?;
    let option = icmp.get(24..32)?;
    let replaces = icmp.get(4)? & OVERRIDE != 0 && option.starts_with(&TARGET_LINK_LAYER_ADDRESS);
    if !replaces || !checksum_is_right(addresses, NEXT_HEADER_ICMPV6, icmp) {
        return None;
    }
    Some((Address::new(source)?, *option.last_chunk()?))
}

fn advertisement_sent(frame: &[u8]) -> Option<Resolved> {
    advertisement(frame)?;
    let destination = frame.get(ETHERNET_HEADER_LEN + 24..ETHERNET_HEADER_LEN + 40)?;
    Some((Address::new(destination)?, *frame.first_chunk()?))
}

fn advertisement(frame: &[u8]) -> Option<&[u8]> {
    let ip = frame.get(ETHERNET_HEADER_LEN..)?;
    let end = IPV6_HEADER_LEN + usize::from(word(ip, 4)?);
    let icmp = ip.get(IPV6_HEADER_LEN..end)?;
    let is_advertisement =
        ip.get(6) == Some(&NEXT_HEADER_ICMPV6) && icmp.first() == Some(&NEIGHBOUR_ADVERTISEMENT);
    is_advertisement.then_some(icmp)
}
