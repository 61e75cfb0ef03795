//! Receiver and sender against each other.

use std::cell::RefCell;
use std::rc::Rc;

use tickwire::Error;
use tickwire::file::{ReceiveOptions, SendOptions, Sent, Status};
use tickwire::store::MemoryStore;
use tickwire_sim::ethernet::Link;

use crate::book::{Book, Bytes};
use crate::shelf::{Call, Kept, Shelf};
use crate::stores::Lent;
use crate::world::{LINK, World};

/// A receiver on host 0, and another two hosts.
fn world(seed: u64) -> (World, Shelf) {
    let mut world = World::new(seed, 3);
    let shelf = Shelf::new();
    world.receive(0, shelf.clone(), ReceiveOptions::default());
    (world, shelf)
}

#[test]
fn files_of_many_lengths_arrive_whole_in_both_forms() {
    for (seed, length) in [0, 1, 2, 255, 256, 257, 1_024, 2_048, 16_384, 300 * 1_024]
        .into_iter()
        .enumerate()
    {
        for name in [Some("name.bin"), None] {
            let (mut world, shelf) = world(seed as u64);
            let book = Book::new(length);
            world.send(1, 0, name, &book);
            assert_eq!(world.finish(1, 60), Ok(()), "{length} {name:?}");
            world.finish_talk(0, 3);
            let digest = name.map(|_| book.digest());
            let kept = Kept {
                name: name.map(str::to_string),
                bytes: book.bytes(),
                digest,
            };
            assert_eq!(shelf.file(), kept);
            let length = length as u64;
            let sent = Sent {
                length,
                offset: 0,
                digest,
            };
            assert_eq!(world.sent(1), Some(sent));
            let stored = format!("stored {name:?} {length}");
            let offered = format!("offered {name:?} {length}");
            assert_eq!(
                world.told(0),
                ["connected", &offered, &stored, "disconnected"]
            );
            assert_eq!(world.told(1), ["connecting", "connected", "disconnected"]);
            assert_eq!((world.progress(0), world.progress(1)), (length, length));
        }
    }
}

#[test]
fn transfers_pass_through_buffers_of_any_size() {
    for (receive, send) in [(1, 2_048), (15, 64), (64, 15), (1_460, 1), (16_384, 70)] {
        for name in [Some("name.bin"), None] {
            let mut world = World::new(1, 2);
            world.set_buffers(0, receive, send);
            world.set_buffers(1, send, receive);
            let shelf = Shelf::new();
            world.receive(0, shelf.clone(), ReceiveOptions::default());
            let book = Book::new(700).bites(100);
            world.send(1, 0, name, &book);
            assert_eq!(world.finish(1, 300), Ok(()), "{receive} {send} {name:?}");
            world.finish_talk(0, 3);
            assert_eq!(shelf.file().bytes, book.bytes());
        }
    }
}

#[test]
fn a_transfer_that_was_reset_at_half_goes_on_where_it_stopped() {
    for breaks_receiver in [false, true] {
        let (mut world, shelf) = world(2);
        let book = Book::new(100_000);
        world.send(1, 0, Some("name.bin"), &book);
        world.run_until(5_000, |world| world.progress(0) >= 50_000);
        world.raw(usize::from(!breaks_receiver)).abort();
        assert_eq!(world.finish(1, 5), Err(Error::Reset));
        world.finish_talk(0, 5);
        assert_eq!(world.last_told(0), "failed Reset");
        let held = shelf.held().unwrap();
        assert!((50_000..100_000).contains(&held.len()));
        assert_eq!(held, book.front(held.len()));
        assert!(shelf.get().files.is_empty());

        world.forget_told(0);
        world.send(1, 0, Some("other.bin"), &book);
        assert_eq!(world.finish(1, 5), Ok(()));
        world.finish_talk(0, 5);
        assert_eq!(shelf.file().bytes, book.bytes());
        assert_eq!(shelf.file().name.as_deref(), Some("other.bin"));
        let offset = held.len() as u64;
        assert_eq!(world.sent(1).unwrap().offset, offset);
        let resumed = format!("resumed {offset}");
        assert_eq!(
            world.told(0),
            [
                "connected",
                "offered Some(\"other.bin\") 100000",
                &resumed,
                "stored Some(\"other.bin\") 100000",
                "disconnected"
            ]
        );
        assert_eq!(
            world.told(1),
            ["connecting", "connected", &resumed, "disconnected"]
        );
        assert_eq!(world.hashed(0), Some((offset, offset)));
        assert_eq!(world.hashed(1), Some((100_000, 100_000)));
        assert_eq!(world.progress(1), 100_000);
    }
}

#[test]
fn a_plain_transfer_that_was_reset_begins_again() {
    let (mut world, shelf) = world(3);
    let book = Book::new(100_000);
    world.send(1, 0, None, &book);
    world.run_until(5_000, |world| world.progress(0) >= 50_000);
    world.raw(1).abort();
    assert_eq!(world.finish(1, 5), Err(Error::Reset));
    world.finish_talk(0, 5);
    assert_eq!(shelf.held(), None, "nobody can go on with it");
    world.send(1, 0, None, &book);
    assert_eq!(world.finish(1, 5), Ok(()));
    world.finish_talk(0, 5);
    assert_eq!(shelf.file().bytes, book.bytes());
}

#[test]
fn a_lost_receipt_is_repeated_and_the_file_stored_once() {
    let (mut world, shelf) = world(4);
    // Long enough to lose the way back before the receipt.
    shelf.get().waits = Some((Call::Commit, 100));
    let book = Book::new(5_000);
    world.send(1, 0, Some("name.bin"), &book);
    world.run_until(1_000, |world| world.state(0) == "Committing");
    world.run(50);
    world.cut(0, 1);
    assert_eq!(
        world.finish(1, 120),
        Err(Error::TimedOut(tickwire::Awaited::Receipt))
    );
    world.finish_talk(0, 30);
    assert_eq!(shelf.file().bytes, book.bytes());
    let stored = "stored Some(\"name.bin\") 5000";
    assert!(world.told(0).contains(&stored), "its result was decided");
    assert_eq!(world.last_told(0), "disconnected");

    world.mend(0, 1);
    world.forget_told(0);
    shelf.get().calls.clear();
    world.send(1, 0, Some("name.bin"), &book);
    assert_eq!(world.finish(1, 5), Ok(()));
    world.finish_talk(0, 5);
    let sent = Sent {
        length: 5_000,
        offset: 5_000,
        digest: Some(book.digest()),
    };
    assert_eq!(world.sent(1), Some(sent));
    assert_eq!(shelf.file().bytes, book.bytes());
    assert_eq!(shelf.get().calls, [Call::Begin], "nothing was written");
    assert_eq!(world.told(0)[2], "stored Some(\"name.bin\") 5000 again");
    assert_eq!(world.last_told(0), "disconnected");
}

#[test]
fn damage_on_the_wire_is_found_and_does_not_poison_the_retry() {
    let (mut world, shelf) = world(5);
    let swaps = Link {
        word_swap_ppm: 1_000_000,
        ..LINK
    };
    let book = Book::new(20_000);
    world.send(1, 0, Some("name.bin"), &book);
    world.run_until(1_000, |world| world.progress(0) >= 5_000);
    world.ethernet.set_link(1, swaps);
    world.run_until(1_000, |world| world.progress(0) >= 15_000);
    world.ethernet.set_link(1, LINK);
    assert_eq!(world.finish(1, 5), Err(Error::ReceiverRefused(5)));
    world.finish_talk(0, 5);
    assert_eq!(world.last_told(0), "failed DigestMismatch");
    assert_eq!(shelf.held(), None);
    assert!(shelf.get().files.is_empty());

    world.send(1, 0, Some("name.bin"), &book);
    assert_eq!(world.finish(1, 5), Ok(()));
    world.finish_talk(0, 5);
    assert_eq!(shelf.file().bytes, book.bytes());
    assert_eq!(world.sent(1).unwrap().offset, 0);
}

#[test]
fn a_damaged_prefix_costs_one_try_and_a_damaged_whole_none() {
    let book = Book::new(10_000);
    for held in [5_000, 10_000] {
        let (mut world, shelf) = world(6);
        world.send(1, 0, Some("name.bin"), &book);
        world.run_until(1_000, |world| world.progress(0) >= 5_000);
        world.raw(1).abort();
        world.finish_talk(0, 5);
        let mut damaged = book.front(held);
        damaged.0[17] ^= 1;
        shelf.get().partials[0].file.bytes = damaged;

        world.send(1, 0, Some("name.bin"), &book);
        if held < 10_000 {
            assert_eq!(world.finish(1, 5), Err(Error::ReceiverRefused(5)));
            world.finish_talk(0, 5);
            world.send(1, 0, Some("name.bin"), &book);
        }
        assert_eq!(world.finish(1, 5), Ok(()));
        world.finish_talk(0, 5);
        assert_eq!(world.sent(1).unwrap().offset, 0);
        assert_eq!(shelf.file().bytes, book.bytes());
    }
}

#[test]
fn bytes_that_change_behind_their_digest_are_refused_and_the_new_file_is_sent_whole() {
    let (mut world, shelf) = world(15);
    let book = Book::new(50_000);
    world.send(1, 0, Some("name.bin"), &book);
    world.run_until(1_000, |world| world.progress(0) >= 5_000);
    book.edit(|file| file[49_999] ^= 1);
    assert_eq!(world.finish(1, 5), Err(Error::ReceiverRefused(5)));
    world.finish_talk(0, 5);
    world.send(1, 0, Some("name.bin"), &book);
    assert_eq!(world.finish(1, 5), Ok(()));
    assert_eq!(world.sent(1).unwrap().offset, 0);
    assert_eq!(shelf.file().bytes, book.bytes());
}

#[test]
fn a_whole_prefix_needs_no_data() {
    let (mut world, shelf) = world(7);
    let book = Book::new(4_000);
    shelf.get().fails_always = Some(Call::Commit);
    world.send(1, 0, Some("name.bin"), &book);
    assert_eq!(world.finish(1, 5), Err(Error::ReceiverRefused(4)));
    world.finish_talk(0, 5);
    assert_eq!(world.last_told(0), "failed Sink { code: 28 }");
    assert_eq!(shelf.held(), Some(book.bytes()));
    shelf.get().fails_always = None;
    world.send(1, 0, Some("name.bin"), &book);
    assert_eq!(world.finish(1, 5), Ok(()));
    assert_eq!(world.sent(1).unwrap().offset, 4_000);
    world.finish_talk(0, 5);
    assert_eq!(shelf.file().bytes, book.bytes());
}

#[test]
fn two_receivers_do_not_write_into_one_partial() {
    let mut world = World::new(8, 4);
    let shelf = Shelf::new();
    shelf.get().bite = Some(100);
    world.receive(0, shelf.clone(), ReceiveOptions::default());
    world.receive(2, shelf.another(), ReceiveOptions::default());
    let book = Book::new(50_000);
    world.send(1, 0, Some("name.bin"), &book);
    world.run_until(5_000, |world| world.progress(0) >= 10_000);
    world.send(3, 2, Some("name.bin"), &book);
    assert_eq!(world.finish(3, 5), Err(Error::ReceiverRefused(3)));
    world.finish_talk(2, 5);
    assert_eq!(world.last_told(2), "failed ReceiverRefused(3)");
    assert_eq!(world.outcome(1), None, "the first goes on");
    assert_eq!(world.finish(1, 60), Ok(()));
    world.finish_talk(0, 5);
    assert_eq!(shelf.file().bytes, book.bytes());
    // Afterwards it is there for both.
    world.send(3, 2, Some("name.bin"), &book);
    assert_eq!(world.finish(3, 5), Ok(()));
    assert_eq!(world.sent(3).unwrap().offset, 50_000);
}

#[test]
fn a_second_caller_is_refused_and_the_first_is_not_disturbed() {
    let (mut world, shelf) = world(9);
    let (book, other) = (Book::new(100_000), Book::new(10));
    world.send(1, 0, Some("name.bin"), &book);
    world.run_until(5_000, |world| world.progress(0) >= 1_000);
    world.send(2, 0, Some("other.bin"), &other);
    assert_eq!(world.finish(2, 2), Err(Error::Refused));
    assert_eq!(world.finish(1, 5), Ok(()));
    world.finish_talk(0, 3);
    world.send(2, 0, Some("other.bin"), &other);
    assert_eq!(world.finish(2, 2), Ok(()));
    assert_eq!(shelf.get().files.len(), 2);
}

#[test]
fn ten_senders_are_served_one_after_the_other() {
    let (mut world, shelf) = world(10);
    for round in 0..10 {
        let book = Book::new(100 + round);
        let name = (round % 2 == 0).then_some("name.bin");
        let host = 1 + round % 2;
        world.send(host, 0, name, &book);
        assert_eq!(world.finish(host, 5), Ok(()));
        // Whatever the last conversation left behind, within a second the next caller is heard.
        world.run(1_000);
        assert_eq!(world.state(0), "Listening", "round {round}");
    }
    assert_eq!(shelf.get().files.len(), 10);
}

#[test]
fn a_receiver_for_one_conversation_ends_with_its_result() {
    let once = ReceiveOptions {
        once: true,
        ..ReceiveOptions::default()
    };
    for (bytes_max, result) in [(u64::MAX, Ok(())), (99, Err(Error::TooLarge))] {
        let mut world = World::new(11, 2);
        let shelf = Shelf::new();
        let options = ReceiveOptions { bytes_max, ..once };
        world.receive(0, shelf.clone(), options);
        world.send(1, 0, Some("name.bin"), &Book::new(100));
        assert_eq!(world.finish(0, 5), result);
        assert_eq!(shelf.get().files.len(), usize::from(result.is_ok()));
        assert!(world.finish(1, 5) == result || world.outcome(1) == Some(Err(REFUSED)));
        // Nobody listens any more.
        world.send(1, 0, Some("name.bin"), &Book::new(100));
        assert_eq!(world.finish(1, 5), Err(Error::Refused));
    }
}

const REFUSED: Error = Error::ReceiverRefused(Status::TOO_LARGE.0);

#[test]
fn a_receiver_on_port_0_is_an_error() {
    use smoltcp::wire::IpEndpoint;
    // Also for the sender: nothing can be there.
    let mut world = World::new(12, 1);
    let nobody = IpEndpoint::new(smoltcp::wire::IpAddress::v4(10, 0, 0, 9), 0);
    world.send_with(0, nobody, None, &Book::new(1), SendOptions::default());
    assert_eq!(world.finish(0, 1), Err(Error::Unaddressable));
    world.receive_on(0, 0, Shelf::new(), ReceiveOptions::default());
    assert_eq!(world.finish(0, 1), Err(Error::Unaddressable));
}

#[test]
fn memory_keeps_what_was_sent_resumes_and_repeats() {
    let mut world = World::new(13, 2);
    let store = Rc::new(RefCell::new(MemoryStore::new(
        vec![0; 60_000].leak(),
        vec![0; 60_000].leak(),
    )));
    world.receive(0, Lent(store.clone()), ReceiveOptions::default());
    let (book, large) = (Book::new(50_000), Book::new(60_001));
    world.send(1, 0, Some("name.bin"), &book);
    world.run_until(5_000, |world| world.progress(0) >= 20_000);
    world.raw(1).abort();
    world.finish_talk(0, 5);
    for offset in [20_000, 50_000] {
        world.send(1, 0, Some("name.bin"), &book);
        assert_eq!(world.finish(1, 5), Ok(()));
        assert!(world.sent(1).unwrap().offset >= offset);
        world.finish_talk(0, 5);
    }
    world.send(1, 0, Some("large.bin"), &large);
    assert_eq!(world.finish(1, 5), Err(REFUSED));
    let store = store.borrow();
    let image = store.image().unwrap();
    assert_eq!(Bytes(image.bytes.to_vec()), book.bytes());
    assert_eq!(image.name, Some("name.bin"));
    assert_eq!(image.digest, Some(book.digest()));
}
