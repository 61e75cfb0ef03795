//! A TAP that cannot be opened is an error that says why and what to do.

use hosttap::exit::Exit;
use hosttap::link::tap::Tap;

use crate::common::{hosttap_as, in_namespace, is_root};

#[test]
fn a_tap_in_use_and_another_kind_of_interface_are_different_errors() {
    in_namespace!();
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
fn without_privileges_the_error_says_how_to_create_a_tap() {
    if !is_root() {
        return;
    }
    in_namespace!();
    let exited = hosttap_as("4243", &["--tap", "tap5", "doctor"]).finish();
    assert_eq!(exited.code, Some(45));
    let text = exited.stdout();
    assert!(
        text.contains("sudo ip tuntap add dev tap5 mode tap user $(id -un)"),
        "{text}"
    );
}
