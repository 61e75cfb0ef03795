//! A DHCP server: honest, unreliable, or surrounded by forgers.

use std::net::Ipv4Addr;

use smoltcp::wire::EthernetAddress;
use tickwire::{Duration, Tick};
use tickwire_sim::Generator;

use super::frames::{Datagram, arp_claim};
use super::mood::{Mood, Outgoing};
use super::options::{ACK, DECLINE, DISCOVER, Message, NAK, OFFER, RELEASE, REQUEST, Reply};

/// The most addresses that a server has.
const POOL: u8 = 40;
/// The hardware address of the host that has what was lent to us.
const SQUATTER: EthernetAddress = EthernetAddress([2, 0, 10, 9, 9, 9]);
/// No address that a forger lends is ever used.
const POISON: Ipv4Addr = Ipv4Addr::new(10, 6, 6, 6);

/// What is lent to the one client.
#[derive(Debug, Clone, Copy)]
struct Lent {
    address: Ipv4Addr,
    until: Tick,
    secs: u32,
}

#[derive(Debug)]
pub(super) struct LeaseServer {
    random: Generator,
    own: Ipv4Addr,
    mac: EthernetAddress,
    /// The other server, which serves names and time as well.
    other: Ipv4Addr,
    /// The last byte of the first address of its pool, and how many have been used up.
    pool: u8,
    used_up: u8,
    lent: Option<Lent>,
}

impl LeaseServer {
    pub(super) fn new(
        random: Generator,
        own: Ipv4Addr,
        mac: EthernetAddress,
        other: Ipv4Addr,
        pool: u8,
    ) -> Self {
        Self {
            random,
            own,
            mac,
            other,
            pool,
            used_up: 0,
            lent: None,
        }
    }

    /// What it, and others in its name, send after this message of the client.
    pub(super) fn answer(&mut self, now: Tick, payload: &[u8], mood: &mut Mood) -> Vec<Outgoing> {
        let Some(asked) = Message::read(payload) else {
            return Vec::new();
        };
        let mut sent = Vec::new();
        if matches!(asked.kind, DISCOVER | REQUEST) {
            for _ in 0..mood.forgeries() {
                sent.push(self.forgery(&asked, mood));
            }
        }
        let reply = match asked.kind {
            DISCOVER => Some(self.offer(now, &asked, mood)),
            REQUEST => self.grant(now, &asked, mood),
            DECLINE if asked.server == Some(self.own) => {
                mood.count("declined");
                self.use_up();
                None
            }
            RELEASE if asked.server == Some(self.own) => {
                mood.count("released");
                self.lent = None;
                None
            }
            _ => None,
        };
        let Some(reply) = reply else {
            return sent;
        };
        let is_ack = reply.kind == ACK;
        let given = reply.given;
        let to_all = reply.kind == NAK || self.random.chance(300_000);
        let frame = self.datagram(&asked, &reply, to_all).frame();
        mood.send(frame, &mut sent);
        if is_ack && mood.has_squatter() {
            self.claim(given, &mut sent);
        }
        sent
    }

    /// Another host has the address, and says so twice within a few seconds.
    fn claim(&mut self, address: Ipv4Addr, sent: &mut Vec<Outgoing>) {
        let frame = arp_claim(SQUATTER, address);
        for longest in [2_000, 8_000] {
            let delay = Duration::from_millis(self.random.below(longest));
            sent.push(Outgoing {
                delay,
                frame: frame.clone(),
            });
        }
    }

    fn use_up(&mut self) {
        self.lent = None;
        self.used_up = (self.used_up + 1) % POOL;
    }

    fn free_address(&self) -> Ipv4Addr {
        let [a, b, c, _] = self.own.octets();
        Ipv4Addr::new(a, b, c, self.pool + self.used_up)
    }

    fn offer(&mut self, now: Tick, asked: &Message, mood: &mut Mood) -> Reply {
        if mood.changes_network() {
            self.use_up();
        }
        let lent = self.lent.filter(|lent| lent.until > now);
        let given = lent.map_or(self.free_address(), |lent| lent.address);
        self.reply(asked, OFFER, given, 60)
    }

    fn grant(&mut self, now: Tick, asked: &Message, mood: &mut Mood) -> Option<Reply> {
        let address = asked.asked_for();
        if asked.server.is_some_and(|server| server != self.own) {
            return None;
        }
        let is_mine = (self.pool..self.pool + POOL).contains(&address.octets()[3]);
        let lent = self.lent.filter(|lent| lent.address == address);
        let is_new = asked.server.is_some();
        // Neither of a renewal nor of the address of before does it know anything else.
        let may_have = if is_new {
            address == self.free_address() || lent.is_some()
        } else {
            lent.is_some_and(|lent| lent.until > now)
        };
        if !is_mine {
            return None;
        }
        if !may_have || mood.withdraws() {
            mood.count("refused");
            self.use_up();
            return Some(self.reply(asked, NAK, Ipv4Addr::UNSPECIFIED, 0));
        }
        let secs = match lent {
            // A lease that shrinks.
            Some(lent) if !mood.is_honest => (lent.secs / 2).max(1),
            _ => mood.lease_secs(),
        };
        self.lent = Some(Lent {
            address,
            until: now + Duration::from_secs(secs.into()),
            secs,
        });
        mood.count("granted");
        Some(self.reply(asked, ACK, address, secs))
    }

    fn reply(&mut self, asked: &Message, kind: u8, given: Ipv4Addr, secs: u32) -> Reply {
        let both = [self.own, self.other].map(|address| address.octets());
        let mut options = vec![(54, self.own.octets().to_vec())];
        if kind != NAK {
            options.push((51, secs.to_be_bytes().to_vec()));
            options.push((1, vec![255, 255, 255, 0]));
            options.push((3, both.concat()));
            options.push((6, both.concat()));
            options.push((42, both.concat()));
            options.push((15, b"net.test".to_vec()));
            // T1 and T2, which need not make sense.
            for code in [58, 59] {
                if self.random.chance(250_000) {
                    let at = self.random.below(2 * u64::from(secs) + 1) as u32;
                    options.push((code, at.to_be_bytes().to_vec()));
                }
            }
        }
        Reply {
            kind,
            xid: asked.xid,
            given,
            mac: asked.mac,
            options,
        }
    }

    fn datagram(&self, asked: &Message, reply: &Reply, to_all: bool) -> Datagram {
        let given = if reply.given.is_unspecified() {
            asked.own
        } else {
            reply.given
        };
        let is_for_all = to_all || given.is_unspecified();
        Datagram {
            mac: self.mac,
            to_mac: if is_for_all {
                EthernetAddress::BROADCAST
            } else {
                asked.mac
            },
            source: (self.own, 67),
            destination: if is_for_all {
                (Ipv4Addr::BROADCAST, 68)
            } else {
                (given, 68)
            },
            payload: reply.bytes(),
        }
    }

    /// An answer that has one thing wrong, of which the client cannot use anything.
    fn forgery(&mut self, asked: &Message, mood: &mut Mood) -> Outgoing {
        let kind = match (asked.kind, self.random.below(3)) {
            (DISCOVER, 0) => OFFER,
            (_, 1) => NAK,
            _ => ACK,
        };
        let given = if kind == NAK {
            Ipv4Addr::UNSPECIFIED
        } else {
            POISON
        };
        let mut reply = self.reply(asked, kind, given, 3_600);
        let mut ports = (67, 68);
        match self.random.below(7) {
            0 => reply.xid ^= 1 << self.random.below(32),
            1 => reply.xid = self.random.u32(),
            2 => reply.mac.0[5] ^= 0x40,
            3 => reply.options.retain(|(code, _)| *code != 54),
            4 => ports.0 = 1_067,
            5 => ports.1 = 69,
            _ => reply.options.push((61, vec![9, 9, 9])),
        }
        // By chance the number is right.
        if reply.xid == asked.xid && reply.mac == asked.mac && ports == (67, 68) {
            reply.options.retain(|(code, _)| *code != 54);
        }
        let mut datagram = self.datagram(asked, &reply, true);
        (datagram.source.1, datagram.destination.1) = ports;
        mood.forged(datagram.frame())
    }
}
