//! `hosttap resolve`: prints the addresses of a name; and the names that other commands are given.

use std::io::{self, Write};
use std::net::IpAddr;

use smoltcp::wire::{IpAddress, IpEndpoint};
use tickwire::dns::{Families, Lookup};
use tickwire::{Error, Task};

use super::console_observer::ConsoleObserver;
use super::join;
use crate::cli::values::Peer;
use crate::cli::{AddressType, LinkOptions, ResolveOptions};
use crate::exit::{Exit, Failure};
use crate::link::name_servers;
use crate::link::side::hint;
use crate::link::stack::TapStack;
use crate::terminal::console::Console;
use crate::terminal::text::sanitize_line;

/// Runs the command.
///
/// # Errors
/// [`Exit::Resolve`] with what went wrong.
pub fn run(link: &LinkOptions, options: &ResolveOptions) -> Result<Exit, Failure> {
    let mut console = Console::new(link.verbose, link.quiet);
    let mut stack = join::open(link, &mut console)?;
    if let Some(hint) = hint(link) {
        console.status(hint);
    }
    let families = options.kind.map(|kind| Families {
        v4: kind == AddressType::A,
        v6: kind == AddressType::Aaaa,
    });
    let addresses = look_up(&mut stack, &mut console, link, &options.name, families)?;
    let mut stdout = io::stdout().lock();
    for address in addresses {
        writeln!(stdout, "{address}")
            .map_err(|error| Failure::from_io(Exit::Write, "stdout", &error))?;
    }
    Ok(Exit::Success)
}

/// The endpoints of a peer that is asked by UDP, one for each of its addresses.
///
/// # Errors
/// [`Exit::Resolve`] with what went wrong; [`Exit::Interrupted`].
pub(super) fn endpoints(
    stack: &mut TapStack,
    console: &mut Console,
    link: &LinkOptions,
    peer: &Peer,
) -> Result<Vec<IpEndpoint>, Failure> {
    let addresses = match peer.host.parse::<IpAddr>() {
        Ok(address) => vec![address.into()],
        Err(_) => look_up(stack, console, link, &peer.host, None)?,
    };
    let endpoint = |address| IpEndpoint::new(address, peer.port);
    Ok(addresses.into_iter().map(endpoint).collect())
}

/// Makes ready to resolve names, and tells the user about the servers.
pub(super) fn start(stack: &mut TapStack, console: &Console, link: &LinkOptions) {
    if let Some(note) = start_quietly(stack, link) {
        console.status(note);
    }
}

/// Makes ready to resolve names, should there be any. Returns what the user should know about the
/// servers then.
pub(super) fn start_quietly(stack: &mut TapStack, link: &LinkOptions) -> Option<String> {
    stack.start_resolver();
    if !stack.names().servers().is_empty() {
        return None;
    }
    let (file, servers) = name_servers::of_this_computer(link, stack.lease().as_ref())?;
    let addresses: Vec<_> = servers.iter().map(ToString::to_string).collect();
    stack.names().set_servers(servers);
    Some(format!("Name server {} from {file}", addresses.join(", ")))
}

fn look_up(
    stack: &mut TapStack,
    console: &mut Console,
    link: &LinkOptions,
    host: &str,
    families: Option<Families>,
) -> Result<Vec<IpAddress>, Failure> {
    start(stack, console, link);
    let mut task = Task::new(Lookup::new(host, families));
    loop {
        let wake = stack.turn(&mut [&mut task], &mut ConsoleObserver { console });
        match task.outcome() {
            Some(Ok(())) => return Ok(task.app().addresses().to_vec()),
            Some(&Err(error)) => return Err(failure(stack, host, error)),
            None => stack.wait(wake, None, None)?,
        };
    }
}

fn failure(stack: &TapStack, host: &str, error: Error) -> Failure {
    let mut failure = Failure::from_core(&sanitize_line(host), error);
    if let Some(hint) = stack.link_down_hint() {
        failure.message = format!("{failure}: {hint}");
    }
    failure
}
