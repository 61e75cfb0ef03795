//! `hosttap echo`: sends back what comes.

use tickwire::{Echo, Slot};

use crate::cli::{EchoOptions, LinkOptions};
use crate::exit::{Exit, Failure};
use crate::narrator::Narrator;
use crate::stack::{BULK_BUFFER_BYTES, Stack};
use crate::terminal::Terminal;

/// Runs the command: until it is stopped, or for one conversation.
///
/// # Errors
/// With `--once`, the failure of the conversation.
pub fn run(link: &LinkOptions, options: &EchoOptions) -> Result<Exit, Failure> {
    let mut terminal = Terminal::new(link.verbose, link.quiet);
    let mut stack = Stack::open(link)?;
    let mut echo = Echo::new(
        stack.add_socket(BULK_BUFFER_BYTES),
        options.port,
        options.once,
    );
    let mut slot = Slot::new();
    loop {
        let mut narrator = Narrator {
            terminal: &mut terminal,
        };
        let wake = stack.turn(&mut [slot.seat(&mut echo)], &mut narrator);
        match slot.outcome() {
            Some(Ok(())) => return Ok(Exit::Fine),
            Some(Err(error)) => return Err(terminal.failure("echo", error)),
            None => stack.rest(wake, None, None)?,
        };
    }
}
