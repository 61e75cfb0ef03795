//! What is kept of an upload that did not end, and what is not.

use tickwire::Tick;
use tickwire::store::{Begun, FlashFault, Store};

use crate::common::flash::{Plan, Torn};
use crate::driver::{Image, begin_and_send, current, finish};
use crate::{SLOT_BYTES, Small, fault};

#[test]
fn a_kept_partial_resumes_at_the_last_whole_block_and_another_upload_ends_it() {
    let mut bench = Small::new(SLOT_BYTES);
    let image = Image::new("a.bin", 1500, 5);
    let other = Image::new("b.bin", 1500, 6);
    let mut taken = 0;
    let mut store = bench.store();
    begin_and_send(&mut store, &image.upload(), &image.bytes, 1, &mut taken).unwrap();
    finish(|| store.abandon(true)).unwrap();
    let held = Begun::Held(1500 / 128 * 128);
    let begin = finish(|| store.begin(Tick::ZERO, &image.upload()));
    assert_eq!(begin, Ok(held), "in the same session");
    // The next begin forgets the open upload as `abandon(true)` does.
    let begin = finish(|| store.begin(Tick::ZERO, &image.upload()));
    assert_eq!(begin, Ok(held), "without an abandon");
    drop(store);
    assert_eq!(bench.transfer(&image, 1), Ok(held), "after a restart");

    let mut store = bench.store();
    begin_and_send(&mut store, &other.upload(), &other.bytes, 1, &mut taken).unwrap();
    finish(|| store.abandon(true)).unwrap();
    let third = Image::new("c.bin", 1500, 7);
    let begin = finish(|| store.begin(Tick::ZERO, &third.upload()));
    assert_eq!(begin, Ok(Begun::Held(0)), "another digest");
    finish(|| store.abandon(true)).unwrap();
    let begin = finish(|| store.begin(Tick::ZERO, &other.upload()));
    assert_eq!(begin, Ok(Begun::Held(0)), "only the newest partial is kept");
    assert_eq!(current(&mut store), Some(image));
}

#[test]
fn wrong_bytes_are_thrown_away_and_the_retry_is_clean() {
    let mut bench = Small::new(SLOT_BYTES);
    let old = Image::new("old", 900, 4);
    let image = Image::new("new", 1500, 5);
    let wrong = Image::new("new", 1500, 6).bytes;
    bench.transfer(&old, 1).unwrap();
    let mut taken = 0;
    let mut store = bench.store();
    begin_and_send(&mut store, &image.upload(), &wrong, 1, &mut taken).unwrap();
    finish(|| store.abandon(false)).unwrap();
    assert_eq!(current(&mut store), Some(old));
    let begun = begin_and_send(&mut store, &image.upload(), &image.bytes, 1, &mut taken);
    assert_eq!(begun, Ok(Begun::Held(0)));
    finish(|| store.commit()).unwrap();
    assert_eq!(current(&mut store), Some(image));
}

#[test]
fn a_throwing_away_that_is_not_seen_through_is_not_forgotten() {
    let mut bench = Small::new(SLOT_BYTES);
    let image = Image::new("new", 1500, 5);
    let wrong = Image::new("new", 1500, 6).bytes;
    let mut taken = 0;
    // The journal needs an erase at some point: try at every fill level to find the abandon that is
    // pending.
    let mut pending = 0;
    let mut store = bench.store();
    for round in 0..40 {
        // Each round fills the journal by another number of records.
        let came = &wrong[..round * 430 % 1_500];
        begin_and_send(&mut store, &image.upload(), came, 1, &mut taken).unwrap();
        pending += usize::from(store.abandon(false).is_pending());
        let begun = finish(|| store.begin(Tick::ZERO, &image.upload()));
        assert_eq!(begun, Ok(Begun::Held(0)));
    }
    assert!(pending > 0);
}

#[test]
fn a_throwing_away_that_failed_is_done_by_the_next_begin() {
    let mut bench = Small::new(SLOT_BYTES);
    let image = Image::new("new", 1500, 5);
    let wrong = Image::new("new", 1500, 6).bytes;
    let flash = bench.flash.clone();
    let mut taken = 0;
    let mut store = bench.store();
    begin_and_send(&mut store, &image.upload(), &wrong, 1, &mut taken).unwrap();
    let (at, torn, seed) = (0, Torn::Nothing, 1);
    flash.plan(Plan::Fail { at, torn, seed });
    let outcome = finish(|| store.abandon(false));
    assert_eq!(outcome, Err(fault(FlashFault::Medium)));
    let begun = finish(|| store.begin(Tick::ZERO, &image.upload()));
    assert_eq!(begun, Ok(Begun::Held(0)));
}

#[test]
fn a_repeat_is_finished_only_with_the_same_digest_length_and_name() {
    let mut bench = Small::new(SLOT_BYTES);
    let image = Image::new("a.bin", 500, 5);
    bench.transfer(&image, 1).unwrap();
    let before = bench.flash.counts();
    assert_eq!(bench.transfer(&image, 1), Ok(Begun::Finished));
    let after = bench.flash.counts();
    assert_eq!(
        (after.writes, after.erases),
        (before.writes, before.erases),
        "a repeat writes nothing"
    );
    let renamed = Image {
        name: "b.bin".into(),
        ..image
    };
    assert_eq!(bench.transfer(&renamed, 1), Ok(Begun::Held(0)));
    assert_eq!(bench.booted(), Some(renamed));
}
