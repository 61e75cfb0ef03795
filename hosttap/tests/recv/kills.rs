//! A receiver that is killed at any moment leaves a file complete or absent, and the next one
//! resumes.

use std::process::Command;

use rustix::rand::{GetRandomFlags, getrandom};

use crate::common::{in_namespace, run_file_peer, skip};

const KILLS_PY: &str = include_str!("kills.py");

/// Runs a script that may use `kills.py`, in its own directory. Returns its stdout.
fn run_kills(script: &str) -> String {
    let mut seed = [0; 4];
    getrandom(&mut seed, GetRandomFlags::empty()).unwrap();
    let seed = u32::from_ne_bytes(seed).to_string();
    println!("seed {seed}");
    let directory = tempfile::tempdir().unwrap();
    let incoming = directory.path().join("in");
    std::fs::create_dir(&incoming).unwrap();
    let arguments = [
        env!("CARGO_BIN_EXE_hosttap"),
        incoming.to_str().unwrap(),
        &seed,
    ];
    let output = run_file_peer(&format!("{KILLS_PY}\n{script}"), &arguments);
    println!("{output}");
    output
}

/// Whether strace may trace, which not every machine allows. Prints that the test is skipped if
/// not.
fn can_trace() -> bool {
    let traced = Command::new("strace").args(["-qq", "true"]).output();
    let is_traced = traced.is_ok_and(|output| output.status.success());
    is_traced || skip("strace cannot trace here")
}

#[test]
fn a_kill_at_any_moment_leaves_a_file_complete_or_absent_and_the_next_attempt_resumes() {
    in_namespace!();
    run_kills("kill_at_random(100)");
}

#[test]
fn a_kill_before_each_call_that_makes_a_file_durable_loses_nothing() {
    if !can_trace() {
        return;
    }
    in_namespace!();
    // The file, the record and the directory are synced. The record and the file are renamed.
    assert_eq!(
        run_kills("kill_before_each_call()"),
        "before fsync 1 100000\n\
         before fsync 2 100000\n\
         before fsync 3 named\n\
         before renameat 1 100000\n\
         before renameat2 1 100000\n"
    );
}

#[test]
fn a_file_that_could_not_be_synced_is_removed() {
    if !can_trace() {
        return;
    }
    in_namespace!();
    // A second sync would succeed (fsync(2), EIO), so nothing may be left to resume.
    let output = run_kills("fail('fsync', 'error=EIO')");
    assert!(
        output.starts_with("('receipt', 4, 100000) (0, False) "),
        "{output}"
    );
}

#[test]
fn a_file_system_without_rename_noreplace_works_too() {
    if !can_trace() {
        return;
    }
    in_namespace!();
    let output = run_kills("fail('renameat2', 'error=EINVAL')");
    assert!(
        output.starts_with("('receipt', 0, 100000) (0, True) "),
        "{output}"
    );
}

#[test]
fn a_sender_gets_signs_of_life_while_the_disk_is_slow() {
    if !can_trace() {
        return;
    }
    in_namespace!();
    // Longer than the receiver may be silent. An event loop that waited for the disk could send
    // nothing.
    assert_eq!(
        run_kills("fail('fsync', 'delay_enter=3000000')"),
        "('receipt', 0, 100000) (0, True) True\n"
    );
}
