//! A name server: what it knows, how it fails, and what is forged in its name.

use std::net::Ipv4Addr;

use smoltcp::wire::EthernetAddress;
use tickwire::Tick;
use tickwire_sim::Generator;

use super::frames::{Datagram, flip, put};
use super::mood::{Mood, Outgoing};

const A: u16 = 1;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const NAME_ERROR: u8 = 3;
const HEADER_BYTES: usize = 12;
/// Where a pointer to the name of the question points.
const QUESTION: [u8; 2] = [0xc0, HEADER_BYTES as u8];
/// No address that a forger tells is ever found.
pub(super) const POISON: Ipv4Addr = Ipv4Addr::new(10, 6, 6, 7);
/// The network of the hosts whose addresses change; the last byte is a version.
pub(super) const HOSTS: [u8; 3] = [203, 0, 113];
/// For how long an address is true.
const VERSION_MILLIS: u64 = 10_000;
/// The longest life of a record.
pub(super) const TTL_SECS_MAX: u32 = 20;
/// Aliases of the name that has more than anybody follows.
const CHAIN: u8 = 12;

/// The names that a client asks for, and what must come of it.
pub(super) const NAMES: [&str; 12] = [
    "files.net.test",
    "files",
    "host.net.test",
    "host",
    "alias.net.test",
    "bare.net.test",
    "big.net.test",
    "loop.net.test",
    "chain.net.test",
    "none.net.test",
    "empty.net.test",
    "odd.net.test",
];

/// A question in its message.
#[derive(Debug)]
struct Question<'m> {
    bytes: &'m [u8],
    /// In lower case, with dots.
    name: String,
    kind: u16,
    class: u16,
}

impl<'m> Question<'m> {
    fn read(bytes: &'m [u8]) -> Option<Self> {
        let mut name = String::new();
        let mut at = HEADER_BYTES;
        loop {
            let length = usize::from(*bytes.get(at)?);
            let label = bytes.get(at + 1..at + 1 + length)?;
            at += 1 + length;
            if length == 0 {
                break;
            }
            if !name.is_empty() {
                name.push('.');
            }
            name += &String::from_utf8_lossy(label).to_ascii_lowercase();
        }
        let word = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
        Some(Self {
            bytes: bytes.get(..at + 4)?,
            name,
            kind: word(at)?,
            class: word(at + 2)?,
        })
    }
}

/// A message as it is written.
#[derive(Debug)]
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A response that repeats the question.
    fn to(question: &Question<'_>, code: u8) -> Self {
        let mut bytes = question.bytes.to_vec();
        let flags = [0x81, 0x80 | code, 0, 1, 0, 0, 0, 0, 0, 0];
        bytes.splice(2..HEADER_BYTES, flags);
        Self { bytes }
    }

    fn record(&mut self, section: usize, owner: &[u8], kind: u16, ttl_secs: u32, data: &[u8]) {
        self.bytes.extend(owner);
        self.bytes.extend(kind.to_be_bytes());
        self.bytes.extend([0, 1]);
        self.bytes.extend(ttl_secs.to_be_bytes());
        let length = u16::try_from(data.len()).expect("data are short");
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(data);
        // Counts are small.
        if let Some(count) = self.bytes.get_mut(section) {
            *count += 1;
        }
    }

    fn answer(&mut self, owner: &[u8], kind: u16, ttl_secs: u32, data: &[u8]) {
        self.record(7, owner, kind, ttl_secs, data);
    }

    fn no(&mut self) {
        // Two names that are the root, and five numbers.
        let mut data = vec![0, 0];
        data.extend([0, 0, 0, 5].repeat(5));
        self.record(9, &[0], SOA, 5, &data);
    }
}

fn wire(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).expect("labels are short"));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// The address of a host now.
pub(super) const fn version(now: Tick) -> Ipv4Addr {
    let [a, b, c] = HOSTS;
    // Below 250.
    let last = now.as_millis() / VERSION_MILLIS % 250;
    Ipv4Addr::new(a, b, c, last as u8 + 1)
}

/// Since when a host has not had this address any more; `None` when it never had it.
pub(super) fn untrue_since(now: Tick, address: Ipv4Addr) -> Option<Tick> {
    let octets = address.octets();
    let is_host = octets.starts_with(&HOSTS);
    let back = (0..=now.as_millis() / VERSION_MILLIS).find(|back| {
        let at = Tick::from_millis(now.as_millis() - back * VERSION_MILLIS);
        version(at) == address
    });
    let back = back.filter(|_| is_host)?;
    let begin = now.as_millis() / VERSION_MILLIS - back;
    Some(Tick::from_millis((begin + 1) * VERSION_MILLIS))
}

#[derive(Debug)]
pub(super) struct NameServer {
    random: Generator,
    pub(super) own: Ipv4Addr,
    mac: EthernetAddress,
    other: Ipv4Addr,
}

impl NameServer {
    pub(super) const fn new(
        random: Generator,
        own: Ipv4Addr,
        mac: EthernetAddress,
        other: Ipv4Addr,
    ) -> Self {
        Self {
            random,
            own,
            mac,
            other,
        }
    }

    /// The true answer, or the one of a server that fails; `None` to what is no question.
    pub(super) fn message(
        &mut self,
        now: Tick,
        asked: &[u8],
        is_tcp: bool,
        mood: &mut Mood,
    ) -> Option<Vec<u8>> {
        let question = Question::read(asked)?;
        if mood.fails() {
            mood.count("failed");
            return Some(self.failure(&question, is_tcp));
        }
        let mut name = question.name.strip_suffix(".net.test").unwrap_or("none");
        if question.kind != A || question.class != 1 {
            name = "empty";
        }
        let ttl_secs = self.random.below(u64::from(TTL_SECS_MAX) + 1) as u32;
        let code = if name == "none" { NAME_ERROR } else { 0 };
        let mut writer = Writer::to(&question, code);
        self.tell(now, name, ttl_secs, is_tcp, &mut writer);
        Some(writer.bytes)
    }

    fn tell(&self, now: Tick, name: &str, ttl_secs: u32, is_tcp: bool, writer: &mut Writer) {
        let host = wire("HOST.net.test");
        let (own, now_has) = (self.own.octets(), version(now).octets());
        match name {
            "files" => writer.answer(&QUESTION, A, ttl_secs, &own),
            "host" => writer.answer(&QUESTION, A, ttl_secs, &now_has),
            "bare" => writer.answer(&QUESTION, CNAME, ttl_secs, &host),
            "alias" => {
                // Not in the order of the chain.
                writer.answer(&host, A, ttl_secs, &now_has);
                writer.answer(&QUESTION, CNAME, TTL_SECS_MAX, &host);
            }
            "loop" => {
                let round = wire("round.net.test");
                writer.answer(&QUESTION, CNAME, ttl_secs, &round);
                writer.answer(&round, CNAME, ttl_secs, &wire("loop.net.test"));
            }
            "chain" => {
                let link = |number: u8| wire(&format!("c{number}.net.test"));
                writer.answer(&QUESTION, CNAME, ttl_secs, &link(0));
                for number in 0..CHAIN {
                    writer.answer(&link(number), CNAME, ttl_secs, &link(number + 1));
                }
                writer.answer(&link(CHAIN), A, ttl_secs, &now_has);
            }
            "odd" => {
                for address in [[0; 4], [255; 4], [224, 0, 0, 1]] {
                    writer.answer(&QUESTION, A, ttl_secs, &address);
                }
            }
            "big" if !is_tcp => set_truncated(&mut writer.bytes),
            "big" => {
                for _ in 0..30 {
                    writer.answer(&QUESTION, A, ttl_secs, &now_has);
                }
            }
            _ => writer.no(),
        }
    }

    /// What a server says that cannot or will not answer.
    fn failure(&mut self, question: &Question<'_>, is_tcp: bool) -> Vec<u8> {
        let mut bytes = Writer::to(question, 0).bytes;
        match self.random.below(5) {
            // SERVFAIL and REFUSED.
            0 => flip(&mut bytes, 3, 2),
            1 => flip(&mut bytes, 3, 5),
            2 if !is_tcp => set_truncated(&mut bytes),
            3 if !is_tcp => change_case(&mut bytes),
            _ => bytes.truncate(self.random.below(bytes.len() as u64) as usize),
        }
        bytes
    }

    /// What it, and others in its name, send after a question.
    pub(super) fn answer(&mut self, now: Tick, asked: &Datagram, mood: &mut Mood) -> Vec<Outgoing> {
        let mut sent = Vec::new();
        for _ in 0..mood.forgeries() {
            sent.extend(self.forgery(asked, mood));
        }
        if let Some(payload) = self.message(now, &asked.payload, false, mood) {
            mood.send(self.datagram(asked, payload).frame(), &mut sent);
        }
        sent
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

    /// An answer that has one thing wrong.
    fn forgery(&mut self, asked: &Datagram, mood: &mut Mood) -> Option<Outgoing> {
        let question = Question::read(&asked.payload)?;
        let mut writer = Writer::to(&question, 0);
        writer.answer(&QUESTION, A, 3_600, &POISON.octets());
        let mut bytes = writer.bytes;
        let end = question.bytes.len();
        let bit = 1_u8 << self.random.below(8);
        let mut datagram = self.datagram(asked, Vec::new());
        match self.random.below(11) {
            0 => flip(&mut bytes, self.random.below(2) as usize, bit),
            // A letter of the question, its type, its class, and the number of questions.
            1 => flip(&mut bytes, HEADER_BYTES + 1, 1),
            2 => flip(&mut bytes, end - 3, bit),
            3 => flip(&mut bytes, end - 1, bit),
            4 => flip(&mut bytes, 5, bit),
            // No response.
            5 => flip(&mut bytes, 2, 0x80),
            6 => change_case(&mut bytes),
            7 => datagram.source.0 = self.other,
            8 => datagram.source.1 = 5_353,
            9 => datagram.destination.1 ^= 1,
            // Somebody who has not seen the question guesses.
            _ => {
                put(
                    &mut bytes,
                    0,
                    &(self.random.below(1 << 16) as u16).to_be_bytes(),
                );
                bytes.make_ascii_lowercase();
                datagram.destination.1 = self.random.between(49_152, 65_535) as u16;
            }
        }
        datagram.payload = bytes;
        Some(mood.forged(datagram.frame()))
    }
}

fn set_truncated(bytes: &mut [u8]) {
    flip(bytes, 2, 2);
}

/// Another case of the first letter.
fn change_case(bytes: &mut [u8]) {
    flip(bytes, HEADER_BYTES + 1, 0x20);
}
