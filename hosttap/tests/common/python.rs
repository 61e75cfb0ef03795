//! Peers in Python, over the kernel's sockets.

use std::process::Command;

use super::{Process, killed_with_test};

/// What every TCP peer needs.
pub(crate) const TCP_PEER_PY: &str = include_str!("tcp_peer.py");
/// A script ends by itself after this time.
const SCRIPT_SECONDS_MAX: u32 = 240;

/// Starts a Python script.
pub(crate) fn start_python(script: &str, arguments: &[&str]) -> Process {
    start_python_by(killed_with_test("python3"), script, arguments)
}

/// Starts a Python script by a command that runs Python, such as one in another namespace.
pub(crate) fn start_python_by(mut python: Command, script: &str, arguments: &[&str]) -> Process {
    let script = format!("import signal; signal.alarm({SCRIPT_SECONDS_MAX})\n{script}");
    python.args(["-u", "-c", &script]).args(arguments);
    Process::start(&mut python)
}
