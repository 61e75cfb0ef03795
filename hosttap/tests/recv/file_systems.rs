//! Folders on file systems that cannot do everything: FAT, NFS, FUSE, 9p and the like.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use crate::common::{
    Process, RecvProgram, hosttap_as, hosttap_failing, in_namespace, is_root, recreate_tap_for,
    run_file_peer,
};

/// What stands for "not supported" in different file systems.
const NO_LINKS: [&str; 2] = ["renameat2=EINVAL", "linkat=EPERM"];
const STORED: &str = "[('answer', 0, 0), ('receipt', 0, 5)]\n";

/// Starts `recv --dir` with system calls that fail.
fn start_failing(calls: &[&str]) -> (Process, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    (hosttap_failing(calls, &["recv", "--dir", path]), directory)
}

/// Starts a receiver that can do without these calls.
fn start_receiver(calls: &[&str]) -> RecvProgram {
    let (process, directory) = start_failing(calls);
    process.wait_for_stderr("Listening on");
    RecvProgram { process, directory }
}

/// Stores two files of one name, and checks that neither replaced the other.
fn check_stores(calls: &[&str]) {
    let receiver = start_receiver(calls);
    for (content, digit) in [(&b"hello"[..], '1'), (b"other", '2')] {
        let text = str::from_utf8(content).unwrap();
        let script = format!("say(send_checked(b'{text}', 'a.txt'))");
        assert_eq!(
            run_file_peer(&script, &[]),
            STORED,
            "{calls:?}, file {digit}"
        );
    }
    assert_eq!(receiver.files(), ["a (1).txt", "a.txt"], "{calls:?}");
    let read = |name| fs::read_to_string(receiver.directory.path().join(name)).unwrap();
    assert_eq!(
        read("a.txt") + &read("a (1).txt"),
        "helloother",
        "{calls:?}"
    );
    assert_eq!(receiver.partials(), [""; 0], "{calls:?}");
}

#[test]
fn a_folder_without_renames_that_replace_nothing_stores_files() {
    in_namespace!();
    for error in ["EINVAL", "ENOSYS", "EOPNOTSUPP"] {
        check_stores(&[&format!("renameat2={error}")]);
    }
}

#[test]
fn a_folder_without_hard_links_stores_files_and_replaces_none() {
    in_namespace!();
    for error in ["EPERM", "EOPNOTSUPP", "ENOSYS", "EMLINK"] {
        check_stores(&["renameat2=EINVAL", &format!("linkat={error}")]);
    }
}

#[test]
fn a_folder_without_locks_stores_files_and_keeps_no_parts() {
    in_namespace!();
    for error in ["ENOLCK", "EOPNOTSUPP", "ENOSYS", "EINVAL"] {
        let calls = [format!("flock={error}")];
        check_stores(&[&calls[0]]);
    }
    let receiver = start_receiver(&["flock=ENOLCK"]);
    receiver.process.wait_for_stderr("has no locks");
    // Without locks nobody can tell whose the part is, so the second attempt begins anew.
    let output = run_file_peer(
        "say(send_checked(b'hello', 'a', upto=3)); say(send_checked(b'hello', 'a'))",
        &[],
    );
    assert_eq!(output, format!("[('answer', 0, 0)]\n{STORED}"));
    assert_eq!(receiver.partials(), [""; 0]);
}

#[test]
fn two_receivers_of_one_file_in_a_folder_without_locks_do_not_write_into_each_other() {
    in_namespace!();
    let first = start_receiver(&["flock=ENOLCK"]);
    crate::common::create_tap("tap1", 70);
    let path = first.path().to_owned();
    let second = hosttap_failing(
        &["flock=ENOLCK"],
        &[
            "--tap",
            "tap1",
            "--address",
            "192.168.70.1/24",
            "recv",
            "--dir",
            &path,
        ],
    );
    second.wait_for_stderr("Listening on");
    // The second sender announces the digest of the first one's file, and sends other bytes.
    let output = run_file_peer(
        "data, other = pattern(100000), bytes(100000)
a = connect()
a.sendall(offer(data, 'a'))
say(read_reply(a))
a.sendall(data[:50000])
wait_until_acknowledged(a)
b = connect(host='192.168.70.1')
b.sendall(offer(other, 'a', digest=hashlib.sha256(data).digest()))
say(read_reply(b))
b.sendall(other)
say(read_reply(b)[1])
a.sendall(data[50000:])
say(read_reply(a), open(sys.argv[1] + '/a', 'rb').read() == data)",
        &[&path],
    );
    let answer = "(b'TWA\\x81', 0, 0)\n";
    let receipt = "(b'TWR\\x81', 0, 100000) True\n";
    assert_eq!(output, format!("{answer}{answer}5\n{receipt}"));
}

#[test]
fn a_folder_that_cannot_be_synced_is_synced_as_a_whole() {
    in_namespace!();
    check_stores(&["fsync=EINVAL"]);
    check_stores(&[
        NO_LINKS[0],
        NO_LINKS[1],
        "flock=EOPNOTSUPP",
        "fsync=EOPNOTSUPP",
    ]);
}

#[test]
fn a_folder_that_can_make_nothing_durable_or_lock_is_broken_is_refused_before_listening() {
    in_namespace!();
    for calls in [
        &["fsync=EINVAL", "syncfs=EIO"][..],
        &["fsync=EIO"],
        &["flock=EIO"],
    ] {
        let (process, directory) = start_failing(calls);
        let exited = process.finish();
        assert_eq!(exited.code, Some(23), "{calls:?}: {}", exited.stderr());
        assert!(
            !exited.stderr().contains("Listening"),
            "{}",
            exited.stderr()
        );
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            0,
            "{calls:?}"
        );
    }
}

#[test]
fn a_folder_that_cannot_be_read_is_refused_before_listening() {
    if !is_root() {
        return;
    }
    in_namespace!();
    recreate_tap_for("4242");
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o733)).unwrap();
    let path = directory.path().to_str().unwrap();
    let exited = hosttap_as("4242", &["recv", "--dir", path]).finish();
    assert_eq!(exited.code, Some(23), "{}", exited.stderr());
    assert!(
        exited.stderr().contains("Permission denied"),
        "{}",
        exited.stderr()
    );
}
