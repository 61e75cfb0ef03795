//! `hosttap resolve`: prints the addresses of a name; and the names that other commands are given.

use std::io::{self, Write};

use smoltcp::wire::{IpAddress, IpEndpoint};
use tickwire::dns::{Families, Lookup, Name, ResolveError};
use tickwire::{Error, Task};

use super::console_observer::ConsoleObserver;
use super::join;
use crate::cli::values::{Host, Peer};
use crate::cli::{AddressType, LinkOptions, ResolveOptions};
use crate::exit::{Exit, Failure};
use crate::link::name_servers;
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

/// The endpoint of a peer.
///
/// # Errors
/// [`Exit::Resolve`] with what went wrong; [`Exit::Interrupted`].
pub(super) fn endpoint(
    stack: &mut TapStack,
    console: &mut Console,
    link: &LinkOptions,
    peer: &Peer,
) -> Result<IpEndpoint, Failure> {
    let address = address(stack, console, link, &peer.host)?;
    Ok(IpEndpoint::new(address, peer.port))
}

/// The address of a host: for a name the first that it has.
///
/// # Errors
/// [`Exit::Resolve`] with what went wrong; [`Exit::Interrupted`].
pub(super) fn address(
    stack: &mut TapStack,
    console: &mut Console,
    link: &LinkOptions,
    host: &Host,
) -> Result<IpAddress, Failure> {
    let name = match host {
        Host::Address(address) => return Ok(*address),
        Host::Name(name) => name,
    };
    let addresses = look_up(stack, console, link, name, None)?;
    let Some(&address) = addresses.first() else {
        return Err(unresolved(name, "the name has no address"));
    };
    console.status(format_args!("{name} is {address}"));
    Ok(address)
}

/// Makes ready to resolve names. Returns what the user should know about the servers.
pub(super) fn start(stack: &mut TapStack, link: &LinkOptions) -> Option<String> {
    let servers = name_servers::find(link, stack.lease().as_ref());
    let note = servers.note();
    let domains = stack.lease().map(|lease| lease.domain);
    let domains = domains.and_then(|domain| Name::parse(&domain).ok());
    stack.start_resolver(servers.addresses, domains);
    note
}

fn look_up(
    stack: &mut TapStack,
    console: &mut Console,
    link: &LinkOptions,
    name: &str,
    families: Option<Families>,
) -> Result<Vec<IpAddress>, Failure> {
    if let Some(note) = start(stack, link) {
        console.status(note);
    }
    let mut task = Task::new(Lookup::new(name, families));
    loop {
        let wake = stack.turn(&mut [&mut task], &mut ConsoleObserver { console });
        match task.outcome() {
            Some(Ok(())) => return Ok(task.app().addresses().to_vec()),
            Some(&Err(Error::Unresolved(error))) => {
                let mut failure = unresolved(name, error);
                if error == ResolveError::NoServer {
                    failure.message = format!("{failure}; --dns gives one");
                }
                if let Some(hint) = stack.link_down_hint() {
                    failure.message = format!("{failure}: {hint}");
                }
                return Err(failure);
            }
            Some(Err(error)) => return Err(Failure::from_core(&sanitize_line(name), *error)),
            None => stack.wait(wake, None, None)?,
        };
    }
}

fn unresolved(name: &str, why: impl std::fmt::Display) -> Failure {
    let text = format!("cannot resolve '{}': {why}", sanitize_line(name));
    Failure::new(Exit::Resolve, text)
}
