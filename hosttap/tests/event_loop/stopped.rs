//! A program that was stopped (Ctrl-Z, SIGSTOP) gives its peer the time back.

use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{Exited, hosttap, in_namespace, start_python};

/// How long a program waits for its peer. A busy machine needs less before the stop and after it.
const IDLE_SECONDS: &str = "10";
/// Longer than that.
const STOPPED: Duration = Duration::from_secs(12);
const BACK: Duration = Duration::from_secs(1);
const ADDRESSES: &str = "
import socket, sys, time
KERNEL, DEVICE = '192.168.69.100', '192.168.69.1'
def go_on():
    print('stop it')
    sys.stdin.readline()
";

/// Runs the program against a peer in Python, stops it when the peer says so, and has the peer go on
/// a second after it continues.
fn run_stopped(arguments: &[&str], peer: &str) -> Exited {
    let mut peer = start_python(&format!("{ADDRESSES}{peer}"), &[]);
    peer.wait_for_stdout("ready");
    let program = hosttap(arguments);
    peer.wait_for_stdout("stop it");
    program.signal(Signal::STOP);
    sleep(STOPPED);
    program.signal(Signal::CONT);
    sleep(BACK);
    peer.write_stdin("go on\n");
    let exited = program.finish();
    peer.expect_success();
    exited
}

/// A `get` that is stopped when it has two bytes of five; then the server goes on with `rest`.
fn run_stopped_get(rest: &str) -> Exited {
    let begun = "
s = socket.create_server((KERNEL, 8000))
print('ready')
c, _ = s.accept()
c.recv(4096)
c.sendall(b'HTTP/1.0 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhe')
go_on()";
    let url = "http://192.168.69.100:8000/";
    let arguments = ["-q", "get", "--idle-timeout", IDLE_SECONDS, url];
    run_stopped(&arguments, &format!("{begun}{rest}"))
}

#[test]
fn a_get_that_was_stopped_waits_for_the_rest_of_the_body() {
    in_namespace!();
    let exited = run_stopped_get(
        "
c.sendall(b'llo')
c.close()",
    );
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(exited.stdout(), "hello");
}

#[test]
fn a_receiver_that_was_stopped_waits_for_the_rest_of_the_file() {
    in_namespace!();
    let exited = run_stopped(
        &[
            "-q",
            "recv",
            "--once",
            "--idle-timeout",
            IDLE_SECONDS,
            "-o",
            "-",
        ],
        "
print('ready')
while True:
    try:
        c = socket.create_connection((DEVICE, 2001), 1)
        break
    except OSError:
        time.sleep(0.1)
c.sendall(b'\\x05\\0\\0\\0he')
go_on()
c.sendall(b'llo')
while c.recv(4096):
    pass",
    );
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(exited.stdout(), "hello");
}

#[test]
fn a_sender_that_was_stopped_waits_for_a_receiver_that_takes_nothing() {
    in_namespace!();
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(32 << 20).unwrap();
    let path = file.path().to_str().unwrap();
    let exited = run_stopped(
        &[
            "-q",
            "send",
            "--plain",
            "--idle-timeout",
            IDLE_SECONDS,
            "192.168.69.100:2001",
            path,
        ],
        "
s = socket.create_server((KERNEL, 2001))
print('ready')
c, _ = s.accept()
go_on()
count = 0
while block := c.recv(1 << 20):
    count += len(block)
assert count == 4 + (32 << 20), count",
    );
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
}

#[test]
fn a_server_that_says_nothing_after_the_stop_either_is_given_up() {
    in_namespace!();
    let exited = run_stopped_get(
        "
try:
    assert not c.recv(1)
except ConnectionResetError:
    pass",
    );
    assert_eq!(exited.code, Some(28), "{}", exited.stderr());
}
