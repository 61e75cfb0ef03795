//! The rig of all tests: network namespaces, programs under a deadline, and peers.
//!
//! Each test runs in its own network namespace, so tests can run at the same time and cannot reach
//! the network of the machine. Nothing is left over. A namespace lives as long as its holder
//! process, which ends with the test, and every other program is killed when the test ends.
#![allow(
    dead_code,
    unused_imports,
    reason = "every test program includes the whole rig and uses a part of it"
)]

mod dnsmasq;
mod file_peer;
mod http_server;
pub(crate) mod namespace;
pub(crate) mod peers;
mod process;
mod pty;
mod python;
mod screen;
mod session;

pub(crate) use dnsmasq::start_dnsmasq;
pub(crate) use file_peer::{FILE_PEER_PY, RecvProgram, run_file_peer, start_file_peer};
pub(crate) use http_server::{HttpConnection, HttpServer, ok_response};
pub(crate) use process::{Exited, Process};
pub(crate) use pty::{Pty, open_pty};
pub(crate) use python::{TCP_PEER_PY, start_python, start_python_by};
pub(crate) use screen::Screen;
pub(crate) use session::{block, check_session, page, part, sessions};

use std::process::Command;
use std::time::Duration;

/// The address of the kernel's side of `tap0`.
pub(crate) const KERNEL_ADDRESS: &str = "192.168.69.100";
/// Longest wait for anything. It says nothing about speed: it ends a test that hangs, and is far
/// longer than a slow or busy machine needs.
pub(crate) const SECONDS_MAX: u64 = 600;
/// The same as a duration.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(SECONDS_MAX);
/// Longest time for a whole test, which may wait for many things, and for each program in it.
const TEST_SECONDS_MAX: u64 = 6 * SECONDS_MAX;
/// Factors on the deadlines of a run that must not pass them, one after another until it does not:
/// a machine may stall as long as a short deadline. Who waits for the wrong thing passes them all.
pub(crate) const DEADLINE_FACTORS: [u32; 3] = [1, 8, 64];
/// A program whose system calls fail.
const FAILING_PY: &str = include_str!("failing.py");
/// If this variable is 1, as in CI, a test that would be skipped fails.
const REQUIRE_TAP: &str = "TICKWIRE_REQUIRE_TAP";

/// Runs the rest of a test in a fresh network namespace with `tap0`: starts the test again there,
/// and returns from the test outside.
macro_rules! in_namespace {
    () => {
        if !$crate::common::namespace::is_inside() {
            let this_test = std::any::type_name_of_val(&|| {});
            return $crate::common::namespace::run_inside(this_test);
        }
    };
}
pub(crate) use in_namespace;

/// A command that is killed when the test that started it ends.
pub(crate) fn killed_with_test(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    command
}

/// A command that runs `hosttap`, the program under test. A terminal is one that people have,
/// whatever the tests themselves were started on.
pub(crate) fn hosttap_command(arguments: &[&str]) -> Command {
    let mut command = killed_with_test(env!("CARGO_BIN_EXE_hosttap"));
    command.args(arguments).env("TERM", "xterm");
    command
}

/// Starts `hosttap`.
pub(crate) fn hosttap(arguments: &[&str]) -> Process {
    Process::start(&mut hosttap_command(arguments))
}

/// Starts `hosttap` with system calls that fail, such as `flock=ENOLCK`.
pub(crate) fn hosttap_failing(calls: &[&str], arguments: &[&str]) -> Process {
    let mut command = killed_with_test("python3");
    command.args(["-c", FAILING_PY]).args(calls);
    command.args(["--", env!("CARGO_BIN_EXE_hosttap")]);
    Process::start(command.args(arguments))
}

/// Starts `hosttap` as another user without any capability. Only root can do this.
pub(crate) fn hosttap_as(uid: &str, arguments: &[&str]) -> Process {
    // That user may not be able to reach the program's directory, so the program runs from an open
    // descriptor. A private mount of /dev/net holds a device node that everybody may open.
    let script = "exec 9<\"$1\"; uid=$2; shift 2
        mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 &&
        exec setpriv --pdeathsig KILL --reuid $uid --clear-groups --inh-caps=-all \
            --bounding-set=-all -- /proc/self/fd/9 \"$@\"";
    let mut command = killed_with_test("unshare");
    command.args(["--mount", "--", "sh", "-c", script, "sh"]);
    command.args([env!("CARGO_BIN_EXE_hosttap"), uid]);
    Process::start(command.args(arguments))
}

/// Runs a shell script, in which `$hosttap` is the program under test. Returns its stdout.
///
/// # Panics
/// If the script fails.
#[track_caller]
pub(crate) fn sh(script: &str) -> String {
    let output = killed_with_test("sh")
        .args(["-e", "-c", script])
        .env("hosttap", env!("CARGO_BIN_EXE_hosttap"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{script}\n{text}{errors}");
    text
}

/// Creates a further TAP. Its kernel's side is up as 192.168.`network`.100/24.
pub(crate) fn create_tap(name: &str, network: u8) {
    sh(&format!(
        "ip tuntap add dev {name} mode tap; ip addr add 192.168.{network}.100/24 dev {name}
        ip link set {name} up"
    ));
}

/// Creates `tap0` again, for a user who may open it without privileges.
pub(crate) fn recreate_tap_for(uid: &str) {
    sh(&format!(
        "ip tuntap del dev tap0 mode tap; ip tuntap add dev tap0 mode tap user {uid}
        ip addr add {KERNEL_ADDRESS}/24 dev tap0; ip link set tap0 up"
    ));
}

/// Whether `program` is installed. Prints that the test is skipped if it is not.
pub(crate) fn is_installed(program: &str) -> bool {
    let script = format!("command -v {program}");
    let found = Command::new("sh").args(["-c", &script]).output().unwrap();
    found.status.success() || skip(&format!("{program} is not installed"))
}

/// Whether the test runs as root, who alone can become another user. Prints that the test is
/// skipped if it does not. Call it before [`in_namespace`], because a user namespace has a root of
/// its own.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root() || skip("only root can become another user")
}

/// Prints why a test is skipped, and returns `false`.
///
/// # Panics
/// If the test must not be skipped.
#[track_caller]
pub(crate) fn skip(why: &str) -> bool {
    let required = std::env::var(REQUIRE_TAP);
    assert_ne!(required.as_deref(), Ok("1"), "{REQUIRE_TAP}=1, but {why}");
    eprintln!("skipped: {why}");
    false
}

/// `length` pseudorandom bytes, which contain no pattern that could hide a loss: xorshift
/// (Marsaglia 2003).
pub(crate) fn random_bytes(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut data = Vec::with_capacity(length + 8);
    while data.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        data.extend_from_slice(&state.to_le_bytes());
    }
    data.truncate(length);
    data
}
