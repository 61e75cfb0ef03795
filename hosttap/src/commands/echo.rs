//! `hosttap echo`: sends back every byte that arrives.

use tickwire::{Echo, Slot};

use super::console_observer::ConsoleObserver;
use crate::cli::{EchoOptions, LinkOptions};
use crate::exit::{Exit, Failure};
use crate::link::stack::{BULK_BUFFER_BYTES, TapStack};
use crate::terminal::console::Console;

/// Runs the command until it is interrupted; with `--once`, for one connection.
///
/// # Errors
/// With `--once`, the failure of the connection.
pub fn run(link: &LinkOptions, options: &EchoOptions) -> Result<Exit, Failure> {
    let mut console = Console::new(link.verbose, link.quiet);
    let mut stack = TapStack::open(link)?;
    let mut echo = Echo::new(
        stack.add_socket(BULK_BUFFER_BYTES),
        options.port,
        options.once,
    );
    let mut slot = Slot::new();
    loop {
        let mut observer = ConsoleObserver {
            console: &mut console,
        };
        let wake = stack.turn(&mut [slot.seat(&mut echo)], &mut observer);
        match slot.outcome() {
            Some(Ok(())) => return Ok(Exit::Success),
            Some(Err(error)) => return Err(console.failure("echo", error)),
            None => stack.wait(wake, None, None)?,
        };
    }
}
