//! Dozens of transfers of every kind, one after the other, with cuts among them.

use tickwire::store::{Begun, Store, StoreError};

use crate::common::flash::{Plan, Random, TORN};
use crate::driver::{Bench, Image, begin_and_send, finish, transfer};

/// What a round tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    Plain,
    KeptPartial,
    WrongDigest,
    /// The sender's bytes are wrong, and the receiver commits them all the same.
    WrongAndCommitted,
}

const KINDS: [Kind; 5] = [
    Kind::Whole,
    Kind::Plain,
    Kind::KeptPartial,
    Kind::WrongDigest,
    Kind::WrongAndCommitted,
];

/// One round; `Ok(true)` when the image must be the current one now.
fn attempt(
    store: &mut impl Store,
    image: &Image,
    kind: Kind,
    seed: u64,
) -> Result<bool, StoreError> {
    let mut taken = 0;
    let upload = image.upload();
    match kind {
        Kind::Whole => transfer(store, &upload, &image.bytes, seed, &mut taken).map(|_| true),
        Kind::Plain => {
            transfer(store, &image.plain(), &image.bytes, seed, &mut taken).map(|_| true)
        }
        Kind::KeptPartial => {
            let half = &image.bytes[..image.bytes.len() / 2];
            if begin_and_part(store, image, half.len(), seed)? == Begun::Finished {
                return Ok(true);
            }
            finish(|| store.abandon(true)).map(|()| false)
        }
        Kind::WrongDigest | Kind::WrongAndCommitted => {
            // Beside the images that other rounds send: what is held of it must never be taken for
            // theirs.
            let mut wrong = image.clone();
            wrong.digest[0] ^= 0xFF;
            let upload = wrong.upload();
            let begun = begin_and_send(store, &upload, &image.bytes, seed, &mut taken)?;
            assert_ne!(begun, Begun::Finished, "it cannot have been committed");
            if kind == Kind::WrongAndCommitted {
                assert!(
                    finish(|| store.commit()).is_err(),
                    "the digest of these bytes is another"
                );
            }
            finish(|| store.abandon(kind == Kind::WrongAndCommitted)).map(|()| false)
        }
    }
}

/// Sends at least `count` bytes, or what is held if it is more.
fn begin_and_part(
    store: &mut impl Store,
    image: &Image,
    count: usize,
    seed: u64,
) -> Result<Begun, StoreError> {
    let begun = finish(|| store.begin(tickwire::Tick::ZERO, &image.upload()))?;
    let Begun::Held(held) = begun else {
        return Ok(begun);
    };
    let mut at = held as usize;
    let mut random = Random::new(seed);
    while at < count {
        let end = (at + 1 + random.below(300)).min(image.bytes.len());
        at += finish(|| store.write(&image.bytes[at..end]))?;
    }
    Ok(begun)
}

fn chaos<const R: usize, const W: usize, const E: usize>(seed: u64, rounds: usize) {
    let mut random = Random::new(seed);
    let slot_bytes = 4 * E;
    let mut bench = Bench::<R, W, E>::new(slot_bytes);
    bench.layout.checkpoint = (E * (1 + random.below(3))) as u32;
    // Few images, two of one length, so that resumes, repeats and mistaken identities happen.
    let images: Vec<Image> = (0..4)
        .map(|n| {
            let length = [slot_bytes, 0, 3 * E - 1, 3 * E - 1][n as usize];
            Image::new(&format!("image-{n}"), length, seed * 100 + n)
        })
        .collect();
    let mut expected: Option<Image> = None;
    let (mut cuts, mut commits) = (0, 0);
    for round in 0..rounds {
        let kind = KINDS[random.below(KINDS.len())];
        let image = &images[random.below(images.len())];
        if random.below(2) == 0 {
            bench.flash.plan(Plan::Cut {
                at: random.below(25),
                torn: TORN[random.below(TORN.len())],
                seed: random.next(),
            });
        }
        let context = format!("{R}/{W}/{E}, seed {seed}, round {round}, {kind:?}");
        let mut store = bench.store();
        let outcome = attempt(&mut store, image, kind, random.next());
        drop(store);
        let cut = bench.flash.mend();
        assert!(cut || outcome.is_ok(), "{context}: {outcome:?}");
        let mut target = image.clone();
        if kind == Kind::Plain {
            target.name.clear();
        }
        let booted = bench.booted();
        match outcome {
            Ok(true) => assert!(booted.as_ref() == Some(&target), "{context}: not there"),
            Ok(false) => assert!(booted == expected, "{context}: the old image went"),
            Err(_) => {
                let may_be_new = matches!(kind, Kind::Whole | Kind::Plain);
                let is_new = may_be_new && booted.as_ref() == Some(&target);
                assert!(is_new || booted == expected, "{context}: a third image");
            }
        }
        commits += usize::from(booted != expected);
        cuts += usize::from(cut);
        expected = booted;
    }
    assert!(
        cuts > rounds / 10 && commits > rounds / 20,
        "too tame: {cuts} cuts, {commits} commits"
    );
    let journal = bench.layout.journal as usize / E;
    let journal_blocks = 2 * bench.layout.journal_half as usize / E;
    for wear in &bench.flash.wear()[journal..journal + journal_blocks] {
        assert!(*wear > rounds / 10, "the journal must come round often");
    }
}

#[test]
fn dozens_of_transfers_with_cuts_leave_only_whole_images_on_small_blocks() {
    for seed in 1..=4 {
        chaos::<1, 1, 128>(seed, 150);
        chaos::<4, 4, 128>(seed, 150);
    }
}

#[test]
fn dozens_of_transfers_with_cuts_leave_only_whole_images_on_large_blocks() {
    for seed in 1..=2 {
        chaos::<1, 8, 1024>(seed, 150);
        chaos::<1, 256, 1024>(seed, 150);
        chaos::<8, 256, 4096>(seed, 100);
    }
}
