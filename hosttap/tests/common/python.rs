//! Peers in Python, over the kernel's sockets.

use std::process::Command;

use super::{Process, TEST_SECONDS_MAX, killed_with_test};

/// What every TCP peer needs.
pub(crate) const TCP_PEER_PY: &str = include_str!("tcp_peer.py");

/// Starts a Python script, which ends by itself if it outlives the test.
pub(crate) fn start_python(script: &str, arguments: &[&str]) -> Process {
    start_python_by(killed_with_test("python3"), script, arguments)
}

/// Starts a Python script by a command that runs Python, such as one in another namespace.
pub(crate) fn start_python_by(mut python: Command, script: &str, arguments: &[&str]) -> Process {
    let script = format!("import signal; signal.alarm({TEST_SECONDS_MAX})\n{script}");
    python.args(["-u", "-c", &script]).args(arguments);
    Process::start(&mut python)
}
