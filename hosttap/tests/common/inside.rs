//! What a test uses that runs inside its own namespace: the program at once, and the kernel's own sockets.

use std::process::Command;

use super::{Namespace, Running};

/// The kernel's side of tap0; the program's own address is the default, 192.168.69.1.
pub(crate) const HOST: &str = "192.168.69.100";
/// Longest time for a whole test, however slow the machine.
const TEST_SECONDS_MAX: u64 = 240;

/// Runs the test `name` of this program in a fresh namespace with tap0. It is true there, and false where that was
/// done or cannot be.
pub(crate) fn inside(name: &str) -> bool {
    if !Namespace::is_inside()
        && let Some(namespace) = Namespace::with_tap()
    {
        namespace.run_again(name, TEST_SECONDS_MAX);
    }
    Namespace::is_inside()
}

/// A command that is killed when the test that started it is.
pub(crate) fn mortal(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    command
}

/// Starts this package's program.
pub(crate) fn hosttap(arguments: &[&str]) -> Running {
    Running::start(mortal(env!("CARGO_BIN_EXE_hosttap")).args(arguments))
}

/// Runs a short shell script, in which `$hosttap` is this package's program, and returns what it wrote to stdout.
///
/// # Panics
/// When it fails.
pub(crate) fn sh(script: &str) -> String {
    let output = mortal("sh")
        .args(["-e", "-c", script])
        .env("hosttap", env!("CARGO_BIN_EXE_hosttap"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{script}\n{text}{errors}");
    text
}

/// `length` bytes without a pattern that could hide a loss: xorshift (Marsaglia 2003).
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut data = Vec::with_capacity(length + 8);
    while data.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        data.extend_from_slice(&state.to_le_bytes());
    }
    data.truncate(length);
    data
}
