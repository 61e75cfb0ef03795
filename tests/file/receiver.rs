//! The receiver against senders that do as they please.

use tickwire::Error;
use tickwire::file::ReceiveOptions;
use tickwire_sim::Act;

use crate::book::Book;
use crate::shelf::{Call, Shelf};
use crate::words::{ENDS, End, answer, bytes, receipt};
use crate::world::World;

/// A receiver on host 0, and two other hosts.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) shelf: Shelf,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(ReceiveOptions::default())
    }

    pub(crate) fn with(options: ReceiveOptions) -> Self {
        let mut world = World::new(1, 3);
        let shelf = Shelf::new();
        world.receive(0, shelf.clone(), options);
        Self { world, shelf }
    }

    /// One conversation with a script; what the receiver said of it last.
    #[track_caller]
    pub(crate) fn serve(&mut self, acts: &[Act<'static>]) -> String {
        self.world.forget_told(0);
        // What is left of the last script goes.
        self.world.raw(1).abort();
        self.world.run(10);
        self.world.script(1, Some(0), acts);
        self.world.finish_talk(0, 600);
        self.world.last_told(0).to_string()
    }

    /// Whatever came before, a sender is served.
    #[track_caller]
    pub(crate) fn prove_alive(&mut self) {
        let book = Book::new(3_000);
        let files = self.shelf.get().files.len();
        self.world.send(2, 0, None, &book);
        assert_eq!(self.world.finish(2, 5), Ok(()));
        self.world.finish_talk(0, 5);
        assert_eq!(self.shelf.get().files.len(), files + 1);
        assert_eq!(self.shelf.get().files[files].bytes, book.bytes());
    }
}

#[test]
fn a_plain_sender_hears_nothing_but_the_end() {
    for length in [0, 1, 16_384] {
        let mut bench = Bench::new();
        let book = Book::new(length);
        let acts = [
            Act::Send(bytes(book.plain())),
            Act::ExpectEnd,
            Act::Wait(100),
        ];
        assert_eq!(bench.serve(&acts), "disconnected");
        assert_eq!(bench.shelf.file().bytes, book.bytes());
        assert_eq!(bench.world.heard(1), 0);
        assert_eq!(bench.world.finish(1, 5), Ok(()), "no RST behind the FIN");
    }
}

#[test]
fn a_plain_end_comes_only_when_the_file_is_stored() {
    let mut bench = Bench::new();
    bench.shelf.get().waits = Some((Call::Commit, 5_000));
    bench
        .world
        .script(1, Some(0), &[Act::Send(b"\x02\0\0\0ab"), Act::ExpectEnd]);
    bench.world.run(4_500);
    assert_eq!(bench.world.state(1), "Acting", "no FIN yet");
    assert_eq!(bench.world.heard(1), 0, "no word in the plain form");
    bench.world.finish_talk(0, 5);
    assert_eq!(bench.shelf.file().bytes.0, b"ab");

    // And when it could not be stored, it is no FIN.
    bench.shelf.get().fails_always = Some(Call::Commit);
    bench.shelf.get().waits = None;
    assert_eq!(
        bench.serve(&[Act::Send(b"\x02\0\0\0ab"), Act::ExpectEnd]),
        "failed Sink { code: 28 }"
    );
    assert_eq!(bench.world.finish(1, 5), Err(Error::Reset));
    assert_eq!(bench.shelf.held(), None);
}

#[test]
fn bytes_past_the_length_are_counted_and_dropped() {
    let mut bench = Bench::new();
    let book = Book::new(5_000);
    for (announced, more) in [(book.plain(), 1), (book.plain(), 9_000)] {
        let acts = [
            Act::Send(bytes(announced)),
            Act::Fill(more),
            Act::Close,
            Act::ExpectEnd,
        ];
        assert_eq!(bench.serve(&acts), "disconnected");
        assert_eq!(bench.world.finish(1, 5), Ok(()));
        let surplus = format!("surplus {more}");
        assert!(bench.world.told(0).contains(&surplus.as_str()));
    }
    let acts = [
        Act::Send(bytes(book.offer("name"))),
        Act::Expect(answer(0, 0)),
        Act::Send(bytes([&book.bytes()[..], b"more"].concat())),
        Act::Expect(receipt(0, 5_000)),
    ];
    assert_eq!(bench.serve(&acts), "disconnected");
    assert!(bench.world.told(0).contains(&"surplus 4"));
    let shared = bench.shelf.get();
    assert!(shared.files.iter().all(|file| file.bytes == book.bytes()));
    assert_eq!(shared.files.len(), 3);
}

#[test]
fn a_flood_behind_the_length_is_cut_off_after_a_second() {
    let mut bench = Bench::new();
    let start = bench.world.now;
    assert_eq!(
        bench.serve(&[Act::Send(b"\x01\0\0\0x"), Act::Fill(u64::MAX)]),
        "disconnected"
    );
    assert!(bench.world.now.since(start) < 1_500);
    bench.prove_alive();
}

/// Serves the front of `whole` with each end, and checks the error and when it comes.
fn cut_at(bench: &mut Bench, front: &[u8], end: End, expected: &str, ticks: u64) {
    let before = bench.world.now;
    let told = bench.serve(&[Act::Send(bytes(front)), Act::Wait(50), end.act()]);
    let cut = front.len();
    assert_eq!(told, expected, "cut at {cut} by {end:?}");
    let took = bench.world.now.since(before);
    let range = ticks..ticks + 1_100;
    assert!(range.contains(&took), "cut at {cut} by {end:?}: {took}");
    if end == End::Silence {
        assert_eq!(bench.world.finish(1, 1), Err(Error::Reset));
    }
}

#[test]
fn an_announcement_that_is_cut_at_any_byte_has_its_own_error_and_leaves_nothing() {
    let book = Book::new(100);
    let mut bench = Bench::new();
    for whole in [book.offer("name"), book.plain()[..4].to_vec()] {
        for cut in 0..whole.len() {
            for (end, expected, ticks) in [
                (End::Fin, "failed Truncated", 0),
                (End::Reset, "failed Reset", 0),
                (End::Silence, "failed TimedOut(Offer)", 20_000),
            ] {
                cut_at(&mut bench, &whole[..cut], end, expected, ticks);
            }
        }
    }
    assert!(bench.shelf.get().calls.is_empty());
    bench.prove_alive();
}

#[test]
fn data_that_is_cut_has_its_own_error_and_is_kept_where_it_can_go_on() {
    let book = Book::new(3_000);
    let (offer, plain) = (book.offer("name"), book.plain());
    for cut in [0, 1, 2, 255, 256, 257, 1_459, 1_460, 1_461, 2_047, 2_999] {
        for end in ENDS {
            let (expected, ticks) = match end {
                End::Fin => ("failed Truncated", 0),
                End::Reset => ("failed Reset", 0),
                End::Silence => ("failed TimedOut(Body)", 20_000),
            };
            let mut bench = Bench::new();
            cut_at(&mut bench, &plain[..4 + cut], end, expected, ticks);
            assert_eq!(bench.shelf.held(), None);
            let front = [&offer[..], &book.front(cut)].concat();
            cut_at(&mut bench, &front, end, expected, ticks);
            assert_eq!(bench.shelf.held().unwrap(), book.front(cut));

            let acts = [
                Act::Send(bytes(offer.clone())),
                Act::Expect(answer(0, cut as u64)),
                Act::Send(bytes(&book.bytes()[cut..])),
                Act::Expect(receipt(0, 3_000)),
                Act::ExpectEnd,
            ];
            assert_eq!(bench.serve(&acts), "disconnected");
            assert_eq!(bench.world.heard(1), 32, "an answer and a receipt");
            assert_eq!(bench.world.finish(1, 5), Ok(()), "no RST behind the FIN");
            assert_eq!(bench.shelf.file().bytes, book.bytes());
        }
    }
}

#[test]
fn an_announcement_or_data_in_drips_cannot_hold_the_receiver() {
    let book = Book::new(3_000);
    let mut bench = Bench::new();
    let start = bench.world.now;
    let offer = bytes(book.offer("name"));
    assert_eq!(
        bench.serve(&[Act::Drip(offer, 1_000)]),
        "failed TimedOut(Offer)"
    );
    let took = bench.world.now.since(start);
    assert!((20_000..21_100).contains(&took), "{took}");

    let start = bench.world.now;
    let data = bytes(book.bytes().0);
    let acts = [
        Act::Send(offer),
        Act::Expect(answer(0, 0)),
        Act::Drip(data, 100),
    ];
    assert_eq!(
        bench.serve(&acts),
        "failed TimedOut(Body)",
        "200 bytes in 20 s"
    );
    let took = bench.world.now.since(start);
    assert!((20_000..21_100).contains(&took), "{took}");
    let held = bench.shelf.held().unwrap().len();
    assert!((190..=200).contains(&held), "{held}");
    // 256 bytes in 19 s are enough, and so is a last piece of less.
    let acts = [
        Act::Send(offer),
        Act::Expect(answer(0, held as u64)),
        Act::Drip(&data[held..], 74),
        Act::Expect(receipt(0, 3_000)),
    ];
    assert_eq!(bench.serve(&acts), "disconnected");
    assert_eq!(bench.world.heard(1), 32, "no word while the sender is slow");
}

#[test]
fn a_sender_that_never_takes_its_receipt_holds_the_receiver_for_its_patience_only() {
    let book = Book::new(500);
    let mut bench = Bench::new();
    // Its window has no room for a whole receipt, and it reads the answer alone.
    bench.world.set_buffers(1, 8, 1_024);
    let acts = [
        Act::Send(bytes(book.offer("name"))),
        Act::Expect(answer(0, 0)),
        Act::Send(bytes(book.bytes().0)),
        Act::Stall(100_000),
    ];
    let start = bench.world.now;
    assert_eq!(bench.serve(&acts), "disconnected");
    let took = bench.world.now.since(start);
    assert!((20_000..22_000).contains(&took), "{took}");
    assert_eq!(bench.shelf.file().bytes, book.bytes());
    bench.prove_alive();
}

#[test]
fn a_sender_that_vanishes_holds_the_receiver_for_its_patience_only() {
    let book = Book::new(50_000);
    for state in ["Data", "Committing", "Flushing", "Closing"] {
        let mut bench = Bench::new();
        bench.shelf.get().waits = Some((Call::Commit, 10));
        bench.world.send(1, 0, Some("name"), &book);
        bench.world.run_until(5_000, |world| {
            world.state(0) == state || state == "Replying"
        });
        bench.world.cut(0, 1);
        let start = bench.world.now;
        bench.world.finish_talk(0, 50);
        let took = bench.world.now.since(start);
        assert!(took <= 21_100, "in {state}: {took}");
        bench.prove_alive();
    }
}

#[test]
fn a_reset_behind_the_last_byte_changes_nothing() {
    let book = Book::new(500);
    let mut bench = Bench::new();
    bench.shelf.get().waits = Some((Call::Commit, 100));
    assert_eq!(
        bench.serve(&[Act::Send(bytes(book.plain())), Act::Wait(20), Act::Reset]),
        "disconnected"
    );
    let acts = [
        Act::Send(bytes([book.offer("name"), book.bytes().0].concat())),
        Act::Wait(20),
        Act::Reset,
    ];
    assert_eq!(bench.serve(&acts), "disconnected");
    let files = &bench.shelf.get().files;
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|file| file.bytes == book.bytes()));
}

#[test]
fn a_receiver_for_one_conversation_leaves_no_connection_behind() {
    let mut bench = Bench::with(ReceiveOptions {
        once: true,
        ..ReceiveOptions::default()
    });
    // A sender that never closes.
    let acts = [Act::Send(b"\x02\0\0\0ab"), Act::Wait(10_000)];
    bench.world.script(1, Some(0), &acts);
    assert_eq!(bench.world.finish(0, 5), Ok(()));
    bench.world.run(100);
    assert!(!bench.world.raw(0).is_open());
    assert!(!bench.world.raw(1).is_open(), "it was told");
}

#[test]
fn a_sender_that_reads_nothing_at_all_holds_the_receiver_for_its_patience_only() {
    let book = Book::new(500);
    for (offer, told) in [
        (book.offer("name"), "failed TimedOut(Send)"),
        (b"TWF\x81\x02".to_vec(), "failed Malformed(OfferVersion)"),
    ] {
        let mut bench = Bench::new();
        // A reply fits neither into our buffer nor into its window, nor into both.
        bench.world.set_buffers(0, 1_024, 4);
        bench.world.set_buffers(1, 8, 1_024);
        bench
            .world
            .receive(0, bench.shelf.clone(), ReceiveOptions::default());
        let acts = [Act::Send(bytes(offer)), Act::Stall(100_000)];
        let start = bench.world.now;
        assert_eq!(bench.serve(&acts), told);
        let took = bench.world.now.since(start);
        assert!((20_000..22_000).contains(&took), "{took}");
        bench.prove_alive();
    }
}
