//! The directory store in a real directory.

use super::*;
use crate::storage::hex;
use rustix::fs::{CWD, Timespec, Timestamps, utimensat};
use std::fs;
use std::os::unix::fs::symlink;
use tempfile::TempDir;
use tickwire::store::Digest;

mod refusals;

/// The receiver checks the digest. Here it only names the partial file.
const DIGEST: Digest = [0xd1; 32];

fn store_with(path: &Path, limits: Limits) -> DirectoryStore {
    DirectoryStore::open(path, Clock::start(), limits).unwrap()
}

fn store(directory: &TempDir) -> DirectoryStore {
    store_with(directory.path(), Limits::default())
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

/// Polls until the result is there, as the receiver does.
fn wait<T>(mut call: impl FnMut() -> Poll<T>) -> T {
    loop {
        match call() {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn begin(store: &mut DirectoryStore, upload: &Upload<'_>) -> Result<Begun, StoreError> {
    wait(|| store.begin(Tick::ZERO, upload))
}

fn write(store: &mut DirectoryStore, data: &[u8]) {
    assert_eq!(store.write(data), Poll::Ready(Ok(data.len())));
}

/// Stores `data` and returns the name of the file.
fn store_file(store: &mut DirectoryStore, upload: &Upload<'_>, data: &[u8]) -> String {
    assert_eq!(begin(store, upload), Ok(Begun::Held(0)));
    write(store, data);
    assert_eq!(wait(|| store.commit()), Ok(()));
    let name = store.last_path();
    assert_eq!(fs::read(&name).unwrap(), data);
    name.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Names in the directory, sorted, without the records.
fn names(directory: &TempDir) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".tickwire-finished")
        .collect();
    names.sort();
    names
}

/// Creates a partial file of `bytes` bytes that was last written `age` ago. Returns its name.
fn create_partial(directory: &TempDir, seed: u8, bytes: u64, age: Duration) -> String {
    let name = format!(".tickwire-{}-99999.part", hex::encode(&[seed; 32]));
    create_old_file(directory, &name, bytes, age);
    name
}

fn create_old_file(directory: &TempDir, name: &str, bytes: u64, age: Duration) {
    let path = directory.path().join(name);
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
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.txt"), "kept").unwrap();
    symlink("nowhere", directory.path().join("a (1).txt")).unwrap();
    let mut store = store(&directory);
    assert_eq!(begin(&mut store, &checked("a.txt", 3)), Ok(Begun::Held(0)));
    write(&mut store, b"new");
    let hidden = format!(".tickwire-{}-3.part", hex::encode(&DIGEST));
    assert_eq!(names(&directory), [hidden.as_str(), "a (1).txt", "a.txt"]);
    assert_eq!(wait(|| store.commit()), Ok(()));
    assert_eq!(names(&directory), ["a (1).txt", "a (2).txt", "a.txt"]);
    assert_eq!(fs::read(directory.path().join("a.txt")).unwrap(), b"kept");
    assert_eq!(store.last_path(), directory.path().join("a (2).txt"));
    assert!(!directory.path().join("nowhere").exists());
}

#[test]
fn no_name_leaves_the_directory_or_is_hidden() {
    let directory = tempfile::tempdir().unwrap();
    let inside = directory.path().join("in");
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
        assert_eq!(store_file(&mut store, &upload, b"x"), expected);
    }
    assert_eq!(names(&directory), ["in"]);
}

#[test]
fn a_partial_file_is_read_back_and_resumed() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory);
    begin(&mut store, &checked("a", 6)).unwrap();
    write(&mut store, b"abcd");
    assert_eq!(wait(|| store.abandon(true)), Ok(()));
    assert_eq!(store.write(b"e"), Poll::Ready(Err(CALL_OUT_OF_ORDER)));
    // The name does not identify the file.
    assert_eq!(begin(&mut store, &checked("b", 6)), Ok(Begun::Held(4)));
    let mut buffer = [0; 3];
    assert_eq!(store.read(2, &mut buffer), Poll::Ready(Ok(2)));
    assert_eq!(&buffer[..2], b"cd");
    assert_eq!(store.read(4, &mut buffer), Poll::Ready(Ok(0)));
    assert_eq!(store.commit(), Poll::Ready(Err(CALL_OUT_OF_ORDER)));
    // Nothing is written past the length.
    assert_eq!(store.write(b"efgh"), Poll::Ready(Ok(2)));
    assert_eq!(wait(|| store.commit()), Ok(()));
    assert_eq!(fs::read(directory.path().join("b")).unwrap(), b"abcdef");
    // The length does.
    assert_eq!(begin(&mut store, &checked("b", 7)), Ok(Begun::Held(0)));
    write(&mut store, b"x");
    assert_eq!(wait(|| store.abandon(false)), Ok(()));
    assert_eq!(begin(&mut store, &checked("b", 7)), Ok(Begun::Held(0)));
    // An empty partial file is not kept either.
    assert_eq!(wait(|| store.abandon(true)), Ok(()));
    assert_eq!(names(&directory), ["b"]);
}

#[test]
fn a_repeated_upload_is_finished_only_while_the_same_file_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a");
    let upload = checked("a", 3);
    assert_eq!(store_file(&mut store(&directory), &upload, b"one"), "a");
    // Another process finds the record too.
    let mut store = store(&directory);
    assert_eq!(begin(&mut store, &upload), Ok(Begun::Finished));
    assert_eq!(store.last_path(), path);
    assert_eq!(begin(&mut store, &checked("b", 3)), Ok(Begun::Held(0)));
    assert_eq!(wait(|| store.abandon(false)), Ok(()));

    fs::write(&path, "two").unwrap();
    assert_eq!(store_file(&mut store, &upload, b"one"), "a (1)");
    assert_eq!(begin(&mut store, &upload), Ok(Begun::Finished));
    fs::remove_file(directory.path().join("a (1)")).unwrap();
    // The same bytes in another file were not synced.
    fs::write(directory.path().join("a (1)"), "one").unwrap();
    assert_eq!(store_file(&mut store, &upload, b"one"), "a (2)");
    assert_eq!(names(&directory), ["a", "a (1)", "a (2)"]);
}

#[test]
fn a_record_without_its_rename_does_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    let upload = checked("a", 3);
    let mut store = store(&directory);
    begin(&mut store, &upload).unwrap();
    write(&mut store, b"one");
    // The state after a crash between record and rename.
    let open = store.open_upload().unwrap();
    let (owned, file) = (open.upload.clone(), open.partial.file.try_clone().unwrap());
    finished::record(&store.directory, &owned, 0, &file).unwrap();
    drop((store, file));

    let mut store = super::tests::store(&directory);
    assert_eq!(begin(&mut store, &upload), Ok(Begun::Held(3)));
    assert_eq!(wait(|| store.commit()), Ok(()));
    assert_eq!(begin(&mut store, &upload), Ok(Begun::Finished));
    assert_eq!(names(&directory), ["a"]);
}

#[test]
fn records_that_others_wrote_do_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    let records = directory.path().join(".tickwire-finished");
    let forged = format!("{} 3 1 1 1 0 ../a\n\n\u{0}\n", hex::encode(&DIGEST));
    fs::write(&records, forged.as_bytes()).unwrap();
    let mut store = store(&directory);
    assert_eq!(store_file(&mut store, &checked("a", 3), b"one"), "a");
    assert_eq!(begin(&mut store, &checked("a", 3)), Ok(Begun::Finished));
    assert_eq!(begin(&mut store, &checked("../a", 3)), Ok(Begun::Finished));

    fs::remove_file(&records).unwrap();
    symlink("a", &records).unwrap();
    let refused = begin(&mut store, &checked("a", 3));
    assert!(
        matches!(refused, Err(StoreError::Failed { .. })),
        "{refused:?}"
    );
    assert_eq!(fs::read(directory.path().join("a")).unwrap(), b"one");
}

#[test]
fn only_the_latest_files_are_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory);
    let digest = |number: u16| {
        let mut digest = DIGEST;
        digest[..2].copy_from_slice(&number.to_le_bytes());
        digest
    };
    for number in 0..258 {
        let path = directory.path().join(number.to_string());
        let file = fs::File::create(path).unwrap();
        let (digest, name) = (digest(number), number.to_string());
        let upload = OwnedUpload::from(&Upload {
            name: Some(&name),
            length: 0,
            digest: Some(&digest),
        });
        finished::record(&store.directory, &upload, 0, &file).unwrap();
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
fn two_receivers_do_not_write_one_partial_file() {
    let directory = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (store(&directory), store(&directory));
    begin(&mut first, &checked("a", 3)).unwrap();
    write(&mut first, b"on");
    assert_eq!(begin(&mut second, &checked("a", 3)), Err(StoreError::Busy));
    // Another file is not busy.
    assert_eq!(begin(&mut second, &checked("a", 4)), Ok(Begun::Held(0)));
    write(&mut first, b"e");
    assert_eq!(wait(|| first.commit()), Ok(()));
    assert_eq!(begin(&mut second, &checked("a", 3)), Ok(Begun::Finished));
    assert_eq!(begin(&mut first, &checked("b", 3)), Ok(Begun::Held(0)));
    drop(first);
    assert_eq!(begin(&mut second, &checked("b", 3)), Ok(Begun::Held(0)));
}

#[test]
fn partial_files_are_limited_in_age_number_and_bytes() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits {
        count_max: 3,
        age_max: 9 * HOUR,
        bytes_max: 1_000,
    };
    let mut store = store_with(directory.path(), limits);
    // One that is too old, and two that we did not name.
    create_partial(&directory, 0, 1, 10 * HOUR);
    create_old_file(&directory, ".tickwire-0-1.part", 1, 10 * HOUR);
    create_old_file(&directory, "file.part", 5_000, 10 * HOUR);
    let oldest = create_partial(&directory, 1, 1, 3 * HOUR);
    let middle = create_partial(&directory, 2, 600, 2 * HOUR);
    let newest = create_partial(&directory, 3, 300, HOUR);
    // Its receiver was killed.
    create_old_file(&directory, ".tickwire-plain-0123456789abcdef.part", 1, HOUR);

    begin(&mut store, &checked("a", 9)).unwrap();
    write(&mut store, b"x");
    let left = names(&directory);
    let own = format!(".tickwire-{}-9.part", hex::encode(&DIGEST));
    assert_eq!(left.len(), 5, "{left:?}");
    for name in [&own, &middle, &newest] {
        assert!(left.contains(name), "{name} is not in {left:?}");
    }
    assert!(!left.contains(&oldest));
    assert_eq!(wait(|| store.abandon(true)), Ok(()));

    // The upload's own partial file does not count; the oldest goes because of the total size.
    create_partial(&directory, 3, 500, HOUR);
    begin(&mut store, &checked("a", 9)).unwrap();
    let left = names(&directory);
    assert!(
        left.contains(&newest) && !left.contains(&middle),
        "{left:?}"
    );

    // A locked one stays.
    create_partial(&directory, 3, 5_000, 99 * HOUR);
    let held = fs::File::open(directory.path().join(&newest)).unwrap();
    assert!(partial::try_lock(&held).unwrap());
    begin(&mut store, &checked("a", 9)).unwrap();
    assert!(names(&directory).contains(&newest));
    drop(held);
    begin(&mut store, &checked("a", 9)).unwrap();
    assert!(!names(&directory).contains(&newest));
}

#[test]
fn a_file_without_a_name_is_dated_and_leaves_nothing_if_it_fails() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory);
    let first = store_file(&mut store, &plain(3), b"one");
    let second = store_file(&mut store, &plain(3), b"one");
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
    assert_eq!(names(&directory), [first, second]);
}
