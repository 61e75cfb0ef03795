//! Atomic files in a real directory.

use super::*;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, symlink};

fn create(path: &Path) -> Result<AtomicFile, Failure> {
    AtomicFile::create(path, &|| false)
}

fn store(path: &Path, data: &[u8]) -> Result<(), Failure> {
    let mut file = create(path)?;
    assert_eq!(file.write(data), Ok(data.len()));
    assert!(file.blocked().is_none());
    file.commit()
}

/// Names in `directory`, sorted.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_has_its_name_only_after_the_commit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new");
    let mut file = create(&path).unwrap();
    assert_eq!(file.write(b"whole"), Ok(5));
    assert!(!path.exists());
    file.commit().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"whole");
    assert_eq!(names(directory.path()), ["new"]);
    // The umask applies, as for every other program.
    let ordinary = directory.path().join("ordinary");
    fs::write(&ordinary, b"").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode();
    assert_eq!(mode(&path), mode(&ordinary));
}

#[test]
fn a_dropped_file_leaves_the_old_one_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kept");
    fs::write(&path, b"old").unwrap();
    let mut file = create(&path).unwrap();
    assert_eq!(file.write(b"new"), Ok(3));
    drop(file);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(directory.path()), ["kept"]);
}

#[test]
fn without_unnamed_files_a_temporary_one_is_used_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("target");
    for commit in [false, true] {
        let (file, destination) = open_temporary(&path).unwrap();
        let mut file = AtomicFile {
            file,
            destination,
            blocked: false,
        };
        assert_eq!(file.write(b"data"), Ok(4));
        let [temporary] = names(directory.path()).try_into().unwrap();
        assert!(temporary.starts_with(".hosttap-"), "{temporary}");
        if commit {
            file.commit().unwrap();
            assert_eq!(names(directory.path()), ["target"]);
        } else {
            drop(file);
            assert!(names(directory.path()).is_empty());
        }
    }
}

#[test]
fn an_existing_file_keeps_its_permissions() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("private");
    fs::write(&path, b"old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    store(&path, b"new").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn symbolic_links_are_followed_even_to_missing_targets() {
    let directory = tempfile::tempdir().unwrap();
    let (inner, first, second) = (
        directory.path().join("inner"),
        directory.path().join("first"),
        directory.path().join("second"),
    );
    fs::create_dir(&inner).unwrap();
    symlink("second", &first).unwrap();
    symlink("inner/real", &second).unwrap();
    for data in [b"one", b"two"] {
        store(&first, data).unwrap();
        assert_eq!(fs::read(inner.join("real")).unwrap(), data);
        assert!(fs::symlink_metadata(&first).unwrap().is_symlink());
        assert_eq!(names(&inner), ["real"]);
    }
    symlink("loop", directory.path().join("loop")).unwrap();
    assert_eq!(
        create(&directory.path().join("loop")).unwrap_err().exit,
        Exit::Write
    );
}

#[test]
fn a_full_disk_is_an_error_with_its_errno_and_the_device_stays() {
    let mut file = create(Path::new("/dev/full")).unwrap();
    assert_eq!(file.write(b"x"), Err(SinkError::Failed { code: 28 }));
    file.commit().unwrap();
    store(Path::new("/dev/null"), b"gone").unwrap();
    for device in ["/dev/full", "/dev/null"] {
        assert!(fs::metadata(device).unwrap().file_type().is_char_device());
    }
}

#[test]
fn a_file_behind_an_open_descriptor_keeps_its_content() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    fs::write(&path, "before\n").unwrap();
    let log = File::options().append(true).open(&path).unwrap();
    let descriptor = format!("/dev/fd/{}", log.as_raw_fd());
    store(Path::new(&descriptor), b"data\n").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"before\ndata\n");
}

#[test]
fn a_fifo_is_written_directly_and_applies_back_pressure_when_full() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fifo");
    rustix::fs::mknodat(CWD, &path, rustix::fs::FileType::Fifo, NEW_FILE_MODE, 0).unwrap();
    // Without a reader, the wait ends when it is interrupted.
    let waited = AtomicFile::create(&path, &|| true).unwrap_err();
    assert_eq!(waited.exit, Exit::Interrupted);
    let opened = open(&path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
    let mut file = create(&path).unwrap();
    let mut total = 0;
    while file.blocked().is_none() {
        total += file.write(&[7; 10_000]).unwrap();
    }
    let mut reader = File::from(opened);
    let mut data = vec![0; total];
    reader.read_exact(&mut data).unwrap();
    assert!(data.iter().all(|byte| *byte == 7));
    drop(reader);
    assert_eq!(file.write(b"x"), Err(SinkError::Failed { code: 32 }));
    assert!(fs::metadata(&path).unwrap().file_type().is_fifo());
}

#[test]
fn directories_and_paths_where_no_file_can_be_created_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let failure = create(directory.path()).unwrap_err();
    assert_eq!(failure.exit, Exit::Write);
    assert!(failure.message.ends_with("Is a directory"), "{failure}");
    // A directory that does not exist yet must not become a file of that name.
    let failure = create(&directory.path().join("new/")).unwrap_err();
    assert_eq!(failure.exit, Exit::Write);
    assert!(
        failure.message.ends_with("new/: Is a directory"),
        "{failure}"
    );
    let failure = create(&directory.path().join("none/file")).unwrap_err();
    assert!(
        failure.message.contains("cannot create a file in"),
        "{failure}"
    );
    assert!(
        failure.message.contains("No such file or directory"),
        "{failure}"
    );
    // Not even root can create files in sysfs.
    let failure = create(Path::new("/sys/file")).unwrap_err();
    assert_eq!(failure.exit, Exit::Write);
    assert!(
        failure.message.contains("cannot create a file in /sys"),
        "{failure}"
    );
}

#[test]
fn a_name_of_the_maximum_length_works() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("n".repeat(255));
    store(&path, b"long").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"long");
}
