//! Disks that are full, folders that take no files, and files that may not be replaced.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use super::get;
use crate::common::{HOST, Namespace, Server, inside, is_root, noise, sh, skip};

#[test]
fn a_full_device_is_an_error_and_stays_a_device() {
    if !inside("get::disk::a_full_device_is_an_error_and_stays_a_device") {
        return;
    }
    let server = Server::holding(HOST, b"hello");
    let ended = get(&[&server.url("/"), "-o", "/dev/full"]);
    assert_eq!(ended.code, Some(23));
    assert!(
        ended.stderr().contains("No space left on device"),
        "{}",
        ended.stderr()
    );
    let kind = fs::metadata("/dev/full").unwrap().file_type();
    assert!(kind.is_char_device());
}

#[test]
fn a_disk_that_gets_full_in_the_middle_keeps_the_old_file_alone() {
    if !inside("get::disk::a_disk_that_gets_full_in_the_middle_keeps_the_old_file_alone") {
        return;
    }
    let server = Server::holding(HOST, &noise(4 << 20));
    let folder = tempfile::tempdir().unwrap();
    let (folder, url) = (folder.path().display(), server.url("/"));
    // The small disk is there for these programs alone, and ends with them.
    let told = sh(&format!(
        "exec 2>&1; unshare --mount sh -c '
            mount -t tmpfs -o size=1m none {folder}; cd {folder}; printf old > file
            $hosttap get {url} -o file || echo code $?
            ls -A; cat file; echo
            $hosttap get {url} > other || echo code $?'"
    ));
    let full =
        format!("hosttap: {url}: the data cannot be written: No space left on device\ncode 23\n");
    let wanted = format!("{full}file\nold\n{full}");
    assert_eq!(told, wanted);
}

#[test]
fn a_file_over_the_limit_of_the_process_is_an_error_and_not_its_death() {
    if !inside("get::disk::a_file_over_the_limit_of_the_process_is_an_error_and_not_its_death") {
        return;
    }
    let server = Server::holding(HOST, &noise(4 << 20));
    let folder = tempfile::tempdir().unwrap();
    let (folder, url) = (folder.path().display(), server.url("/"));
    let told = sh(&format!(
        "exec 2>&1; cd {folder}; ulimit -f 64; $hosttap get {url} -o file || echo code $?; ls -A"
    ));
    let wanted = format!("hosttap: {url}: the data cannot be written: File too large\ncode 23\n");
    assert_eq!(told, wanted);
}

#[test]
fn targets_that_cannot_be_are_named_before_anybody_is_called() {
    if !inside("get::disk::targets_that_cannot_be_are_named_before_anybody_is_called") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::write(at("file"), "old").unwrap();
    std::os::unix::fs::symlink("loop", at("loop")).unwrap();
    for (target, words) in [
        (at(""), "Is a directory"),
        (at("missing/file"), "No such file or directory"),
        (at("file/file"), "Not a directory"),
        (at("loop"), "Too many levels of symbolic links"),
        (at(&"x".repeat(256)), "File name too long"),
    ] {
        let ended = get(&["http://192.168.69.7/", "-o", &target]);
        assert_eq!(ended.code, Some(23), "{target}: {}", ended.stderr());
        assert!(
            ended.stderr().contains(words),
            "{target}: {}",
            ended.stderr()
        );
    }
}

#[test]
fn another_user_can_neither_fill_a_foreign_folder_nor_replace_a_protected_file() {
    if !is_root() {
        let _: Option<()> = skip("only root can become somebody else");
        return;
    }
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let remade = namespace.sh(
        "ip tuntap del dev tap0 mode tap; ip tuntap add dev tap0 mode tap user 4242; \
         ip addr add 192.168.69.100/24 dev tap0; ip link set tap0 up",
    );
    assert!(remade.status.success(), "{remade:?}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    for (mode, name, words) in [
        (0o755, "new", "cannot create a file in"),
        // A rename would ask the folder alone.
        (0o777, "file", "Permission denied"),
        (0o700, "file", "Permission denied"),
    ] {
        fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        let target = folder.path().join(name).display().to_string();
        let arguments = ["get", "http://192.168.69.7/", "-o", &target];
        let ended = namespace.hosttap_as("4242", &arguments).finish(60);
        assert_eq!(ended.code, Some(23), "{mode:o} {name}: {}", ended.stderr());
        assert!(
            ended.stderr().contains(words),
            "{mode:o} {name}: {}",
            ended.stderr()
        );
        assert!(ended.stderr().contains(&target), "{}", ended.stderr());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
