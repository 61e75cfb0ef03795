//! Peers that come from PyPI and npm; `.ci/peers` installs them.

use std::path::PathBuf;
use std::process::Command;

use super::{Process, TEST_SECONDS_MAX, killed_with_test, skip};

fn folder(name: &str) -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.join("../target/peers").join(name)
}

/// Whether these are installed. Prints that the test is skipped if one is not.
pub(crate) fn has_peers(python: &[&str], node: &[&str]) -> bool {
    let modules = node
        .iter()
        .map(|name| folder("node/node_modules").join(name));
    let packages = python.iter().map(|name| folder("python").join(name));
    let missing = packages.chain(modules).find(|path| !path.exists());
    missing.is_none_or(|path| skip(&format!("{} is missing: run .ci/peers", path.display())))
}

/// The beginning of a command that ends by itself if it outlives the test.
fn bounded() -> Command {
    let mut command = killed_with_test("timeout");
    command.arg(TEST_SECONDS_MAX.to_string());
    command
}

/// Starts a Python script that may use packages of PyPI.
pub(crate) fn start_python_peer(script: &str, arguments: &[&str]) -> Process {
    let mut command = bounded();
    command.args(["python3", "-u", "-c", script]);
    command.args(arguments).env("PYTHONPATH", folder("python"));
    Process::start(&mut command)
}

/// Starts a script of Node.js that may use packages of npm.
pub(crate) fn start_node_peer(script: &str, arguments: &[&str]) -> Process {
    let mut command = bounded();
    command.args(["node", "-e", script, "--"]);
    command.args(arguments);
    Process::start(command.env("NODE_PATH", folder("node/node_modules")))
}
