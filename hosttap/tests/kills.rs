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

/// Whether strace may trace, which not every machine allows.
fn can_trace() -> bool {
    let traced = Command::new("strace").args(["-qq", "true"]).output();
    let can = traced.is_ok_and(|output| output.status.success());
    can || skip::<()>("strace cannot trace here").is_some()
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
    if !can_trace() {
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

#[test]
fn a_file_that_could_not_be_synced_is_not_trusted_again() {
    if !inside("kills::a_file_that_could_not_be_synced_is_not_trusted_again") || !can_trace() {
        return;
    }
    // Another sync would succeed (fsync(2), EIO), so that nothing may be left to go on with.
    let said = kill("fail('fsync', 'error=EIO')");
    assert!(
        said.starts_with("('receipt', 4, 100000) (0, False) "),
        "{said}"
    );
}

#[test]
fn a_file_system_without_the_rename_that_replaces_nothing_is_good_enough() {
    if !inside("kills::a_file_system_without_the_rename_that_replaces_nothing_is_good_enough")
        || !can_trace()
    {
        return;
    }
    let said = kill("fail('renameat2', 'error=EINVAL')");
    assert!(
        said.starts_with("('receipt', 0, 100000) (0, True) "),
        "{said}"
    );
}

#[test]
fn a_sender_hears_of_a_receiver_whose_disk_takes_its_time() {
    if !inside("kills::a_sender_hears_of_a_receiver_whose_disk_takes_its_time") || !can_trace() {
        return;
    }
    // Longer than the receiver may be without a word; a loop that waited for the disk could say none.
    assert_eq!(
        kill("fail('fsync', 'delay_enter=3000000')"),
        "('receipt', 0, 100000) (0, True) True\n"
    );
}
