//! Stores that take their time, and what the sender hears meanwhile.

use tickwire::file::{Answer, Receipt, ReceiverOptions, Status};
use tickwire::{Error, TimeoutKind};
use tickwire_sim::Act;

use crate::common::faulty_store::Call;
use crate::common::fixture::{ms, secs};
use crate::common::mem_source::MemSource;
use crate::messages::{answer, bytes, receipt};
use crate::receiver::Bench;

/// Ticks that the store takes for what is slow: three words.
const SLOW: usize = 7_000;

/// Leaves a partial of `held` bytes.
fn hold(bench: &mut Bench, source: &MemSource, held: usize) {
    let front = [source.offer("name"), source.front(held).0].concat();
    bench.serve(&[Act::Send(bytes(front)), Act::Wait(ms(50)), Act::Close]);
    assert_eq!(bench.store.held(), Some(source.front(held)));
}

#[test]
fn a_sender_hears_every_two_seconds_that_a_slow_store_works() {
    let source = MemSource::new(1_500);
    for (slow, answers, receipts) in [
        (Call::Begin, 3, 0),
        (Call::Read, 3, 0),
        (Call::Write, 0, 3),
        (Call::Commit, 0, 3),
    ] {
        let mut bench = Bench::new();
        let held = if slow == Call::Read { 1_000 } else { 0 };
        if held > 0 {
            hold(&mut bench, &source, held);
        }
        bench.store.get().waits = Some((slow, SLOW));
        let start = bench.world.now();
        let word = |status, offset| {
            let status = Status(status);
            Answer { status, offset }.encode()
        };
        let answer = [vec![word(6, 0); answers], vec![word(0, held as u64)]].concat();
        let word = |status, stored| {
            let status = Status(status);
            Receipt { status, stored }.encode()
        };
        let stored = if slow == Call::Write { 0 } else { 1_500 };
        let receipt = [vec![word(6, stored); receipts], vec![word(0, 1_500)]].concat();
        let acts = [
            Act::Send(bytes(source.offer("name"))),
            Act::Expect(bytes(answer.concat())),
            Act::Send(bytes(&source.bytes()[held..])),
            Act::Expect(bytes(receipt.concat())),
            Act::ExpectEnd,
        ];
        assert_eq!(bench.serve(&acts), "disconnected", "{slow:?}");
        assert_eq!(bench.world.finish(1, secs(5)), Ok(()));
        let took = bench.world.now().since(start).as_millis();
        assert!((7_000..8_100).contains(&took), "{slow:?}: {took}");
        assert_eq!(bench.store.file().bytes, source.bytes());
    }
}

#[test]
fn a_word_before_the_answer_promises_no_offset() {
    let source = MemSource::new(4_000);
    let mut bench = Bench::new();
    hold(&mut bench, &source, 3_000);
    // Three blocks of it.
    bench.store.get().waits = Some((Call::Read, 1_500));
    let words = [answer(6, 0), answer(6, 0), answer(0, 3_000)].concat();
    let acts = [
        Act::Send(bytes(source.offer("name"))),
        Act::Expect(bytes(words)),
        Act::Send(bytes(&source.bytes()[3_000..])),
        Act::Expect(receipt(0, 4_000)),
    ];
    assert_eq!(bench.serve(&acts), "disconnected");
    assert_eq!(bench.world.heard(1), 64);
}

#[test]
fn a_sender_hears_of_a_slow_refusal_too() {
    let source = MemSource::new(1_000);
    let mut bench = Bench::new();
    bench.store.get().waits = Some((Call::Abandon, 5_000));
    let acts = [
        Act::Send(bytes(source.offer("name"))),
        Act::Expect(answer(0, 0)),
        Act::Send(bytes(vec![7; 1_000])),
        Act::Expect(receipt(6, 1_000)),
        Act::Expect(receipt(6, 1_000)),
        Act::Expect(receipt(5, 0)),
        Act::ExpectEnd,
    ];
    assert_eq!(bench.serve(&acts), "failed DigestMismatch");
    assert_eq!(bench.world.finish(1, secs(5)), Ok(()));
}

#[test]
fn a_sender_waits_for_a_store_as_long_as_it_hears_of_it() {
    let source = MemSource::new(1_500);
    for slow in [Call::Begin, Call::Write, Call::Commit] {
        let mut bench = Bench::with(ReceiverOptions {
            stall_timeout: ms(300_000),
            store_timeout: ms(300_000),
            ..ReceiverOptions::default()
        });
        bench.store.get().waits = Some((slow, 65_000));
        bench.world.send(2, 0, Some("name"), &source);
        assert_eq!(bench.world.finish(2, secs(500)), Ok(()), "{slow:?}");
        assert!(bench.world.now().as_millis() > 65_000);
    }
}

#[test]
fn a_store_that_takes_a_little_now_and_then_does_not_lose_its_sender() {
    // All of it lies in the receive buffer, so that the sender's own progress ends early.
    let source = MemSource::new(2_000);
    let mut bench = Bench::new();
    {
        let mut medium = bench.store.get();
        medium.write_max = Some(40);
        medium.waits = Some((Call::Write, 1_900));
    }
    bench.world.send(2, 0, Some("name"), &source);
    assert_eq!(bench.world.finish(2, secs(200)), Ok(()));
    assert!(bench.world.now().as_millis() > 90_000);
    bench.world.finish_talk(0, secs(5));
    assert_eq!(bench.store.file().bytes, source.bytes());
}

#[test]
fn a_store_that_presses_back_closes_the_window_and_loses_nothing() {
    let source = MemSource::new(30_000);
    // In the checked form the sender hears of it; in the plain one it must see 256 bytes in 20 s.
    for (name, least) in [(Some("name"), 1), (None, 400)] {
        let mut bench = Bench::new();
        bench.store.get().room = Some(0);
        bench.world.send(2, 0, name, &source);
        for room in [least, 700, 5_000, 40_000] {
            bench.world.run(ms(15_000));
            assert_eq!(bench.world.outcome(2), None);
            let taken = bench.store.held().unwrap().len();
            assert!(bench.world.progress(2) <= taken as u64 + 2_048, "{taken}");
            bench.store.get().room = Some(room);
        }
        assert_eq!(bench.world.finish(2, secs(30)), Ok(()), "{name:?}");
        bench.world.finish_talk(0, secs(5));
        assert_eq!(bench.store.file().bytes, source.bytes());
    }
}

#[test]
fn our_own_stall_is_not_the_senders_fault_but_has_an_end() {
    let source = MemSource::new(3_000);
    let mut bench = Bench::new();
    bench.store.get().room = Some(500);
    let acts = [
        Act::Send(bytes(source.offer("name"))),
        Act::Expect(answer(0, 0)),
        Act::Send(bytes(source.bytes().0)),
        Act::Expect(receipt(4, 500)),
        Act::ExpectEnd,
    ];
    let start = bench.world.now();
    assert_eq!(bench.serve(&acts), "failed TimedOut(Sink)");
    let took = bench.world.now().since(start).as_millis();
    assert!((20_000..21_100).contains(&took), "{took}");
    assert_eq!(bench.world.finish(1, secs(5)), Ok(()), "no RST");
    assert_eq!(bench.store.held(), Some(source.front(500)));

    // A stall of 19 s is not taken off the sender's own 20 s.
    let mut bench = Bench::new();
    bench.store.get().room = Some(500);
    // What is left after the stall is too little to begin a period by itself.
    let front = [source.offer("name"), source.front(700).0].concat();
    bench.world.script(
        1,
        Some(0),
        &[Act::Send(bytes(front)), Act::Wait(ms(1_000_000))],
    );
    bench.world.run(ms(19_000));
    bench.store.get().room = None;
    let start = bench.world.now();
    bench.world.finish_talk(0, secs(60));
    assert_eq!(bench.world.last_told(0), "failed TimedOut(Receive)");
    let took = bench.world.now().since(start).as_millis();
    assert!((20_000..21_100).contains(&took), "{took}");
}

#[test]
fn a_store_that_is_never_ready_at_once_does_not_let_a_sender_drip_for_ever() {
    let source = MemSource::new(1_000);
    let mut bench = Bench::new();
    bench.store.get().waits = Some((Call::Write, 1));
    let start = bench.world.now();
    let acts = [
        Act::Send(bytes(source.offer("name"))),
        Act::Expect(answer(0, 0)),
        Act::Drip(bytes(source.bytes().0), ms(500)),
    ];
    assert_eq!(bench.serve(&acts), "failed TimedOut(Receive)");
    let took = bench.world.now().since(start).as_millis();
    assert!((20_000..21_100).contains(&took), "{took}");
}

#[test]
fn a_store_that_never_answers_is_given_up() {
    let source = MemSource::new(1_000);
    for (slow, status) in [
        (Call::Begin, answer(4, 0)),
        (Call::Read, answer(4, 0)),
        (Call::Write, receipt(4, 0)),
        (Call::Commit, receipt(4, 1_000)),
        (Call::Abandon, receipt(5, 1_000)),
    ] {
        let mut bench = Bench::with(ReceiverOptions {
            stall_timeout: ms(3_000),
            store_timeout: ms(4_000),
            ..ReceiverOptions::default()
        });
        if slow == Call::Read {
            hold(&mut bench, &source, 400);
        }
        bench.store.get().waits = Some((slow, usize::MAX));
        let data = match slow {
            Call::Abandon => vec![9; 1_000],
            _ => source.bytes().0,
        };
        let acts = [
            Act::Send(bytes([source.offer("name"), data].concat())),
            Act::Expect(status),
            Act::ExpectEnd,
        ];
        let expected = if slow == Call::Abandon {
            "failed DigestMismatch"
        } else {
            "failed TimedOut(Sink)"
        };
        assert_eq!(bench.serve(&acts), expected, "{slow:?}");
        assert_eq!(bench.world.finish(1, secs(5)), Ok(()), "{slow:?}: no RST");
        bench.store.get().waits = None;
        bench.prove_alive();
        // What it held is no obstacle afterwards.
        bench.world.send(2, 0, Some("name"), &source);
        assert_eq!(bench.world.finish(2, secs(5)), Ok(()), "{slow:?}");
    }
}

#[test]
fn a_sender_that_goes_while_its_prefix_is_hashed_is_noticed() {
    let source = MemSource::new(60_000);
    let mut bench = Bench::new();
    hold(&mut bench, &source, 50_000);
    bench.store.get().waits = Some((Call::Read, 500));
    let acts = [
        Act::Send(bytes(source.offer("name"))),
        Act::Wait(ms(700)),
        Act::Reset,
    ];
    let start = bench.world.now();
    assert_eq!(bench.serve(&acts), "failed Reset");
    assert!(bench.world.now().since(start).as_millis() < 2_000);
    assert_eq!(bench.store.held(), Some(source.front(50_000)));
}

#[test]
fn the_next_caller_is_refused_while_the_store_still_works_for_the_last() {
    let source = MemSource::new(1_000);
    let mut bench = Bench::new();
    bench.store.get().waits = Some((Call::Commit, 3_000));
    let front = [source.offer("name"), source.bytes().0].concat();
    let acts = [Act::Send(bytes(front)), Act::Wait(ms(100)), Act::Reset];
    bench.world.script(1, Some(0), &acts);
    bench.world.run(ms(1_000));
    bench.world.send(2, 0, None, &source);
    // The socket is the last sender's until its file is safe.
    assert_eq!(bench.world.finish(2, secs(2)), Err(Error::Refused.into()));
    bench.world.finish_talk(0, secs(5));
    assert_eq!(bench.store.file().bytes, source.bytes());
    bench.store.get().waits = None;
    bench.prove_alive();
}

#[test]
fn a_plain_sender_cannot_hear_of_a_slow_store_and_gives_up() {
    let source = MemSource::new(30_000);
    let mut bench = Bench::with(ReceiverOptions {
        stall_timeout: ms(60_000),
        ..ReceiverOptions::default()
    });
    bench.store.get().room = Some(0);
    bench.world.send(2, 0, None, &source);
    assert_eq!(
        bench.world.finish(2, secs(30)),
        Err(Error::TimedOut(TimeoutKind::Flush).into())
    );
}

#[test]
fn options_of_zero_are_an_end_at_once_and_no_panic() {
    let source = MemSource::new(3_000);
    let options = ReceiverOptions::default();
    for (options, slow, told) in [
        (
            ReceiverOptions {
                idle_timeout: ms(0),
                ..options
            },
            None,
            "failed TimedOut(Request)",
        ),
        (
            ReceiverOptions {
                store_timeout: ms(0),
                ..options
            },
            Some((Call::Begin, 9)),
            "failed TimedOut(Sink)",
        ),
        (
            ReceiverOptions {
                store_timeout: ms(0),
                ..options
            },
            Some((Call::Commit, 9)),
            "failed TimedOut(Sink)",
        ),
        (
            ReceiverOptions {
                stall_timeout: ms(0),
                ..options
            },
            Some((Call::Write, 9)),
            "failed TimedOut(Sink)",
        ),
        (
            ReceiverOptions {
                stall_timeout: ms(0),
                store_timeout: ms(0),
                ..options
            },
            None,
            "disconnected",
        ),
    ] {
        let mut bench = Bench::with(options);
        bench.store.get().waits = slow;
        // The handshake and the offer come apart.
        let front = [source.offer("name"), source.bytes().0].concat();
        let acts = [
            Act::Wait(ms(5)),
            Act::Send(bytes(front)),
            Act::Wait(ms(500)),
        ];
        assert_eq!(bench.serve(&acts), told);
    }
}

#[test]
fn no_word_is_cut_where_the_send_buffer_is_full() {
    let source = MemSource::new(1_000);
    let mut bench = Bench::new();
    // Room for one word and a piece of the next.
    bench.world.set_buffers(0, 2_048, 20);
    bench
        .world
        .receive(0, bench.store.clone(), ReceiverOptions::default());
    bench.store.get().waits = Some((Call::Commit, SLOW));
    bench.world.send(2, 0, Some("name"), &source);
    bench.world.run(ms(1_000));
    bench.world.ethernet().sever(0, 2);
    bench.world.run(ms(4_000));
    bench.world.ethernet().mend(0, 2);
    assert_eq!(bench.world.finish(2, secs(60)), Ok(()));
    assert_eq!(bench.store.file().bytes, source.bytes());
}

#[test]
fn bytes_past_the_length_do_not_wait_for_the_store() {
    let source = MemSource::new(1_000);
    let mut bench = Bench::new();
    bench.store.get().waits = Some((Call::Commit, 5_000));
    let acts = [
        Act::Send(bytes(source.plain())),
        Act::Fill(20_000),
        Act::Reset,
    ];
    let start = bench.world.now();
    bench.world.script(1, Some(0), &acts);
    assert_eq!(bench.world.finish(1, secs(10)), Ok(()));
    assert!(bench.world.now().since(start).as_millis() < 1_000);
    bench.world.finish_talk(0, secs(10));
    assert_eq!(bench.store.file().bytes, source.bytes());
}
