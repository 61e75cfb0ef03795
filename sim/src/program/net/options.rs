//! DHCP messages as the servers and the judge read them: no code is shared with the client.

use std::net::Ipv4Addr;

use smoltcp::wire::EthernetAddress;

pub(super) const DISCOVER: u8 = 1;
pub(super) const OFFER: u8 = 2;
pub(super) const REQUEST: u8 = 3;
pub(super) const DECLINE: u8 = 4;
pub(super) const ACK: u8 = 5;
pub(super) const NAK: u8 = 6;
pub(super) const RELEASE: u8 = 7;

/// Where the options begin.
const OPTIONS_AT: usize = 240;
const COOKIE: [u8; 4] = [99, 130, 83, 99];

/// A message of a client or of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) xid: u32,
    /// The client's own address (`ciaddr`).
    pub(super) own: Ipv4Addr,
    /// What a server gives (`yiaddr`).
    pub(super) given: Ipv4Addr,
    pub(super) mac: EthernetAddress,
    /// Option 50.
    pub(super) wanted: Option<Ipv4Addr>,
    /// Option 54.
    pub(super) server: Option<Ipv4Addr>,
    /// Option 51.
    pub(super) lease_secs: Option<u32>,
    /// Option 61.
    pub(super) client_id: Option<Vec<u8>>,
}

impl Message {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| bytes.get(at..at + 4)?.first_chunk::<4>().copied();
        if word(OPTIONS_AT - 4)? != COOKIE {
            return None;
        }
        let option = |code| option(bytes, code);
        let number = |code| option(code)?.first_chunk::<4>().copied();
        let mac = bytes.get(28..34)?.first_chunk::<6>().copied()?;
        Some(Self {
            kind: *option(53)?.first()?,
            xid: u32::from_be_bytes(word(4)?),
            own: word(12)?.into(),
            given: word(16)?.into(),
            mac: EthernetAddress(mac),
            wanted: number(50).map(Ipv4Addr::from),
            server: number(54).map(Ipv4Addr::from),
            lease_secs: number(51).map(u32::from_be_bytes),
            client_id: option(61).map(<[u8]>::to_vec),
        })
    }

    /// The address that a REQUEST is about.
    pub(super) fn asked_for(&self) -> Ipv4Addr {
        self.wanted.unwrap_or(self.own)
    }
}

fn option(bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    let mut rest = bytes.get(OPTIONS_AT..)?;
    loop {
        let (&code, after) = rest.split_first()?;
        match code {
            0 => rest = after,
            255 => return None,
            _ => {
                let (&length, after) = after.split_first()?;
                let (value, after) = after.split_at_checked(usize::from(length))?;
                if code == wanted {
                    return Some(value);
                }
                rest = after;
            }
        }
    }
}

/// A server's message, before it is bytes.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) kind: u8,
    pub(super) xid: u32,
    pub(super) given: Ipv4Addr,
    pub(super) mac: EthernetAddress,
    pub(super) options: Vec<(u8, Vec<u8>)>,
}

impl Reply {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![2, 1, 6, 0];
        bytes.extend(self.xid.to_be_bytes());
        bytes.extend([0; 8]);
        bytes.extend(self.given.octets());
        bytes.extend([0; 8]);
        bytes.extend(self.mac.0);
        bytes.resize(OPTIONS_AT - COOKIE.len(), 0);
        bytes.extend(COOKIE);
        bytes.extend([53, 1, self.kind]);
        for (code, value) in &self.options {
            bytes.push(*code);
            bytes.push(u8::try_from(value.len()).expect("options are short"));
            bytes.extend(value);
        }
        bytes.push(255);
        bytes
    }
}
