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

#[test]
fn a_link_under_the_name_of_a_partial_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let (victim, missing) = (outside.path().join("kept"), outside.path().join("made"));
    fs::write(&victim, b"ke").unwrap();
    let name = format!(".tickwire-{}-3.part", hex(&DIGEST));
    let link = folder.path().join(name);
    let mut store = store(&folder);
    for aim in [&victim, &missing] {
        symlink(aim, &link).unwrap();
        let refused = begin(&mut store, &checked("a", 3));
        assert!(
            matches!(refused, Err(StoreError::Failed { .. })),
            "{refused:?}"
        );
        fs::remove_file(&link).unwrap();
    }
    assert_eq!(fs::read(&victim).unwrap(), b"ke");
    assert!(!missing.exists());
    // Without the link the same file comes as ever.
    assert_eq!(keep(&mut store, &checked("a", 3), b"one"), "a");
}
