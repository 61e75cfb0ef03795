//! The receiver against senders that do as they please.

use tickwire::Error;
use tickwire::file::ReceiverOptions;
use tickwire_sim::Act;

use crate::common::faulty_store::{Call, FaultyStore};
use crate::common::fixture::{ms, secs};
use crate::common::mem_source::MemSource;
use crate::messages::{ENDS, End, answer, bytes, receipt};
use crate::world::World;

/// A receiver on host 0, and two other hosts.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) store: FaultyStore,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(ReceiverOptions::default())
    }

    pub(crate) fn with(options: ReceiverOptions) -> Self {
        let mut world = World::new(1, 3);
        let store = FaultyStore::new();
        world.receive(0, store.clone(), options);
        Self { world, store }
    }

    /// One conversation with a script; what the receiver said of it last.
    #[track_caller]
    pub(crate) fn serve(&mut self, acts: &[Act<'static>]) -> String {
        self.world.forget_told(0);
        // What is left of the last script goes.
        self.world.raw(1).abort();
        self.world.run(ms(10));
        self.world.script(1, Some(0), acts);
        self.world.finish_talk(0, secs(600));
        self.world.last_told(0).to_string()
    }

    /// Whatever came before, a sender is served.
    #[track_caller]
    pub(crate) fn prove_alive(&mut self) {
        let source = MemSource::new(3_000);
        let files = self.store.get().files.len();
        self.world.send(2, 0, None, &source);
        assert_eq!(self.world.finish(2, secs(5)), Ok(()));
        self.world.finish_talk(0, secs(5));
        assert_eq!(self.store.get().files.len(), files + 1);
        assert_eq!(self.store.get().files[files].bytes, source.bytes());
    }
}

#[test]
fn a_plain_sender_hears_nothing_but_the_end() {
    for length in [0, 1, 16_384] {
        let mut bench = Bench::new();
        let source = MemSource::new(length);
        let acts = [
            Act::Send(bytes(source.plain())),
            Act::ExpectEnd,
            Act::Wait(ms(100)),
        ];
        assert_eq!(bench.serve(&acts), "disconnected");
        assert_eq!(bench.store.file().bytes, source.bytes());
        assert_eq!(bench.world.heard(1), 0);
        assert_eq!(
            bench.world.finish(1, secs(5)),
            Ok(()),
            "no RST after the FIN"
        );
    }
}

#[test]
fn a_plain_end_comes_only_when_the_file_is_stored() {
    let mut bench = Bench::new();
    bench.store.get().waits = Some((Call::Commit, 5_000));
    bench
        .world
        .script(1, Some(0), &[Act::Send(b"\x02\0\0\0ab"), Act::ExpectEnd]);
    bench.world.run(ms(4_500));
    assert_eq!(bench.world.state(1), "Acting", "no FIN yet");
    assert_eq!(bench.world.heard(1), 0, "no word in the plain form");
    bench.world.finish_talk(0, secs(5));
    assert_eq!(bench.store.file().bytes.0, b"ab");

    // And when it could not be stored, it is no FIN.
    bench.store.get().fails_always = Some(Call::Commit);
    bench.store.get().waits = None;
    assert_eq!(
        bench.serve(&[Act::Send(b"\x02\0\0\0ab"), Act::ExpectEnd]),
        "failed Store { code: 28 }"
    );
    assert_eq!(bench.world.finish(1, secs(5)), Err(Error::Reset.into()));
    assert_eq!(bench.store.held(), None);
}

#[test]
fn bytes_past_the_length_are_counted_and_dropped() {
    let mut bench = Bench::new();
    let source = MemSource::new(5_000);
    for (announced, more) in [(source.plain(), 1), (source.plain(), 9_000)] {
        let acts = [
            Act::Send(bytes(announced)),
            Act::Fill(more),
            Act::Close,
            Act::ExpectEnd,
        ];
        assert_eq!(bench.serve(&acts), "disconnected");
        assert_eq!(bench.world.finish(1, secs(5)), Ok(()));
        let surplus = format!("surplus {more}");
        assert!(bench.world.has_told(0, &surplus));
    }
    let acts = [
        Act::Send(bytes(source.offer("name"))),
        Act::Expect(answer(0, 0)),
        Act::Send(bytes([&source.bytes()[..], b"more"].concat())),
        Act::Expect(receipt(0, 5_000)),
    ];
    assert_eq!(bench.serve(&acts), "disconnected");
    assert!(bench.world.has_told(0, "surplus 4"));
    let medium = bench.store.get();
    assert!(medium.files.iter().all(|file| file.bytes == source.bytes()));
    assert_eq!(medium.files.len(), 3);
}

#[test]
fn a_flood_after_the_length_is_cut_off_after_a_second() {
    let mut bench = Bench::new();
    let start = bench.world.now();
    assert_eq!(
        bench.serve(&[Act::Send(b"\x01\0\0\0x"), Act::Fill(u64::MAX)]),
        "disconnected"
    );
    assert!(bench.world.now().since(start).as_millis() < 1_500);
    bench.prove_alive();
}

/// Serves the front of `whole` with each end, and checks the error and when it comes.
fn cut_at(bench: &mut Bench, front: &[u8], end: End, expected: &str, millis: u64) {
    let before = bench.world.now();
    let told = bench.serve(&[Act::Send(bytes(front)), Act::Wait(ms(50)), end.act()]);
    let cut = front.len();
    assert_eq!(told, expected, "cut at {cut} by {end:?}");
    let took = bench.world.now().since(before).as_millis();
    let range = millis..millis + 1_100;
    assert!(range.contains(&took), "cut at {cut} by {end:?}: {took}");
    if end == End::Silence {
        assert_eq!(bench.world.finish(1, secs(1)), Err(Error::Reset.into()));
    }
}

#[test]
fn an_announcement_that_is_cut_at_any_byte_has_its_own_error_and_leaves_nothing() {
    let source = MemSource::new(100);
    let mut bench = Bench::new();
    for whole in [source.offer("name"), source.plain()[..4].to_vec()] {
        for cut in 0..whole.len() {
            for (end, expected, millis) in [
                (End::Fin, "failed Truncated", 0),
                (End::Reset, "failed Reset", 0),
                (End::Silence, "failed TimedOut(Request)", 20_000),
            ] {
                cut_at(&mut bench, &whole[..cut], end, expected, millis);
            }
        }
    }
    assert!(bench.store.get().calls.is_empty());
    bench.prove_alive();
}

#[test]
fn data_that_is_cut_has_its_own_error_and_is_kept_where_it_can_go_on() {
    let source = MemSource::new(3_000);
    let (offer, plain) = (source.offer("name"), source.plain());
    for cut in [0, 1, 2, 255, 256, 257, 1_459, 1_460, 1_461, 2_047, 2_999] {
        for end in ENDS {
            let (expected, millis) = match end {
                End::Fin => ("failed Truncated", 0),
                End::Reset => ("failed Reset", 0),
                End::Silence => ("failed TimedOut(Receive)", 20_000),
            };
            let mut bench = Bench::new();
            cut_at(&mut bench, &plain[..4 + cut], end, expected, millis);
            assert_eq!(bench.store.held(), None);
            let front = [&offer[..], &source.front(cut)].concat();
            cut_at(&mut bench, &front, end, expected, millis);
            assert_eq!(bench.store.held().unwrap(), source.front(cut));

            let acts = [
                Act::Send(bytes(offer.clone())),
                Act::Expect(answer(0, cut as u64)),
                Act::Send(bytes(&source.bytes()[cut..])),
                Act::Expect(receipt(0, 3_000)),
                Act::ExpectEnd,
            ];
            assert_eq!(bench.serve(&acts), "disconnected");
            assert_eq!(bench.world.heard(1), 32, "an answer and a receipt");
            assert_eq!(
                bench.world.finish(1, secs(5)),
                Ok(()),
                "no RST after the FIN"
            );
            assert_eq!(bench.store.file().bytes, source.bytes());
        }
    }
}

#[test]
fn an_announcement_or_data_in_drips_cannot_hold_the_receiver() {
    let source = MemSource::new(3_000);
    let mut bench = Bench::new();
    let start = bench.world.now();
    let offer = bytes(source.offer("name"));
    assert_eq!(
        bench.serve(&[Act::Drip(offer, ms(1_000))]),
        "failed TimedOut(Request)"
    );
    let took = bench.world.now().since(start).as_millis();
    assert!((20_000..21_100).contains(&took), "{took}");

    let start = bench.world.now();
    let data = bytes(source.bytes().0);
    let acts = [
        Act::Send(offer),
        Act::Expect(answer(0, 0)),
        Act::Drip(data, ms(100)),
    ];
    assert_eq!(
        bench.serve(&acts),
        "failed TimedOut(Receive)",
        "200 bytes in 20 s"
    );
    let took = bench.world.now().since(start).as_millis();
    assert!((20_000..21_100).contains(&took), "{took}");
    let held = bench.store.held().unwrap().len();
    assert!((190..=200).contains(&held), "{held}");
    // 256 bytes in 19 s are enough, and so is a last piece of less.
    let acts = [
        Act::Send(offer),
        Act::Expect(answer(0, held as u64)),
        Act::Drip(&data[held..], ms(74)),
        Act::Expect(receipt(0, 3_000)),
    ];
    assert_eq!(bench.serve(&acts), "disconnected");
    assert_eq!(bench.world.heard(1), 32, "no word while the sender is slow");
}

#[test]
fn a_sender_that_never_takes_its_receipt_holds_the_receiver_until_its_timeout_only() {
    let source = MemSource::new(500);
    let mut bench = Bench::new();
    // Its window has no room for a whole receipt, and it reads the answer alone.
    bench.world.set_buffers(1, 8, 1_024);
    let acts = [
        Act::Send(bytes(source.offer("name"))),
        Act::Expect(answer(0, 0)),
        Act::Send(bytes(source.bytes().0)),
        Act::Stall(ms(100_000)),
    ];
    let start = bench.world.now();
    assert_eq!(bench.serve(&acts), "disconnected");
    let took = bench.world.now().since(start).as_millis();
    assert!((20_000..22_000).contains(&took), "{took}");
    assert_eq!(bench.store.file().bytes, source.bytes());
    bench.prove_alive();
}

#[test]
fn a_sender_that_vanishes_holds_the_receiver_until_its_timeout_only() {
    let source = MemSource::new(50_000);
    for state in ["Data", "Committing", "Flushing", "Closing"] {
        let mut bench = Bench::new();
        bench.store.get().waits = Some((Call::Commit, 10));
        bench.world.send(1, 0, Some("name"), &source);
        bench
            .world
            .run_until(ms(5_000), |world| world.state(0) == state);
        bench.world.cut(0, 1);
        let start = bench.world.now();
        bench.world.finish_talk(0, secs(50));
        let took = bench.world.now().since(start).as_millis();
        assert!(took <= 21_100, "in {state}: {took}");
        bench.prove_alive();
    }
}

#[test]
fn a_reset_after_the_last_byte_changes_nothing() {
    let source = MemSource::new(500);
    let mut bench = Bench::new();
    bench.store.get().waits = Some((Call::Commit, 100));
    assert_eq!(
        bench.serve(&[
            Act::Send(bytes(source.plain())),
            Act::Wait(ms(20)),
            Act::Reset
        ]),
        "disconnected"
    );
    let acts = [
        Act::Send(bytes([source.offer("name"), source.bytes().0].concat())),
        Act::Wait(ms(20)),
        Act::Reset,
    ];
    assert_eq!(bench.serve(&acts), "disconnected");
    let files = &bench.store.get().files;
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|file| file.bytes == source.bytes()));
}

#[test]
fn a_receiver_for_one_conversation_leaves_no_connection_behind() {
    let mut bench = Bench::with(ReceiverOptions {
        once: true,
        ..ReceiverOptions::default()
    });
    // A sender that never closes.
    let acts = [Act::Send(b"\x02\0\0\0ab"), Act::Wait(ms(10_000))];
    bench.world.script(1, Some(0), &acts);
    assert_eq!(bench.world.finish(0, secs(5)), Ok(()));
    bench.world.run(ms(100));
    assert!(!bench.world.raw(0).is_open());
    assert!(!bench.world.raw(1).is_open(), "it was told");
}

#[test]
fn a_sender_that_reads_nothing_at_all_holds_the_receiver_until_its_timeout_only() {
    let source = MemSource::new(500);
    for (offer, told) in [
        (source.offer("name"), "failed TimedOut(Send)"),
        (b"TWF\x81\x02".to_vec(), "failed Malformed(Version)"),
    ] {
        let mut bench = Bench::new();
        // A reply fits neither into our buffer nor into its window, nor into both.
        bench.world.set_buffers(0, 1_024, 4);
        bench.world.set_buffers(1, 8, 1_024);
        bench
            .world
            .receive(0, bench.store.clone(), ReceiverOptions::default());
        let acts = [Act::Send(bytes(offer)), Act::Stall(ms(100_000))];
        let start = bench.world.now();
        assert_eq!(bench.serve(&acts), told);
        let took = bench.world.now().since(start).as_millis();
        assert!((20_000..22_000).contains(&took), "{took}");
        bench.prove_alive();
    }
}
