//! Answers that nobody must believe.

use smoltcp::wire::IpEndpoint;

use crate::common::fixture::ms;
use crate::reply::{AAAA, Reply};
use crate::rig::{Question, Rig, WRONG, answer_to, right};

/// A right answer with a wrong address, but for what `change` does to its bytes.
fn lie(question: &Question, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = answer_to(&question.bytes, WRONG).bytes;
    change(&mut bytes);
    bytes
}

/// Asks, lets `tell` lie, and fails unless the true answer that comes afterwards is what counts.
fn nobody_believes(tell: impl FnOnce(&mut Rig, &Question)) {
    let mut rig = Rig::with_hosts(2, 1);
    let lookup = rig.look_up("www.example.com");
    let question = rig.question(1);
    tell(&mut rig, &question);
    assert!(rig.is_open(lookup));
    rig.answer(1, &question);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn an_answer_from_another_address() {
    nobody_believes(|rig, question| rig.send(2, question.from, &lie(question, |_| {})));
}

#[test]
fn an_answer_from_another_port() {
    for port in [54, 5353, 1_024] {
        nobody_believes(|rig, question| {
            let socket = rig.bind(1, port);
            rig.send_with(1, socket, question.from, &lie(question, |_| {}));
        });
    }
}

#[test]
fn an_answer_to_another_port() {
    nobody_believes(|rig, question| {
        let to = IpEndpoint::new(question.from.addr, question.from.port ^ 1);
        rig.send(1, to, &lie(question, |_| {}));
    });
}

#[test]
fn an_answer_with_another_id() {
    nobody_believes(|rig, question| {
        rig.send(1, question.from, &lie(question, |bytes| bytes[1] ^= 1));
    });
}

#[test]
fn an_answer_to_another_question() {
    // Another letter, another type, another class, two questions, a query.
    let type_at = 12 + "www.example.com".len() + 3;
    for (at, bits) in [
        (13, 0x0f),
        (type_at, 28),
        (type_at + 2, 2),
        (5, 3),
        (2, 0x80),
    ] {
        nobody_believes(|rig, question| {
            rig.send(1, question.from, &lie(question, |bytes| bytes[at] ^= bits));
        });
    }
}

#[test]
fn no_such_name_in_answer_to_another_question() {
    nobody_believes(|rig, question| {
        let reply = Reply::to(&question.bytes).code(3);
        let mut bytes = reply.bytes;
        bytes[13] ^= 0x0f;
        rig.send(1, question.from, &bytes);
    });
}

#[test]
fn an_answer_without_a_question() {
    nobody_believes(|rig, question| {
        let mut bytes = question.bytes[..12].to_vec();
        bytes[2..6].copy_from_slice(&[0x81, 0x80, 0, 0]);
        rig.send(1, question.from, &bytes);
        rig.send(1, question.from, b"");
    });
}

#[test]
fn the_second_of_two_answers() {
    let mut rig = Rig::new(1);
    let lookup = rig.look_up("www.example.com");
    let question = rig.question(1);
    rig.answer(1, &question);
    rig.send(1, question.from, &lie(&question, |_| {}));
    assert_eq!(rig.finish(lookup), Ok(right()));
    let again = rig.look_up("www.example.com");
    assert_eq!(rig.finish(again), Ok(right()));
}

#[test]
fn records_of_another_name_type_or_class() {
    let mut rig = Rig::new(1);
    let lookup = rig.look_up("www.example.com");
    let question = rig.question(1);
    let mut chaos = Reply::to(&question.bytes).a("www.example.com", 60, WRONG);
    let class_at = chaos.bytes.len() - 11;
    chaos.bytes[class_at] = 3;
    let reply = chaos
        .a("www.example.org", 60, WRONG)
        .answer("www.example.com", AAAA, 60, &[0x66; 16])
        .a("www.example.com", 60, [192, 0, 2, 1]);
    rig.send(1, question.from, &reply.bytes);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

/// A million, and fewer where they take long.
const GUESSES: u32 = if cfg!(debug_assertions) {
    100_000
} else {
    1_000_000
};

#[test]
fn no_guess_is_believed() {
    let mut rig = Rig::new(1);
    let mut lookup = rig.look_up("www.example.com");
    let mut question = rig.question(1);
    // The liar knows the server's address and the name, and not port, id and case.
    let plain = *b"\x03www\x07example\x03com";
    question.bytes[12..12 + plain.len()].copy_from_slice(&plain);
    let mut random = 1u64;
    let mut lookups = 1;
    for guess in 0..GUESSES {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        let port = 49_152 + (random >> 40) as u16 % 16_384;
        let id = (random >> 20) as u16;
        let bytes = lie(&question, |bytes| {
            bytes[..2].copy_from_slice(&id.to_be_bytes());
        });
        let to = IpEndpoint::new(question.from.addr, port);
        rig.queue(1, to, &bytes);
        if guess % 8 == 7 {
            rig.net.run(ms(1));
        }
        if !rig.is_open(lookup) {
            assert!(rig.finish(lookup).is_err(), "guess {guess}");
            // What was found out is kept for a second.
            rig.net.run(ms(1_100));
            lookup = rig.look_up("www.example.com");
            lookups += 1;
        }
    }
    assert!(rig.finish(lookup).is_err());
    // Ten seconds each.
    assert!(lookups >= GUESSES / 100_000, "{lookups} lookups");
}
