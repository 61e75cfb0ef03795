//! A receiver that is killed at any moment leaves a file whole or absent, and the next one goes on.

use std::process::Command;

use rustix::rand::{GetRandomFlags, getrandom};

use crate::common::{inside, sh, skip};
use crate::peers::peer;

const KILLS: &str = include_str!("peers/kills.py");

/// Runs a script behind `kills.py`, over a folder of its own.
fn kill(script: &str) -> String {
    let mut seed = [0; 4];
    getrandom(&mut seed, GetRandomFlags::empty()).unwrap();
    let seed = u32::from_ne_bytes(seed).to_string();
    println!("seed {seed}");
    let folder = tempfile::tempdir().unwrap();
    let incoming = folder.path().join("in");
    sh(&format!("mkdir {}", incoming.display()));
    let arguments = [
        env!("CARGO_BIN_EXE_hosttap"),
        incoming.to_str().unwrap(),
        &seed,
    ];
    let said = peer(&format!("{KILLS}\n{script}"), &arguments);
    println!("{said}");
    said
}

#[test]
fn a_kill_at_any_moment_leaves_a_file_whole_or_absent_and_the_next_try_goes_on() {
    if !inside("kills::a_kill_at_any_moment_leaves_a_file_whole_or_absent_and_the_next_try_goes_on")
    {
        return;
    }
    kill("kill_at_random(100)");
}

#[test]
fn a_kill_before_each_call_that_makes_a_file_durable_loses_nothing() {
    if !inside("kills::a_kill_before_each_call_that_makes_a_file_durable_loses_nothing") {
        return;
    }
    let traced = Command::new("strace").args(["-qq", "true"]).output();
    if !traced.is_ok_and(|output| output.status.success()) {
        skip::<()>("strace cannot trace here");
        return;
    }
    // The file, the record and the folder are synced; the record and the file renamed.
    assert_eq!(
        kill("kill_before_each_call()"),
        "before fsync 1 100000\n\
         before fsync 2 100000\n\
         before fsync 3 named\n\
         before renameat 1 100000\n\
         before renameat2 1 100000\n"
    );
}
