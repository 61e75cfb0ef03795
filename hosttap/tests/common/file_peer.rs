//! Senders and receivers in Python that share no code with tickwire, and `hosttap recv` itself.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{Exited, Process, TCP_PEER_PY, hosttap, start_python};

/// The file transfer protocol.
pub(crate) const FILE_PEER_PY: &str = include_str!("file_peer.py");

/// Starts a script that may use everything in `tcp_peer.py` and `file_peer.py`.
pub(crate) fn start_file_peer(script: &str, arguments: &[&str]) -> Process {
    start_python(
        &format!("{TCP_PEER_PY}\n{FILE_PEER_PY}\n{script}"),
        arguments,
    )
}

/// Runs such a script to its end, which must be a success. Returns its stdout.
#[track_caller]
pub(crate) fn run_file_peer(script: &str, arguments: &[&str]) -> String {
    start_file_peer(script, arguments).expect_success()
}

/// A running `hosttap recv` into its own directory.
#[derive(Debug)]
pub(crate) struct RecvProgram {
    pub(crate) process: Process,
    pub(crate) directory: TempDir,
}

impl RecvProgram {
    /// Starts it and waits until it listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), arguments)
    }

    /// Starts it in a directory that an earlier one may have left.
    pub(crate) fn start_in(directory: TempDir, arguments: &[&str]) -> Self {
        let fixed = ["recv", "--dir", directory.path().to_str().unwrap()];
        let process = hosttap(&[&fixed, arguments].concat());
        process.wait_for_stderr("Listening on");
        Self { process, directory }
    }

    /// The path of the directory.
    pub(crate) fn path(&self) -> &str {
        self.directory.path().to_str().unwrap()
    }

    /// The visible files in the directory, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let (files, _) = list(self.directory.path());
        files
    }

    /// The hidden files in the directory, sorted, without the records of finished files.
    pub(crate) fn partials(&self) -> Vec<String> {
        let (_, hidden) = list(self.directory.path());
        hidden
    }

    /// Waits for its end, which `--once` or a signal brings.
    #[track_caller]
    pub(crate) fn finish(self) -> (Exited, TempDir) {
        (self.process.finish(), self.directory)
    }
}

/// The visible and the hidden names in a directory.
fn list(directory: &Path) -> (Vec<String>, Vec<String>) {
    let names = fs::read_dir(directory).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != ".tickwire-finished").collect();
    names.sort();
    names.into_iter().partition(|name| !name.starts_with('.'))
}
