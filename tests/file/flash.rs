//! A receiver into NOR flash that loses its power in the middle of a transfer.

use core::cell::Cell;
use core::task::Poll;
use std::rc::Rc;

use tickwire::file::{ReceiverOptions, SendError};
use tickwire::store::{Begun, FlashStore, Layout, Store, StoreError, Upload};
use tickwire::{Error, Tick};
use tickwire_sim::SimError;

use crate::common::fixture::{ms, secs};
use crate::common::flash::{Flash, Plan, TORN, Torn};
use crate::common::mem_source::{Bytes, MemSource};
use crate::world::World;

type Chip = Flash<1, 4, 128>;
type Chipped = FlashStore<'static, Chip>;

/// A store whose device is dead as soon as its flash fails.
struct Mortal {
    store: Chipped,
    is_dead: Rc<Cell<bool>>,
}

impl Mortal {
    fn live<T>(
        &mut self,
        call: impl FnOnce(&mut Chipped) -> Poll<Result<T, StoreError>>,
    ) -> Poll<Result<T, StoreError>> {
        if self.is_dead.get() {
            return Poll::Pending;
        }
        let outcome = call(&mut self.store);
        if let Poll::Ready(Err(StoreError::Failed { .. })) = outcome {
            self.is_dead.set(true);
            return Poll::Pending;
        }
        outcome
    }
}

impl Store for Mortal {
    fn begin(&mut self, now: Tick, upload: &Upload<'_>) -> Poll<Result<Begun, StoreError>> {
        self.live(|store| store.begin(now, upload))
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        self.live(|store| store.read(offset, buffer))
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        self.live(|store| store.write(data))
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        self.live(Store::commit)
    }

    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>> {
        self.live(|store| store.abandon(keep))
    }
}

/// Starts a receiver on host 0 over what is in the chip.
fn start(world: &mut World, chip: &Chip) -> Rc<Cell<bool>> {
    let is_dead = Rc::default();
    let store = chip.open();
    let mortal = Mortal {
        store,
        is_dead: Rc::clone(&is_dead),
    };
    world.receive(0, mortal, ReceiverOptions::default());
    is_dead
}

/// A chip with an image that came over the wire.
fn used(old: &MemSource) -> Chip {
    let chip = Chip::used(16 * 1_024, 7);
    let mut world = World::new(1, 2);
    start(&mut world, &chip);
    world.send(1, 0, Some("old.bin"), old);
    assert_eq!(world.finish(1, secs(30)), Ok(()));
    assert_eq!(chip.booted().map(Bytes), Some(old.bytes()));
    chip
}

/// Cuts the power in the given write or erase of a transfer, and tries again. Returns how much was
/// resumed; `None` when there was nothing left to cut.
fn cut_and_resume(
    chip: &Chip,
    old: &MemSource,
    new: &MemSource,
    at: usize,
    torn: Torn,
) -> Option<u64> {
    let mut world = World::new(at as u64, 2);
    let is_dead = start(&mut world, chip);
    let seed = at as u64;
    chip.plan(Plan::Cut { at, torn, seed });
    world.send(1, 0, Some("new.bin"), new);
    world.run_until(ms(60_000), |world| {
        is_dead.get() || world.outcome(1).is_some()
    });
    if !is_dead.get() {
        assert_eq!(world.finish(1, secs(1)), Ok(()));
        return None;
    }
    world.crash(0);
    chip.mend();
    let image = chip.booted().map(Bytes);
    assert!(
        image == Some(old.bytes()) || image == Some(new.bytes()),
        "the old image or the new one: {image:?}"
    );
    start(&mut world, chip);
    let result = world.finish(1, secs(90));
    assert!(
        matches!(
            result,
            Err(SimError::Connection(Error::Reset | Error::TimedOut(_)))
        ),
        "nobody said that it was stored: {result:?}"
    );
    world.send(1, 0, Some("new.bin"), new);
    assert_eq!(world.finish(1, secs(30)), Ok(()));
    assert_eq!(chip.booted().map(Bytes), Some(new.bytes()));
    Some(world.sent(1)?.offset)
}

#[test]
fn a_power_cut_at_any_write_or_erase_leaves_an_image_and_a_transfer_that_goes_on() {
    let (old, new) = (
        MemSource::new(1_000),
        MemSource::of((0..3_000u32).map(|n| ((n * n) >> 3) as u8).collect()),
    );
    let used = used(&old);
    let (mut cuts, mut resumed) = (0, Vec::new());
    for torn in TORN {
        for at in 0.. {
            match cut_and_resume(&used.copy(), &old, &new, at, torn) {
                Some(offset) => resumed.push(offset),
                None => break,
            }
            cuts += 1;
        }
    }
    assert!(cuts > 4 * 50, "{cuts}");
    // A cut costs at most what came since the last checkpoint, one block; so resumed offsets are
    // spread over the file.
    for part in 0..5 {
        let range = part * 600..(part + 1) * 600;
        assert!(resumed.iter().any(|offset| range.contains(offset)));
    }
    assert!(resumed.contains(&3_000), "a receipt that was cut off");
}

/// A world in which the first try to bring a file ended by a reset.
fn reset_in_the_middle(seed: u64, chip: &Chip, new: &MemSource) -> World {
    let mut world = World::new(seed, 2);
    start(&mut world, chip);
    world.send(1, 0, Some("new.bin"), new);
    world.run_until(ms(10_000), |world| world.progress(0) > 3_000);
    world.raw(1).abort();
    world.finish_talk(0, secs(10));
    world
}

#[test]
fn a_reset_in_the_middle_is_resumed_from_flash() {
    let (old, new) = (MemSource::new(1_000), MemSource::new(6_000));
    let chip = used(&old);
    let mut world = reset_in_the_middle(2, &chip, &new);
    assert_eq!(chip.booted().map(Bytes), Some(old.bytes()));
    world.send(1, 0, Some("new.bin"), &new);
    assert_eq!(world.finish(1, secs(30)), Ok(()));
    // Whole blocks of 128 bytes.
    let offset = world.sent(1).unwrap().offset;
    assert!(offset > 2_800 && offset.is_multiple_of(128), "{offset}");
    assert_eq!(chip.booted().map(Bytes), Some(new.bytes()));
}

#[test]
fn flash_that_loses_bits_costs_a_try_and_no_image() {
    let (old, new) = (MemSource::new(1_000), MemSource::new(6_000));
    let chip = used(&old);
    let mut world = reset_in_the_middle(3, &chip, &new);
    // In a block of the second slot, after the first image.
    let layout = Layout::whole(&chip).unwrap();
    chip.flip(layout.slots[1] + 200);
    world.send(1, 0, Some("new.bin"), &new);
    assert_eq!(world.finish(1, secs(30)), Err(SendError::Refused(5).into()));
    assert_eq!(chip.booted().map(Bytes), Some(old.bytes()));
    world.finish_talk(0, secs(10));
    world.send(1, 0, Some("new.bin"), &new);
    assert_eq!(world.finish(1, secs(30)), Ok(()));
    assert_eq!(chip.booted().map(Bytes), Some(new.bytes()));
}
