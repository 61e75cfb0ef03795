//! The laptop's side of part 5: it lends one address, and says of every name that it is its own.

use std::net::Ipv4Addr;

use smoltcp::iface::SocketHandle;
use smoltcp::wire::{IpAddress, IpEndpoint};
use tickwire::dhcp::NAME_LEN_MAX;
use tickwire::{App, Deadline, Error, Io, Step};

/// The address that it lends, for this time, and its own.
pub(super) const LENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 50);
pub(super) const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const LEASE_SECS: u32 = 3_600;
const MASK: [u8; 4] = [255, 255, 255, 0];
const DOMAIN: &[u8] = b"lan";
const _: () = assert!(DOMAIN.len() <= NAME_LEN_MAX);

/// Ports (RFC 2131 and RFC 1035).
pub(super) const DHCP_PORT: u16 = 67;
const DHCP_CLIENT_PORT: u16 = 68;
pub(super) const DNS_PORT: u16 = 53;

/// A DHCP message before its options, which begin with a number (RFC 2131, 2 and 3).
const DHCP_HEADER_LEN: usize = 236;
const DHCP_MAGIC: [u8; 4] = [99, 130, 83, 99];
/// Options, and the values of option 53 (RFC 2132).
const KIND: u8 = 53;
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;
/// A DNS message before its question (RFC 1035, 4.1.1).
const DNS_HEADER_LEN: usize = 12;

/// A DHCP server and a name server, as small as can be. They answer what the tour asks.
pub(super) struct LanServer {
    /// Of DHCP and of DNS, both bound.
    pub(super) sockets: [SocketHandle; 2],
}

impl App for LanServer {
    type Error = Error;

    fn name(&self) -> &'static str {
        "servers"
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, Error> {
        let [dhcp, dns] = self.sockets;
        if let Some(reply) = io.receive_from(dhcp, |bytes, _| dhcp_reply(bytes)) {
            let everybody = IpAddress::Ipv4(Ipv4Addr::BROADCAST);
            if let Some(reply) = reply {
                // A reply that finds no room is lost, as one on its way may be.
                let _ = io.send_to(dhcp, IpEndpoint::new(everybody, DHCP_CLIENT_PORT), &reply);
            }
            return Ok(Step::Again);
        }
        let heard = io.receive_from(dns, |bytes, from| (dns_reply(bytes), from.endpoint));
        let Some((reply, from)) = heard else {
            return Ok(Step::Wait);
        };
        if let Some(reply) = reply {
            let _ = io.send_to(dns, from, &reply);
        }
        Ok(Step::Again)
    }

    fn deadline(&self) -> Option<Deadline> {
        None
    }

    fn sockets(&self) -> &[SocketHandle] {
        &self.sockets
    }
}

/// The OFFER to a DISCOVER, and the ACK to a REQUEST.
fn dhcp_reply(request: &[u8]) -> Option<Vec<u8>> {
    let (header, rest) = request.split_at_checked(DHCP_HEADER_LEN)?;
    let kind = match option(rest.strip_prefix(&DHCP_MAGIC)?, KIND)? {
        [DISCOVER] => OFFER,
        [REQUEST] => ACK,
        _ => return None,
    };
    // Who asks, with which number, on which medium; then the address.
    let mut reply = header.to_vec();
    *reply.first_mut()? = 2;
    reply.get_mut(16..20)?.copy_from_slice(&LENT.octets());
    reply.extend(DHCP_MAGIC);
    for (code, value) in [
        (KIND, &[kind][..]),
        (54, &OWN.octets()),
        (51, &LEASE_SECS.to_be_bytes()),
        (1, &MASK),
        (6, &OWN.octets()),
        (15, DOMAIN),
    ] {
        // At most 4 bytes.
        reply.extend([code, value.len() as u8]);
        reply.extend(value);
    }
    reply.push(255);
    Some(reply)
}

/// The value of an option.
fn option(mut options: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        match options {
            [0, rest @ ..] => options = rest,
            [code, len, rest @ ..] => {
                let (value, rest) = rest.split_at_checked(usize::from(*len))?;
                if *code == wanted {
                    return Some(value);
                }
                options = rest;
            }
            _ => return None,
        }
    }
}

/// An answer that says so.
fn dns_reply(query: &[u8]) -> Option<Vec<u8>> {
    let (header, question) = query.split_at_checked(DNS_HEADER_LEN)?;
    let id = header.get(..2)?;
    // A response without an error; one question, one answer.
    let counts = [0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    // The name of the question, A, IN, a minute, an address.
    let record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4];
    Some([id, &counts, question, &record, &OWN.octets()].concat())
}
