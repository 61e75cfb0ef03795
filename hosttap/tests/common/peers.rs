//! Peers that come from PyPI and npm; `.ci/peers` installs them.

use std::path::PathBuf;

use super::{Process, killed_with_test, skip};

/// A peer ends by itself after this time.
const SECONDS_MAX: &str = "240";

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

/// Starts a Python script that may use packages of PyPI.
pub(crate) fn start_python_peer(script: &str, arguments: &[&str]) -> Process {
    let mut command = killed_with_test("timeout");
    command.args([SECONDS_MAX, "python3", "-u", "-c", script]);
    command.args(arguments).env("PYTHONPATH", folder("python"));
    Process::start(&mut command)
}

/// Starts a script of Node.js that may use packages of npm.
pub(crate) fn start_node_peer(script: &str, arguments: &[&str]) -> Process {
    let mut command = killed_with_test("timeout");
    command.args([SECONDS_MAX, "node", "-e", script, "--"]);
    command.args(arguments);
    Process::start(command.env("NODE_PATH", folder("node/node_modules")))
}
