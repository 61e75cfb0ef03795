//! The store in NOR flash: what it promises, on a flash that loses power at every point.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "in a test a panic is the report"
)]

#[path = "../common/mod.rs"]
mod common;

mod chaos;
mod cuts;
mod driver;
mod partials;
mod refusals;

use core::task::Poll;

use common::flash::Flash;
use driver::{Bench, Image, begin_and_send, current, finish, transfer};

use tickwire::Tick;
use tickwire::store::{
    Begun, Check, FlashFault, FlashStore, Layout, LayoutError, Store, StoreError,
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
fn an_empty_file_is_an_image_too() {
    let mut bench = Small::new(SLOT_BYTES);
    let empty = Image::new("empty", 0, 3);
    assert_eq!(bench.transfer(&empty, 1), Ok(Begun::Held(0)));
    assert_eq!(bench.booted(), Some(empty));
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
fn a_long_name_is_cut_between_characters() {
    let mut bench = Small::new(SLOT_BYTES);
    let image = Image::new(&"ü".repeat(200), 100, 5);
    bench.transfer(&image, 1).unwrap();
    assert_eq!(bench.booted().unwrap().name, "ü".repeat(127));
    assert_eq!(bench.transfer(&image, 1), Ok(Begun::Finished));
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
fn the_layout_of_a_whole_flash_works_with_a_coarse_checkpoint_too() {
    let flash = Flash::<4, 256, 4096>::used(200 * 1024, 1);
    let mut layout = Layout::whole(&flash).unwrap();
    assert!(layout.slot_length >= 64 * 1024, "{layout:?}");
    layout.checkpoint = 3 * 4096;
    // The least buffer, as an array: a board has no other.
    let mut buffer = [0; FlashStore::<Flash<4, 256, 4096>>::BUFFER_MIN];
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
