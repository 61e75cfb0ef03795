//! Offers that the receiver refuses, and what it makes of those that lie.

use tickwire::Error;
use tickwire::file::ReceiveOptions;
use tickwire_sim::Act;
use tickwire_sim::ethernet::Link;

use crate::book::Book;
use crate::receiver::Bench;
use crate::shelf::Call;
use crate::words::{answer, bytes, receipt};
use crate::world::LINK;

#[test]
fn a_file_over_the_limit_or_the_space_is_refused_before_the_first_write() {
    let (book, small) = (Book::new(1_001), Book::new(1_000));
    for limit_is_ours in [true, false] {
        let mut options = ReceiveOptions::default();
        if limit_is_ours {
            options.bytes_max = 1_000;
        }
        let mut bench = Bench::with(options);
        bench.shelf.get().capacity = Some(1_000);
        let acts = [
            Act::Send(bytes(book.offer("name"))),
            Act::Expect(answer(1, 0)),
            Act::ExpectEnd,
        ];
        assert_eq!(bench.serve(&acts), "failed TooLarge");
        assert_eq!(bench.world.finish(1, 5), Ok(()), "no RST overtakes it");
        assert_eq!(bench.world.heard(1), 16);
        // A plain sender can only be told by RST.
        let acts = [Act::Send(bytes(book.plain())), Act::ExpectEnd];
        assert_eq!(bench.serve(&acts), "failed TooLarge");
        assert_eq!(bench.world.finish(1, 5), Err(Error::Reset));
        let calls = bench.shelf.get().calls.clone();
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
    let mut bench = Bench::with(ReceiveOptions {
        bytes_max: 10,
        ..ReceiveOptions::default()
    });
    bench.world.set_links(Link {
        delay_micros: 50_000,
        ..LINK
    });
    // Against the rules, and more than the buffers hold: half of it goes while the refusal is on its way.
    let acts = [
        Act::Send(bytes(Book::new(100_000).offer("name"))),
        Act::Fill(8_000),
    ];
    bench.world.script(1, Some(0), &acts);
    bench.world.finish_talk(0, 30);
    assert_eq!(bench.world.last_told(0), "failed TooLarge");
    assert_eq!(bench.world.finish(1, 30), Ok(()), "no RST");
    assert_eq!(bench.world.heard(1), 16, "the refusal");
}

#[test]
fn a_malformed_offer_is_answered_at_its_first_wrong_field() {
    let good = Book::new(10).offer("name");
    let with = |at: usize, value: &[u8]| {
        let mut offer = good.clone();
        offer[at..at + value.len()].copy_from_slice(value);
        offer
    };
    let mut bench = Bench::new();
    for (wrong, length, how) in [
        (with(4, &[0]), 5, "OfferVersion"),
        (with(4, &[2]), 5, "OfferVersion"),
        (with(5, &[1]), 6, "OfferVersion"),
        (with(6, &[0, 0]), 8, "OfferName"),
        (with(6, &[0, 1]), 8, "OfferName"),
        (with(8, &[0, 0, 0, 0, 0, 0, 0, 0x80]), 16, "OfferLength"),
        (with(48, &[0xff]), 52, "OfferName"),
        (with(50, &[0xed, 0xa0]), 52, "OfferName"),
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
            assert_eq!(bench.world.finish(1, 5), Ok(()), "FIN, no RST");
            assert_eq!(bench.world.heard(1), 16);
        }
        let short = bench.serve(&[Act::Send(bytes(&wrong[..length - 1])), Act::Close]);
        assert_eq!(short, "failed Truncated");
    }
    assert!(bench.shelf.get().calls.is_empty());
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
        assert_eq!(bench.serve(&acts), "failed Malformed(OfferMagic)");
        assert_eq!(bench.world.heard(1), 0);
        assert_eq!(bench.world.finish(1, 5), Ok(()), "FIN, no RST");
    }
    // The longest plain file is one, although it does not come.
    let acts = [Act::Send(b"\xff\xff\xff\x7fx"), Act::Close];
    assert_eq!(bench.serve(&acts), "failed Truncated");
    assert_eq!(bench.world.told(0)[1], "offered None 2147483647");
    bench.prove_alive();
}

#[test]
fn a_digest_that_lies_is_found_and_its_bytes_are_thrown_away() {
    let book = Book::new(2_000);
    let mut wrong = book.bytes().0;
    wrong[1_999] ^= 0x80;
    let mut bench = Bench::new();
    for _ in 0..2 {
        let acts = [
            Act::Send(bytes(book.offer("name"))),
            Act::Expect(answer(0, 0)),
            Act::Send(bytes(wrong.clone())),
            Act::Expect(receipt(5, 0)),
            Act::ExpectEnd,
        ];
        assert_eq!(bench.serve(&acts), "failed DigestMismatch");
        assert_eq!(bench.world.finish(1, 5), Ok(()), "FIN, no RST");
        assert_eq!(bench.shelf.held(), None);
    }
    // An empty file has a digest too.
    let mut lie = Book::new(0).offer("name");
    lie[16] ^= 1;
    let acts = [
        Act::Send(bytes(lie)),
        Act::Expect(answer(0, 0)),
        Act::Expect(receipt(5, 0)),
    ];
    assert_eq!(bench.serve(&acts), "failed DigestMismatch");
    assert!(bench.shelf.get().files.is_empty());
    assert!(!bench.shelf.get().calls.contains(&Call::Commit));
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
        let book = Book::new(round + 1);
        let acts = [
            Act::Send(bytes([book.offer(name), book.bytes().0].concat())),
            Act::Expect(answer(0, 0)),
            Act::Expect(receipt(0, round as u64 + 1)),
        ];
        assert_eq!(bench.serve(&acts), "disconnected");
        let files = &bench.shelf.get().files;
        assert_eq!(files.len(), round + 1);
        assert_eq!(files[round].name.as_deref(), Some(name));
        let stored = format!("stored {:?} {}", Some(name), round + 1);
        assert!(bench.world.told(0).contains(&stored.as_str()));
    }
}
