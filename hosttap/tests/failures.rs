//! A TAP that cannot be opened says why and what to do, and wrong usage ends with 2.

use hosttap::exit::Exit;
use hosttap::link::tap::Tap;

use crate::common::{Namespace, inside, is_root, skip};

#[test]
fn a_name_that_is_too_long_is_refused_not_cut() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    let ended = namespace
        .hosttap(&["--tap", "sixteen-letters-", "doctor"])
        .finish(10);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr().contains("16 bytes"), "{}", ended.stderr());
}

#[test]
fn values_that_contradict_each_other_are_wrong_usage() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    let ended = namespace
        .hosttap(&["doctor", "--gateway", "10.0.0.1"])
        .finish(10);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr().contains("10.0.0.1"), "{}", ended.stderr());
    assert_eq!(ended.stdout(), "");
}

#[test]
fn a_full_disk_under_stdout_is_an_error_not_a_panic() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    let program = env!("CARGO_BIN_EXE_hosttap");
    let ended = namespace.sh(&format!("{program} doctor > /dev/full"));
    let text = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(23), "{text}");
    assert_eq!(text, "hosttap: stdout: No space left on device\n");
}

#[test]
fn a_tap_in_use_and_other_interfaces_are_told_apart() {
    if !inside("failures::a_tap_in_use_and_other_interfaces_are_told_apart") {
        return;
    }
    let held = Tap::open("tap0").unwrap();
    let failure = Tap::open("tap0").unwrap_err();
    assert_eq!(failure.exit, Exit::Tap);
    assert!(
        failure.message.contains("another program holds tap0"),
        "{failure}"
    );
    drop(held);
    drop(Tap::open("tap0").unwrap());
    let failure = Tap::open("lo").unwrap_err();
    assert!(
        failure.message.contains("lo is not a plain TAP"),
        "{failure}"
    );
}

#[test]
fn without_privilege_the_error_says_how_to_make_a_tap() {
    if !is_root() {
        let _: Option<()> = skip("only root can give privileges up and have /dev/net/tun open");
        return;
    }
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let ended = namespace
        .hosttap_as("4243", &["--tap", "tap5", "doctor"])
        .finish(10);
    assert_eq!(ended.code, Some(45));
    let text = ended.stdout();
    assert!(
        text.contains("sudo ip tuntap add dev tap5 mode tap user $USER"),
        "{text}"
    );
}
