//! The folder store against a real folder.

use super::*;
use rustix::fs::{CWD, Timespec, Timestamps, utimensat};
use std::fs;
use std::os::unix::fs::symlink;
use tempfile::TempDir;
use tickwire::store::Digest;

#[path = "folder_refusal_tests.rs"]
mod refusals;

/// The digest is the receiver's to check; here it only names.
const DIGEST: Digest = [0xd1; 32];

fn store_with(folder: &Path, limits: Limits) -> FolderStore {
    FolderStore::open(folder, Clock::start(), limits).unwrap()
}

fn store(folder: &TempDir) -> FolderStore {
    store_with(folder.path(), Limits::default())
}

fn checked(name: &str, length: u64) -> Upload<'_> {
    Upload {
        name: Some(name),
        length,
        digest: Some(&DIGEST),
    }
}

const fn plain(length: u64) -> Upload<'static> {
    Upload {
        name: None,
        length,
        digest: None,
    }
}

/// Asks until there is an answer, as the receiver does.
fn wait<T>(mut call: impl FnMut() -> Poll<T>) -> T {
    loop {
        match call() {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn begin(store: &mut FolderStore, upload: &Upload<'_>) -> Result<Begun, StoreError> {
    wait(|| store.begin(Tick::ZERO, upload))
}

fn write(store: &mut FolderStore, data: &[u8]) {
    assert_eq!(store.write(data), Poll::Ready(Ok(data.len())));
}

/// Stores `data` and returns the name that it got.
fn keep(store: &mut FolderStore, upload: &Upload<'_>, data: &[u8]) -> String {
    assert_eq!(begin(store, upload), Ok(Begun::Held(0)));
    write(store, data);
    assert_eq!(wait(|| store.commit()), Ok(()));
    let name = store.kept_path();
    assert_eq!(fs::read(&name).unwrap(), data);
    name.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Names in the folder, sorted, without the records.
fn names(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".tickwire-finished")
        .collect();
    names.sort();
    names
}

/// Makes a partial of `bytes` bytes that was last written to `age` ago, and returns its name.
fn leave_partial(folder: &TempDir, seed: u8, bytes: u64, age: Duration) -> String {
    let name = format!(".tickwire-{}-99999.part", hex(&[seed; 32]));
    leave(folder, &name, bytes, age);
    name
}

fn leave(folder: &TempDir, name: &str, bytes: u64, age: Duration) {
    let path = folder.path().join(name);
    fs::File::create(&path).unwrap().set_len(bytes).unwrap();
    let time = Clock::start().unix() - age;
    let time = Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap(),
        tv_nsec: time.subsec_nanos().into(),
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    utimensat(CWD, &path, &times, rustix::fs::AtFlags::empty()).unwrap();
}

#[test]
fn a_file_has_its_name_only_after_the_commit_and_a_taken_name_is_numbered() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "kept").unwrap();
    symlink("nowhere", folder.path().join("a (1).txt")).unwrap();
    let mut store = store(&folder);
    assert_eq!(begin(&mut store, &checked("a.txt", 3)), Ok(Begun::Held(0)));
    write(&mut store, b"new");
    let hidden = format!(".tickwire-{}-3.part", hex(&DIGEST));
    assert_eq!(names(&folder), [hidden.as_str(), "a (1).txt", "a.txt"]);
    assert_eq!(wait(|| store.commit()), Ok(()));
    assert_eq!(names(&folder), ["a (1).txt", "a (2).txt", "a.txt"]);
    assert_eq!(fs::read(folder.path().join("a.txt")).unwrap(), b"kept");
    assert_eq!(store.kept_path(), folder.path().join("a (2).txt"));
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn no_name_leads_out_of_the_folder_or_hides() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("in");
    let mut store = store_with(&inside, Limits::default());
    let long = "x".repeat(255);
    for (number, (name, expected)) in [
        ("../../outside", "outside"),
        ("/etc/passwd", "passwd"),
        ("..", "__"),
        (".", "_"),
        (".bashrc", "_bashrc"),
        ("a\nb\x1b[2J", "a_b_[2J"),
        ("dir\\file", "file"),
        ("한글 파일.txt", "한글 파일.txt"),
        (".tickwire-finished", "_tickwire-finished"),
        (long.as_str(), long.as_str()),
        ("", "unnamed"),
    ]
    .into_iter()
    .enumerate()
    {
        let digest = [u8::try_from(number).unwrap(); 32];
        let upload = Upload {
            name: Some(name),
            length: 1,
            digest: Some(&digest),
        };
        assert_eq!(keep(&mut store, &upload, b"x"), expected);
    }
    assert_eq!(names(&folder), ["in"]);
}

#[test]
fn what_is_held_is_read_back_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(&folder);
    begin(&mut store, &checked("a", 6)).unwrap();
    write(&mut store, b"abcd");
    assert_eq!(wait(|| store.abandon(true)), Ok(()));
    assert_eq!(store.write(b"e"), Poll::Ready(Err(OUT_OF_ORDER)));
    // Another name is no other file.
    assert_eq!(begin(&mut store, &checked("b", 6)), Ok(Begun::Held(4)));
    let mut buffer = [0; 3];
    assert_eq!(store.read(2, &mut buffer), Poll::Ready(Ok(2)));
    assert_eq!(&buffer[..2], b"cd");
    assert_eq!(store.read(4, &mut buffer), Poll::Ready(Ok(0)));
    assert_eq!(store.commit(), Poll::Ready(Err(OUT_OF_ORDER)));
    // Nothing is written past the length.
    assert_eq!(store.write(b"efgh"), Poll::Ready(Ok(2)));
    assert_eq!(wait(|| store.commit()), Ok(()));
    assert_eq!(fs::read(folder.path().join("b")).unwrap(), b"abcdef");
    // Another length is another file.
    assert_eq!(begin(&mut store, &checked("b", 7)), Ok(Begun::Held(0)));
    write(&mut store, b"x");
    assert_eq!(wait(|| store.abandon(false)), Ok(()));
    assert_eq!(begin(&mut store, &checked("b", 7)), Ok(Begun::Held(0)));
    // An empty partial is not kept either.
    assert_eq!(wait(|| store.abandon(true)), Ok(()));
    assert_eq!(names(&folder), ["b"]);
}

#[test]
fn a_repeat_is_finished_only_while_the_same_file_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let upload = checked("a", 3);
    assert_eq!(keep(&mut store(&folder), &upload, b"one"), "a");
    // Another process remembers it too.
    let mut store = store(&folder);
    assert_eq!(begin(&mut store, &upload), Ok(Begun::Finished));
    assert_eq!(store.kept_path(), path);
    assert_eq!(begin(&mut store, &checked("b", 3)), Ok(Begun::Held(0)));
    assert_eq!(wait(|| store.abandon(false)), Ok(()));

    fs::write(&path, "two").unwrap();
    assert_eq!(keep(&mut store, &upload, b"one"), "a (1)");
    assert_eq!(begin(&mut store, &upload), Ok(Begun::Finished));
    fs::remove_file(folder.path().join("a (1)")).unwrap();
    // The same bytes in another file are not what was synced.
    fs::write(folder.path().join("a (1)"), "one").unwrap();
    assert_eq!(keep(&mut store, &upload, b"one"), "a (2)");
    assert_eq!(names(&folder), ["a", "a (1)", "a (2)"]);
}

#[test]
fn a_record_whose_rename_never_came_is_no_lie() {
    let folder = tempfile::tempdir().unwrap();
    let upload = checked("a", 3);
    let mut store = store(&folder);
    begin(&mut store, &upload).unwrap();
    write(&mut store, b"one");
    // What a crash between record and rename leaves.
    let open = store.opened().unwrap();
    let (wish, file) = (open.wish.clone(), open.partial.file.try_clone().unwrap());
    finished::remember(&store.place, &wish, 0, &file).unwrap();
    drop((store, file));

    let mut store = super::tests::store(&folder);
    assert_eq!(begin(&mut store, &upload), Ok(Begun::Held(3)));
    assert_eq!(wait(|| store.commit()), Ok(()));
    assert_eq!(begin(&mut store, &upload), Ok(Begun::Finished));
    assert_eq!(names(&folder), ["a"]);
}

#[test]
fn records_that_others_wrote_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join(".tickwire-finished");
    let lie = format!("{} 3 1 1 1 0 ../a\n\n\u{0}\n", hex(&DIGEST));
    fs::write(&records, lie.as_bytes()).unwrap();
    let mut store = store(&folder);
    assert_eq!(keep(&mut store, &checked("a", 3), b"one"), "a");
    assert_eq!(begin(&mut store, &checked("a", 3)), Ok(Begun::Finished));
    assert_eq!(begin(&mut store, &checked("../a", 3)), Ok(Begun::Finished));

    fs::remove_file(&records).unwrap();
    symlink("a", &records).unwrap();
    let refused = begin(&mut store, &checked("a", 3));
    assert!(
        matches!(refused, Err(StoreError::Failed { .. })),
        "{refused:?}"
    );
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"one");
}

#[test]
fn only_so_many_files_are_remembered_and_the_latest_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(&folder);
    let digest = |number: u16| {
        let mut digest = DIGEST;
        digest[..2].copy_from_slice(&number.to_le_bytes());
        digest
    };
    for number in 0..258 {
        let path = folder.path().join(number.to_string());
        let file = fs::File::create(path).unwrap();
        let (digest, name) = (digest(number), number.to_string());
        let wish = Wish::of(&Upload {
            name: Some(&name),
            length: 0,
            digest: Some(&digest),
        });
        finished::remember(&store.place, &wish, 0, &file).unwrap();
    }
    for (number, expected) in [
        (0, Begun::Held(0)),
        (1, Begun::Held(0)),
        (2, Begun::Finished),
        (257, Begun::Finished),
    ] {
        let (digest, name) = (digest(number), number.to_string());
        let upload = Upload {
            name: Some(&name),
            length: 0,
            digest: Some(&digest),
        };
        assert_eq!(begin(&mut store, &upload), Ok(expected), "{number}");
    }
}

#[test]
fn two_receivers_do_not_write_one_partial() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (store(&folder), store(&folder));
    begin(&mut first, &checked("a", 3)).unwrap();
    write(&mut first, b"on");
    assert_eq!(begin(&mut second, &checked("a", 3)), Err(StoreError::Busy));
    // What is in nobody's way is not busy.
    assert_eq!(begin(&mut second, &checked("a", 4)), Ok(Begun::Held(0)));
    write(&mut first, b"e");
    assert_eq!(wait(|| first.commit()), Ok(()));
    assert_eq!(begin(&mut second, &checked("a", 3)), Ok(Begun::Finished));
    assert_eq!(begin(&mut first, &checked("b", 3)), Ok(Begun::Held(0)));
    drop(first);
    assert_eq!(begin(&mut second, &checked("b", 3)), Ok(Begun::Held(0)));
}

#[test]
fn partials_are_capped_in_age_number_and_bytes() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        count_max: 3,
        age_max: 9 * HOUR,
        bytes_max: 1_000,
    };
    let mut store = store_with(folder.path(), limits);
    // Too old, and not ours to judge.
    leave_partial(&folder, 0, 1, 10 * HOUR);
    leave(&folder, ".tickwire-0-1.part", 1, 10 * HOUR);
    leave(&folder, "file.part", 5_000, 10 * HOUR);
    let oldest = leave_partial(&folder, 1, 1, 3 * HOUR);
    let middle = leave_partial(&folder, 2, 600, 2 * HOUR);
    let newest = leave_partial(&folder, 3, 300, HOUR);
    // Whoever wrote this has been killed.
    leave(&folder, ".tickwire-plain-0123456789abcdef.part", 1, HOUR);

    begin(&mut store, &checked("a", 9)).unwrap();
    write(&mut store, b"x");
    let left = names(&folder);
    let own = format!(".tickwire-{}-9.part", hex(&DIGEST));
    assert_eq!(left.len(), 5, "{left:?}");
    for name in [&own, &middle, &newest] {
        assert!(left.contains(name), "{name} is not in {left:?}");
    }
    assert!(!left.contains(&oldest));
    assert_eq!(wait(|| store.abandon(true)), Ok(()));

    // Its own partial takes no place from others; the oldest goes because there are too many bytes.
    leave_partial(&folder, 3, 500, HOUR);
    begin(&mut store, &checked("a", 9)).unwrap();
    let left = names(&folder);
    assert!(
        left.contains(&newest) && !left.contains(&middle),
        "{left:?}"
    );

    // One that somebody writes stays.
    leave_partial(&folder, 3, 5_000, 99 * HOUR);
    let held = fs::File::open(folder.path().join(&newest)).unwrap();
    assert!(partial::lock(&held).unwrap());
    begin(&mut store, &checked("a", 9)).unwrap();
    assert!(names(&folder).contains(&newest));
    drop(held);
    begin(&mut store, &checked("a", 9)).unwrap();
    assert!(!names(&folder).contains(&newest));
}

#[test]
fn a_file_without_a_name_is_dated_and_leaves_nothing_when_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(&folder);
    let first = keep(&mut store, &plain(3), b"one");
    let second = keep(&mut store, &plain(3), b"one");
    assert!(
        first.starts_with("received-20") && first.ends_with("-1.bin"),
        "{first}"
    );
    assert!(second.ends_with("-2.bin"), "{second}");
    begin(&mut store, &plain(3)).unwrap();
    write(&mut store, b"o");
    assert_eq!(wait(|| store.abandon(true)), Ok(()));
    begin(&mut store, &plain(3)).unwrap();
    drop(store);
    assert_eq!(names(&folder), [first, second]);
}
