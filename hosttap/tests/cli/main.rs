//! Usage errors, output errors, and the sessions in README.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

mod capture;
mod manual;
mod readme;

use common::{hosttap, in_namespace, sh};

#[test]
fn an_interface_name_that_is_too_long_is_refused_and_not_truncated() {
    in_namespace!();
    let exited = hosttap(&["--tap", "sixteen-letters-", "doctor"]).finish(10);
    assert_eq!(exited.code, Some(2));
    assert!(exited.stderr().contains("16 bytes"), "{}", exited.stderr());
}

#[test]
fn values_that_contradict_each_other_are_a_usage_error() {
    in_namespace!();
    let exited = hosttap(&["doctor", "--gateway", "10.0.0.1"]).finish(10);
    assert_eq!(exited.code, Some(2));
    assert!(exited.stderr().contains("10.0.0.1"), "{}", exited.stderr());
    assert_eq!(exited.stdout(), "");
}

#[test]
fn the_demo_refuses_what_it_would_ignore() {
    for arguments in [
        &["--pcap", "x"][..],
        &["-v"],
        &["demo", "--no-guard"],
        &["--mac", "02:00:00:00:00:07", "demo"],
        &["--host-address", "192.168.69.100/24"],
    ] {
        let exited = hosttap(arguments).finish(10);
        assert_eq!(exited.code, Some(2), "{arguments:?}");
        assert!(
            exited.stderr().contains("simulated network"),
            "{}",
            exited.stderr()
        );
    }
    let exited = hosttap(&["-q", "--seed", "2", "demo"]).finish(60);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
}

#[test]
fn a_full_disk_on_stdout_is_an_error_and_not_a_panic() {
    in_namespace!();
    let output = sh("{ $hosttap doctor > /dev/full || echo code $?; } 2>&1");
    assert_eq!(
        output,
        "hosttap: stdout: No space left on device\ncode 23\n"
    );
}
