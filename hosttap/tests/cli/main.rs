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
    let exited = hosttap(&["--tap", "sixteen-letters-", "doctor"]).finish();
    assert_eq!(exited.code, Some(2));
    assert!(exited.stderr().contains("16 bytes"), "{}", exited.stderr());
}

#[test]
fn values_that_contradict_each_other_are_a_usage_error() {
    in_namespace!();
    let exited = hosttap(&["doctor", "--gateway", "10.0.0.1"]).finish();
    assert_eq!(exited.code, Some(2));
    assert!(exited.stderr().contains("10.0.0.1"), "{}", exited.stderr());
    assert_eq!(exited.stdout(), "");
}

#[test]
fn the_demo_refuses_what_it_would_ignore() {
    for arguments in [
        &["demo", "--no-guard"][..],
        &["--mac", "02:00:00:00:00:07", "demo"],
        &["--host-address", "192.168.69.100/24"],
    ] {
        let exited = hosttap(arguments).finish();
        assert_eq!(exited.code, Some(2), "{arguments:?}");
        assert!(
            exited.stderr().contains("simulated network"),
            "{}",
            exited.stderr()
        );
    }
}

#[test]
fn a_quiet_demo_says_nothing_and_leaves_stdout_to_a_capture_that_a_seed_repeats() {
    let exited = hosttap(&["-q", "--seed", "2", "demo"]).finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(exited.stdout() + &exited.stderr(), "");
    let [one, two] = [(); 2].map(|()| hosttap(&["-q", "--pcap", "-", "demo"]).finish());
    assert_eq!(one.code, Some(0), "{}", one.stderr());
    // Each of the frames of the tour's 1,048,576 bytes has a head of its own.
    assert!(one.stdout_bytes.len() > 1 << 20);
    assert_eq!(one.stdout_bytes, two.stdout_bytes);
    let exited = hosttap(&["--pcap", "-"]).finish();
    assert_eq!(exited.code, Some(2), "the tour itself goes to stdout");
}

#[test]
fn a_verbose_demo_prints_every_frame_and_every_transition() {
    let exited = hosttap(&["demo", "-v"]).finish();
    assert_eq!(exited.code, Some(0));
    let (tour, printed) = (exited.stdout(), exited.stderr());
    let lines = |wanted: &str| printed.lines().filter(|line| line.contains(wanted)).count();
    // The sum of what each part of the tour says: `wire: 9 frames sent, 0 lost, ...`
    let sum = |wanted: &str| -> usize {
        let wires = tour.lines().filter_map(|line| line.split_once("wire: "));
        let counts = wires.flat_map(|(_, counts)| counts.split(", "));
        let numbers = counts.filter_map(|count| count.strip_suffix(wanted));
        numbers
            .map(|number| number.trim().parse::<usize>().unwrap())
            .sum()
    };
    assert_eq!(lines("-> EthernetII"), sum("frames sent"));
    assert_eq!(lines("this frame is lost"), sum("lost"));
    assert!(lines("device get: Sending => Head") > 0);
    assert!(lines("laptop chat: ") > 0, "{printed}");
}

#[test]
fn a_command_with_data_for_stdout_does_not_begin_without_one() {
    in_namespace!();
    for command in [
        "resolve localhost",
        "time 192.168.69.100",
        "doctor",
        "demo",
        "get http://192.168.69.100/",
        "--pcap - echo",
        "completions bash",
    ] {
        let output = sh(&format!(
            "{{ $hosttap {command} >&- || echo code $?; }} 2>&1"
        ));
        assert_eq!(
            output, "hosttap: stdout: Bad file descriptor\ncode 23\n",
            "{command}"
        );
    }
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
