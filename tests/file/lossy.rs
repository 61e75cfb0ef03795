//! Transfers over bad links, tried again until they are through.

use tickwire::Error;
use tickwire::file::{ReceiverOptions, SendError};
use tickwire_sim::ethernet::{Jitter, Link};
use tickwire_sim::{Generator, SimError};

use crate::common::faulty_store::FaultyStore;
use crate::common::fixture::{ms, secs};
use crate::common::mem_source::MemSource;
use crate::world::World;

/// Tries after which a transfer counts as stuck.
const TRIES_MAX: usize = 200;

/// A link with a random subset of faults.
fn bad_link(random: &mut Generator, swaps_words: bool) -> Link {
    let mut some = |most: u64| {
        let is_on = random.chance(500_000);
        if is_on { random.below(most) } else { 0 }
    };
    let mut rate = |most| u32::try_from(some(most)).unwrap();
    let mut link = Link {
        loss_ppm: rate(150_000),
        ack_loss_ppm: rate(150_000),
        duplicate_ppm: rate(100_000),
        reorder_ppm: rate(200_000),
        bit_flip_ppm: rate(50_000),
        truncate_ppm: rate(50_000),
        junk_ppm: rate(50_000),
        word_swap_ppm: if swaps_words { rate(10_000) } else { 0 },
        ..Link::PERFECT
    };
    link.delay_micros = some(30_000);
    link.reorder_micros_max = 50_000;
    link.duplicate_micros_max = some(9_000_000);
    link.jitter = Jitter::Exponential {
        micros_mean: 1 + some(30_000),
    };
    link
}

/// Sends until it is through, with a reset in the middle now and then. Returns how many tries it
/// took.
fn send_until_through(seed: u64, name: Option<&'static str>, length: usize) -> usize {
    let mut random = Generator::new(seed);
    let mut world = World::new(seed, 2);
    let store = FaultyStore::new();
    world.receive(0, store.clone(), ReceiverOptions::default());
    // Only a digest finds swapped words.
    let swaps_words = name.is_some();
    for port in 0..2 {
        let link = bad_link(&mut random, swaps_words);
        world.ethernet().set_link(port, link);
    }
    let source = MemSource::new(length);
    for tries in 1..TRIES_MAX {
        world.send(1, 0, name, &source);
        if random.chance(300_000) {
            let time = ms(random.below(5_000));
            world.run(time);
            world.raw(usize::from(random.chance(500_000))).abort();
        }
        let result = world.finish(1, secs(3_600));
        let files = store.get().files.clone();
        for file in &files {
            assert_eq!(file.bytes, source.bytes(), "seed {seed}: only whole files");
        }
        match result {
            Ok(()) if name.is_some() => {
                assert_eq!(files.len(), 1, "seed {seed}: stored once");
                return tries;
            }
            // All is acknowledged, so the receiver has it, unless the store or a reset of ours
            // failed it.
            Ok(()) => {
                world.run(ms(30_000));
                assert!(!store.get().files.is_empty(), "seed {seed}");
                return tries;
            }
            Err(
                SimError::Connection(Error::Reset | Error::TimedOut(_) | Error::Refused)
                | SimError::Send(SendError::Truncated | SendError::Refused(5)),
            ) => {}
            // Swapped words spoil replies and offers too.
            Err(SimError::Send(SendError::BadReply | SendError::Refused(2))) if swaps_words => {}
            Err(error) => panic!("seed {seed}: {error:?}"),
        }
        world.run(ms(random.below(3_000)));
    }
    panic!("seed {seed}: not through");
}

#[test]
fn checked_transfers_get_through_bad_links_whole_and_once() {
    let mut tries = 0;
    for seed in 0..40 {
        tries += send_until_through(seed, Some("name.bin"), 40_000);
    }
    assert!(tries > 60, "the links were bad: {tries}");
}

#[test]
fn plain_transfers_get_through_bad_links_whole_or_have_a_typed_error() {
    let mut tries = 0;
    for seed in 100..130 {
        tries += send_until_through(seed, None, 10_000);
    }
    assert!(tries > 35, "the links were bad: {tries}");
}
