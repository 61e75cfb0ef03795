//! How a command joins its network: opens the TAP and, with `--address dhcp`, waits for an address.

use tickwire::Duration;

use super::console_observer::ConsoleObserver;
use super::lease;
use crate::cli::LinkOptions;
use crate::exit::{Exit, Failure};
use crate::link::stack::{Room, TapStack};
use crate::terminal::console::Console;

/// How long to wait for an address. DHCP asks again after 4, 8 and 16 s.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens the TAP, as the options say, and has an address when it returns.
///
/// # Errors
/// [`Exit::Tap`] with the cause and how to fix it; [`Exit::TimedOut`] if no server gives us an
/// address; [`Exit::Interrupted`].
pub(super) fn open(link: &LinkOptions, console: &mut Console) -> Result<TapStack, Failure> {
    open_with(link, console, Room::Few)
}

/// As [`open`], with room for that many sockets.
///
/// # Errors
/// As [`open`].
pub(super) fn open_with(
    link: &LinkOptions,
    console: &mut Console,
    room: Room,
) -> Result<TapStack, Failure> {
    let mut stack = TapStack::open(link, room)?;
    let end = stack.clock.now() + ADDRESS_TIMEOUT;
    while !stack.has_address() {
        let wake = stack.turn(&mut [], &mut ConsoleObserver { console });
        if stack.has_address() {
            break;
        }
        if stack.clock.now() >= end {
            return Err(no_address(&stack));
        }
        let wake = wake.map_or(end, |wake| wake.min(end));
        stack.wait(Some(wake), None, None)?;
    }
    if let Some(settings) = stack.lease().and_then(|lease| lease::settings_text(&lease)) {
        console.status(settings);
    }
    Ok(stack)
}

fn no_address(stack: &TapStack) -> Failure {
    let seconds = ADDRESS_TIMEOUT.as_millis() / 1_000;
    let mut text = format!("no DHCP server gave us an address within {seconds} s");
    if let Some(hint) = stack.link_down_hint() {
        text = format!("{text}: {hint}");
    }
    Failure::new(Exit::TimedOut, text)
}
