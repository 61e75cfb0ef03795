//! `hosttap serve --hub` with terminals, scripts and the stock clients of Socket.IO as its members.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

mod rooms;
mod socketio;

use common::{Process, hosttap, killed_with_test};

const ADDRESS: &str = "192.168.69.1";

/// Starts a hub with lines on port 4000.
fn start_hub(arguments: &[&str]) -> Process {
    let server = hosttap(&[&["serve", "--hub", "--lines", "4000"], arguments].concat());
    server.wait_for_stderr("Listening on port 80\n");
    server.wait_for_stderr("Listening on port 4000\n");
    server
}

/// Ends the hub, which must have gone well until then.
fn stop(server: Process) -> String {
    server.interrupt();
    let exited = server.finish();
    assert_eq!((exited.code, exited.stdout().as_str()), (Some(130), ""));
    exited.stderr()
}

/// A terminal in the lobby under this name.
fn terminal(name: &str) -> Process {
    let mut nc = Process::start(killed_with_test("nc").args([ADDRESS, "4000"]));
    nc.write_stdin(&format!("/name {name}\n"));
    nc.wait_for_stdout(&format!(" is now {name}\n"));
    nc
}
