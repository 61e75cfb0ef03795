//! Headers and masks.

use super::*;
use crate::websocket::{HEADER_BYTES_MAX, HeaderParser};

fn parse(role: Role, bytes: &[u8]) -> Result<Option<FrameHeader>, Violation> {
    let mut parser = HeaderParser::new(role);
    for (index, &byte) in bytes.iter().enumerate() {
        match parser.push(byte)? {
            Some(header) if index + 1 == bytes.len() => return Ok(Some(header)),
            Some(_) => panic!("complete after {} of {bytes:02x?}", index + 1),
            None => assert!(parser.is_in_header()),
        }
    }
    Ok(None)
}

#[test]
fn a_header_comes_back_at_each_boundary_of_its_length() {
    let lengths = [0, 1, 125, 126, 127, 0xFFFF, 0x1_0000, i64::MAX as u64];
    let sizes = [2, 2, 2, 4, 4, 4, 10, 10];
    for (length, size) in lengths.into_iter().zip(sizes) {
        for (role, mask) in [(Role::Client, None), (Role::Server, Some(MASK))] {
            for (is_last, opcode) in [
                (false, Opcode::Continuation),
                (true, Opcode::Text),
                (false, Opcode::Binary),
            ] {
                let header = FrameHeader {
                    is_last,
                    opcode,
                    mask,
                    length,
                };
                let bytes = header.encode();
                assert_eq!(bytes.len(), size + if mask.is_some() { 4 } else { 0 });
                assert!(bytes.len() <= HEADER_BYTES_MAX);
                assert_eq!(parse(role, &bytes), Ok(Some(header)));
            }
        }
    }
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    // RFC 6455, 5.7.
    let masked = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    let (heard, how) = hear_all(&masked, 16, Delivery::Whole);
    assert_eq!(how, None);
    assert_eq!(heard, [Heard::Part(Kind::Text, b"Hello".to_vec(), true)]);
    let mut decoder = Decoder::new(memory(16), Delivery::Whole, 16, Role::Client);
    let plain: [&[u8]; 3] = [b"\x01\x03Hel\x80\x02lo", b"\x89\x05Hello", b"\x8a\x05Hello"];
    let (heard, how) = hear(&mut decoder, plain);
    assert_eq!(how, None);
    let expected = [
        Heard::Part(Kind::Text, b"Hello".to_vec(), true),
        Heard::Ping(b"Hello".to_vec()),
        Heard::Pong(b"Hello".to_vec()),
    ];
    assert_eq!(heard, expected);
}

#[test]
fn every_first_byte_is_accepted_or_refused_at_once() {
    for first in 0..=u8::MAX {
        let expected = match (first & 0x70, first & 0x0F, first & 0x80) {
            (1.., _, _) => Err(Violation::ReservedBits),
            (0, 3..=7 | 0xB..=0xF, _) => Err(Violation::Opcode),
            (0, 8..=0xA, 0) => Err(Violation::FragmentedControl),
            _ => Ok(None),
        };
        assert_eq!(parse(Role::Client, &[first]), expected, "{first:02x}");
    }
}

#[test]
fn a_client_must_mask_and_a_server_must_not() {
    assert_eq!(parse(Role::Server, &[0x81, 0x05]), Err(Violation::Unmasked));
    assert_eq!(parse(Role::Client, &[0x81, 0x85]), Err(Violation::Masked));
}

#[test]
fn a_control_frame_has_at_most_125_bytes() {
    for opcode in 0x88..=0x8A {
        assert_eq!(parse(Role::Server, &[opcode, 0xFD]), Ok(None));
        for length in [0xFE, 0xFF] {
            let refused = parse(Role::Server, &[opcode, length]);
            assert_eq!(refused, Err(Violation::LongControl));
        }
    }
}

#[test]
fn a_length_that_is_not_in_its_shortest_form_is_refused() {
    let long = |length: u64| [&[0x82, 0x7F][..], &length.to_be_bytes()].concat();
    for (bytes, is_refused) in [
        (std::vec![0x82, 0x7E, 0, 125], true),
        (std::vec![0x82, 0x7E, 0, 126], false),
        (long(0), true),
        (long(0xFFFF), true),
        (long(0x1_0000), false),
        (long(1 << 63), true),
        (long((1 << 63) - 1), false),
    ] {
        let parsed = parse(Role::Client, &bytes);
        assert_eq!(parsed == Err(Violation::Length), is_refused, "{bytes:02x?}");
    }
}

#[test]
fn a_mask_is_its_own_inverse_wherever_the_payload_is_cut() {
    let payload: Vec<u8> = (0..40).collect();
    let expected: Vec<u8> = payload
        .iter()
        .zip(MASK.0.iter().cycle())
        .map(|(byte, key)| byte ^ key)
        .collect();
    for cut in 0..=payload.len() {
        let mut bytes = payload.clone();
        let (head, tail) = bytes.split_at_mut(cut);
        MASK.apply(0, head);
        MASK.apply(cut as u64, tail);
        assert_eq!(bytes, expected, "cut at {cut}");
        MASK.apply(0, &mut bytes);
        assert_eq!(bytes, payload);
    }
}
