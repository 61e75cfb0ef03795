//! Downloads into flash: the power fails at every write and erase, and files change meanwhile.

use core::task::Poll;

use sha2::{Digest as _, Sha256};
use tickwire::http::{Download, DownloadBuffers, DownloadError, FlashSink, GetError, RestartSink};
use tickwire::store::{Digest, FlashFault, StoreError};
use tickwire_sim::{Act, Opening};

use crate::common::fixture::{BUFFER, Fixture, leak, secs};
use crate::common::flash::{Flash, Plan, Random, TORN, Torn};
use crate::{CLIENT, REQUEST_END, SERVER, URL, with_retries};

type Chip = Flash<1, 4, 128>;
type Sunk = FlashSink<'static, Chip>;

const FLASH_BYTES: usize = 16 * 1_024;

/// A version of the file at the URL.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    etag: &'static str,
    bytes: Vec<u8>,
}

impl File {
    fn new(etag: &'static str, len: usize) -> Self {
        let seed = etag.len() as u64 * 1_000 + len as u64;
        let bytes = Random::new(seed).bytes(len);
        Self { etag, bytes }
    }

    fn digest(&self) -> Digest {
        Sha256::digest(&self.bytes).into()
    }

    /// What a server that gives all of it says.
    fn whole(&self) -> Vec<u8> {
        let (etag, len) = (self.etag, self.bytes.len());
        let head = format!("HTTP/1.0 200 OK\r\nETag: {etag}\r\nContent-Length: {len}\r\n\r\n");
        [head.as_bytes(), &self.bytes].concat()
    }

    /// What it says to a client that has `kept` bytes of the version with the same ETag.
    fn rest(&self, kept: usize) -> Vec<u8> {
        let len = self.bytes.len();
        let head = format!(
            "HTTP/1.0 206 Partial\r\nContent-Range: bytes {kept}-{}/{len}\r\n\r\n",
            len - 1
        );
        [head.as_bytes(), &self.bytes[kept..]].concat()
    }
}

fn act(bytes: Vec<u8>) -> Act<'static> {
    Act::Send(bytes.leak())
}

/// What was found at a start, and how the download ended.
#[derive(Debug)]
struct Life {
    /// Number of bytes that were kept.
    kept: Option<usize>,
    result: Result<(), DownloadError>,
    committed: Option<Result<(), StoreError>>,
}

/// The sink of a device that has started.
fn mounted(chip: &Chip, digest: Option<Digest>) -> Sunk {
    let mut sink = FlashSink::new(chip.open(), digest);
    while sink.mount().map(Result::unwrap).is_pending() {}
    sink
}

/// From the start of a download to its end: `answer` says what the server does, by what was kept.
fn live(mut sink: Sunk, answer: impl Fn(Option<usize>) -> Vec<Act<'static>>) -> (Life, Sunk) {
    let mut net = Fixture::guarded(1, 4);
    let kept = sink.kept().map(|kept| kept.bytes as usize);
    net.script(SERVER, Opening::Listen(80), &answer(kept));
    let socket = net.add_socket(CLIENT, BUFFER);
    let buffers = DownloadBuffers {
        urls: leak(0, 128),
        validators: leak(0, 144),
    };
    let app = Download::new(socket, URL, &[], with_retries(0), buffers, sink).unwrap();
    let id = net.start(CLIENT, app);
    let result = net.finish(id, secs(600));
    sink = net.stop(id).into_sink();
    let committed = result.is_ok().then(|| commit(&mut sink));
    let life = Life {
        kept,
        result,
        committed,
    };
    (life, sink)
}

fn commit(sink: &mut Sunk) -> Result<(), StoreError> {
    for _ in 0..10_000 {
        if let Poll::Ready(outcome) = sink.commit() {
            return outcome;
        }
    }
    panic!("the commit never ends");
}

/// A server that has `file`, honours ranges and compares ETags.
fn serves(file: &File, kept_of: Option<&File>) -> impl Fn(Option<usize>) -> Vec<Act<'static>> {
    let (file, is_same) = (file.clone(), kept_of == Some(file));
    let etag = kept_of.map_or("", |file| file.etag);
    move |kept| {
        let Some(kept) = kept else {
            return vec![REQUEST_END, act(file.whole())];
        };
        let asks = format!("Range: bytes={kept}-\r\nIf-Range: {etag}\r\n\r\n");
        let answer = if !is_same {
            file.whole()
        } else if kept == file.bytes.len() {
            format!("HTTP/1.0 416 No\r\nContent-Range: bytes */{kept}\r\n\r\n").into()
        } else {
            file.rest(kept)
        };
        vec![Act::Expect(asks.leak().as_bytes()), act(answer)]
    }
}

/// A chip with an image that came over the wire.
fn used(old: &File) -> Chip {
    let chip = Chip::used(FLASH_BYTES, 7);
    let (life, _) = live(mounted(&chip, Some(old.digest())), serves(old, None));
    assert_eq!(life.committed, Some(Ok(())), "{life:?}");
    assert_eq!(chip.booted().as_ref(), Some(&old.bytes));
    chip
}

/// Runs a life whose power fails in the given write or erase; whether it did.
fn live_until(
    chip: &Chip,
    plan: Plan,
    answer: impl Fn(Option<usize>) -> Vec<Act<'static>>,
) -> bool {
    chip.plan(plan);
    let (life, _) = live(mounted(chip, None), answer);
    let was_cut = chip.mend();
    let is_committed = life.committed == Some(Ok(()));
    assert_ne!(was_cut, is_committed, "{life:?}");
    was_cut
}

#[test]
fn a_power_cut_at_any_write_or_erase_leaves_an_image_and_a_download_that_goes_on() {
    let (old, new) = (File::new("\"v1\"", 1_000), File::new("\"v22\"", 3_000));
    let used = used(&old);
    let (mut cuts, mut kept) = (0, Vec::new());
    for torn in TORN {
        for at in 0.. {
            let chip = used.copy();
            let seed = at as u64;
            if !live_until(&chip, Plan::Cut { at, torn, seed }, serves(&new, None)) {
                break;
            }
            cuts += 1;
            let image = chip.booted();
            let is_new = image.as_ref() == Some(&new.bytes);
            assert!(is_new || image.as_ref() == Some(&old.bytes), "cut at {at}");
            let (life, _) = live(mounted(&chip, Some(new.digest())), serves(&new, Some(&new)));
            assert_eq!(life.committed, Some(Ok(())), "cut at {at}: {life:?}");
            assert_eq!(chip.booted().as_ref(), Some(&new.bytes), "cut at {at}");
            kept.extend(life.kept);
        }
    }
    assert!(cuts > 4 * 50, "{cuts}");
    // A cut costs at most what came since the last checkpoint, one block.
    for part in 0..5 {
        let range = part * 600..(part + 1) * 600;
        assert!(kept.iter().any(|bytes| range.contains(bytes)));
    }
}

#[test]
fn a_file_that_changed_while_the_power_was_off_begins_anew_whenever_it_is_cut_again() {
    let (old, new) = (File::new("\"v1\"", 2_900), File::new("\"v22\"", 3_000));
    let half = Chip::used(FLASH_BYTES, 7);
    let cut = Plan::Cut {
        at: 40,
        torn: Torn::Bits,
        seed: 1,
    };
    assert!(live_until(&half, cut, serves(&old, None)));
    assert_eq!(half.booted(), None);
    let mut ends = [0; 3];
    for torn in TORN {
        for at in 0.. {
            let chip = half.copy();
            let seed = at as u64;
            // What is kept is of the old version now, and of either after the cut.
            let plan = Plan::Cut { at, torn, seed };
            if !live_until(&chip, plan, serves(&new, Some(&old))) {
                assert_eq!(chip.booted().as_ref(), Some(&new.bytes));
                break;
            }
            let image = chip.booted();
            assert!(image.is_none() || image.as_ref() == Some(&new.bytes));
            let sink = mounted(&chip, None);
            let tag = sink.kept().and_then(|kept| kept.validator);
            let kept_of = match tag {
                Some(tag) if tag == old.etag.as_bytes() => Some(&old),
                Some(_) => Some(&new),
                None => None,
            };
            ends[kept_of.map_or(0, |file| file.etag.len() - 3)] += 1;
            // The server has gone back: a mixed file would be the old one's start.
            let (life, _) = live(mounted(&chip, None), serves(&old, kept_of));
            assert_eq!(life.committed, Some(Ok(())), "cut at {at}: {life:?}");
            assert_eq!(chip.booted().as_ref(), Some(&old.bytes), "cut at {at}");
        }
    }
    assert!(ends.iter().all(|&count| count > 3), "{ends:?}");
}

#[test]
fn a_server_that_ignores_ranges_gives_the_same_file_anew_whenever_it_is_cut() {
    let file = File::new("\"v1\"", 2_000);
    let half = Chip::used(FLASH_BYTES, 7);
    live(mounted(&half, None), breaks_off(&file, 1_700));
    for at in 0.. {
        let chip = half.copy();
        let (torn, seed) = (TORN[at % TORN.len()], at as u64);
        if !live_until(&chip, Plan::Cut { at, torn, seed }, says(file.whole())) {
            assert!(at > 20);
            break;
        }
        let (life, _) = live(mounted(&chip, None), serves(&file, Some(&file)));
        assert_eq!(life.committed, Some(Ok(())), "cut at {at}: {life:?}");
        assert_eq!(chip.booted().as_ref(), Some(&file.bytes), "cut at {at}");
    }
}

#[test]
fn a_flash_call_that_fails_ends_the_download_and_costs_no_image() {
    let (old, new) = (File::new("\"v1\"", 500), File::new("\"v22\"", 900));
    let used = used(&old);
    for at in 0.. {
        let chip = used.copy();
        let sink = mounted(&chip, None);
        let (torn, seed) = (Torn::Bits, at as u64);
        chip.plan(Plan::Fail { at, torn, seed });
        let (life, mut sink) = live(sink, serves(&new, None));
        if !chip.mend() {
            assert_eq!(life.committed, Some(Ok(())));
            assert!(at > 20, "the plan never came true");
            return;
        }
        assert_ne!(life.committed, Some(Ok(())), "call {at}");
        assert_eq!(chip.booted().as_ref(), Some(&old.bytes), "call {at}");
        while sink.suspend().map(Result::unwrap).is_pending() {}
        // In the same life, and with what it has.
        let (life, _) = live(sink, serves(&new, Some(&new)));
        assert_eq!(life.committed, Some(Ok(())), "call {at}: {life:?}");
        assert_eq!(chip.booted().as_ref(), Some(&new.bytes), "call {at}");
    }
}

/// A server that says this, and then closes.
fn says(bytes: Vec<u8>) -> impl Fn(Option<usize>) -> Vec<Act<'static>> {
    move |_| vec![REQUEST_END, act(bytes.clone())]
}

/// What a server says that breaks off after `count` bytes of the file.
fn breaks_off(file: &File, count: usize) -> impl Fn(Option<usize>) -> Vec<Act<'static>> {
    let missing = file.bytes.len() - count;
    let mut bytes = file.whole();
    bytes.truncate(bytes.len() - missing);
    says(bytes)
}

#[test]
fn what_came_before_a_failure_is_kept_in_whole_blocks_when_it_is_suspended() {
    let file = File::new("\"v1\"", 3_000);
    let chip = Chip::used(FLASH_BYTES, 7);
    let (life, mut sink) = live(mounted(&chip, None), breaks_off(&file, 1_700));
    assert_eq!(life.result, Err(DownloadError::Get(GetError::Truncated)));
    while sink.suspend().map(Result::unwrap).is_pending() {}
    let (life, _) = live(sink, serves(&file, Some(&file)));
    assert_eq!(life.kept, Some(1_700 / 128 * 128));
    assert_eq!(life.committed, Some(Ok(())));
    assert_eq!(chip.booted(), Some(file.bytes));
}

#[test]
fn a_file_with_another_digest_is_not_the_image_and_nothing_of_it_is_kept() {
    let (old, new) = (File::new("\"v1\"", 1_000), File::new("\"v22\"", 3_000));
    let chip = used(&old);
    let digest = Some([7; 32]);
    let (life, sink) = live(mounted(&chip, digest), serves(&new, None));
    let read_back = StoreError::Failed {
        code: FlashFault::ReadBack as i32,
    };
    assert_eq!(life.committed, Some(Err(read_back)));
    assert!(sink.kept().is_none());
    assert_eq!(chip.booted(), Some(old.bytes));
    // After a restart the same file does not come by a 416, for ever.
    assert!(mounted(&chip, digest).kept().is_none());
}

#[test]
fn a_digest_is_that_of_what_an_earlier_start_has_kept_too() {
    let file = File::new("\"v1\"", 3_000);
    for (digest, is_right) in [(file.digest(), true), ([7; 32], false)] {
        let chip = Chip::used(FLASH_BYTES, 7);
        live(mounted(&chip, None), breaks_off(&file, 1_700));
        let sink = mounted(&chip, Some(digest));
        let (life, _) = live(sink, serves(&file, Some(&file)));
        // The store records a block when the next one begins.
        assert_eq!(life.kept, Some(1_664));
        assert_eq!(life.committed.map(|result| result.is_ok()), Some(is_right));
        assert_eq!(chip.booted().is_some(), is_right);
    }
}

#[test]
fn a_file_whose_length_nobody_told_ends_where_it_ends_and_goes_on_too() {
    let file = File::new("\"v1\"", 3_000);
    let head = format!("HTTP/1.0 200 OK\r\nETag: {}\r\n\r\n", file.etag);
    let whole = [head.as_bytes(), &file.bytes].concat();
    let chip = Chip::used(FLASH_BYTES, 7);
    let (life, _) = live(mounted(&chip, None), says(whole.clone()));
    assert_eq!(life.committed, Some(Ok(())));
    assert_eq!(chip.booted().as_ref(), Some(&file.bytes));

    let chip = Chip::used(FLASH_BYTES, 7);
    let (at, torn, seed) = (40, Torn::Prefix, 1);
    assert!(live_until(&chip, Plan::Cut { at, torn, seed }, says(whole)));
    let (life, _) = live(mounted(&chip, None), serves(&file, Some(&file)));
    assert!(life.kept.is_some());
    assert_eq!(life.committed, Some(Ok(())));
    assert_eq!(chip.booted(), Some(file.bytes));
}

#[test]
fn a_file_that_is_too_large_is_refused_and_the_image_stays() {
    let (old, large) = (File::new("\"v1\"", 1_000), File::new("\"v22\"", 9_000));
    let chip = used(&old);
    let full = Err(DownloadError::Get(GetError::TooLarge));
    let without_length = [b"HTTP/1.0 200 OK\r\n\r\n", &large.bytes[..]].concat();
    for answer in [large.whole(), without_length] {
        let (life, _) = live(mounted(&chip, None), says(answer));
        assert_eq!(life.result, full);
        assert_eq!(chip.booted().as_ref(), Some(&old.bytes));
    }
}

#[test]
fn without_a_validator_that_fits_nothing_is_kept_and_the_file_comes_all_the_same() {
    let longest = format!("\"{}\"", "x".repeat(Sunk::VALIDATOR_LEN_MAX - 2));
    let too_long = format!("\"{}\"", "x".repeat(Sunk::VALIDATOR_LEN_MAX - 1));
    for (etag, is_kept) in [
        ("W/\"1\"", false),
        (longest.leak(), true),
        (too_long.leak(), false),
    ] {
        let file = File::new(etag, 3_000);
        let chip = Chip::used(FLASH_BYTES, 7);
        live(mounted(&chip, None), breaks_off(&file, 2_000));
        assert_eq!(mounted(&chip, None).kept().is_some(), is_kept, "{etag}");
        let (life, _) = live(mounted(&chip, None), serves(&file, Some(&file)));
        assert_eq!(life.committed, Some(Ok(())));
        assert_eq!(chip.booted(), Some(file.bytes));
    }
}

#[test]
fn a_sink_without_a_download_has_nothing_to_commit() {
    let chip = Chip::used(FLASH_BYTES, 7);
    let invalid = StoreError::Failed {
        code: FlashFault::InvalidState as i32,
    };
    assert_eq!(commit(&mut mounted(&chip, None)), Err(invalid));
    assert_eq!(chip.booted(), None);
}
