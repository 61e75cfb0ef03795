//! Uploads that the directory refuses, and uploads that are given up while they begin.

use super::*;

#[test]
fn a_file_that_cannot_fit_is_refused_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory);
    for upload in [checked("a", 1 << 62), plain(1 << 62)] {
        assert_eq!(begin(&mut store, &upload), Err(StoreError::TooLarge));
    }
    assert_eq!(names(&directory), [""; 0]);
}

#[test]
fn an_abandoned_begin_is_undone() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory);
    let upload = checked("a", 3);
    // The thread may or may not have ended before the next call; the result is the same.
    for pause in [0, 0, 0, 2, 2] {
        let _ = store.begin(Tick::ZERO, &upload);
        std::thread::sleep(Duration::from_millis(pause));
        assert_eq!(wait(|| store.abandon(true)), Ok(()));
        assert_eq!(names(&directory), [""; 0]);
        let _ = store.begin(Tick::ZERO, &upload);
        std::thread::sleep(Duration::from_millis(pause));
        // Another upload, before the first one has begun.
        assert_eq!(begin(&mut store, &checked("b", 4)), Ok(Begun::Held(0)));
        assert_eq!(names(&directory).len(), 1);
    }
}

#[test]
fn an_upload_that_is_given_up_while_it_begins_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory);
    // It may have begun already at the second call.
    let _ = store.begin(Tick::ZERO, &plain(1_000));
    let _ = store.abandon(false);
    let State::Removing(job) = store.state.take() else {
        panic!("nobody removes the file");
    };
    job.join();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_path_where_no_files_can_be_stored_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let open = |path: &Path| DirectoryStore::open(path, Clock::start(), Limits::default());
    fs::write(directory.path().join("file"), "").unwrap();
    for (path, cause) in [("file", "Not a directory"), ("no/such", "No such file")] {
        let failure = open(&directory.path().join(path)).unwrap_err();
        assert_eq!(failure.exit, Exit::Write);
        assert!(failure.message.contains(cause), "{failure}");
    }
    assert_eq!(names(&directory), ["file"]);
}

#[test]
fn a_link_with_the_name_of_a_partial_file_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let (victim, missing) = (outside.path().join("kept"), outside.path().join("made"));
    fs::write(&victim, b"ke").unwrap();
    let name = format!(".tickwire-{}-3.part", hex::encode(&DIGEST));
    let link = directory.path().join(name);
    let mut store = store(&directory);
    for target in [&victim, &missing] {
        symlink(target, &link).unwrap();
        let refused = begin(&mut store, &checked("a", 3));
        assert!(
            matches!(refused, Err(StoreError::Failed { .. })),
            "{refused:?}"
        );
        fs::remove_file(&link).unwrap();
    }
    assert_eq!(fs::read(&victim).unwrap(), b"ke");
    assert!(!missing.exists());
    // Without the link the same file is stored.
    assert_eq!(store_file(&mut store, &checked("a", 3), b"one"), "a");
}
