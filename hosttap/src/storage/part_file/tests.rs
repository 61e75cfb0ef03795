//! Parts in a real directory, and what a stop at any moment leaves.

use super::*;

const BODY: &[u8] = b"0123456789";

fn version<'v>(validator: Option<&'v [u8]>) -> Version<'v> {
    Version {
        url: "http://192.168.69.100/file",
        validator,
        total: Some(BODY.len() as u64),
    }
}

/// A directory, and FILE in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    (directory, path)
}

/// A part of version `"a"` with the first 4 bytes, as a killed program leaves it.
fn killed(path: &Path) -> PartFile {
    let mut part = PartFile::open(path).unwrap();
    part.restart(&version(Some(b"\"a\""))).unwrap();
    assert_eq!(part.write(&BODY[..4]), Ok(4));
    part
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn record_of(path: &Path) -> PathBuf {
    Paths::new(path.to_owned()).record
}

/// As if the machine had started anew since.
fn pass_a_power_cut(path: &Path) {
    let record = fs::read_to_string(record_of(path)).unwrap();
    let boot = record.lines().find(|line| line.starts_with("boot "));
    let record = record.replace(boot.unwrap(), "boot of-before");
    fs::write(record_of(path), record).unwrap();
}

#[test]
fn a_part_is_gone_on_with_and_gets_its_name_at_the_end() {
    let (directory, path) = place();
    fs::write(&path, "old").unwrap();
    drop(killed(&path));
    assert_eq!(
        names(directory.path()),
        ["file", "file.part", "file.part.info"]
    );
    let mut part = PartFile::open(&path).unwrap();
    let (bytes, found) = part.found().unwrap();
    assert_eq!(
        (bytes, found.as_version().validator),
        (4, Some(&b"\"a\""[..]))
    );
    assert_eq!(part.write(&BODY[4..]), Ok(6));
    let mut seen = Vec::new();
    part.read_all(|block| {
        seen.extend_from_slice(block);
        true
    })
    .unwrap();
    assert_eq!(seen, BODY);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    part.try_commit().unwrap();
    assert_eq!(fs::read(&path).unwrap(), BODY);
    assert_eq!(names(directory.path()), ["file"]);
}

#[test]
fn after_a_power_cut_only_what_is_durable_counts() {
    let (_directory, path) = place();
    drop(killed(&path));
    pass_a_power_cut(&path);
    assert!(PartFile::open(&path).unwrap().found().is_none());

    let (_directory, path) = place();
    let mut part = killed(&path);
    part.record.as_mut().unwrap().add_durable(3).unwrap();
    drop(part);
    pass_a_power_cut(&path);
    let part = PartFile::open(&path).unwrap();
    assert_eq!(part.found().map(|(bytes, _)| bytes), Some(3));
    assert_eq!(part.file.metadata().unwrap().len(), 3);
    drop(part);
    // It is of this run of the system again.
    assert!(
        Found::read(&record_of(&path))
            .unwrap()
            .unwrap()
            .is_of_this_boot()
    );
}

#[test]
fn what_has_come_is_made_durable_now_and_then() {
    let (_directory, path) = place();
    let mut part = PartFile::open(&path).unwrap();
    part.restart(&version(Some(b"\"a\""))).unwrap();
    let block = vec![7; SYNC_BYTES as usize];
    assert_eq!(part.write(&block), Ok(block.len()));
    part.finish_sync().unwrap();
    let found = Found::read(&record_of(&path)).unwrap().unwrap();
    assert_eq!(found.durable_bytes, SYNC_BYTES);
}

#[test]
fn a_restart_that_stops_after_any_step_leaves_no_bytes_under_another_version() {
    // The steps in their order: nothing done, the record gone, the bytes gone, half a record there.
    for steps in 0..4 {
        let (_directory, path) = place();
        let part = killed(&path);
        if steps > 0 {
            fs::remove_file(record_of(&path)).unwrap();
        }
        if steps > 1 {
            part.file.set_len(0).unwrap();
        }
        if steps > 2 {
            fs::write(
                record_of(&path),
                "hosttap part 1\nurl http://x/\nvalidator \"b",
            )
            .unwrap();
        }
        // As a kill does it: what a drop would remove stays.
        let mut part = part;
        part.is_committed = true;
        drop(part);
        let part = PartFile::open(&path).unwrap();
        let found = part.found().map(|(bytes, found)| (bytes, found.clone()));
        match steps {
            0 => assert_eq!(found.unwrap().1.as_version().validator, Some(&b"\"a\""[..])),
            _ => assert_eq!(found, None, "{steps}"),
        }
    }
}

#[test]
fn a_restart_loses_the_old_version_and_keeps_the_new_one() {
    let (_directory, path) = place();
    drop(killed(&path));
    let mut part = PartFile::open(&path).unwrap();
    part.restart(&version(Some(b"\"b\""))).unwrap();
    assert_eq!(part.write(b"xy"), Ok(2));
    drop(part);
    let part = PartFile::open(&path).unwrap();
    let (bytes, found) = part.found().unwrap();
    assert_eq!(
        (bytes, found.as_version().validator),
        (2, Some(&b"\"b\""[..]))
    );
    let mut seen = Vec::new();
    part.read_all(|block| {
        seen.extend_from_slice(block);
        true
    })
    .unwrap();
    assert_eq!(seen, b"xy");
}

#[test]
fn a_part_that_nothing_proves_and_one_that_is_discarded_leave_nothing() {
    let (directory, path) = place();
    let mut part = PartFile::open(&path).unwrap();
    part.restart(&version(None)).unwrap();
    assert_eq!(part.write(b"xy"), Ok(2));
    assert_eq!(part.kept(), None);
    drop(part);
    assert!(names(directory.path()).is_empty());
    let part = killed(&path);
    assert!(part.kept().unwrap().starts_with("4 bytes are kept in "));
    part.discard().unwrap();
    assert!(names(directory.path()).is_empty());
}

#[test]
fn a_part_that_another_program_writes_is_refused() {
    let (_directory, path) = place();
    let _held = killed(&path);
    let failure = PartFile::open(&path).unwrap_err();
    assert_eq!(failure.exit, Exit::Write);
    assert!(failure.message.contains("another program"), "{failure}");
}

#[test]
fn what_cannot_be_replaced_cannot_be_resumed() {
    for path in ["/dev/null", "/dev/stdout"] {
        let failure = PartFile::open(Path::new(path)).unwrap_err();
        assert_eq!(failure.exit, Exit::CannotResume, "{failure}");
    }
    let (directory, path) = place();
    std::os::unix::fs::symlink("elsewhere", directory.path().join("file.part")).unwrap();
    assert_eq!(PartFile::open(&path).unwrap_err().exit, Exit::Write);
    let failure = PartFile::open(directory.path()).unwrap_err();
    assert_eq!(failure.exit, Exit::Write);
}

#[test]
fn of_a_whole_part_the_last_byte_is_fetched_again() {
    let (_directory, path) = place();
    let mut part = killed(&path);
    assert_eq!(part.write(&BODY[4..]), Ok(6));
    drop(part);
    let mut part = PartFile::open(&path).unwrap();
    assert_eq!(part.found().unwrap().0, 9);
    assert_eq!(part.write(&BODY[9..]), Ok(1));
    part.try_commit().unwrap();
    assert_eq!(fs::read(&path).unwrap(), BODY);
}
