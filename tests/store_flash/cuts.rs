//! The power fails, or the flash does, at every point of a transfer.

use tickwire::store::Begun;

use crate::common::flash::{Plan, Random, TORN, Torn};
use crate::driver::{Bench, Image, current, finish, transfer};
use tickwire::store::{Store, StoreError};

/// An old image in place, or none, and a new one to come; lengths that fill no block and no write
/// unit.
struct Scene<const R: usize, const W: usize, const E: usize> {
    bench: Bench<R, W, E>,
    old: Option<Image>,
    new: Image,
}

impl<const R: usize, const W: usize, const E: usize> Scene<R, W, E> {
    fn new(blocks: usize) -> Self {
        let mut scene = Self::first(blocks);
        let old = Image::new("old.bin", blocks * E - E / 3, 11);
        let begun = scene.bench.transfer(&old, 1);
        assert_eq!(begun, Ok(Begun::Held(0)));
        scene.old = Some(old);
        scene
    }

    /// Without an old image, on a flash full of another program's bytes.
    fn first(blocks: usize) -> Self {
        Self {
            bench: Bench::new(blocks * E),
            old: None,
            new: Image::new("new.bin", blocks * E - E / 5, 12),
        }
    }

    /// Only the old image or the new one may be there, and whole; tells whether it is the new one.
    fn is_new(&self, bench: &mut Bench<R, W, E>, context: &str) -> bool {
        let booted = bench.booted();
        let is_new = booted.as_ref() == Some(&self.new);
        assert!(is_new || booted == self.old, "{context}: a third image");
        is_new
    }

    /// After a cut: old or new is there bit by bit, and the new one gets through, now or by
    /// resuming.
    fn recover(&self, bench: &mut Bench<R, W, E>, context: &str) {
        let taken = bench.taken;
        let is_new = self.is_new(bench, context);
        let begun = bench
            .transfer(&self.new, 2)
            .unwrap_or_else(|error| panic!("{context}: {error:?}"));
        match begun {
            Begun::Finished => assert!(is_new, "{context}: finished, yet not there"),
            Begun::Held(held) => {
                assert!(!is_new, "{context}: there, yet not finished");
                let recorded = taken.saturating_sub(1) / E * E;
                assert!(
                    held as usize >= recorded,
                    "{context}: {held} held of {taken}"
                );
            }
        }
        assert!(self.is_new(bench, context), "{context}: not there at last");
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

    /// Writes and erases, and all calls, of one transfer on which nothing goes wrong.
    fn calls(&self) -> (usize, usize) {
        let mut bench = self.bench.copy();
        let before = bench.flash.counts();
        bench.transfer(&self.new, 1).expect("nothing goes wrong");
        let after = bench.flash.counts();
        let changes = after.writes + after.erases - before.writes - before.erases;
        (changes, changes + after.reads - before.reads)
    }

    /// Cuts in the recovery from a cut, and in the recovery from that.
    fn sample_double_cuts(&self, samples: u64) {
        let (changes, _) = self.calls();
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
                self.is_new(&mut bench, &format!("{R}/{W}/{E}, seed {seed}"));
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
                assert!(before.is_none() || before == self.old, "{context}");
                assert!(current(&mut store).as_ref() == Some(new), "{context}");
                drop(store);
                assert!(bench.booted().as_ref() == Some(new), "{context}");
            }
        }
    }

    /// A call fails, and the power is cut in the retry of the same session.
    fn fail_then_cut(&self, fail: Plan, cut: Plan) {
        let mut bench = self.bench.copy();
        let (flash, new) = (bench.flash.clone(), &self.new);
        let mut store = bench.store();
        let mut taken = 0;
        for plan in [fail, cut] {
            flash.plan(plan);
            let _ = transfer(&mut store, &new.upload(), &new.bytes, 1, &mut taken);
            flash.mend();
        }
        drop(store);
        bench.taken = 0;
        self.recover(&mut bench, &format!("{R}/{W}/{E}, {fail:?}, {cut:?}"));
    }

    /// The last calls of a transfer are the ones of which nobody knows afterwards what they did.
    fn fail_at_the_end_then_cut(&self) {
        let (_, calls) = self.calls();
        for (seed, fail_torn) in (0..).zip(TORN) {
            for at in calls - 3..calls {
                for cut_at in 0..12 {
                    for torn in [Torn::Nothing, Torn::Bits] {
                        let fail = Plan::Fail {
                            at,
                            torn: fail_torn,
                            seed,
                        };
                        let at = cut_at;
                        self.fail_then_cut(fail, Plan::Cut { at, torn, seed });
                    }
                }
            }
        }
    }

    fn sample_fail_then_cut(&self, samples: u64) {
        let (changes, calls) = self.calls();
        for seed in 0..samples {
            let mut random = Random::new(seed);
            let fail = Plan::Fail {
                at: random.below(calls),
                torn: TORN[random.below(TORN.len())],
                seed,
            };
            let cut = Plan::Cut {
                at: random.below(changes),
                torn: TORN[random.below(TORN.len())],
                seed,
            };
            self.fail_then_cut(fail, cut);
        }
    }

    fn all(blocks: usize) {
        let scene = Self::new(blocks);
        scene.sweep();
        scene.sample_double_cuts(120);
        scene.fail_everywhere();
        scene.fail_at_the_end_then_cut();
        scene.sample_fail_then_cut(120);
    }
}

#[test]
fn a_cut_anywhere_leaves_none_or_the_first_image_on_a_used_flash() {
    Scene::<1, 4, 128>::first(9).sweep();
    Scene::<1, 256, 1024>::first(5).sweep();
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
