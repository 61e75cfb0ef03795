//! The fuzz targets of tickwire, as functions of bytes: `fuzz_targets/` hands them to libFuzzer.
//!
//! A target panics when it finds something. Where a parser of ours is compared with another one, every disagreement that
//! is meant has a name here, and anything else is a finding.

#[cfg(fuzzing)]
compile_error!(
    "smoltcp verifies no checksums in such a build: use fuzz/run.sh, or cargo fuzz --no-cfg-fuzzing"
);

pub mod app;
mod bounds;
mod cable;
pub mod chunks;
pub mod dhcp;
pub mod dns;
mod draw;
mod frame;
pub mod guard;
pub mod head;
pub mod http_server;
pub mod lines;
pub mod offer;
mod pieces;
pub mod sntp;
pub mod socketio;
mod stack;
pub mod url;
pub mod websocket;
