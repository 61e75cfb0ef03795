//! What servers say.

use std::string::ToString;
use std::vec::Vec;

use super::std;
use crate::sntp::{PACKET_LEN, Reply, UnixTime, Unusable, request};

const NONCE: u64 = 0x0123_4567_89ab_cdef;

/// The answer of a server that works, at 2023-11-14 22:13:20 and a quarter.
fn answer() -> Vec<u8> {
    let mut packet = std::vec![0x24, 2, 6, 0xe9];
    packet.extend(0x0000_0800_u32.to_be_bytes());
    packet.extend(0x0000_0400_u32.to_be_bytes());
    packet.extend(b"\x0a\x00\x00\x01");
    packet.extend([0; 8]);
    packet.extend(NONCE.to_be_bytes());
    let secs = 1_700_000_000_u64 + 2_208_988_800;
    packet.extend((secs << 32 | 0x4000_0000).to_be_bytes());
    packet.extend((secs << 32 | 0x8000_0000).to_be_bytes());
    packet
}

fn parse(packet: &[u8]) -> Result<Reply, Unusable> {
    Reply::parse(packet, NONCE)
}

/// The answer with these bytes at `place`.
fn with(place: usize, bytes: &[u8]) -> Result<Reply, Unusable> {
    let mut packet = answer();
    packet[place..place + bytes.len()].copy_from_slice(bytes);
    parse(&packet)
}

#[test]
fn a_question_says_who_asks_and_nothing_else() {
    let packet = request(NONCE);
    assert_eq!(packet[0], 0b00_100_011);
    assert!(packet[1..40].iter().all(|&byte| byte == 0));
    assert_eq!(packet[40..], NONCE.to_be_bytes());
}

#[test]
fn an_answer_tells_the_time() {
    let reply = parse(&answer()).unwrap();
    assert_eq!(reply.stratum, 2);
    assert_eq!(reply.received.as_micros(), 1_700_000_000_250_000);
    assert_eq!(reply.sent.as_micros(), 1_700_000_000_500_000);
    // Extensions and authentication may follow; the version before ours is as good.
    assert_eq!(parse(&[answer(), std::vec![7; 20]].concat()), Ok(reply));
    assert_eq!(with(0, &[0b00_011_100]), Ok(reply));
    // A leap second that is announced changes nothing yet.
    assert_eq!(with(0, &[0b01_100_100]), Ok(reply));
}

#[test]
fn an_answer_that_is_cut_is_none() {
    for len in 0..PACKET_LEN {
        assert_eq!(parse(&answer()[..len]), Err(Unusable::Malformed));
    }
}

#[test]
fn what_is_no_answer_of_a_server_is_malformed() {
    for mode in [0, 1, 2, 3, 5, 6, 7] {
        assert_eq!(with(0, &[0b00_100_000 | mode]), Err(Unusable::Malformed));
    }
    for version in [0, 1, 2, 5, 6, 7] {
        assert_eq!(with(0, &[version << 3 | 4]), Err(Unusable::Malformed));
    }
}

#[test]
fn only_an_answer_to_this_question_is_believed() {
    for bit in 0..64 {
        let other = (NONCE ^ 1 << bit).to_be_bytes();
        assert_eq!(with(24, &other), Err(Unusable::Stranger));
        // Not even when it refuses.
        let mut packet = answer();
        packet[1] = 0;
        packet[24..32].copy_from_slice(&other);
        assert_eq!(parse(&packet), Err(Unusable::Stranger));
    }
}

#[test]
fn a_kiss_of_death_is_told_by_its_code() {
    let mut packet = answer();
    packet[1] = 0;
    packet[12..16].copy_from_slice(b"RATE");
    let refused = parse(&packet).unwrap_err();
    assert_eq!(refused, Unusable::Kiss(*b"RATE"));
    assert_eq!(refused.to_string(), "the server refuses us: RATE");
    // Letters reach a terminal, and nothing else is a code.
    for other in [[0; 4], *b"\x1b[2J", *b"RA E"] {
        packet[12..16].copy_from_slice(&other);
        assert_eq!(parse(&packet), Err(Unusable::Unsynchronised));
    }
}

#[test]
fn a_server_that_does_not_know_the_time_is_not_believed() {
    let unsynchronised = Err(Unusable::Unsynchronised);
    assert_eq!(with(0, &[0b11_100_100]), unsynchronised);
    for stratum in [16, 17, 255] {
        assert_eq!(with(1, &[stratum]), unsynchronised);
    }
    for place in [4, 8] {
        assert_eq!(with(place, &[0, 1, 0, 0]), unsynchronised);
        assert!(with(place, &[0, 0, 0xff, 0xff]).is_ok());
        assert_eq!(with(place, &[0xff; 4]), unsynchronised);
    }
}

#[test]
fn times_that_are_missing_or_run_backwards_are_malformed() {
    for place in [32, 40] {
        assert_eq!(with(place, &[0; 8]), Err(Unusable::Malformed));
    }
    let early = (1_699_999_999_u64 + 2_208_988_800) << 32;
    assert_eq!(with(40, &early.to_be_bytes()), Err(Unusable::Malformed));
}

#[test]
fn the_second_era_follows_the_first() {
    let secs = |ntp: u64| UnixTime::from_ntp(ntp << 32).as_secs();
    assert_eq!(secs(2_208_988_800), 0);
    assert_eq!(secs(0xffff_ffff), 2_085_978_495);
    assert_eq!(secs(0), 2_085_978_496);
    assert_eq!(secs(0x7fff_ffff), 4_233_462_143);
    // Before 1970.
    assert_eq!(secs(0x8000_0000), 0);
    let almost = UnixTime::from_ntp(2_208_988_800 << 32 | 0xffff_ffff);
    assert_eq!(almost.as_micros(), 999_999);
}

/// An answer as scapy encodes it: `NTPHeader(mode=4, stratum=2, orig=3735928559.5, recv=3908988800.25,
/// sent=3908988800.5, delay=0.01, dispersion=0.02, id="10.0.0.1")`.
const SCAPY: &str = concat!(
    "240206ec0000028f0000051e0a0000010000000000000000",
    "deadbeef80000000e8fe6f8040000000e8fe6f8080000000"
);

#[test]
fn an_answer_is_read_as_scapy_writes_it() {
    let digits = SCAPY.as_bytes().chunks(2);
    let text = digits.map(|digits| std::str::from_utf8(digits).unwrap());
    let packet: Vec<u8> = text
        .map(|text| u8::from_str_radix(text, 16).unwrap())
        .collect();
    let nonce = 3_735_928_559 << 32 | 0x8000_0000;
    let reply = Reply::parse(&packet, nonce).unwrap();
    assert_eq!(reply.stratum, 2);
    assert_eq!(reply.received.as_micros(), 1_700_000_000_250_000);
    assert_eq!(reply.sent.as_micros(), 1_700_000_000_500_000);
}
