//! A time server: the true time, how it fails, and what is forged in its name.

use std::net::Ipv4Addr;

use smoltcp::wire::EthernetAddress;
use tickwire::Tick;
use tickwire::sntp::UnixTime;
use tickwire_sim::Generator;

use super::frames::{Datagram, flip, put};
use super::mood::{Mood, Outgoing};

/// From 1900 to 1970.
const UNIX_EPOCH_SECS: u64 = 2_208_988_800;
/// The time when a world begins, in seconds since 1970.
const BEGIN_SECS: u64 = 1_800_000_000;
/// By how much the time of a forger is wrong.
const POISON_SECS: u64 = 100_000_000;

/// The true time.
pub(super) const fn truth(now: Tick) -> UnixTime {
    UnixTime::from_micros(BEGIN_SECS * 1_000_000 + now.as_millis() * 1_000)
}

/// An NTP timestamp.
fn ntp(time: UnixTime) -> [u8; 8] {
    let micros = time.as_micros() % 1_000_000;
    let fraction = (micros << 32) / 1_000_000;
    (((time.as_secs() + UNIX_EPOCH_SECS) << 32) + fraction).to_be_bytes()
}

#[derive(Debug)]
pub(super) struct TimeServer {
    pub(super) random: Generator,
    pub(super) mac: EthernetAddress,
    pub(super) other: Ipv4Addr,
}

impl TimeServer {
    /// What it, and others in its name, send after a question.
    pub(super) fn answer(&mut self, now: Tick, asked: &Datagram, mood: &mut Mood) -> Vec<Outgoing> {
        let mut sent = Vec::new();
        let Some(nonce) = asked.payload.get(40..48) else {
            return sent;
        };
        for _ in 0..mood.forgeries() {
            sent.push(self.forgery(now, asked, nonce, mood));
        }
        let mut packet = packet(truth(now), nonce);
        if mood.fails() {
            mood.count("failed");
            self.fail(&mut packet, mood);
        }
        mood.send(self.datagram(asked, packet).frame(), &mut sent);
        sent
    }

    /// A server that does not know the time, or does not tell it.
    fn fail(&self, packet: &mut [u8], mood: &mut Mood) {
        match mood.below(6) {
            0 => flip(packet, 0, 0xc0),
            1 => put(packet, 1, &[16]),
            2 => put(packet, 5, &[0xff]),
            3 => {
                put(packet, 1, &[0]);
                put(packet, 12, b"RATE");
            }
            4 => {
                put(packet, 1, &[0]);
                put(packet, 12, b"DENY");
            }
            // It sent before it heard.
            _ => flip(packet, 35, 0x80),
        }
    }

    fn datagram(&self, asked: &Datagram, payload: Vec<u8>) -> Datagram {
        Datagram {
            mac: self.mac,
            to_mac: asked.mac,
            source: asked.destination,
            destination: asked.source,
            payload,
        }
    }

    /// A wrong time, in an answer that has one thing wrong.
    fn forgery(&mut self, now: Tick, asked: &Datagram, nonce: &[u8], mood: &mut Mood) -> Outgoing {
        let wrong = truth(now).as_micros() + POISON_SECS * 1_000_000;
        let mut payload = packet(UnixTime::from_micros(wrong), nonce);
        let bit = 1_u8 << self.random.below(8);
        let mut datagram = self.datagram(asked, Vec::new());
        match self.random.below(6) {
            0 => flip(&mut payload, 24 + self.random.below(8) as usize, bit),
            1 => put(&mut payload, 24, &self.random.u64().to_be_bytes()),
            // Mode and version.
            2 => flip(&mut payload, 0, 1 << self.random.below(3)),
            3 => datagram.source.0 = self.other,
            4 => datagram.source.1 ^= 1,
            _ => datagram.destination.1 ^= 1,
        }
        datagram.payload = payload;
        mood.forged(datagram.frame())
    }
}

/// An answer of stratum 2.
fn packet(time: UnixTime, nonce: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x24, 2, 6, 0xec];
    bytes.extend([0; 8]);
    bytes.extend([192, 0, 2, 9]);
    bytes.extend(ntp(time));
    bytes.extend(nonce);
    bytes.extend(ntp(time));
    bytes.extend(ntp(time));
    bytes
}
