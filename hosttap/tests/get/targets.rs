//! Files that cannot be replaced are written in place, and `get` says so before it begins.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use super::get;
use crate::common::{
    Exited, HttpServer, KERNEL_ADDRESS, hosttap_as, in_namespace, is_root, ok_response,
    recreate_tap_for, sh,
};

/// The user who may open the TAP.
const UID: &str = "4242";
const NOTE: &str = "it is written in place, and a failure leaves a part";

/// Runs `get -o` as a user without privileges, to its end.
fn get_as_user(url: &str, path: &Path) -> Exited {
    hosttap_as(UID, &["get", url, "-o", path.to_str().unwrap()]).finish()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_that_is_a_mount_point_is_written_in_place() {
    in_namespace!();
    let server = HttpServer::with_body(KERNEL_ADDRESS, b"new");
    let directory = tempfile::tempdir().unwrap();
    let (directory, url) = (directory.path().display(), server.url("/"));
    // As `docker run -v host:/box` does it. The mount disappears with the shell.
    let output = sh(&format!(
        "exec 2>&1; cd {directory}; echo older > host; : > box; ln -s box link
        unshare --mount sh -e -c '
            mount --bind host box
            $hosttap get -q {url} -o box; cat host; echo
            echo older > host; $hosttap get -q {url} -o link; cat host; echo
            $hosttap get http://{KERNEL_ADDRESS}:9/ -o box || echo code $?; cat host; echo
            ls -A'"
    ));
    let refused = format!(
        "hosttap: box cannot be replaced (it is a mount point): {NOTE}\n\
         hosttap: http://{KERNEL_ADDRESS}:9/: the connection was refused\ncode 7\n"
    );
    // The old content stays until the first byte comes.
    assert_eq!(output, format!("new\nnew\n{refused}new\nbox\nhost\nlink\n"));
}

#[test]
fn an_empty_body_empties_a_file_that_is_written_in_place() {
    in_namespace!();
    let server = HttpServer::with_body(KERNEL_ADDRESS, b"");
    let directory = tempfile::tempdir().unwrap();
    let (directory, url) = (directory.path().display(), server.url("/"));
    let output = sh(&format!(
        "cd {directory}; echo old > host; : > box
        unshare --mount sh -e -c 'mount --bind host box; $hosttap get -q {url} -o box'; wc -c < host"
    ));
    assert_eq!(output.trim(), "0");
}

#[test]
fn a_writable_file_in_a_folder_that_is_not_is_written_in_place() {
    if !is_root() {
        return;
    }
    in_namespace!();
    recreate_tap_for(UID);
    let server = HttpServer::with_body(KERNEL_ADDRESS, b"new");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "older").unwrap();
    set_mode(&file, 0o666);
    set_mode(directory.path(), 0o755);
    let exited = get_as_user(&server.url("/"), &file);
    let stderr = exited.stderr();
    assert_eq!(exited.code, Some(0), "{stderr}");
    assert!(
        stderr.contains("no file can be created beside it"),
        "{stderr}"
    );
    assert_eq!(fs::read(&file).unwrap(), b"new");
}

#[test]
fn another_users_file_in_a_sticky_folder_is_written_in_place_and_ones_own_replaced() {
    if !is_root() {
        return;
    }
    in_namespace!();
    recreate_tap_for(UID);
    let server = HttpServer::with_body(KERNEL_ADDRESS, b"new");
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), 0o1777);
    for (owner, is_in_place) in [(0, true), (UID.parse().unwrap(), false)] {
        let file = directory.path().join(format!("of-{owner}"));
        fs::write(&file, "older").unwrap();
        set_mode(&file, 0o666);
        chown(&file, Some(owner), None).unwrap();
        let exited = get_as_user(&server.url("/"), &file);
        let stderr = exited.stderr();
        assert_eq!(exited.code, Some(0), "{owner}: {stderr}");
        assert_eq!(
            stderr.contains("its folder is sticky"),
            is_in_place,
            "{owner}: {stderr}"
        );
        assert_eq!(fs::read(&file).unwrap(), b"new", "{owner}");
    }
}

#[test]
fn a_folder_that_can_be_written_and_not_read_gets_its_file() {
    if !is_root() {
        return;
    }
    in_namespace!();
    recreate_tap_for(UID);
    let server = HttpServer::with_body(KERNEL_ADDRESS, b"new");
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), 0o733);
    let file = directory.path().join("file");
    let exited = get_as_user(&server.url("/"), &file);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(fs::read(&file).unwrap(), b"new");
}

#[test]
fn a_range_of_ones_own_is_answered_with_206_and_a_condition_with_304() {
    in_namespace!();
    let server = HttpServer::start(KERNEL_ADDRESS, |connection| {
        let answer = if connection.request.contains("If-None-Match: \"v1\"") {
            b"HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nContent-Length: 10\r\n\r\n".to_vec()
        } else if connection.request.contains("Range: bytes=0-4") {
            let head = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/10\r\n";
            format!("{head}Content-Length: 5\r\n\r\nhello").into_bytes()
        } else if connection.request.contains("Range: bytes=99-") {
            let head = "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */10\r\n";
            format!("{head}Content-Length: 0\r\n\r\n").into_bytes()
        } else {
            ok_response(b"hellohello")
        };
        connection.send(&answer);
    });
    let url = server.url("/");
    for (header, code, body, words) in [
        (
            "Range: bytes=0-4",
            0,
            "hello",
            "status 206: all announced bytes are here",
        ),
        ("Range: bytes=99-", 22, "", "status 416"),
        ("If-None-Match: \"v1\"", 22, "", "status 304"),
        ("If-None-Match: \"v0\"", 0, "hellohello", "status 200"),
    ] {
        let exited = get(&[&url, "--header", header]);
        assert_eq!(
            (exited.code, exited.stdout().as_str()),
            (Some(code), body),
            "{header}"
        );
        assert!(
            exited.stderr().contains(words),
            "{header}: {}",
            exited.stderr()
        );
    }
}
