//! `hosttap echo`: sends back every byte, or every message of a WebSocket, that arrives.

mod websocket;

use tickwire::{App, Echo, Task};

use super::console_observer::ServerObserver;
use super::join;
use crate::app_error::AppError;
use crate::cli::{EchoOptions, LinkOptions};
use crate::exit::{Exit, Failure};
use crate::link::stack::{BULK_BUFFER_BYTES, TapStack};
use crate::terminal::console::Console;

/// Callers that are served at a time.
const CALLERS_MAX: usize = 8;

/// Runs the command until it is interrupted; with `--once`, for one connection.
///
/// # Errors
/// With `--once`, the failure of the connection.
pub fn run(link: &LinkOptions, options: &EchoOptions) -> Result<Exit, Failure> {
    let mut console = Console::new(link.verbose, link.quiet);
    if let Some(url) = &options.connect {
        return websocket::call(link, &mut console, options.once, url);
    }
    let mut stack = join::open(link, &mut console)?;
    // With `--once` a second caller is refused, as there is nobody to serve it.
    if options.once {
        serve::<1>(&mut stack, &mut console, options)
    } else {
        serve::<CALLERS_MAX>(&mut stack, &mut console, options)
    }
}

fn serve<const N: usize>(
    stack: &mut TapStack,
    console: &mut Console,
    options: &EchoOptions,
) -> Result<Exit, Failure> {
    let sockets = [(); N].map(|()| stack.add_socket(BULK_BUFFER_BYTES));
    if options.ws {
        run_to_end(stack, console, websocket::server(sockets, options))
    } else {
        let echo = Echo::echo(sockets, options.port, options.once);
        run_to_end(stack, console, echo)
    }
}

/// Runs a server.
fn run_to_end<A>(stack: &mut TapStack, console: &mut Console, app: A) -> Result<Exit, Failure>
where
    A: App,
    A::Error: Copy + Into<AppError>,
{
    let mut task = Task::new(app);
    let mut is_port_printed = false;
    loop {
        let mut observer = ServerObserver {
            console: &mut *console,
            is_port_printed: &mut is_port_printed,
        };
        let wake = stack.turn(&mut [&mut task], &mut observer);
        match task.outcome() {
            Some(Ok(())) => return Ok(Exit::Success),
            Some(Err(error)) => return Err(console.failure("echo", *error)),
            None => stack.wait(wake, None, None)?,
        };
    }
}
