//! What we say.

use std::net::Ipv4Addr;
use std::vec::Vec;

use super::std;
use crate::dhcp::{CLIENT_ID_LEN_MAX, HOST_NAME_LEN_MAX, REQUEST_LEN, Request, RequestKind};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

fn request(kind: RequestKind) -> Request<'static> {
    Request {
        kind,
        xid: 0x1122_3344,
        secs: 0x0102,
        mac: [2, 0, 0, 0, 0, 1],
        address: Ipv4Addr::UNSPECIFIED,
        wanted: None,
        server: None,
        client_id: b"\x01us",
        host_name: "lamp",
        packet_bytes_max: 1_500,
    }
}

fn written(request: &Request<'_>) -> [u8; REQUEST_LEN] {
    // What was there before goes.
    let mut bytes = [0xee; REQUEST_LEN];
    request.write(&mut bytes);
    bytes
}

/// The options, and that nothing but padding follows them.
fn options(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut options = Vec::new();
    let mut rest = &bytes[240..];
    while rest[0] != 255 {
        let (value, after) = rest[2..].split_at(usize::from(rest[1]));
        options.push((rest[0], value.to_vec()));
        rest = after;
    }
    assert!(rest[1..].iter().all(|&byte| byte == 0));
    options
}

#[test]
fn a_discover_is_what_the_rfc_says() {
    let bytes = written(&request(RequestKind::Discover));
    let head = [1, 1, 6, 0, 0x11, 0x22, 0x33, 0x44, 1, 2, 0, 0];
    assert_eq!(bytes[..12], head);
    assert!(bytes[12..28].iter().all(|&byte| byte == 0));
    assert_eq!(bytes[28..34], [2, 0, 0, 0, 0, 1]);
    assert!(bytes[34..236].iter().all(|&byte| byte == 0));
    assert_eq!(bytes[236..240], [99, 130, 83, 99]);
    let parameters = std::vec![1, 121, 3, 6, 15, 26, 42, 58, 59, 81];
    let wanted = [
        (53, std::vec![1]),
        (61, b"\x01us".to_vec()),
        (57, std::vec![5, 220]),
        (12, b"lamp".to_vec()),
        (55, parameters),
    ];
    assert_eq!(options(&bytes), wanted);
}

#[test]
fn a_renewal_names_its_address_in_the_header_alone() {
    let mut renewal = request(RequestKind::Request);
    renewal.address = ADDRESS;
    let bytes = written(&renewal);
    assert_eq!(bytes[12..16], ADDRESS.octets());
    let codes: Vec<u8> = options(&bytes).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [53, 61, 57, 12, 55]);
}

#[test]
fn decline_and_release_ask_for_nothing() {
    for kind in [RequestKind::Decline, RequestKind::Release] {
        let mut message = request(kind);
        message.wanted = Some(ADDRESS);
        message.server = Some(SERVER);
        let bytes = written(&message);
        let wanted = [
            (53, std::vec![kind as u8]),
            (61, b"\x01us".to_vec()),
            (50, ADDRESS.octets().to_vec()),
            (54, SERVER.octets().to_vec()),
        ];
        assert_eq!(options(&bytes), wanted);
    }
}

#[test]
fn the_longest_message_fits_and_longer_texts_are_cut() {
    let long = "x".repeat(300);
    let mut message = request(RequestKind::Request);
    message.wanted = Some(ADDRESS);
    message.server = Some(SERVER);
    message.client_id = long.as_bytes();
    message.host_name = &long;
    message.packet_bytes_max = 68;
    let bytes = written(&message);
    let options = options(&bytes);
    assert_eq!(options.len(), 7);
    assert_eq!(options[1].1.len(), CLIENT_ID_LEN_MAX);
    // A host must take packets of 576 bytes, whatever it says.
    assert_eq!(options[4], (57, std::vec![2, 64]));
    assert_eq!(options[5].1.len(), HOST_NAME_LEN_MAX);
}

#[test]
fn what_is_empty_is_not_said() {
    let mut message = request(RequestKind::Discover);
    message.client_id = &[];
    message.host_name = "";
    let bytes = written(&message);
    let codes: Vec<u8> = options(&bytes).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [53, 57, 55]);
}
