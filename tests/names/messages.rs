//! Names and messages as bytes.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use tickwire::dns::{
    Answer, Echo, Malformed, Message, Name, NameError, QUERY_BYTES_MAX, RecordType, write_query,
};

use crate::reply::{self, A, AAAA, CNAME, NXDOMAIN, REFUSED, Reply, SERVFAIL};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn query(text: &str, kind: RecordType) -> Vec<u8> {
    let mut buffer = [0; QUERY_BYTES_MAX];
    let length = write_query(&mut buffer, 0x1234, &name(text), kind);
    buffer[..length].to_vec()
}

fn read(reply: &Reply, text: &str) -> Result<Answer, Malformed> {
    Answer::read(&Message::new(&reply.bytes)?, &name(text), RecordType::A, 0)
}

fn found(ttl_secs: u32) -> Result<Answer, Malformed> {
    Ok(Answer::Addresses {
        addresses: [HOST].into_iter().collect(),
        ttl_secs,
    })
}

#[test]
fn names_have_limits() {
    let label = "a".repeat(63);
    let longest = [&label[..], &label, &label, &label[..61]].join(".");
    assert_eq!(longest.len(), 253);
    assert_eq!(name(&longest).to_string(), longest);
    assert_eq!(name(&format!("{longest}.")).as_bytes().len(), 255);
    let wrong = [
        ("", NameError::EmptyLabel),
        (".", NameError::EmptyLabel),
        ("a..b", NameError::EmptyLabel),
        (".a", NameError::EmptyLabel),
        (&format!("{label}a.b"), NameError::LabelTooLong),
        (&format!("{longest}a"), NameError::TooLong),
        ("a b", NameError::BadByte),
        ("h\u{f6}st", NameError::BadByte),
        ("10.0.0.256", NameError::Number),
        ("a.0x7f", NameError::Number),
    ];
    for (text, error) in wrong {
        assert_eq!(Name::parse(text), Err(error), "{text}");
    }
}

#[test]
fn names_are_equal_in_any_case_and_only_then() {
    assert_eq!(name("WWW.Example.com"), name("www.eXample.COM."));
    for other in ["www.example.co", "ww.wexample.com", "www-example.com"] {
        assert_ne!(name("www.example.com"), name(other));
    }
    assert!(name("printer.LOCAL").ends_with("local"));
    assert!(!name("printer.notlocal").ends_with("local"));
}

#[test]
fn a_name_goes_after_another_as_long_as_there_is_room() {
    let joined = name("www").with_suffix(&name("example.com"));
    assert_eq!(joined, Some(name("www.example.com")));
    let long = [&"a".repeat(63)[..]; 3].join(".");
    assert_eq!(name(&long).with_suffix(&name(&long)), None);
}

#[test]
fn what_a_terminal_could_obey_is_escaped() {
    let reply = Reply::to(&query("a.b", RecordType::A)).cname("a.b", 9, "x\u{1b}[2J.y z");
    let Ok(Answer::Alias { name, .. }) = read(&reply, "a.b") else {
        panic!("no alias");
    };
    assert_eq!(name.to_string(), "x\\027[2J.y\\032z");
}

#[test]
fn a_query_is_what_rfc_1035_says() {
    let expected = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x1c\0\x01";
    assert_eq!(query("www.example.com", RecordType::Aaaa), expected);
    for length in 0..expected.len() {
        let mut buffer = vec![0; length];
        let written = write_query(&mut buffer, 1, &name("www.example.com"), RecordType::A);
        assert_eq!(written, 0, "{length}");
    }
}

#[test]
fn a_response_must_repeat_the_question() {
    let asked = query("www.example.com", RecordType::A);
    let echo = |bytes: &[u8]| {
        let message = Message::new(bytes).unwrap();
        message.echo(&name("www.example.com"), RecordType::A)
    };
    let reply = Reply::to(&asked).bytes;
    assert_eq!(echo(&reply), Echo::Whole);
    let changed = |at: usize, byte: u8| {
        let mut bytes = reply.clone();
        bytes[at] = byte;
        bytes
    };
    assert_eq!(echo(&changed(13, b'W')), Echo::CaseChanged);
    // A query, another kind of query, two questions or none, another name, type and class.
    let last = reply.len() - 1;
    for (at, byte) in [
        (2, 1),
        (2, 0x89),
        (5, 2),
        (5, 0),
        (13, b'x'),
        (last - 2, 28),
        (last, 3),
    ] {
        assert_eq!(echo(&changed(at, byte)), Echo::Other, "{at} {byte}");
    }
    assert_eq!(echo(&reply[..last]), Echo::Other);
    // A length that is a letter in another case would make other labels of the same bytes.
    assert_eq!(echo(&changed(12, 3 ^ 0x20)), Echo::Other);
}

#[test]
fn every_cut_message_is_malformed() {
    let reply = Reply::to(&query("www.example.com", RecordType::A))
        .cname("www.example.com", 300, "host.example.com")
        .a("host.example.com", 60, [192, 0, 2, 1])
        .soa("example.com", 5, 5);
    assert_eq!(read(&reply, "www.example.com"), found(60));
    for length in 0..reply.bytes.len() {
        let cut = Reply {
            bytes: reply.bytes[..length].to_vec(),
        };
        assert_eq!(
            read(&cut, "www.example.com"),
            Err(Malformed::Short),
            "{length}"
        );
    }
}

#[test]
fn a_pointer_points_back_or_the_message_is_malformed() {
    let reply = Reply::to(&query("www.example.com", RecordType::A));
    let with_owner = |owner: &[u8]| {
        let mut bytes = reply.bytes.clone();
        bytes[7] = 1;
        bytes.extend(owner);
        bytes.extend(b"\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01");
        read(&Reply { bytes }, "www.example.com")
    };
    assert_eq!(with_owner(b"\xc0\x0c"), found(60));
    assert_eq!(with_owner(b"\x03WWW\xc0\x10"), found(60));
    // At itself, forward, beyond the message, two that point at each other.
    let at = u8::try_from(reply.bytes.len()).unwrap();
    assert_eq!(with_owner(&[0xc0, at]), Err(Malformed::Pointer));
    assert_eq!(with_owner(&[0xc0, at + 2]), Err(Malformed::Pointer));
    assert_eq!(with_owner(b"\xff\xff"), Err(Malformed::Pointer));
    assert_eq!(with_owner(&[1, b'a', 0xc0, at]), Err(Malformed::Pointer));
    for unused in [0x40, 0x80] {
        assert_eq!(with_owner(&[unused, 0]), Err(Malformed::LabelType));
    }
    // 4 labels of 63 bytes are a byte too many.
    let long = [&[63; 64][..]; 4].concat();
    assert_eq!(
        with_owner(&[&long[..], &[0]].concat()),
        Err(Malformed::NameTooLong)
    );
}

#[test]
fn aliases_are_followed_in_any_order() {
    let asked = query("a.x", RecordType::A);
    let records: [(&str, u16, u32, Vec<u8>); 4] = [
        ("a.x", CNAME, 300, reply::wire("b.x")),
        ("b.x", CNAME, 200, reply::wire("c.x")),
        ("c.x", A, 100, vec![192, 0, 2, 1]),
        ("stranger.x", A, 1, vec![192, 0, 2, 66]),
    ];
    for first in 0..4 {
        for step in [1, 3] {
            let order = (0..4).map(|index| &records[(first + index * step) % 4]);
            let reply = order.fold(Reply::to(&asked), |reply, (name, kind, ttl_secs, data)| {
                reply.answer(name, *kind, *ttl_secs, data)
            });
            assert_eq!(read(&reply, "A.X"), found(100), "{first} {step}");
        }
    }
}

#[test]
fn eight_aliases_are_followed_and_no_more() {
    let asked = query("0.x0", RecordType::A);
    let chain = |count: u8| {
        let chain = (0..count).fold(Reply::to(&asked), |reply, index| {
            reply.cname(&format!("{index}.x0"), 60, &format!("{}.x0", index + 1))
        });
        chain.a(&format!("{count}.x0"), 60, [192, 0, 2, 1])
    };
    assert_eq!(read(&chain(8), "0.x0"), found(60));
    assert_eq!(read(&chain(9), "0.x0"), Ok(Answer::TooManyAliases));
    let circle = Reply::to(&asked).cname("0.x0", 60, "0.x0");
    assert_eq!(read(&circle, "0.x0"), Ok(Answer::TooManyAliases));
}

#[test]
fn an_alias_without_an_address_has_to_be_asked_for() {
    let asked = query("a.x", RecordType::A);
    let bare = Reply::to(&asked)
        .cname("a.x", 60, "b.x")
        .cname("b.x", 30, "c.x");
    let alias = |count| {
        Ok(Answer::Alias {
            name: name("c.x"),
            count,
            ttl_secs: 30,
        })
    };
    assert_eq!(read(&bare, "a.x"), alias(2));
    let message = Message::new(&bare.bytes).unwrap();
    assert_eq!(
        Answer::read(&message, &name("a.x"), RecordType::A, 3),
        alias(5)
    );
    // Its server may know better.
    let known = bare.clone().soa("x", 20, 10);
    let none = Ok(Answer::NoAddress { ttl_secs: Some(10) });
    assert_eq!(read(&known, "a.x"), none);
    let gone = bare.code(NXDOMAIN);
    assert_eq!(
        read(&gone, "a.x"),
        Ok(Answer::NoSuchName { ttl_secs: None })
    );
}

#[test]
fn no_holds_for_the_shorter_of_two_times() {
    let reply = || Reply::to(&query("a.x", RecordType::A));
    let none = |ttl_secs| Ok(Answer::NoAddress { ttl_secs });
    let no_name = |ttl_secs| Ok(Answer::NoSuchName { ttl_secs });
    assert_eq!(read(&reply().soa("x", 20, 300), "a.x"), none(Some(20)));
    assert_eq!(read(&reply().soa("x", 300, 20), "a.x"), none(Some(20)));
    assert_eq!(read(&reply(), "a.x"), none(None));
    let gone = reply().code(NXDOMAIN);
    assert_eq!(read(&gone.clone().soa("x", 9, 8), "a.x"), no_name(Some(8)));
    assert_eq!(read(&gone, "a.x"), no_name(None));
}

#[test]
fn a_server_that_does_not_search_has_no_answer() {
    let reply = || Reply::to(&query("a.x", RecordType::A));
    for code in [1, SERVFAIL, 4] {
        assert_eq!(read(&reply().code(code), "a.x"), Ok(Answer::ServerFailed));
    }
    assert_eq!(read(&reply().code(REFUSED), "a.x"), Ok(Answer::Refused));
    let referral = reply().ns("x", "ns.x");
    assert_eq!(read(&referral, "a.x"), Ok(Answer::ServerFailed));
    let truncated = reply().a("a.x", 60, [192, 0, 2, 1]).truncated();
    assert_eq!(read(&truncated, "a.x"), Ok(Answer::Truncated));
}

#[test]
fn what_no_host_can_have_is_no_address() {
    let reply = || Reply::to(&query("a.x", RecordType::A));
    for address in [[0; 4], [255; 4], [224, 0, 0, 1]] {
        let only = reply().a("a.x", 60, address);
        assert_eq!(
            read(&only, "a.x"),
            Ok(Answer::NoAddress { ttl_secs: Some(60) })
        );
        assert_eq!(read(&only.a("a.x", 90, [192, 0, 2, 1]), "a.x"), found(60));
    }
    let v6 = |address: [u8; 16]| {
        let reply = Reply::to(&query("a.x", RecordType::Aaaa)).answer("a.x", AAAA, 60, &address);
        let message = Message::new(&reply.bytes).unwrap();
        Answer::read(&message, &name("a.x"), RecordType::Aaaa, 0)
    };
    let mut mapped = [0; 16];
    mapped[10..].copy_from_slice(&[255, 255, 192, 0, 2, 1]);
    for address in [[0; 16], [0xff; 16], mapped] {
        assert_eq!(v6(address), Ok(Answer::NoAddress { ttl_secs: Some(60) }));
    }
}

#[test]
fn records_of_another_class_or_name_are_left_out() {
    let mut reply = Reply::to(&query("a.x", RecordType::A)).a("a.x", 60, [192, 0, 2, 66]);
    let class_at = reply.bytes.len() - 11;
    reply.bytes[class_at] = 3;
    let reply = reply
        .a("b.x", 60, [192, 0, 2, 66])
        .a("a.x", 7, [192, 0, 2, 1]);
    assert_eq!(read(&reply, "a.x"), found(7));
}

#[test]
fn an_address_has_its_length() {
    for length in [0, 3, 5, 16] {
        let reply = Reply::to(&query("a.x", RecordType::A)).answer("a.x", A, 1, &vec![1; length]);
        assert_eq!(read(&reply, "a.x"), Err(Malformed::RecordLength));
    }
    // A name that ends before or after its record does.
    let long = [reply::wire("b.x"), vec![0]].concat();
    let reply = Reply::to(&query("a.x", RecordType::A)).answer("a.x", CNAME, 1, &long);
    assert_eq!(read(&reply, "a.x"), Err(Malformed::RecordLength));
}

#[test]
fn a_life_with_the_highest_bit_is_none() {
    let reply = Reply::to(&query("a.x", RecordType::A)).a("a.x", 1 << 31, [192, 0, 2, 1]);
    assert_eq!(read(&reply, "a.x"), found(0));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        has_header in any::<bool>(),
    ) {
        let mut bytes = bytes;
        if has_header && bytes.len() >= 12 {
            bytes[..12].copy_from_slice(&[0, 1, 0x81, 0x80, 0, 1, 0, 4, 0, 4, 0, 4]);
        }
        let _ = read(&Reply { bytes }, "www.example.com");
    }

    #[test]
    fn a_changed_byte_never_makes_it_panic(at in 0usize..200, byte in any::<u8>()) {
        let mut reply = Reply::to(&query("www.example.com", RecordType::A))
            .cname("www.example.com", 300, "host.example.com")
            .a("host.example.com", 60, [192, 0, 2, 1])
            .soa("example.com", 5, 5);
        let at = at % reply.bytes.len();
        reply.bytes[at] = byte;
        let _ = read(&reply, "www.example.com");
    }
}
