//! The power fails, or the flash does, at every point of a transfer.

use tickwire::store::Begun;

use crate::driver::{Bench, Image, current, finish, transfer};
use crate::flash::{Plan, Random, TORN, Torn};
use tickwire::store::{Store, StoreError};

/// An old image in place, a new one to come; lengths that fill no block and no write unit.
struct Scene<const R: usize, const W: usize, const E: usize> {
    bench: Bench<R, W, E>,
    old: Image,
    new: Image,
}

impl<const R: usize, const W: usize, const E: usize> Scene<R, W, E> {
    fn new(blocks: usize) -> Self {
        let length = blocks * E;
        let mut bench = Bench::new(length);
        let old = Image::new("old.bin", length - E / 3, 11);
        let new = Image::new("new.bin", length - E / 5, 12);
        bench
            .transfer(&old, 1)
            .expect("nothing goes wrong without a plan");
        Self { bench, old, new }
    }

    /// After a cut: old or new is there bit by bit, and the new one gets through, now or by resuming.
    fn recover(&self, bench: &mut Bench<R, W, E>, context: &str) {
        let taken = bench.taken;
        let booted = bench.booted().expect("an image was there");
        assert!(
            booted == self.old || booted == self.new,
            "{context}: a third image"
        );
        let begun = bench
            .transfer(&self.new, 2)
            .unwrap_or_else(|error| panic!("{context}: {error:?}"));
        match begun {
            Begun::Finished => assert!(booted == self.new, "{context}: finished, yet not there"),
            Begun::Held(held) => {
                assert!(booted == self.old, "{context}: there, yet not finished");
                let recorded = taken.saturating_sub(1) / E * E;
                assert!(
                    held as usize >= recorded,
                    "{context}: {held} held of {taken}"
                );
            }
        }
        assert!(
            bench.booted().as_ref() == Some(&self.new),
            "{context}: new after all"
        );
    }

    /// Cuts at every write and erase of a transfer, torn in every way.
    fn sweep(&self) {
        for (variant, torn) in TORN.into_iter().chain([Torn::Bits; 3]).enumerate() {
            for at in 0.. {
                let mut bench = self.bench.copy();
                let seed = (at * 10 + variant) as u64;
                bench.flash.plan(Plan::Cut { at, torn, seed });
                let outcome = bench.transfer(&self.new, 1);
                if !bench.flash.mend() {
                    assert_eq!(outcome, Ok(Begun::Held(0)));
                    assert!(at > 10, "the plan never came true");
                    break;
                }
                assert!(outcome.is_err(), "a cut must show");
                let context = format!("{R}/{W}/{E}, cut at {at}, {torn:?}, seed {seed}");
                self.recover(&mut bench, &context);
            }
        }
    }

    /// Writes and erases of one transfer on which nothing goes wrong.
    fn changes(&self) -> usize {
        let mut bench = self.bench.copy();
        let before = bench.flash.counts();
        bench.transfer(&self.new, 1).expect("nothing goes wrong");
        let after = bench.flash.counts();
        after.writes + after.erases - before.writes - before.erases
    }

    /// Cuts in the recovery from a cut, and in the recovery from that.
    fn sample_double_cuts(&self, samples: u64) {
        let changes = self.changes();
        let mut cuts = 0;
        for seed in 0..samples {
            let mut random = Random::new(seed);
            let mut bench = self.bench.copy();
            for _ in 0..3 {
                let plan = Plan::Cut {
                    at: random.below(changes),
                    torn: TORN[random.below(TORN.len())],
                    seed: random.next(),
                };
                bench.flash.plan(plan);
                let _ = bench.transfer(&self.new, random.next());
                cuts += u64::from(bench.flash.mend());
                let booted = bench.booted().expect("an image was there");
                assert!(booted == self.old || booted == self.new, "seed {seed}");
            }
            bench.taken = 0;
            self.recover(&mut bench, &format!("{R}/{W}/{E}, seed {seed}"));
        }
        assert!(cuts > samples, "most recoveries must be cut as well");
    }

    /// Every call to the flash fails once, reads too; the store lives on.
    fn fail_everywhere(&self) {
        for torn in TORN {
            for at in 0.. {
                let mut bench = self.bench.copy();
                let (flash, new) = (bench.flash.clone(), &self.new);
                let context = format!("{R}/{W}/{E}, call {at} fails, {torn:?}");
                let mut store = bench.store();
                let seed = at as u64;
                flash.plan(Plan::Fail { at, torn, seed });
                let mut taken = 0;
                let outcome = transfer(&mut store, &new.upload(), &new.bytes, 1, &mut taken);
                if !flash.mend() {
                    assert_eq!(outcome, Ok(Begun::Held(0)));
                    break;
                }
                assert!(
                    matches!(outcome, Err(StoreError::Failed { .. })),
                    "{context}: {outcome:?}"
                );
                let before = current(&mut store);
                finish(|| store.abandon(true)).expect("the flash works again");
                let retried = transfer(&mut store, &new.upload(), &new.bytes, 2, &mut taken);
                assert!(
                    matches!(retried, Ok(Begun::Held(_))),
                    "{context}: {retried:?}"
                );
                // Before the mount nothing is known; after it the old image stays until the commit.
                assert!(
                    before.is_none() || before.as_ref() == Some(&self.old),
                    "{context}"
                );
                assert!(current(&mut store).as_ref() == Some(new), "{context}");
                drop(store);
                assert!(bench.booted().as_ref() == Some(new), "{context}");
            }
        }
    }

    /// A call fails, and before anything is mended the power is cut as well.
    fn fail_then_cut(&self, samples: u64) {
        for seed in 0..samples {
            let mut random = Random::new(seed);
            let mut bench = self.bench.copy();
            let (flash, new) = (bench.flash.clone(), &self.new);
            let mut store = bench.store();
            let mut taken = 0;
            let plan = Plan::Fail {
                at: random.below(60),
                torn: TORN[random.below(TORN.len())],
                seed: random.next(),
            };
            flash.plan(plan);
            let _ = transfer(&mut store, &new.upload(), &new.bytes, 1, &mut taken);
            flash.mend();
            let plan = Plan::Cut {
                at: random.below(12),
                torn: TORN[random.below(TORN.len())],
                seed: random.next(),
            };
            flash.plan(plan);
            let _ = transfer(&mut store, &new.upload(), &new.bytes, 2, &mut taken);
            flash.mend();
            drop(store);
            bench.taken = 0;
            self.recover(&mut bench, &format!("{R}/{W}/{E}, seed {seed}"));
        }
    }

    fn all(blocks: usize) {
        let scene = Self::new(blocks);
        scene.sweep();
        scene.sample_double_cuts(120);
        scene.fail_everywhere();
        scene.fail_then_cut(120);
    }
}

#[test]
fn a_cut_anywhere_leaves_old_or_new_with_write_1_erase_128() {
    Scene::<1, 1, 128>::all(9);
}

#[test]
fn a_cut_anywhere_leaves_old_or_new_with_write_4_erase_128() {
    Scene::<4, 4, 128>::all(9);
}

#[test]
fn a_cut_anywhere_leaves_old_or_new_with_write_4_erase_1024() {
    Scene::<1, 4, 1024>::all(5);
}

#[test]
fn a_cut_anywhere_leaves_old_or_new_with_write_8_erase_1024() {
    Scene::<1, 8, 1024>::all(5);
}

#[test]
fn a_cut_anywhere_leaves_old_or_new_with_write_256_erase_1024() {
    Scene::<1, 256, 1024>::all(6);
}

#[test]
fn a_cut_anywhere_leaves_old_or_new_with_write_8_erase_4096() {
    Scene::<8, 8, 4096>::all(3);
}

#[test]
fn a_cut_anywhere_leaves_old_or_new_with_write_256_erase_4096() {
    Scene::<4, 256, 4096>::all(3);
}
