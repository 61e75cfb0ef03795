//! What servers say.

use std::net::Ipv4Addr;
use std::vec::Vec;

use super::{option, reply, reply_with, std};
use crate::dhcp::{Malformed, Message, ROUTES_MAX, ReplyKind, Route, Routes};

const ACK: [u8; 3] = [53, 1, 5];

fn bytes_of(message: &Message<'_>, code: u8) -> Option<Vec<u8>> {
    let mut buffer = [0; 512];
    let len = message.option(code, &mut buffer)?;
    Some(buffer[..len].to_vec())
}

#[test]
fn the_fixed_fields_are_read_where_they_stand() {
    for (code, kind) in [
        (2, ReplyKind::Offer),
        (5, ReplyKind::Ack),
        (6, ReplyKind::Nak),
    ] {
        let bytes = reply(&[option(53, &[code]), option(54, &[192, 168, 0, 1])]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.kind(), kind);
        assert_eq!(message.xid(), 0x1122_3344);
        assert_eq!(message.address(), Ipv4Addr::new(10, 0, 0, 9));
        assert_eq!(message.mac(), [2, 0, 0, 0, 0, 1]);
        assert_eq!(message.server(), Some(Ipv4Addr::new(192, 168, 0, 1)));
    }
}

#[test]
fn what_is_no_reply_to_a_client_on_ethernet_is_refused() {
    let good = reply(&[ACK.to_vec()]);
    for (place, value) in [(0, 1), (1, 6), (2, 16), (236, 0), (239, 98)] {
        let mut bytes = good.clone();
        bytes[place] = value;
        let parsed = Message::parse(&bytes).map(|_| ());
        assert_eq!(parsed, Err(Malformed::Header), "byte {place}");
    }
    for kind in [0, 1, 3, 4, 7, 8, 13] {
        let bytes = reply(&[option(53, &[kind])]);
        assert_eq!(Message::parse(&bytes).map(|_| ()), Err(Malformed::Type));
    }
    for kind in [&[][..], &[5, 5]] {
        let bytes = reply(&[option(53, kind)]);
        assert_eq!(Message::parse(&bytes).map(|_| ()), Err(Malformed::Type));
    }
    assert_eq!(
        Message::parse(&reply(&[])).map(|_| ()),
        Err(Malformed::Type)
    );
}

#[test]
fn a_message_that_is_cut_anywhere_is_refused_or_loses_whole_options() {
    let whole = reply(&[ACK.to_vec(), option(3, &[10, 0, 0, 1]), option(15, b"lan")]);
    let borders = [240, 243, 249, 254, 255];
    for len in 0..whole.len() {
        let parsed = Message::parse(&whole[..len]).map(|_| ());
        let wanted = match len {
            0..240 => Err(Malformed::Short),
            240 => Err(Malformed::Type),
            len if borders.contains(&len) => Ok(()),
            _ => Err(Malformed::Option),
        };
        assert_eq!(parsed, wanted, "{len} bytes");
    }
}

#[test]
fn an_option_that_is_split_anywhere_is_joined() {
    let value: Vec<u8> = (1..=16).collect();
    for first in 0..=value.len() {
        for second in first..=value.len() {
            let (a, rest) = value.split_at(first);
            let (b, c) = rest.split_at(second - first);
            let padding = std::vec![0; 3];
            let bytes = reply(&[
                option(3, a),
                ACK.to_vec(),
                padding,
                option(3, b),
                option(3, c),
            ]);
            let message = Message::parse(&bytes).unwrap();
            assert_eq!(bytes_of(&message, 3).as_ref(), Some(&value));
            assert_eq!(message.routers()[3], Ipv4Addr::new(13, 14, 15, 16));
        }
    }
}

#[test]
fn an_option_may_go_on_in_the_fields_file_and_sname() {
    let value: Vec<u8> = (1..=12).collect();
    let [a, b, c] = [&value[..5], &value[5..7], &value[7..]].map(|part| option(3, part));
    for (overload, wanted) in [
        (0, &value[..5]),
        (1, &value[..7]),
        (3, &value[..]),
        (2, &[1, 2, 3, 4, 5, 8, 9, 10, 11, 12]),
    ] {
        let options = [&ACK[..], &a, &[52, 1, overload, 255]].concat();
        // `sname` may end without an end option.
        let bytes = reply_with(&options, &[&b[..], &[255, 3, 200]].concat(), &c);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(bytes_of(&message, 3).as_deref(), Some(wanted), "{overload}");
    }
}

#[test]
fn the_message_type_may_stand_in_an_overloaded_field() {
    let bytes = reply_with(&[52, 1, 1, 255], &ACK, &[]);
    assert_eq!(Message::parse(&bytes).unwrap().kind(), ReplyKind::Ack);
}

#[test]
fn overload_counts_only_among_the_options() {
    let options = [&ACK[..], &[52, 1, 1, 255]].concat();
    let file = [52, 1, 3, 255];
    let bytes = reply_with(&options, &file, &option(15, b"lan"));
    assert_eq!(Message::parse(&bytes).unwrap().domain(), "");
}

#[test]
fn an_overloaded_field_that_is_cut_makes_the_message_malformed() {
    let options = [&ACK[..], &[52, 1, 3, 255]].concat();
    let cut = |len: usize| [&std::vec![0; len - 2][..], &[15, 1]].concat();
    for (file, name) in [(cut(128), Vec::new()), (Vec::new(), cut(64))] {
        let bytes = reply_with(&options, &file, &name);
        assert_eq!(Message::parse(&bytes).map(|_| ()), Err(Malformed::Option));
    }
}

#[test]
fn numbers_of_another_length_are_not_there() {
    let bytes = reply(&[
        ACK.to_vec(),
        option(51, &[0, 0, 1]),
        option(58, &[0, 0, 0, 1, 0]),
        option(59, &[]),
        option(26, &[5]),
        option(54, &[1, 2, 3]),
        option(1, &[255, 255, 255]),
    ]);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.lease_secs(), None);
    assert_eq!(message.renewal_secs(), None);
    assert_eq!(message.rebinding_secs(), None);
    assert_eq!(message.mtu(), None);
    assert_eq!(message.server(), None);
    assert_eq!(message.prefix_len(), None);
}

#[test]
fn lists_whose_length_is_no_multiple_of_an_address_are_empty() {
    for len in [1, 2, 3, 5, 7] {
        let value = std::vec![9; len];
        let bytes = reply(&[ACK.to_vec(), option(3, &value), option(6, &[1, 2, 3, 4])]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.routers().len(), 0);
        assert_eq!(message.name_servers().len(), 1);
        assert_eq!(message.time_servers().len(), 0);
    }
}

#[test]
fn a_mask_with_holes_is_none() {
    for (mask, prefix_len) in [
        ([255, 255, 255, 0], Some(24)),
        ([255, 255, 255, 255], Some(32)),
        ([0, 0, 0, 0], Some(0)),
        ([255, 255, 254, 0], Some(23)),
        ([255, 0, 255, 0], None),
        ([0, 255, 255, 255], None),
    ] {
        let bytes = reply(&[ACK.to_vec(), option(1, &mask)]);
        assert_eq!(Message::parse(&bytes).unwrap().prefix_len(), prefix_len);
    }
}

/// The routes of an option 121 of these bytes.
fn routes(value: &[u8]) -> Option<Routes> {
    let bytes = reply(&[ACK.to_vec(), option(121, value)]);
    Message::parse(&bytes).unwrap().routes()
}

#[test]
fn routes_are_read_as_rfc_3442_writes_them() {
    for (bytes, destination, prefix_len, router) in [
        (&[0, 10, 0, 0, 1][..], [0, 0, 0, 0], 0, [10, 0, 0, 1]),
        (&[8, 10, 10, 0, 0, 1], [10, 0, 0, 0], 8, [10, 0, 0, 1]),
        (
            &[24, 10, 0, 0, 10, 0, 0, 1],
            [10, 0, 0, 0],
            24,
            [10, 0, 0, 1],
        ),
        (
            &[25, 10, 229, 0, 128, 10, 0, 0, 1],
            [10, 229, 0, 128],
            25,
            [10, 0, 0, 1],
        ),
        (
            &[32, 10, 198, 122, 47, 0, 0, 0, 0],
            [10, 198, 122, 47],
            32,
            [0, 0, 0, 0],
        ),
        // Bits that the prefix does not reach.
        (
            &[12, 172, 31, 10, 0, 0, 1],
            [172, 16, 0, 0],
            12,
            [10, 0, 0, 1],
        ),
    ] {
        let wanted = Route {
            destination: destination.into(),
            prefix_len,
            router: router.into(),
        };
        // What follows may be malformed.
        for bad in [
            &[][..],
            &[33, 1, 2, 3, 4, 5, 6, 7, 8],
            &[8],
            &[8, 10, 1, 2, 3],
        ] {
            let found = routes(&[bytes, bad].concat()).unwrap();
            assert_eq!(found[..], [wanted]);
        }
    }
    assert_eq!(routes(&[]).unwrap().len(), 0);
    let none = reply(&[ACK.to_vec()]);
    assert_eq!(Message::parse(&none).unwrap().routes(), None);
    let many = [24, 10, 0, 0, 10, 0, 0, 1].repeat(20);
    assert_eq!(routes(&many).unwrap().len(), ROUTES_MAX);
}

#[test]
fn a_whole_name_comes_as_ascii_or_in_the_format_of_dns() {
    let name = |flags: u8, name: &[u8]| {
        let value = [&[flags, 255, 255], name].concat();
        let bytes = reply(&[ACK.to_vec(), option(81, &value)]);
        Message::parse(&bytes).unwrap().fqdn()
    };
    assert_eq!(name(1, b"lamp.lan"), "lamp.lan");
    assert_eq!(name(5, b"\x04lamp\x03lan\x00"), "lamp.lan");
    assert_eq!(name(4, b"\x04lamp"), "lamp");
    assert_eq!(name(4, b""), "");
    // A compression pointer, and a label that is cut.
    assert_eq!(name(4, b"\x04lamp\xc0\x0c"), "lamp");
    assert_eq!(name(4, b"\x09lamp"), "lamp");
    // 64 bytes are kept, and one more is too much.
    let longest = [&b"\x3c"[..], &[b'x'; 60], b"\x03lan"].concat();
    assert_eq!(name(4, &longest).len(), 64);
    let longer = [&b"\x3d"[..], &[b'x'; 61], b"\x03lan"].concat();
    assert_eq!(name(4, &longer), "");
    for len in 0..3 {
        let bytes = reply(&[ACK.to_vec(), option(81, &[4, 0, 0][..len])]);
        assert_eq!(Message::parse(&bytes).unwrap().fqdn(), "");
    }
}

#[test]
fn a_domain_ends_at_the_nul_of_c() {
    let bytes = reply(&[ACK.to_vec(), option(15, b"home.lan\0\0")]);
    assert_eq!(Message::parse(&bytes).unwrap().domain(), "home.lan");
}

#[test]
fn an_identifier_that_comes_back_must_be_ours() {
    let bytes = reply(&[ACK.to_vec(), option(61, b"\x01us")]);
    let message = Message::parse(&bytes).unwrap();
    assert!(message.is_for(b"\x01us"));
    assert!(!message.is_for(b"\x01u"));
    assert!(!message.is_for(b"\x01usher"));
    let silent = reply(&[ACK.to_vec()]);
    assert!(Message::parse(&silent).unwrap().is_for(b"\x01us"));
}
