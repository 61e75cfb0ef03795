//! The store in NOR flash: what it promises, on a flash that loses power at every point.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "in a test a panic is the report"
)]

#[path = "../common/flash.rs"]
mod flash;

mod chaos;
mod cuts;
mod driver;

use core::task::Poll;

use driver::{Bench, Image, begin_and_send, current, finish, tight, transfer};
use flash::{Counts, Flash};
use tickwire::Tick;
use tickwire::store::{
    Begun, Check, FlashFault, FlashStore, Layout, LayoutError, Store, StoreError, Upload,
};

type Small = Bench<1, 4, 128>;

const SLOT_BYTES: usize = 2048;

fn fault(fault: FlashFault) -> StoreError {
    StoreError::Failed { code: fault as i32 }
}

#[test]
fn an_empty_store_has_no_image_and_a_mount_writes_nothing() {
    let mut bench = Small::new(SLOT_BYTES);
    assert_eq!(bench.booted(), None);
    let counts = bench.flash.counts();
    assert_eq!((counts.writes, counts.erases), (0, 0));
}

#[test]
fn a_committed_image_is_there_for_the_boot_with_place_sum_and_name() {
    let mut bench = Small::new(SLOT_BYTES);
    let image = Image::new("firmware-7.bin", 1001, 5);
    assert_eq!(bench.transfer(&image, 1), Ok(Begun::Held(0)));
    let slot = bench.layout.slots[0];
    let mut store = bench.store();
    assert_eq!(store.image(), None, "before the mount nothing is known");
    finish(|| store.mount()).unwrap();
    let found = store.image().unwrap();
    assert_eq!((found.offset, found.length), (slot, 1001));
    assert_eq!(found.check, Check::Sha256(image.digest));
    assert_eq!(found.name, Some("firmware-7.bin"));
    assert_eq!(current(&mut store), Some(image));
}

#[test]
fn a_plain_upload_is_kept_without_name_under_its_crc_and_never_repeats() {
    let mut bench = Small::new(SLOT_BYTES);
    let image = Image::new("", 777, 5);
    let mut taken = 0;
    for _ in 0..2 {
        let begun = transfer(
            &mut bench.store(),
            &image.plain(),
            &image.bytes,
            1,
            &mut taken,
        );
        assert_eq!(begun, Ok(Begun::Held(0)));
        assert_eq!(bench.booted().as_ref(), Some(&image));
    }
    let mut store = bench.store();
    finish(|| store.mount()).unwrap();
    let crc = crc_32(&image.bytes);
    assert_eq!(store.image().unwrap().check, Check::Crc32(crc));
}

/// CRC-32 bit by bit, as IEEE 802.3 has it.
fn crc_32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
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
fn an_empty_file_is_an_image_too() {
    let mut bench = Small::new(SLOT_BYTES);
    let empty = Image::new("empty", 0, 3);
    assert_eq!(bench.transfer(&empty, 1), Ok(Begun::Held(0)));
    assert_eq!(bench.booted(), Some(empty));
}

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
    bench.transfer(&other, 1).unwrap();
    assert_eq!(bench.transfer(&image, 1), Ok(Begun::Held(0)));
    assert_eq!(bench.booted(), Some(image));
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
    // The journal needs an erase at some point: try at every fill level to find the abandon that is pending.
    let mut pending = 0;
    let mut store = bench.store();
    for _ in 0..40 {
        begin_and_send(&mut store, &image.upload(), &wrong, 1, &mut taken).unwrap();
        pending += usize::from(store.abandon(false).is_pending());
        let begun = finish(|| store.begin(Tick::ZERO, &image.upload()));
        assert_eq!(begun, Ok(Begun::Held(0)));
    }
    assert!(pending > 0);
}

#[test]
fn what_the_flash_got_wrong_is_found_before_it_becomes_the_image() {
    let mut bench = Small::new(SLOT_BYTES);
    let old = Image::new("old", 900, 4);
    let image = Image::new("new", 1500, 5);
    bench.transfer(&old, 1).unwrap();
    let flash = bench.flash.clone();
    let slot = bench.layout.slots[1];
    let mut taken = 0;
    let mut store = bench.store();
    for upload in [image.upload(), image.plain()] {
        for at in [0, 700, 1499] {
            begin_and_send(&mut store, &upload, &image.bytes, 1, &mut taken).unwrap();
            // The last byte may still wait in the store's write unit until the commit begins.
            assert_eq!(store.commit(), Poll::Pending);
            flash.flip(slot + at);
            let outcome = finish(|| store.commit());
            assert_eq!(outcome, Err(fault(FlashFault::ReadBack)), "byte {at}");
            assert_eq!(
                finish(|| store.commit()),
                Err(fault(FlashFault::OutOfOrder))
            );
            finish(|| store.abandon(true)).unwrap();
            assert_eq!(current(&mut store).as_ref(), Some(&old));
            let begun = finish(|| store.begin(Tick::ZERO, &image.upload()));
            assert_eq!(begun, Ok(Begun::Held(0)), "nothing of it is kept");
            finish(|| store.abandon(false)).unwrap();
        }
    }
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
fn a_long_name_is_cut_between_characters() {
    let mut bench = Small::new(SLOT_BYTES);
    let image = Image::new(&"ü".repeat(200), 100, 5);
    bench.transfer(&image, 1).unwrap();
    assert_eq!(bench.booted().unwrap().name, "ü".repeat(127));
    assert_eq!(bench.transfer(&image, 1), Ok(Begun::Finished));
}

#[test]
fn another_layout_finds_nothing_of_the_old_one() {
    let mut bench = Small::new(SLOT_BYTES);
    bench.transfer(&Image::new("a", 500, 5), 1).unwrap();
    bench.layout.slots.swap(0, 1);
    assert_eq!(bench.booted(), None);
}

#[test]
fn no_call_does_more_than_one_unit_of_work() {
    let mut bench = Bench::<1, 8, 128>::new(SLOT_BYTES);
    let flash = bench.flash.clone();
    let chunk = bench.buffer.len() - 8;
    let images = [Image::new("a", 2000, 1), Image::new("b", 2041, 2)];
    let mut store = bench.store();
    for round in 0..6 {
        let image = &images[round % 2];
        let upload = image.upload();
        let mut at = 0;
        // A mount reads 16 records in one call, the head of each twice.
        let begin = || store.begin(Tick::ZERO, &upload).map_ok(|_| ());
        one_unit_a_call(&flash, 32 * chunk, begin);
        while at < image.bytes.len() {
            one_unit_a_call(&flash, 0, || {
                let outcome = store.write(&image.bytes[at..]);
                outcome.map_ok(|taken| at += taken)
            });
        }
        one_unit_a_call(&flash, chunk, || store.commit());
        assert_eq!(current(&mut store).as_ref(), Some(image));
    }
}

/// Calls until it is ready, and counts what each call did.
fn one_unit_a_call<const R: usize, const W: usize, const E: usize>(
    flash: &Flash<R, W, E>,
    read_bytes_max: usize,
    mut call: impl FnMut() -> Poll<Result<(), StoreError>>,
) {
    finish(|| {
        let before = flash.counts();
        let outcome = call();
        let after = flash.counts();
        let (erases, writes) = (after.erases - before.erases, after.writes - before.writes);
        assert!(erases + writes <= 1, "{erases} erases, {writes} writes");
        let written = after.written_bytes - before.written_bytes;
        assert!(written <= 352, "{written} bytes written");
        let read = after.read_bytes - before.read_bytes;
        assert!(read <= read_bytes_max, "{read} bytes read");
        outcome
    })
    .unwrap();
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
    let cases = [
        (
            Layout {
                journal: good.journal + 4,
                ..good
            },
            LayoutError::Unaligned,
        ),
        (
            Layout {
                checkpoint: 0,
                ..good
            },
            LayoutError::Unaligned,
        ),
        (
            Layout {
                slot_length: 0,
                ..good
            },
            LayoutError::Unaligned,
        ),
        (
            Layout {
                journal_half: 128,
                ..good
            },
            LayoutError::JournalTooSmall,
        ),
        (
            Layout {
                slot_length: good.slot_length + 128,
                ..good
            },
            LayoutError::OutOfFlash,
        ),
        (
            Layout {
                slots: [0, 0xFFFF_FF80],
                ..good
            },
            LayoutError::OutOfFlash,
        ),
        (
            Layout {
                slots: [0, 128],
                ..good
            },
            LayoutError::Overlap,
        ),
        (Layout { journal: 0, ..good }, LayoutError::Overlap),
    ];
    for (layout, error) in cases {
        assert_eq!(try_layout(layout, least), Some(error), "{layout:?}");
    }
}

#[test]
fn the_layout_of_a_whole_flash_works_with_a_coarse_checkpoint_too() {
    let flash = Flash::<4, 256, 4096>::used(200 * 1024, 1);
    let mut layout = Layout::whole(&flash).unwrap();
    assert!(layout.slot_length >= 64 * 1024, "{layout:?}");
    layout.checkpoint = 3 * 4096;
    let mut buffer = vec![0; 2048];
    let image = Image::new("whole", 50_001, 5);
    let mut taken = 0;
    let mut store = FlashStore::new(flash.clone(), layout, &mut buffer).unwrap();
    begin_and_send(&mut store, &image.upload(), &image.bytes, 1, &mut taken).unwrap();
    // As by a power cut: no abandon.
    let flash = store.release();
    let mut store = FlashStore::new(flash, layout, &mut buffer).unwrap();
    let begun = transfer(&mut store, &image.upload(), &image.bytes, 1, &mut taken);
    assert_eq!(begun, Ok(Begun::Held(50_001 / 12_288 * 12_288)));
    assert_eq!(current(&mut store), Some(image));
    assert_eq!(
        Layout::whole(&Flash::<4, 256, 4096>::used(4096, 1)),
        Err(LayoutError::OutOfFlash)
    );
}
