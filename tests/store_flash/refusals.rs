//! What the store refuses, and with which error.

use core::task::Poll;

use tickwire::Tick;
use tickwire::store::{
    Begun, FlashFault, FlashStore, Layout, LayoutError, Store, StoreError, Upload,
};

use crate::common::flash::{Counts, Flash, Plan, Torn};
use crate::driver::{Image, current, finish, tight, transfer};
use crate::{SLOT_BYTES, Small, fault};

#[test]
fn a_file_larger_than_a_slot_is_refused_before_anything_is_touched() {
    let mut bench = Small::new(SLOT_BYTES);
    let mut store = bench.store();
    for length in [SLOT_BYTES as u64 + 1, 1 << 32, u64::MAX] {
        let upload = Upload {
            name: Some("large"),
            length,
            digest: Some(&[1; 32]),
        };
        assert_eq!(
            store.begin(Tick::ZERO, &upload),
            Poll::Ready(Err(StoreError::TooLarge))
        );
    }
    drop(store);
    assert_eq!(bench.flash.counts(), Counts::default());
    let full = Image::new("full", SLOT_BYTES, 3);
    assert_eq!(bench.transfer(&full, 1), Ok(Begun::Held(0)));
    assert_eq!(bench.booted(), Some(full));
}

#[test]
fn calls_that_do_not_fit_are_errors_and_change_nothing() {
    let mut bench = Small::new(SLOT_BYTES);
    let image = Image::new("new", 300, 5);
    let upload = image.upload();
    let out_of_order = fault(FlashFault::OutOfOrder);
    let mut store = bench.store();
    assert_eq!(finish(|| store.write(b"early")), Err(out_of_order));
    assert_eq!(finish(|| store.commit()), Err(out_of_order));
    assert_eq!(finish(|| store.read(0, &mut [0; 8])), Err(out_of_order));
    assert_eq!(finish(|| store.abandon(false)), Ok(()));
    let mut taken = 0;
    finish(|| store.begin(Tick::ZERO, &upload)).unwrap();
    while taken < 299 {
        taken += finish(|| store.write(&image.bytes[taken..299])).unwrap();
    }
    assert_eq!(
        finish(|| store.commit()),
        Err(out_of_order),
        "a byte is missing"
    );
    assert_eq!(finish(|| store.write(&[])), Ok(0));
    let last = [image.bytes[299], 0xEE, 0xEE];
    assert_eq!(finish(|| store.write(&last)), Ok(1), "only what belongs");
    assert_eq!(finish(|| store.write(&[0xEE])), Err(out_of_order));
    finish(|| store.commit()).unwrap();
    assert_eq!(current(&mut store), Some(image));
}

#[test]
fn layouts_and_buffers_that_do_not_fit_are_refused() {
    let (good, capacity) = tight::<1, 4, 128>(SLOT_BYTES);
    let try_layout = |layout: Layout, buffer: usize| {
        let flash = Flash::<1, 4, 128>::used(capacity, 1);
        let mut buffer = vec![0; buffer];
        FlashStore::new(flash, layout, &mut buffer)
            .map(|_| ())
            .err()
    };
    let least = FlashStore::<Flash<1, 4, 128>>::BUFFER_MIN;
    assert_eq!(try_layout(good, least), None);
    assert_eq!(
        try_layout(good, least - 1),
        Some(LayoutError::BufferTooSmall)
    );
    type Spoil = fn(&mut Layout);
    let cases: [(Spoil, LayoutError); 8] = [
        (|layout| layout.journal += 4, LayoutError::Unaligned),
        (|layout| layout.checkpoint = 0, LayoutError::Unaligned),
        (|layout| layout.slot_length = 0, LayoutError::Unaligned),
        (
            |layout| layout.journal_half = 128,
            LayoutError::JournalTooSmall,
        ),
        (|layout| layout.slot_length += 128, LayoutError::OutOfFlash),
        (
            |layout| layout.slots = [0, 0xFFFF_FF80],
            LayoutError::OutOfFlash,
        ),
        (|layout| layout.slots = [0, 128], LayoutError::Overlap),
        (|layout| layout.journal = 0, LayoutError::Overlap),
    ];
    for (change, error) in cases {
        let mut layout = good;
        change(&mut layout);
        assert_eq!(try_layout(layout, least), Some(error), "{layout:?}");
    }
}

#[test]
fn another_layout_finds_nothing_of_the_old_one() {
    let mut bench = Small::new(SLOT_BYTES);
    bench.transfer(&Image::new("a", 500, 5), 1).unwrap();
    bench.layout.slots.swap(0, 1);
    assert_eq!(bench.booted(), None);
}

#[test]
fn after_a_failed_write_nothing_is_taken_until_the_upload_begins_again() {
    let mut bench = Small::new(SLOT_BYTES);
    let image = Image::new("new", 1500, 5);
    let flash = bench.flash.clone();
    let mut taken = 0;
    let mut store = bench.store();
    finish(|| store.begin(Tick::ZERO, &image.upload())).unwrap();
    while taken < 512 + 64 {
        taken += finish(|| store.write(&image.bytes[taken..][..64])).unwrap();
    }
    let (at, torn, seed) = (0, Torn::Bits, 1);
    flash.plan(Plan::Fail { at, torn, seed });
    let rest = &image.bytes[taken..];
    assert_eq!(finish(|| store.write(rest)), Err(fault(FlashFault::Medium)));
    let out_of_order = Err(fault(FlashFault::OutOfOrder));
    assert_eq!(finish(|| store.write(rest)), out_of_order);
    assert_eq!(finish(|| store.commit()), out_of_order.map(|_| ()));
    let begun = transfer(&mut store, &image.upload(), &image.bytes, 1, &mut taken);
    assert_eq!(begun, Ok(Begun::Held(512)));
    assert_eq!(current(&mut store), Some(image));
}
