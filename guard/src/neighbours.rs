//! Which hardware addresses smoltcp certainly knows.
//!
//! smoltcp keeps its neighbour cache private, but rule R10 has to know what is in it. So this is a
//! copy of what the frames show of that cache. Where the copy knows less than smoltcp, a fast
//! retransmit is put off until the timeout, and nothing else changes. The copy knows more than
//! smoltcp in two cases: after the interface's addresses changed, which empties smoltcp's cache, and
//! nobody told the guard (`on_link_up`, `forget_address`); and after an ARP reply that smoltcp does
//! not accept for its IP addresses. Then R10 does not act for these neighbours until they are heard
//! again or 59 s have passed.

use crate::address::{Address, Mac, Resolved};
use crate::arp::{self, Arp};
use crate::bytes::read_u16;
use crate::link::ETHERTYPE_ARP;
#[cfg(feature = "ipv6")]
use crate::link::ETHERTYPE_IPV6;
#[cfg(feature = "ipv6")]
use crate::ndisc::{Kind, Message};
use crate::time::Time;

/// The length of smoltcp's cache, unless it is configured otherwise.
const NEIGHBOURS: usize = 8;
/// smoltcp forgets a neighbour 60 s after it was heard. The other second is for a loop that sends
/// later than it receives.
const LIFETIME_MICROS: i64 = 59_000_000;

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
            #[cfg(feature = "ipv6")]
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
            #[cfg(feature = "ipv6")]
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
#[cfg(feature = "ipv6")]
fn advertisement_received(frame: &[u8]) -> Option<Resolved> {
    let message = Message::parse(frame).filter(|message| message.kind == Kind::Advertisement)?;
    message.overrides.then_some(Resolved {
        address: message.source,
        mac: message.target_mac?,
    })
}

#[cfg(feature = "ipv6")]
fn advertisement_sent(frame: &[u8]) -> Option<Resolved> {
    let message = Message::parse(frame).filter(|message| message.kind == Kind::Advertisement)?;
    Some(Resolved {
        address: message.destination,
        mac: *frame.first_chunk()?,
    })
}
