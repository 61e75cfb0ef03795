//! `hosttap send` to receivers over the kernel's sockets.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

mod refusals;
mod retry;
mod sources;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;

use common::{
    KERNEL_ADDRESS, Process, Pty, create_tap, hosttap, hosttap_command, in_namespace, is_installed,
    killed_with_test, random_bytes, sh, start_file_peer,
};

/// A directory with a file `file` of `length` bytes.
fn create_file(length: usize) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, random_bytes(length)).unwrap();
    (directory, path)
}

/// Starts `hosttap send` with the file `path`.
fn start_send(path: &Path, options: &[&str]) -> Process {
    hosttap(&[&["send", KERNEL_ADDRESS, path.to_str().unwrap()], options].concat())
}

/// Starts a Python receiver that can read `path`, and waits until it listens.
fn start_receiver(script: &str, path: &Path) -> Process {
    let script = format!("PATH = sys.argv[1]\nlistener = listen()\n{script}");
    let receiver = start_file_peer(&script, &[path.to_str().unwrap()]);
    receiver.wait_for_stdout("listening");
    receiver
}

/// A Python function that receives one file and compares it with the original.
const RECEIVE_PY: &str = "
def receive():
    connection, _ = listener.accept()
    with connection:
        length, digest, name = read_offer(connection)
        if digest:
            connection.sendall(answer(FINE, 0))
        data = read_exactly(connection, length)
        if digest:
            assert hashlib.sha256(data).digest() == digest
            connection.sendall(receipt(FINE, length))
        assert connection.recv(1) == b'', 'bytes after the end of the file'
        say(length, name, data == open(PATH, 'rb').read())
";

#[test]
fn files_of_every_size_are_sent_whole_in_both_forms() {
    in_namespace!();
    for (length, options) in [(0, [""; 0].as_slice()), (1, &[]), (16_384, &[])]
        .into_iter()
        .flat_map(|(length, checked)| [(length, checked), (length, &["--plain"][..])])
    {
        let (_directory, path) = create_file(length);
        let receiver = start_receiver(&format!("{RECEIVE_PY}receive()"), &path);
        let exited = start_send(&path, options).finish();
        assert_eq!(exited.code, Some(0), "{}", exited.stderr());
        let name = if options.is_empty() { "file" } else { "None" };
        assert_eq!(
            receiver.expect_success(),
            format!("listening\n{length} {name} True\n")
        );
        let message = format!(
            "hosttap: 'file'{}",
            if options.is_empty() {
                " is stored: "
            } else {
                ": "
            }
        );
        assert!(exited.stderr().starts_with(&message), "{}", exited.stderr());
    }
}

#[test]
fn a_large_file_is_sent_whole_in_the_checked_form() {
    in_namespace!();
    let (_directory, path) = create_file(64 << 20);
    let receiver = start_receiver(&format!("{RECEIVE_PY}receive()"), &path);
    let exited = start_send(&path, &[]).finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(receiver.expect_success(), "listening\n67108864 file True\n");
}

#[test]
fn a_large_file_is_sent_whole_in_the_plain_form_to_netcat() {
    if !is_installed("nc") {
        return;
    }
    in_namespace!();
    let (directory, path) = create_file(64 << 20);
    let received = directory.path().join("received");
    let netcat = Process::start(killed_with_test("sh").args([
        "-c",
        &format!(
            "exec nc -nlv {KERNEL_ADDRESS} 2001 > {}",
            received.display()
        ),
    ]));
    netcat.wait_for_stderr("Listening");
    let exited = start_send(&path, &["--plain"]).finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(netcat.finish().code, Some(0));
    let (sent, received) = (fs::read(path).unwrap(), fs::read(received).unwrap());
    let (length, received) = received.split_at(4);
    assert_eq!(length, [0, 0, 0, 4]);
    assert!(sent == received, "the bytes differ");
}

#[test]
fn a_terminal_shows_progress() {
    in_namespace!();
    let (_directory, path) = create_file(4 << 20);
    let mut receiver = start_receiver(
        "connection, _ = listener.accept()
read_offer(connection)
connection.sendall(answer(FINE, 0))
read_exactly(connection, 1 << 20)
sys.stdin.readline()
read_exactly(connection, 3 << 20)
connection.sendall(receipt(FINE, 4 << 20))
say(connection.recv(1))",
        &path,
    );
    let pty = Pty::open();
    let mut command = hosttap_command(&["send", KERNEL_ADDRESS]);
    command.arg(&path);
    let sender = Process::start_with(&mut command, Stdio::piped(), pty.as_stdio());
    pty.wait_for(" MB/4.19 MB");
    receiver.write_stdin("go on\n");
    assert_eq!(sender.finish().code, Some(0));
    let shown = pty.finish();
    assert!(
        shown.contains("hosttap: 'file' is stored: 4194304 bytes in "),
        "{shown}"
    );
    assert_eq!(receiver.expect_success(), "listening\nb''\n");
}

#[test]
fn only_the_bytes_that_the_receiver_lacks_are_sent() {
    in_namespace!();
    let (_directory, path) = create_file(100_000);
    let script = "
for offset in (60000, 100000):
    connection, _ = listener.accept()
    length, digest, name = read_offer(connection)
    connection.sendall(answer(WORKING, 0) + answer(WORKING, 0) + answer(FINE, offset))
    data = read_exactly(connection, length - offset)
    connection.sendall(receipt(WORKING, 0) + receipt(FINE, length))
    say(data == open(PATH, 'rb').read()[offset:], connection.recv(1))";
    let receiver = start_receiver(script, &path);
    for offset in [60_000, 100_000] {
        let exited = start_send(&path, &[]).finish();
        let stderr = exited.stderr();
        assert_eq!(exited.code, Some(0), "{stderr}");
        let resumed = format!("the receiver has {offset} bytes already");
        assert!(stderr.contains(&resumed), "{stderr}");
        let sent = format!("{} bytes in", 100_000 - offset);
        assert!(stderr.contains(&sent), "{stderr}");
    }
    assert_eq!(receiver.expect_success(), "listening\nTrue b''\nTrue b''\n");
}

/// Starts `hosttap recv` on tap1 as 192.168.70.1. The kernel routes between tap0 and tap1.
fn start_recv_behind_router(directory: &Path) -> Process {
    let fixed = ["recv", "-i", "tap1", "--address", "192.168.70.1/24"];
    let directory = directory.to_str().unwrap();
    let route = ["--gateway", "192.168.70.100", "--dir", directory];
    let receiver = hosttap(&[&fixed[..], &route].concat());
    receiver.wait_for_stderr("Listening on");
    receiver
}

/// Creates tap1, and makes the kernel a router.
fn create_router() {
    create_tap("tap1", 70);
    sh("echo 1 > /proc/sys/net/ipv4/ip_forward");
}

#[test]
fn a_file_from_one_hosttap_arrives_at_another() {
    in_namespace!();
    create_router();
    let (directory, path) = create_file(1 << 20);
    let incoming = directory.path().join("in");
    let receiver = start_recv_behind_router(&incoming);
    let path = path.to_str().unwrap();
    for options in [&[][..], &["--plain"], &[]] {
        let fixed = ["send", "192.168.70.1", path, "--gateway", KERNEL_ADDRESS];
        let exited = hosttap(&[&fixed, options].concat()).finish();
        assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    }
    let mut stored = 0;
    for entry in fs::read_dir(&incoming).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with(".tickwire-finished") {
            assert!(
                fs::read(&path).unwrap() == random_bytes(1 << 20),
                "{path:?}"
            );
            stored += 1;
        }
    }
    // The third transfer repeats the first.
    assert_eq!(stored, 2);
    receiver.wait_for_stderr("has sent 'file' before");
}

#[test]
fn a_retry_survives_a_killed_receiver() {
    in_namespace!();
    create_router();
    let (directory, path) = create_file(16 << 20);
    // If this test gets no CPU time during the transfer, the kill comes too late, and the run
    // proves nothing.
    let mut stderr = String::new();
    for number in 0..10 {
        let incoming = directory.path().join(format!("in{number}"));
        stderr = send_over_a_kill(&path, &incoming);
        assert!(fs::read(incoming.join("file")).unwrap() == random_bytes(16 << 20));
        if stderr.contains("bytes already") {
            break;
        }
    }
    assert!(stderr.contains("bytes already"), "{stderr}");
}

/// Sends `path` with `--retry` to a receiver that is killed after its first bytes and started
/// again. Returns the stderr of `send`.
fn send_over_a_kill(path: &Path, incoming: &Path) -> String {
    let receiver = start_recv_behind_router(incoming);
    let fixed = ["send", "192.168.70.1", path.to_str().unwrap(), "--retry"];
    let sender = hosttap(
        &[
            &fixed[..],
            &["--gateway", KERNEL_ADDRESS, "--idle-timeout", "1"],
        ]
        .concat(),
    );
    let has_bytes = || {
        let names = fs::read_dir(incoming).unwrap().map(Result::unwrap);
        let mut lengths = names.map(|entry| entry.metadata().map_or(0, |found| found.len()));
        lengths.any(|bytes| bytes > 100_000)
    };
    while !has_bytes() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    drop(receiver);
    let receiver = start_recv_behind_router(incoming);
    let exited = sender.finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    drop(receiver);
    exited.stderr()
}

#[test]
fn a_file_that_cannot_be_sent_is_an_error_before_the_connection() {
    in_namespace!();
    let (directory, path) = create_file(1);
    let large = directory.path().join("large");
    File::create(&large).unwrap().set_len(1 << 31).unwrap();
    std::os::unix::fs::symlink("/dev/zero", directory.path().join("device")).unwrap();
    let listener = std::net::TcpListener::bind((KERNEL_ADDRESS, 2001)).unwrap();
    for (name, options, code, words) in [
        ("large", &["--plain"][..], 63, "2 GiB"),
        ("missing", &[], 26, "No such file"),
        ("device", &[], 26, "neither a regular file nor a pipe"),
    ] {
        let exited = start_send(&directory.path().join(name), options).finish();
        assert_eq!(exited.code, Some(code), "{name}: {}", exited.stderr());
        assert!(
            exited.stderr().contains(words),
            "{name}: {}",
            exited.stderr()
        );
    }
    let path = path.to_str().unwrap();
    let exited = hosttap(&["send", "printer.local", path]).finish();
    assert_eq!(exited.code, Some(6), "{}", exited.stderr());
    let exited = hosttap(&["send", "192.168.69.1", path]).finish();
    assert_eq!(exited.code, Some(7), "{}", exited.stderr());
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "a connection was opened");
}
