//! Senders and receivers that share no line with tickwire: python over the kernel's sockets.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::common::{Ended, Running, hosttap, mortal};

/// The protocol in python; scripts are run behind it.
const FILE_PEER: &str = include_str!("file_peer.py");
/// A peer ends by itself after so many seconds.
const PEER_SECONDS_MAX: u32 = 240;
/// Longest wait for anything, however slow the machine.
pub(crate) const SECONDS_MAX: u64 = 200;

/// Starts a python peer: `script` may use all of `file_peer.py`.
pub(crate) fn start_peer(script: &str, arguments: &[&str]) -> Running {
    let script = format!("import signal; signal.alarm({PEER_SECONDS_MAX})\n{FILE_PEER}\n{script}");
    let mut command = mortal("python3");
    Running::start(command.args(["-u", "-c", &script]).args(arguments))
}

/// Runs a python peer to its end, and returns what it said.
///
/// # Panics
/// When it fails.
#[track_caller]
pub(crate) fn peer(script: &str, arguments: &[&str]) -> String {
    finished(start_peer(script, arguments))
}

/// What a peer said that ends with success.
#[track_caller]
pub(crate) fn finished(peer: Running) -> String {
    let ended = peer.finish(SECONDS_MAX);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout(), ended.stderr());
    ended.stdout()
}

/// A running `hosttap recv` into a folder of its own.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) program: Running,
    pub(crate) folder: TempDir,
}

impl Receiver {
    /// Starts it and waits until it would be heard.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), arguments)
    }

    /// Starts it in a folder that another one may have left.
    pub(crate) fn start_in(folder: TempDir, arguments: &[&str]) -> Self {
        let fixed = ["recv", "--dir", folder.path().to_str().unwrap()];
        let program = hosttap(&[&fixed, arguments].concat());
        program.wait_for_stderr("Listening on", SECONDS_MAX);
        Self { program, folder }
    }

    /// The folder's path.
    pub(crate) fn path(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    /// The files in the folder, sorted, without what is hidden.
    pub(crate) fn files(&self) -> Vec<String> {
        let (files, _) = listing(self.folder.path());
        files
    }

    /// What is hidden in the folder, sorted, without the record of finished files.
    pub(crate) fn partials(&self) -> Vec<String> {
        let (_, hidden) = listing(self.folder.path());
        hidden
    }

    /// Waits for the end that `--once` brings.
    pub(crate) fn finish(self) -> (Ended, TempDir) {
        (self.program.finish(SECONDS_MAX), self.folder)
    }
}

/// Names in `folder`: those to be seen, and those that begin with a dot.
fn listing(folder: &Path) -> (Vec<String>, Vec<String>) {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != ".tickwire-finished").collect();
    names.sort();
    names.into_iter().partition(|name| !name.starts_with('.'))
}
