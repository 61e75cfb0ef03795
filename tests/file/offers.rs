//! Offers that the receiver refuses, and what it makes of those that lie.

use tickwire::Error;
use tickwire::file::ReceiverOptions;
use tickwire_sim::Act;
use tickwire_sim::ethernet::Link;

use crate::common::faulty_store::Call;
use crate::common::fixture::secs;
use crate::common::mem_source::MemSource;
use crate::messages::{answer, bytes, receipt};
use crate::receiver::Bench;
use crate::world::LINK;

#[test]
fn a_file_over_the_limit_or_the_space_is_refused_before_the_first_write() {
    let (source, small) = (MemSource::new(1_001), MemSource::new(1_000));
    for limit_is_ours in [true, false] {
        let mut options = ReceiverOptions::default();
        if limit_is_ours {
            options.bytes_max = 1_000;
        }
        let mut bench = Bench::with(options);
        bench.store.get().capacity = Some(1_000);
        let acts = [
            Act::Send(bytes(source.offer("name"))),
            Act::Expect(answer(1, 0)),
            Act::ExpectEnd,
        ];
        assert_eq!(bench.serve(&acts), "failed TooLarge");
        assert_eq!(
            bench.world.finish(1, secs(5)),
            Ok(()),
            "no RST overtakes it"
        );
        assert_eq!(bench.world.heard(1), 16);
        // A plain sender can only be told by RST.
        let acts = [Act::Send(bytes(source.plain())), Act::ExpectEnd];
        assert_eq!(bench.serve(&acts), "failed TooLarge");
        assert_eq!(bench.world.finish(1, secs(5)), Err(Error::Reset.into()));
        let calls = bench.store.get().calls.clone();
        let begins = if limit_is_ours { 0 } else { 2 };
        assert_eq!(calls, vec![Call::Begin; begins]);
        assert_eq!(
            bench.serve(&[Act::Send(bytes(small.plain()))]),
            "disconnected"
        );
    }
}

#[test]
fn a_refusal_reaches_a_sender_that_goes_on_sending() {
    let mut bench = Bench::with(ReceiverOptions {
        bytes_max: 10,
        ..ReceiverOptions::default()
    });
    bench.world.set_links(Link {
        delay_micros: 50_000,
        ..LINK
    });
    // Against the rules, and more than the buffers hold: half of it goes while the refusal is on
    // its way.
    let acts = [
        Act::Send(bytes(MemSource::new(100_000).offer("name"))),
        Act::Fill(8_000),
    ];
    bench.world.script(1, Some(0), &acts);
    bench.world.finish_talk(0, secs(30));
    assert_eq!(bench.world.last_told(0), "failed TooLarge");
    assert_eq!(bench.world.finish(1, secs(30)), Ok(()), "no RST");
    assert_eq!(bench.world.heard(1), 16, "the refusal");
}

#[test]
fn a_malformed_offer_is_answered_at_its_first_wrong_field() {
    let good = MemSource::new(10).offer("name");
    let with = |at: usize, value: &[u8]| {
        let mut offer = good.clone();
        offer[at..at + value.len()].copy_from_slice(value);
        offer
    };
    let mut bench = Bench::new();
    for (wrong, length, how) in [
        (with(4, &[0]), 5, "Version"),
        (with(4, &[2]), 5, "Version"),
        (with(5, &[1]), 6, "Version"),
        (with(6, &[0, 0]), 8, "Name"),
        (with(6, &[0, 1]), 8, "Name"),
        (with(8, &[0, 0, 0, 0, 0, 0, 0, 0x80]), 16, "Length"),
        (with(48, &[0xff]), 52, "Name"),
        (with(50, &[0xed, 0xa0]), 52, "Name"),
    ] {
        let expected = format!("failed Malformed({how})");
        // Whether the rest of the offer follows or not.
        for length in [length, wrong.len()] {
            let acts = [
                Act::Send(bytes(&wrong[..length])),
                Act::Expect(answer(2, 0)),
                Act::ExpectEnd,
            ];
            assert_eq!(bench.serve(&acts), expected);
            assert_eq!(bench.world.finish(1, secs(5)), Ok(()), "FIN, no RST");
            assert_eq!(bench.world.heard(1), 16);
        }
        let short = bench.serve(&[Act::Send(bytes(&wrong[..length - 1])), Act::Close]);
        assert_eq!(short, "failed Truncated");
    }
    assert!(bench.store.get().calls.is_empty());
    bench.prove_alive();
}

#[test]
fn a_first_word_of_neither_form_gets_an_end_without_a_word() {
    let mut bench = Bench::new();
    for word in [
        [0, 0, 0, 0x80],
        *b"TWA\x81",
        [0xff; 4],
        [0x54, 0x57, 0x46, 0x80],
    ] {
        let acts = [Act::Send(bytes(word)), Act::Fill(500), Act::ExpectEnd];
        assert_eq!(bench.serve(&acts), "failed Malformed(Magic)");
        assert_eq!(bench.world.heard(1), 0);
        assert_eq!(bench.world.finish(1, secs(5)), Ok(()), "FIN, no RST");
    }
    // The longest plain file is one, although it does not come.
    let acts = [Act::Send(b"\xff\xff\xff\x7fx"), Act::Close];
    assert_eq!(bench.serve(&acts), "failed Truncated");
    assert_eq!(bench.world.told(0)[1], "offered None 2147483647");
    bench.prove_alive();
}

#[test]
fn a_digest_that_lies_is_found_and_its_bytes_are_thrown_away() {
    let source = MemSource::new(2_000);
    let mut wrong = source.bytes().0;
    wrong[1_999] ^= 0x80;
    let mut bench = Bench::new();
    for _ in 0..2 {
        let acts = [
            Act::Send(bytes(source.offer("name"))),
            Act::Expect(answer(0, 0)),
            Act::Send(bytes(wrong.clone())),
            Act::Expect(receipt(5, 0)),
            Act::ExpectEnd,
        ];
        assert_eq!(bench.serve(&acts), "failed DigestMismatch");
        assert_eq!(bench.world.finish(1, secs(5)), Ok(()), "FIN, no RST");
        assert_eq!(bench.store.held(), None);
    }
    // An empty file has a digest too.
    let mut lie = MemSource::new(0).offer("name");
    lie[16] ^= 1;
    let acts = [
        Act::Send(bytes(lie)),
        Act::Expect(answer(0, 0)),
        Act::Expect(receipt(5, 0)),
    ];
    assert_eq!(bench.serve(&acts), "failed DigestMismatch");
    assert!(bench.store.get().files.is_empty());
    assert!(!bench.store.get().calls.contains(&Call::Commit));
}

#[test]
fn names_reach_the_store_as_they_came() {
    let long = "é".repeat(127) + "x";
    let mut bench = Bench::new();
    for (round, name) in [
        "../../etc/passwd",
        "/etc/passwd",
        "C:\\windows\\system32",
        "..",
        "\u{1b}[2J\r\n\0\u{7f}\u{9b}",
        "한국어.txt",
        ".part",
        " ",
        &long,
    ]
    .into_iter()
    .enumerate()
    {
        let source = MemSource::new(round + 1);
        let acts = [
            Act::Send(bytes([source.offer(name), source.bytes().0].concat())),
            Act::Expect(answer(0, 0)),
            Act::Expect(receipt(0, round as u64 + 1)),
        ];
        assert_eq!(bench.serve(&acts), "disconnected");
        let files = &bench.store.get().files;
        assert_eq!(files.len(), round + 1);
        assert_eq!(files[round].name.as_deref(), Some(name));
        let stored = format!("stored {:?} {}", Some(name), round + 1);
        assert!(bench.world.has_told(0, &stored));
    }
}
