//! Receiver and sender against each other.

use std::cell::RefCell;
use std::rc::Rc;

use tickwire::file::{ReceiveError, ReceiverOptions, SendError, SenderOptions, Sent, Status};
use tickwire::store::MemoryStore;
use tickwire::{Error, TimeoutKind};
use tickwire_sim::ethernet::Link;

use crate::common::faulty_store::{Call, FaultyStore, StoredFile};
use crate::common::fixture::{ms, secs};
use crate::common::mem_source::{Bytes, MemSource};
use crate::stores::Lent;
use crate::world::{LINK, World};

/// A receiver on host 0, and another two hosts.
fn world(seed: u64) -> (World, FaultyStore) {
    let mut world = World::new(seed, 3);
    let store = FaultyStore::new();
    world.receive(0, store.clone(), ReceiverOptions::default());
    (world, store)
}

#[test]
fn files_of_many_lengths_arrive_whole_in_both_forms() {
    for (seed, length) in [0, 1, 2, 255, 256, 257, 1_024, 2_048, 16_384, 300 * 1_024]
        .into_iter()
        .enumerate()
    {
        for name in [Some("name.bin"), None] {
            let (mut world, store) = world(seed as u64);
            let source = MemSource::new(length);
            world.send(1, 0, name, &source);
            assert_eq!(world.finish(1, secs(60)), Ok(()), "{length} {name:?}");
            world.finish_talk(0, secs(3));
            let digest = name.map(|_| source.digest());
            let expected = StoredFile {
                name: name.map(str::to_string),
                bytes: source.bytes(),
                digest,
            };
            assert_eq!(store.file(), expected);
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
            let store = FaultyStore::new();
            world.receive(0, store.clone(), ReceiverOptions::default());
            let source = MemSource::new(700).with_read_max(100);
            world.send(1, 0, name, &source);
            assert_eq!(
                world.finish(1, secs(300)),
                Ok(()),
                "{receive} {send} {name:?}"
            );
            world.finish_talk(0, secs(3));
            assert_eq!(store.file().bytes, source.bytes());
        }
    }
}

#[test]
fn a_transfer_that_was_reset_at_half_goes_on_where_it_stopped() {
    for breaks_receiver in [false, true] {
        let (mut world, store) = world(2);
        let source = MemSource::new(100_000);
        world.send(1, 0, Some("name.bin"), &source);
        world.run_until(ms(5_000), |world| world.progress(0) >= 50_000);
        world.raw(usize::from(!breaks_receiver)).abort();
        assert_eq!(world.finish(1, secs(5)), Err(Error::Reset.into()));
        world.finish_talk(0, secs(5));
        assert_eq!(world.last_told(0), "failed Reset");
        let held = store.held().unwrap();
        assert!((50_000..100_000).contains(&held.len()));
        assert_eq!(held, source.front(held.len()));
        assert!(store.get().files.is_empty());

        world.forget_told(0);
        world.send(1, 0, Some("other.bin"), &source);
        assert_eq!(world.finish(1, secs(5)), Ok(()));
        world.finish_talk(0, secs(5));
        assert_eq!(store.file().bytes, source.bytes());
        assert_eq!(store.file().name.as_deref(), Some("other.bin"));
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
    let (mut world, store) = world(3);
    let source = MemSource::new(100_000);
    world.send(1, 0, None, &source);
    world.run_until(ms(5_000), |world| world.progress(0) >= 50_000);
    world.raw(1).abort();
    assert_eq!(world.finish(1, secs(5)), Err(Error::Reset.into()));
    world.finish_talk(0, secs(5));
    assert_eq!(store.held(), None, "nobody can go on with it");
    world.send(1, 0, None, &source);
    assert_eq!(world.finish(1, secs(5)), Ok(()));
    world.finish_talk(0, secs(5));
    assert_eq!(store.file().bytes, source.bytes());
}

#[test]
fn a_lost_receipt_is_repeated_and_the_file_stored_once() {
    let (mut world, store) = world(4);
    // Long enough to lose the way back before the receipt.
    store.get().waits = Some((Call::Commit, 100));
    let source = MemSource::new(5_000);
    world.send(1, 0, Some("name.bin"), &source);
    world.run_until(ms(1_000), |world| world.state(0) == "Committing");
    world.run(ms(50));
    world.cut(0, 1);
    assert_eq!(
        world.finish(1, secs(120)),
        Err(Error::TimedOut(TimeoutKind::Reply).into())
    );
    world.finish_talk(0, secs(30));
    assert_eq!(store.file().bytes, source.bytes());
    let stored = "stored Some(\"name.bin\") 5000";
    assert!(world.has_told(0, stored), "its result was decided");
    assert_eq!(world.last_told(0), "disconnected");

    world.mend(0, 1);
    world.forget_told(0);
    store.get().calls.clear();
    world.send(1, 0, Some("name.bin"), &source);
    assert_eq!(world.finish(1, secs(5)), Ok(()));
    world.finish_talk(0, secs(5));
    let sent = Sent {
        length: 5_000,
        offset: 5_000,
        digest: Some(source.digest()),
    };
    assert_eq!(world.sent(1), Some(sent));
    assert_eq!(store.file().bytes, source.bytes());
    assert_eq!(store.get().calls, [Call::Begin], "nothing was written");
    assert_eq!(world.told(0)[2], "stored Some(\"name.bin\") 5000 again");
    assert_eq!(world.last_told(0), "disconnected");
}

#[test]
fn damage_on_the_wire_is_found_and_does_not_poison_the_retry() {
    let (mut world, store) = world(5);
    let swaps = Link {
        word_swap_ppm: 1_000_000,
        ..LINK
    };
    let source = MemSource::new(20_000);
    world.send(1, 0, Some("name.bin"), &source);
    world.run_until(ms(1_000), |world| world.progress(0) >= 5_000);
    world.ethernet().set_link(1, swaps);
    world.run_until(ms(1_000), |world| world.progress(0) >= 15_000);
    world.ethernet().set_link(1, LINK);
    assert_eq!(world.finish(1, secs(5)), Err(SendError::Refused(5).into()));
    world.finish_talk(0, secs(5));
    assert_eq!(world.last_told(0), "failed DigestMismatch");
    assert_eq!(store.held(), None);
    assert!(store.get().files.is_empty());

    world.send(1, 0, Some("name.bin"), &source);
    assert_eq!(world.finish(1, secs(5)), Ok(()));
    world.finish_talk(0, secs(5));
    assert_eq!(store.file().bytes, source.bytes());
    assert_eq!(world.sent(1).unwrap().offset, 0);
}

#[test]
fn a_damaged_prefix_costs_one_try_and_a_damaged_whole_none() {
    let source = MemSource::new(10_000);
    for held in [5_000, 10_000] {
        let (mut world, store) = world(6);
        world.send(1, 0, Some("name.bin"), &source);
        world.run_until(ms(1_000), |world| world.progress(0) >= 5_000);
        world.raw(1).abort();
        world.finish_talk(0, secs(5));
        let mut damaged = source.front(held);
        damaged.0[17] ^= 1;
        store.get().partials[0].file.bytes = damaged;

        world.send(1, 0, Some("name.bin"), &source);
        if held < 10_000 {
            assert_eq!(world.finish(1, secs(5)), Err(SendError::Refused(5).into()));
            world.finish_talk(0, secs(5));
            world.send(1, 0, Some("name.bin"), &source);
        }
        assert_eq!(world.finish(1, secs(5)), Ok(()));
        world.finish_talk(0, secs(5));
        assert_eq!(world.sent(1).unwrap().offset, 0);
        assert_eq!(store.file().bytes, source.bytes());
    }
}

#[test]
fn bytes_that_change_after_they_were_hashed_are_refused_and_the_new_file_is_sent_whole() {
    let (mut world, store) = world(15);
    let source = MemSource::new(50_000);
    world.send(1, 0, Some("name.bin"), &source);
    world.run_until(ms(1_000), |world| world.progress(0) >= 5_000);
    source.edit(|file| file[49_999] ^= 1);
    assert_eq!(world.finish(1, secs(5)), Err(SendError::Refused(5).into()));
    world.finish_talk(0, secs(5));
    world.send(1, 0, Some("name.bin"), &source);
    assert_eq!(world.finish(1, secs(5)), Ok(()));
    assert_eq!(world.sent(1).unwrap().offset, 0);
    assert_eq!(store.file().bytes, source.bytes());
}

#[test]
fn a_whole_prefix_needs_no_data() {
    let (mut world, store) = world(7);
    let source = MemSource::new(4_000);
    store.get().fails_always = Some(Call::Commit);
    world.send(1, 0, Some("name.bin"), &source);
    assert_eq!(world.finish(1, secs(5)), Err(SendError::Refused(4).into()));
    world.finish_talk(0, secs(5));
    assert_eq!(world.last_told(0), "failed Store { code: 28 }");
    assert_eq!(store.held(), Some(source.bytes()));
    store.get().fails_always = None;
    world.send(1, 0, Some("name.bin"), &source);
    assert_eq!(world.finish(1, secs(5)), Ok(()));
    assert_eq!(world.sent(1).unwrap().offset, 4_000);
    world.finish_talk(0, secs(5));
    assert_eq!(store.file().bytes, source.bytes());
}

#[test]
fn two_receivers_do_not_write_into_one_partial() {
    let mut world = World::new(8, 4);
    let store = FaultyStore::new();
    store.get().write_max = Some(100);
    world.receive(0, store.clone(), ReceiverOptions::default());
    world.receive(2, store.another(), ReceiverOptions::default());
    let source = MemSource::new(50_000);
    world.send(1, 0, Some("name.bin"), &source);
    world.run_until(ms(5_000), |world| world.progress(0) >= 10_000);
    world.send(3, 2, Some("name.bin"), &source);
    assert_eq!(world.finish(3, secs(5)), Err(SendError::Refused(3).into()));
    world.finish_talk(2, secs(5));
    assert_eq!(world.last_told(2), "failed Busy");
    assert_eq!(world.outcome(1), None, "the first goes on");
    assert_eq!(world.finish(1, secs(60)), Ok(()));
    world.finish_talk(0, secs(5));
    assert_eq!(store.file().bytes, source.bytes());
    // Afterwards it is there for both.
    world.send(3, 2, Some("name.bin"), &source);
    assert_eq!(world.finish(3, secs(5)), Ok(()));
    assert_eq!(world.sent(3).unwrap().offset, 50_000);
}

#[test]
fn a_second_caller_is_refused_and_the_first_is_not_disturbed() {
    let (mut world, store) = world(9);
    let (source, other) = (MemSource::new(100_000), MemSource::new(10));
    world.send(1, 0, Some("name.bin"), &source);
    world.run_until(ms(5_000), |world| world.progress(0) >= 1_000);
    world.send(2, 0, Some("other.bin"), &other);
    assert_eq!(world.finish(2, secs(2)), Err(Error::Refused.into()));
    assert_eq!(world.finish(1, secs(5)), Ok(()));
    world.finish_talk(0, secs(3));
    world.send(2, 0, Some("other.bin"), &other);
    assert_eq!(world.finish(2, secs(2)), Ok(()));
    assert_eq!(store.get().files.len(), 2);
}

#[test]
fn ten_senders_are_served_one_after_the_other() {
    let (mut world, store) = world(10);
    for round in 0..10 {
        let source = MemSource::new(100 + round);
        let name = (round % 2 == 0).then_some("name.bin");
        let host = 1 + round % 2;
        world.send(host, 0, name, &source);
        assert_eq!(world.finish(host, secs(5)), Ok(()));
        // Whatever the last conversation left behind, within a second the next caller is heard.
        world.run(ms(1_000));
        assert_eq!(world.state(0), "Opening", "round {round}");
    }
    assert_eq!(store.get().files.len(), 10);
}

#[test]
fn a_receiver_for_one_conversation_ends_with_its_result() {
    let once = ReceiverOptions {
        once: true,
        ..ReceiverOptions::default()
    };
    for (bytes_max, result) in [(u64::MAX, Ok(())), (99, Err(ReceiveError::TooLarge.into()))] {
        let mut world = World::new(11, 2);
        let store = FaultyStore::new();
        let options = ReceiverOptions { bytes_max, ..once };
        world.receive(0, store.clone(), options);
        world.send(1, 0, Some("name.bin"), &MemSource::new(100));
        assert_eq!(world.finish(0, secs(5)), result);
        assert_eq!(store.get().files.len(), usize::from(result.is_ok()));
        assert!(
            world.finish(1, secs(5)) == result || world.outcome(1) == Some(Err(REFUSED.into()))
        );
        // Nobody listens any more.
        world.send(1, 0, Some("name.bin"), &MemSource::new(100));
        assert_eq!(world.finish(1, secs(5)), Err(Error::Refused.into()));
    }
}

const REFUSED: SendError = SendError::Refused(Status::TOO_LARGE.0);

#[test]
fn a_receiver_on_port_0_is_an_error() {
    use smoltcp::wire::IpEndpoint;
    // Also for the sender: nothing can be there.
    let mut world = World::new(12, 1);
    let nobody = IpEndpoint::new(smoltcp::wire::IpAddress::v4(10, 0, 0, 9), 0);
    world.send_with(
        0,
        nobody,
        None,
        &MemSource::new(1),
        SenderOptions::default(),
    );
    assert_eq!(world.finish(0, secs(1)), Err(Error::Unaddressable.into()));
    world.receive_on(0, 0, FaultyStore::new(), ReceiverOptions::default());
    assert_eq!(world.finish(0, secs(1)), Err(Error::Unaddressable.into()));
}

#[test]
fn memory_keeps_what_was_sent_resumes_and_repeats() {
    let mut world = World::new(13, 2);
    let store = Rc::new(RefCell::new(MemoryStore::new(
        vec![0; 60_000].leak(),
        vec![0; 60_000].leak(),
    )));
    world.receive(0, Lent(store.clone()), ReceiverOptions::default());
    let (source, large) = (MemSource::new(50_000), MemSource::new(60_001));
    world.send(1, 0, Some("name.bin"), &source);
    world.run_until(ms(5_000), |world| world.progress(0) >= 20_000);
    world.raw(1).abort();
    world.finish_talk(0, secs(5));
    for offset in [20_000, 50_000] {
        world.send(1, 0, Some("name.bin"), &source);
        assert_eq!(world.finish(1, secs(5)), Ok(()));
        assert!(world.sent(1).unwrap().offset >= offset);
        world.finish_talk(0, secs(5));
    }
    world.send(1, 0, Some("large.bin"), &large);
    assert_eq!(world.finish(1, secs(5)), Err(REFUSED.into()));
    let store = store.borrow();
    let image = store.image().unwrap();
    assert_eq!(Bytes(image.bytes.to_vec()), source.bytes());
    assert_eq!(image.name, Some("name.bin"));
    assert_eq!(image.digest, Some(source.digest()));
}
