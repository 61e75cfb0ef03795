//! Messages as scapy encodes them: `encodings.txt`, which `encodings.py` makes.

use std::net::Ipv4Addr;
use std::vec::Vec;

use super::std;
use crate::dhcp::{Lease, Message, REQUEST_LEN, ReplyKind, Request, RequestKind};

/// The message of this name.
fn encoding(name: &str) -> Vec<u8> {
    let mut lines = include_str!("encodings.txt").lines();
    let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let digits = found.unwrap().as_bytes().chunks(2);
    let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16);
    digits.map(|digits| byte(digits).unwrap()).collect()
}

#[test]
fn a_lease_is_read_as_scapy_writes_it() {
    let bytes = encoding("ack");
    let lease = Lease::read(&Message::parse(&bytes).unwrap()).unwrap();
    let address = |last| Ipv4Addr::new(10, 0, 0, last);
    let ours = (lease.address.address(), lease.address.prefix_len());
    assert_eq!((ours, lease.server), ((address(9), 16), address(1)));
    assert_eq!(lease.routers[..], [address(1), address(2)]);
    assert_eq!(lease.name_servers[..], [address(3), address(4)]);
    assert_eq!(lease.time_servers[..], [address(5)]);
    assert_eq!(lease.domain, "home.lan");
    let time = lease.time.unwrap();
    let secs = [time.renewal, time.rebinding, time.expiry].map(|time| time.as_millis() / 1_000);
    assert_eq!(secs, [1_800, 3_150, 3_600]);
    let nak = encoding("nak");
    assert_eq!(Message::parse(&nak).unwrap().kind(), ReplyKind::Nak);
}

#[test]
fn what_we_say_is_what_scapy_would_say() {
    let (ours, server) = (Ipv4Addr::new(10, 0, 0, 9), Ipv4Addr::new(10, 0, 0, 1));
    let plain = Request {
        kind: RequestKind::Request,
        xid: 0x1122_3344,
        secs: 258,
        mac: [2, 0, 0, 0, 0, 1],
        address: Ipv4Addr::UNSPECIFIED,
        wanted: None,
        server: None,
        client_id: b"\x01us",
        host_name: "lamp",
        packet_bytes_max: 1_500,
    };
    let discover = Request {
        kind: RequestKind::Discover,
        ..plain
    };
    let request = Request {
        wanted: Some(ours),
        server: Some(server),
        ..plain
    };
    let renewal = Request {
        address: ours,
        ..plain
    };
    let release = Request {
        kind: RequestKind::Release,
        address: ours,
        server: Some(server),
        ..plain
    };
    for (name, message) in [
        ("discover", discover),
        ("request", request),
        ("renewal", renewal),
        ("release", release),
    ] {
        let mut bytes = [0xee; REQUEST_LEN];
        message.write(&mut bytes);
        assert_eq!(bytes[..], encoding(name), "{name}");
    }
}
