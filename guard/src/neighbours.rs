//! Which hardware addresses smoltcp certainly knows.
//!
//! smoltcp keeps its neighbour cache private, but rule R10 has to know what is in it. So this is a
//! copy of what the frames show of that cache. Where the copy knows less than smoltcp, a fast
//! retransmit is put off until the timeout, and nothing else changes. The copy knows more than
//! smoltcp in two cases: after the interface's addresses changed, which empties smoltcp's cache,
//! and after an ARP reply that smoltcp does not accept for its IP addresses. Then R10 does not act
//! for these neighbours until they are heard again or 59 s have passed.

use crate::address::{Address, Mac, Resolved};
use crate::arp::{self, Arp};
use crate::bytes::read_u16;
use crate::checksum;
use crate::link::{ETHERNET_HEADER_LEN, ETHERTYPE_ARP, ETHERTYPE_IPV6};
use crate::segment::IPV6_HEADER_LEN;
use crate::time::Time;

/// The length of smoltcp's cache, unless it is configured otherwise.
const NEIGHBOURS: usize = 8;
/// smoltcp forgets a neighbour 60 s after it was heard. The other second is for a loop that sends
/// later than it receives.
const LIFETIME_MICROS: i64 = 59_000_000;

const NEXT_HEADER_ICMPV6: u8 = 58;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const OVERRIDE: u8 = 0x20;
const TARGET_LINK_LAYER_ADDRESS: [u8; 2] = [2, 1];

/// A neighbour, with the IP address that was resolved to its hardware address.
#[derive(Debug, Clone, Copy)]
struct Neighbour {
    address: Address,
    mac: Mac,
    heard_at: Time,
}

/// The neighbours that were heard last.
#[derive(Debug)]
pub(crate) struct Neighbours([Option<Neighbour>; NEIGHBOURS]);

impl Neighbours {
    pub(crate) const fn new() -> Self {
        Self([None; NEIGHBOURS])
    }

    /// Whether smoltcp can certainly send to `remote` through the next hop `mac` at `now`.
    ///
    /// The frames that a router forwards do not contain the router's own IP address. So any address
    /// of the same family that was resolved to `mac` may be the one that smoltcp asks for, and all
    /// of them must be known. Addresses of the other family do not count: most routers have both.
    pub(crate) fn knows(&self, remote: Address, mac: Mac, now: Time) -> bool {
        let is_known = |neighbour: &Neighbour| now < neighbour.heard_at.after(LIFETIME_MICROS);
        let mut candidates = self.iter().filter(|neighbour| {
            neighbour.mac == mac && neighbour.address.is_ipv4() == remote.is_ipv4()
        });
        if let Some(direct) = candidates.clone().find(|direct| direct.address == remote) {
            return is_known(direct);
        }
        candidates.next().is_some_and(is_known) && candidates.all(is_known)
    }

    /// A frame came in from `address`. It refreshes smoltcp's entry for this address, if there is
    /// one with this hardware address. There is none for a host beyond a router, and only ARP and
    /// neighbour discovery refresh the router's own.
    pub(crate) fn on_heard(&mut self, address: Address, mac: Mac, now: Time) {
        let mut known = self.0.iter_mut().flatten();
        if let Some(known) = known.find(|known| known.mac == mac && known.address == address) {
            known.heard_at = now;
        }
    }

    /// A frame came in. If it is a neighbour's answer to us, smoltcp learns from it.
    pub(crate) fn on_received(&mut self, frame: &[u8], now: Time) {
        let resolved = match read_u16(frame, 12) {
            Some(ETHERTYPE_ARP) => arp_reply(frame).map(|reply| reply.sender),
            Some(ETHERTYPE_IPV6) => advertisement_received(frame),
            _ => None,
        };
        if let Some(resolved) = resolved {
            self.on_resolved(resolved, now);
        }
    }

    /// A frame goes out. If it is our answer to a neighbour, smoltcp has just learnt that
    /// neighbour's addresses from the question.
    pub(crate) fn on_sent(&mut self, frame: &[u8], now: Time) {
        let resolved = match read_u16(frame, 12) {
            Some(ETHERTYPE_ARP) => arp_reply(frame).map(|reply| reply.target),
            Some(ETHERTYPE_IPV6) => advertisement_sent(frame),
            _ => None,
        };
        if let Some(resolved) = resolved {
            self.on_resolved(resolved, now);
        }
    }

    /// Whether smoltcp knows this address with another hardware address.
    pub(crate) fn have_moved(&self, resolved: Resolved) -> bool {
        self.iter()
            .any(|known| known.address == resolved.address && known.mac != resolved.mac)
    }

    fn iter(&self) -> impl Iterator<Item = &Neighbour> + Clone {
        self.0.iter().flatten()
    }

    fn on_resolved(&mut self, resolved: Resolved, now: Time) {
        let Resolved { address, mac } = resolved;
        let is_known = self.iter().any(|known| known.address == address);
        let entry = if is_known {
            self.0
                .iter_mut()
                .find(|entry| entry.is_some_and(|known| known.address == address))
        } else {
            // A free entry, or that of the neighbour not heard for the longest time, as in smoltcp.
            self.0
                .iter_mut()
                .min_by_key(|entry| entry.map(|known| known.heard_at))
        };
        if let Some(entry) = entry {
            *entry = Some(Neighbour {
                address,
                mac,
                heard_at: now,
            });
        }
    }
}

fn arp_reply(frame: &[u8]) -> Option<Arp> {
    Arp::parse(frame).filter(|arp| arp.operation == arp::REPLY)
}

/// Reads a neighbour advertisement (RFC 4861, 4.4) that makes smoltcp replace its entry. One that
/// does not may leave the entry as old as it was.
fn advertisement_received(frame: &[u8]) -> Option<Resolved> {
    let icmp = advertisement(frame)?;
    let source = frame.get(ETHERNET_HEADER_LEN + 8..ETHERNET_HEADER_LEN + 24)?;
    let addresses = frame.get(ETHERNET_HEADER_LEN + 8..ETHERNET_HEADER_LEN + 40)?;
    let option = icmp.get(24..32)?;
    let replaces = icmp.get(4)? & OVERRIDE != 0 && option.starts_with(&TARGET_LINK_LAYER_ADDRESS);
    if !replaces || !checksum::is_right(addresses, NEXT_HEADER_ICMPV6, icmp) {
        return None;
    }
    Some(Resolved {
        address: Address::new(source)?,
        mac: *option.last_chunk()?,
    })
}

fn advertisement_sent(frame: &[u8]) -> Option<Resolved> {
    advertisement(frame)?;
    let destination = frame.get(ETHERNET_HEADER_LEN + 24..ETHERNET_HEADER_LEN + 40)?;
    Some(Resolved {
        address: Address::new(destination)?,
        mac: *frame.first_chunk()?,
    })
}

fn advertisement(frame: &[u8]) -> Option<&[u8]> {
    let ip = frame.get(ETHERNET_HEADER_LEN..)?;
    let end = IPV6_HEADER_LEN + usize::from(read_u16(ip, 4)?);
    let icmp = ip.get(IPV6_HEADER_LEN..end)?;
    let is_advertisement =
        ip.get(6) == Some(&NEXT_HEADER_ICMPV6) && icmp.first() == Some(&NEIGHBOUR_ADVERTISEMENT);
    is_advertisement.then_some(icmp)
}
