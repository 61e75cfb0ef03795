//! What a folder refuses, and beginnings that are given up.

use super::*;

#[test]
fn a_file_that_cannot_fit_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(&folder);
    for upload in [checked("a", 1 << 62), plain(1 << 62)] {
        assert_eq!(begin(&mut store, &upload), Err(StoreError::TooLarge));
    }
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
fn a_beginning_that_nobody_waits_for_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(&folder);
    let upload = checked("a", 3);
    // Whether its thread has ended when the next call comes is chance; it makes no difference.
    for pause in [0, 0, 0, 2, 2] {
        let _ = store.begin(Tick::ZERO, &upload);
        std::thread::sleep(Duration::from_millis(pause));
        assert_eq!(wait(|| store.abandon(true)), Ok(()));
        assert_eq!(names(&folder), [""; 0]);
        let _ = store.begin(Tick::ZERO, &upload);
        std::thread::sleep(Duration::from_millis(pause));
        // Another caller, before the first was answered.
        assert_eq!(begin(&mut store, &checked("b", 4)), Ok(Begun::Held(0)));
        assert_eq!(names(&folder).len(), 1);
    }
}

#[test]
fn a_place_that_takes_no_files_is_known_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| FolderStore::open(path, Clock::start(), Limits::default());
    fs::write(folder.path().join("file"), "").unwrap();
    for (path, cause) in [("file", "Not a directory"), ("no/such", "No such file")] {
        let failure = open(&folder.path().join(path)).unwrap_err();
        assert_eq!(failure.exit, Exit::Write);
        assert!(failure.message.contains(cause), "{failure}");
    }
    assert_eq!(names(&folder), ["file"]);
}
