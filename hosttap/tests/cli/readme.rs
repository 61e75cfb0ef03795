//! The sessions and the code in README are true.

use std::process::Command;

use crate::common::{block, check_session, in_namespace, page};

#[test]
fn the_session_in_readme_prints_what_readme_shows() {
    in_namespace!();
    let readme = page("README.md");
    let session = block(&readme, "console", "$ sudo ip tuntap");
    // The session makes it.
    check_session(session, "ip link del tap0");
}

#[test]
fn the_tour_in_readme_is_what_the_program_prints() {
    let output = Command::new(env!("CARGO_BIN_EXE_hosttap"))
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let program = env!("CARGO_BIN_EXE_hosttap");
    let readme = page("README.md");
    let tour = block(&readme, "text", "A device (10.0.0.1)");
    assert_eq!(printed.replace(program, "target/debug/hosttap"), tour);
}
