//! What the sender makes of a receiver's words.

use tickwire::{Awaited, Error};
use tickwire_sim::Act;

use crate::book::Book;
use crate::sender::{OFFERED, offer, send};
use crate::words::{ENDS, End, answer, bytes, receipt};
use crate::world::World;

#[test]
fn any_status_but_fine_and_working_is_a_refusal_wherever_it_comes() {
    let (book, long) = (Book::new(1_000), Book::new(500_000));
    for status in [1, 2, 3, 4, 5, 7, 128, 255] {
        let refused = Err(Error::ReceiverRefused(status));
        let before = [Act::Send(answer(status, 0)), Act::ExpectEnd];
        assert_eq!(offer(&book, &before), refused, "before the offer was read");
        let acts = [OFFERED, Act::Send(answer(status, 9)), Act::ExpectEnd];
        assert_eq!(offer(&book, &acts), refused, "as the answer");
        let acts = [OFFERED, Act::Send(receipt(status, 0)), Act::ExpectEnd];
        assert_eq!(offer(&book, &acts), refused, "instead of the answer");
        let acts = [
            OFFERED,
            Act::Send(answer(0, 0)),
            Act::Read(1_052),
            Act::Send(receipt(status, 1_000)),
            Act::Close,
        ];
        assert_eq!(offer(&book, &acts), refused, "as the receipt");
        // It reads while it writes: most of this file never leaves.
        let acts = [
            OFFERED,
            Act::Send(answer(0, 0)),
            Act::Read(10_000),
            Act::Send(receipt(status, 0)),
            Act::Stall(1_000_000),
        ];
        let (result, world) = send(Some("name"), &long, &acts);
        assert_eq!(result, refused, "in the middle of the data");
        assert!(world.now.as_millis() < 1_000 && world.progress(0) < 100_000);
        assert_eq!(world.sent(0), None);
    }
}

#[test]
fn a_reply_that_cannot_be_is_an_error() {
    let book = Book::new(1_000);
    let good = [OFFERED, Act::Send(answer(0, 0)), Act::Read(1_052)];
    let mut cases = vec![
        vec![OFFERED, Act::Send(answer(0, 1_001))],
        vec![OFFERED, Act::Send(answer(0, u64::MAX))],
        vec![OFFERED, Act::Send(receipt(0, 1_000))],
        vec![OFFERED, Act::Send(receipt(6, 0))],
        vec![OFFERED, Act::Send(b"TWA\x80")],
        vec![OFFERED, Act::Send(b"x")],
        vec![OFFERED, Act::Send(b"HTTP/1.0 400 Bad Request\r\n")],
        vec![OFFERED, Act::Send(bytes(book.offer("name")))],
    ];
    for wrong in [
        receipt(0, 999),
        receipt(0, 0),
        receipt(0, 1_001),
        answer(0, 0),
        answer(0, 1_000),
        answer(6, 0),
        b"TWS\x81",
    ] {
        cases.push([&good[..], &[Act::Send(wrong)]].concat());
    }
    for acts in cases {
        let (result, world) = send(Some("name"), &book, &acts);
        assert_eq!(result, Err(Error::BadReceipt), "{acts:?}");
        assert_eq!(world.sent(0), None);
    }
}

#[test]
fn words_before_the_offer_was_read_can_only_refuse() {
    let book = Book::new(1_000);
    for word in [answer(0, 0), answer(6, 0), receipt(0, 1_000)] {
        let mut world = World::new(1, 2);
        // The offer does not fit, so that the answer comes before it is out.
        world.set_buffers(0, 100, 8);
        world.set_buffers(1, 8, 100);
        world.script(1, None, &[Act::Send(word), Act::Stall(5_000)]);
        world.run(10);
        world.send(0, 1, Some("name"), &book);
        assert_eq!(world.finish(0, 5), Err(Error::BadReceipt));
    }
}

#[test]
fn a_receipt_is_not_believed_before_all_bytes_were_acknowledged() {
    let book = Book::new(3_000);
    let mut world = World::new(1, 2);
    // All of the file fits into the send buffer, and little of it into the receiver's window.
    world.set_buffers(0, 100, 8_000);
    world.set_buffers(1, 200, 100);
    let acts = [
        OFFERED,
        Act::Send(bytes([answer(0, 0), receipt(0, 3_000)].concat())),
        Act::Stall(1_000),
    ];
    world.script(1, None, &acts);
    world.run(10);
    world.send(0, 1, Some("name"), &book);
    assert_eq!(world.finish(0, 60), Err(Error::BadReceipt));
}

#[test]
fn a_receiver_that_works_is_waited_for_and_one_that_is_silent_is_not() {
    let book = Book::new(1_000);
    // An answer after 150 s, a receipt after 150 s, each with a word in between.
    let pause = Act::Wait(59_000);
    let acts = [
        OFFERED,
        pause,
        Act::Send(answer(6, 0)),
        pause,
        Act::Send(answer(6, 77)),
        Act::Wait(32_000),
        Act::Send(answer(0, 0)),
        Act::Read(1_052),
        pause,
        Act::Send(receipt(6, 0)),
        pause,
        Act::Send(receipt(6, 5)),
        Act::Wait(32_000),
        Act::Send(receipt(0, 1_000)),
    ];
    let (result, world) = send(Some("name"), &book, &acts);
    assert_eq!(result, Ok(()));
    assert!(world.now.as_millis() > 300_000);

    for (acts, awaited) in [
        (vec![OFFERED], Awaited::Answer),
        (vec![OFFERED, Act::Send(answer(6, 0))], Awaited::Answer),
        (
            vec![OFFERED, Act::Send(&answer(0, 0)[..15])],
            Awaited::Answer,
        ),
        (
            vec![OFFERED, Act::Send(answer(0, 0)), Act::Read(1_052)],
            Awaited::Receipt,
        ),
        (
            vec![
                OFFERED,
                Act::Send(answer(0, 0)),
                Act::Read(1_052),
                Act::Send(receipt(6, 0)),
            ],
            Awaited::Receipt,
        ),
    ] {
        let acts = [acts, vec![Act::Wait(1_000_000)]].concat();
        let (result, world) = send(Some("name"), &book, &acts);
        assert_eq!(result, Err(Error::TimedOut(awaited)), "{acts:?}");
        let now = world.now.as_millis();
        assert!((60_000..60_200).contains(&now), "{now}");
    }
}

#[test]
fn words_that_come_together_are_all_read() {
    let book = Book::new(1_000);
    let (working, fine) = (receipt(6, 0), receipt(0, 1_000));
    let words = [answer(6, 0), answer(6, 0), answer(0, 0), working].concat();
    let acts = [
        OFFERED,
        Act::Send(bytes(words)),
        Act::Read(1_052),
        Act::Send(bytes([working, working, fine].concat())),
        Act::Close,
    ];
    let (result, world) = send(Some("name"), &book, &acts);
    assert_eq!(result, Ok(()));
    assert!(world.now.as_millis() < 100);
    // In the middle of the data too, where nothing else would wake the sender.
    let book = Book::new(50_000);
    let words = bytes([working, receipt(4, 0)].concat());
    let acts = [
        OFFERED,
        Act::Send(answer(0, 0)),
        Act::Stall(500),
        Act::Send(words),
        Act::Stall(100_000),
    ];
    let (result, world) = send(Some("name"), &book, &acts);
    assert_eq!(result, Err(Error::ReceiverRefused(4)));
    assert!(world.now.as_millis() < 1_000, "{}", world.now);
}

#[test]
fn replies_that_are_cut_or_in_drips_have_their_own_error() {
    let book = Book::new(1_000);
    let stages = [
        (vec![OFFERED], answer(0, 0), Awaited::Answer),
        (
            vec![OFFERED, Act::Send(answer(0, 0)), Act::Read(1_052)],
            receipt(0, 1_000),
            Awaited::Receipt,
        ),
    ];
    for (before, reply, awaited) in stages {
        for cut in 0..16 {
            for end in ENDS {
                let expected = match end {
                    End::Fin => Error::Truncated,
                    End::Reset => Error::Reset,
                    End::Silence => Error::TimedOut(awaited),
                };
                let last = [Act::Send(&reply[..cut]), Act::Wait(20), end.act()];
                let acts = [&before[..], &last].concat();
                assert_eq!(offer(&book, &acts), Err(expected), "{cut} {end:?}");
            }
        }
        let drip = [&before[..], &[Act::Drip(reply, 5_000)]].concat();
        let (result, world) = send(Some("name"), &book, &drip);
        assert_eq!(result, Err(Error::TimedOut(awaited)));
        assert!(world.now.as_millis() < 60_200);
    }
}

#[test]
fn a_reset_behind_the_receipt_changes_nothing() {
    let book = Book::new(1_000);
    let acts = [
        OFFERED,
        Act::Send(answer(0, 0)),
        Act::Read(1_052),
        Act::Send(receipt(0, 1_000)),
        Act::Wait(5),
        Act::Reset,
    ];
    assert_eq!(offer(&book, &acts), Ok(()));
    // Nor does a flood.
    let acts = [&acts[..4], &[Act::Fill(u64::MAX)]].concat();
    let (result, world) = send(Some("name"), &book, &acts);
    assert_eq!(result, Ok(()));
    assert!(world.now.as_millis() < 1_500);
}
