//! Messages as dnslib 0.9 writes them, which compresses names: a second opinion about the encoding.
//!
//! Made with `DNSRecord.question(..)`, `reply()`, `add_answer(*RR.fromZone(..))`, `pack()`.

use tickwire::dns::{Answer, Echo, Message, Name, QUERY_BYTES_MAX, RecordType, write_query};

const CHAIN: &str = "\
    12348580000100040001000103777777076578616d706c6503636f6d0000010001c00c000500010000012c00\
    110363646e076578616d706c65036e657400c02d00050001000000c8000704686f7374c031c04a0001000100\
    00003c0004c0000201c04a000100010000003d0004c0000202c0310002000100000e100005026e73c031c07d\
    0001000100000e100004c0000235";
const AAAA: &str = "\
    12348580000100010000000003777777076578616d706c6503636f6d00001c0001c00c001c00010000007800\
    1020010db8000000000000000000000001";
const NXDOMAIN: &str = "\
    123485830001000000010000046e6f6e65076578616d706c6503636f6d0000010001c0110006000100000384\
    0021026e73c0110561646d696ec0110000000100001c20000003840001518000000258";
const NODATA: &str = "\
    12348580000100000001000003777777076578616d706c6503636f6d00001c0001c010000600010000012c00\
    21026e73c0100561646d696ec0100000000100001c20000003840001518000000258";
const BARE: &str = "\
    12348580000100010000000003777777076578616d706c6503636f6d0000010001c00c000500010000012c00\
    110363646e076578616d706c65036e657400";
const QUERY: &str = "\
    12340100000100000000000003777777076578616d706c6503636f6d0000010001";

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn read(hex: &str, text: &str, kind: RecordType) -> Answer {
    let bytes = bytes(hex);
    let message = Message::new(&bytes).unwrap();
    assert_eq!(message.echo(&name(text), kind), Echo::Whole);
    Answer::read(&message, &name(text), kind, 0).unwrap()
}

#[test]
fn our_query_is_dnslib_s() {
    let mut buffer = [0; QUERY_BYTES_MAX];
    let length = write_query(&mut buffer, 0x1234, &name("www.example.com"), RecordType::A);
    assert_eq!(buffer[..length], bytes(QUERY));
}

#[test]
fn what_dnslib_compresses_is_read() {
    let found = |addresses: &[&str], ttl_secs| Answer::Addresses {
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        ttl_secs,
    };
    let chain = read(CHAIN, "www.example.com", RecordType::A);
    assert_eq!(chain, found(&["192.0.2.1", "192.0.2.2"], 60));
    let aaaa = read(AAAA, "www.example.com", RecordType::Aaaa);
    assert_eq!(aaaa, found(&["2001:db8::1"], 120));
}

#[test]
fn what_dnslib_denies_is_denied() {
    let gone = read(NXDOMAIN, "none.example.com", RecordType::A);
    assert_eq!(
        gone,
        Answer::NoSuchName {
            ttl_secs: Some(600)
        }
    );
    let none = read(NODATA, "www.example.com", RecordType::Aaaa);
    assert_eq!(
        none,
        Answer::NoAddress {
            ttl_secs: Some(300)
        }
    );
    let bare = read(BARE, "www.example.com", RecordType::A);
    let alias = Answer::Alias {
        name: name("cdn.example.net"),
        count: 1,
        ttl_secs: 300,
    };
    assert_eq!(bare, alias);
}
