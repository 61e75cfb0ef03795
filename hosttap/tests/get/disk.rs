//! Full disks, directories without write permission, and files that must not be replaced.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use super::get;
use crate::common::{
    HttpServer, KERNEL_ADDRESS, hosttap_as, in_namespace, is_root, random_bytes, recreate_tap_for,
    sh,
};

#[test]
fn a_full_device_is_an_error_and_stays_a_device() {
    in_namespace!();
    let server = HttpServer::with_body(KERNEL_ADDRESS, b"hello");
    let exited = get(&[&server.url("/"), "-o", "/dev/full"]);
    assert_eq!(exited.code, Some(23));
    assert!(
        exited.stderr().contains("No space left on device"),
        "{}",
        exited.stderr()
    );
    let kind = fs::metadata("/dev/full").unwrap().file_type();
    assert!(kind.is_char_device());
}

#[test]
fn a_disk_that_fills_up_during_the_transfer_keeps_only_the_old_file() {
    in_namespace!();
    let server = HttpServer::with_body(KERNEL_ADDRESS, &random_bytes(4 << 20));
    let directory = tempfile::tempdir().unwrap();
    let (directory, url) = (directory.path().display(), server.url("/"));
    // The small disk is visible only to these programs and disappears with them.
    let output = sh(&format!(
        "exec 2>&1; unshare --mount sh -c '
            mount -t tmpfs -o size=1m none {directory}; cd {directory}; printf old > file
            $hosttap get {url} -o file || echo code $?
            ls -A; cat file; echo
            $hosttap get {url} > other || echo code $?'"
    ));
    let full =
        format!("hosttap: {url}: the data cannot be written: No space left on device\ncode 23\n");
    let wanted = format!("{full}file\nold\n{full}");
    assert_eq!(output, wanted);
}

#[test]
fn a_file_over_the_size_limit_of_the_process_is_an_error_and_does_not_kill_it() {
    in_namespace!();
    let server = HttpServer::with_body(KERNEL_ADDRESS, &random_bytes(4 << 20));
    let directory = tempfile::tempdir().unwrap();
    let (directory, url) = (directory.path().display(), server.url("/"));
    let output = sh(&format!(
        "exec 2>&1; cd {directory}; ulimit -f 64; $hosttap get {url} -o file || echo code $?; ls -A"
    ));
    let wanted = format!("hosttap: {url}: the data cannot be written: File too large\ncode 23\n");
    assert_eq!(output, wanted);
}

#[test]
fn an_impossible_output_file_is_an_error_before_the_connection() {
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    fs::write(at("file"), "old").unwrap();
    std::os::unix::fs::symlink("loop", at("loop")).unwrap();
    for (target, words) in [
        (at(""), "the URL has no file name"),
        (at("missing/file"), "No such file or directory"),
        (at("file/file"), "Not a directory"),
        (at("loop"), "Too many levels of symbolic links"),
        (at(&"x".repeat(256)), "File name too long"),
    ] {
        let exited = get(&["http://192.168.69.7/", "-o", &target]);
        assert_eq!(exited.code, Some(23), "{target}: {}", exited.stderr());
        assert!(
            exited.stderr().contains(words),
            "{target}: {}",
            exited.stderr()
        );
    }
}

#[test]
fn file_permissions_of_directories_and_files_are_respected() {
    if !is_root() {
        return;
    }
    in_namespace!();
    recreate_tap_for("4242");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    for (mode, name, words) in [
        (0o755, "new", "cannot create a file in"),
        // A rename needs permission for the directory only.
        (0o777, "file", "Permission denied"),
        (0o700, "file", "Permission denied"),
    ] {
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
        let target = directory.path().join(name).display().to_string();
        let arguments = ["get", "http://192.168.69.7/", "-o", &target];
        let exited = hosttap_as("4242", &arguments).finish();
        assert_eq!(
            exited.code,
            Some(23),
            "{mode:o} {name}: {}",
            exited.stderr()
        );
        assert!(
            exited.stderr().contains(words),
            "{mode:o} {name}: {}",
            exited.stderr()
        );
        assert!(exited.stderr().contains(&target), "{}", exited.stderr());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
