//! What the sender makes of a receiver's words.

use tickwire::file::SendError;
use tickwire::{Error, TimeoutKind};
use tickwire_sim::{Act, SimError};

use crate::common::fixture::{ms, secs};
use crate::common::mem_source::MemSource;
use crate::messages::{ENDS, End, answer, bytes, receipt};
use crate::sender::{OFFERED, offer, send};
use crate::world::World;

#[test]
fn any_status_but_fine_and_working_is_a_refusal_wherever_it_comes() {
    let (source, long) = (MemSource::new(1_000), MemSource::new(500_000));
    for status in [1, 2, 3, 4, 5, 7, 128, 255] {
        let refused = Err(SendError::Refused(status).into());
        let before = [Act::Send(answer(status, 0)), Act::ExpectEnd];
        assert_eq!(
            offer(&source, &before),
            refused,
            "before the offer was read"
        );
        let acts = [OFFERED, Act::Send(answer(status, 9)), Act::ExpectEnd];
        assert_eq!(offer(&source, &acts), refused, "as the answer");
        let acts = [OFFERED, Act::Send(receipt(status, 0)), Act::ExpectEnd];
        assert_eq!(offer(&source, &acts), refused, "instead of the answer");
        let acts = [
            OFFERED,
            Act::Send(answer(0, 0)),
            Act::Read(1_052),
            Act::Send(receipt(status, 1_000)),
            Act::Close,
        ];
        assert_eq!(offer(&source, &acts), refused, "as the receipt");
        // It reads while it writes: most of this file never leaves.
        let acts = [
            OFFERED,
            Act::Send(answer(0, 0)),
            Act::Read(10_000),
            Act::Send(receipt(status, 0)),
            Act::Stall(ms(1_000_000)),
        ];
        let (result, world) = send(Some("name"), &long, &acts);
        assert_eq!(result, refused, "in the middle of the data");
        assert!(world.now().as_millis() < 1_000 && world.progress(0) < 100_000);
        assert_eq!(world.sent(0), None);
    }
}

#[test]
fn a_reply_that_cannot_be_is_an_error() {
    let source = MemSource::new(1_000);
    let good = [OFFERED, Act::Send(answer(0, 0)), Act::Read(1_052)];
    let mut cases = vec![
        vec![OFFERED, Act::Send(answer(0, 1_001))],
        vec![OFFERED, Act::Send(answer(0, u64::MAX))],
        vec![OFFERED, Act::Send(receipt(0, 1_000))],
        vec![OFFERED, Act::Send(receipt(6, 0))],
        vec![OFFERED, Act::Send(b"TWA\x80")],
        vec![OFFERED, Act::Send(b"x")],
        vec![OFFERED, Act::Send(b"HTTP/1.0 400 Bad Request\r\n")],
        vec![OFFERED, Act::Send(bytes(source.offer("name")))],
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
        let (result, world) = send(Some("name"), &source, &acts);
        assert_eq!(result, Err(SendError::BadReply.into()), "{acts:?}");
        assert_eq!(world.sent(0), None);
    }
}

#[test]
fn words_before_the_offer_was_read_can_only_refuse() {
    let source = MemSource::new(1_000);
    for word in [answer(0, 0), answer(6, 0), receipt(0, 1_000)] {
        let mut world = World::new(1, 2);
        // The offer does not fit, so that the answer comes before it is out.
        world.set_buffers(0, 100, 8);
        world.set_buffers(1, 8, 100);
        world.script(1, None, &[Act::Send(word), Act::Stall(ms(5_000))]);
        world.run(ms(10));
        world.send(0, 1, Some("name"), &source);
        assert_eq!(world.finish(0, secs(5)), Err(SendError::BadReply.into()));
    }
}

#[test]
fn a_receipt_is_not_believed_before_all_bytes_were_acknowledged() {
    let source = MemSource::new(3_000);
    let mut world = World::new(1, 2);
    // All of the file fits into the send buffer, and little of it into the receiver's window.
    world.set_buffers(0, 100, 8_000);
    world.set_buffers(1, 200, 100);
    let acts = [
        OFFERED,
        Act::Send(bytes([answer(0, 0), receipt(0, 3_000)].concat())),
        Act::Stall(ms(1_000)),
    ];
    world.script(1, None, &acts);
    world.run(ms(10));
    world.send(0, 1, Some("name"), &source);
    assert_eq!(world.finish(0, secs(60)), Err(SendError::BadReply.into()));
}

#[test]
fn a_receiver_that_works_is_waited_for_and_one_that_is_silent_is_not() {
    let source = MemSource::new(1_000);
    // An answer after 150 s, a receipt after 150 s, each with a word in between.
    let pause = Act::Wait(ms(59_000));
    let acts = [
        OFFERED,
        pause,
        Act::Send(answer(6, 0)),
        pause,
        Act::Send(answer(6, 77)),
        Act::Wait(ms(32_000)),
        Act::Send(answer(0, 0)),
        Act::Read(1_052),
        pause,
        Act::Send(receipt(6, 0)),
        pause,
        Act::Send(receipt(6, 5)),
        Act::Wait(ms(32_000)),
        Act::Send(receipt(0, 1_000)),
    ];
    let (result, world) = send(Some("name"), &source, &acts);
    assert_eq!(result, Ok(()));
    assert!(world.now().as_millis() > 300_000);

    for (acts, awaited) in [
        (vec![OFFERED], TimeoutKind::Reply),
        (vec![OFFERED, Act::Send(answer(6, 0))], TimeoutKind::Reply),
        (
            vec![OFFERED, Act::Send(&answer(0, 0)[..15])],
            TimeoutKind::Reply,
        ),
        (
            vec![OFFERED, Act::Send(answer(0, 0)), Act::Read(1_052)],
            TimeoutKind::Reply,
        ),
        (
            vec![
                OFFERED,
                Act::Send(answer(0, 0)),
                Act::Read(1_052),
                Act::Send(receipt(6, 0)),
            ],
            TimeoutKind::Reply,
        ),
    ] {
        let acts = [acts, vec![Act::Wait(ms(1_000_000))]].concat();
        let (result, world) = send(Some("name"), &source, &acts);
        assert_eq!(result, Err(Error::TimedOut(awaited).into()), "{acts:?}");
        let now = world.now().as_millis();
        assert!((60_000..60_200).contains(&now), "{now}");
    }
}

#[test]
fn words_that_come_together_are_all_read() {
    let source = MemSource::new(1_000);
    let (working, fine) = (receipt(6, 0), receipt(0, 1_000));
    let words = [answer(6, 0), answer(6, 0), answer(0, 0), working].concat();
    let acts = [
        OFFERED,
        Act::Send(bytes(words)),
        Act::Read(1_052),
        Act::Send(bytes([working, working, fine].concat())),
        Act::Close,
    ];
    let (result, world) = send(Some("name"), &source, &acts);
    assert_eq!(result, Ok(()));
    assert!(world.now().as_millis() < 100);
    // In the middle of the data too, where nothing else would wake the sender.
    let source = MemSource::new(50_000);
    let words = bytes([working, receipt(4, 0)].concat());
    let acts = [
        OFFERED,
        Act::Send(answer(0, 0)),
        Act::Stall(ms(500)),
        Act::Send(words),
        Act::Stall(ms(100_000)),
    ];
    let (result, world) = send(Some("name"), &source, &acts);
    assert_eq!(result, Err(SendError::Refused(4).into()));
    assert!(world.now().as_millis() < 1_000, "{}", world.now());
}

#[test]
fn replies_that_are_cut_or_in_drips_have_their_own_error() {
    let source = MemSource::new(1_000);
    let stages = [
        (vec![OFFERED], answer(0, 0), TimeoutKind::Reply),
        (
            vec![OFFERED, Act::Send(answer(0, 0)), Act::Read(1_052)],
            receipt(0, 1_000),
            TimeoutKind::Reply,
        ),
    ];
    for (before, reply, awaited) in stages {
        for cut in 0..16 {
            for end in ENDS {
                let expected: SimError = match end {
                    End::Fin => SendError::Truncated.into(),
                    End::Reset => Error::Reset.into(),
                    End::Silence => Error::TimedOut(awaited).into(),
                };
                let last = [Act::Send(&reply[..cut]), Act::Wait(ms(20)), end.act()];
                let acts = [&before[..], &last].concat();
                assert_eq!(offer(&source, &acts), Err(expected), "{cut} {end:?}");
            }
        }
        let drip = [&before[..], &[Act::Drip(reply, ms(5_000))]].concat();
        let (result, world) = send(Some("name"), &source, &drip);
        assert_eq!(result, Err(Error::TimedOut(awaited).into()));
        assert!(world.now().as_millis() < 60_200);
    }
}

#[test]
fn a_reset_after_the_receipt_changes_nothing() {
    let source = MemSource::new(1_000);
    let acts = [
        OFFERED,
        Act::Send(answer(0, 0)),
        Act::Read(1_052),
        Act::Send(receipt(0, 1_000)),
        Act::Wait(ms(5)),
        Act::Reset,
    ];
    assert_eq!(offer(&source, &acts), Ok(()));
    // Nor does a flood.
    let acts = [&acts[..4], &[Act::Fill(u64::MAX)]].concat();
    let (result, world) = send(Some("name"), &source, &acts);
    assert_eq!(result, Ok(()));
    assert!(world.now().as_millis() < 1_500);
}
