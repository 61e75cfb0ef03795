//! `hosttap time`: prints the time of day that a server tells.

use std::io::{self, Write};
use std::time::Duration;

use smoltcp::wire::{IpAddress, IpEndpoint};
use tickwire::sntp::{
    NTP_PORT, PACKET_LEN, Sntp, SntpError, SntpEvent, SntpOptions, Unusable, WallClock,
};
use tickwire::{Error, Event, Observer, Task, Tick};

use super::console_observer::ConsoleObserver;
use super::join;
use super::resolve;
use crate::cli::{LinkOptions, TimeOptions};
use crate::exit::{Exit, Failure};
use crate::link::side::hint;
use crate::link::stack::TapStack;
use crate::system::calendar::date_time;
use crate::terminal::console::Console;
use crate::terminal::text::to_socket_addr;

/// Datagrams that may wait: anybody can send anything.
const PACKETS: usize = 8;
/// Room for an answer with extensions and authentication.
const PACKET_BYTES: usize = PACKET_LEN + 208;

/// Runs the command.
///
/// # Errors
/// [`Exit::Usage`] if there is no server to ask; otherwise why none told the time.
pub fn run(link: &LinkOptions, options: &TimeOptions) -> Result<Exit, Failure> {
    let mut console = Console::new(link.verbose, link.quiet);
    let mut stack = join::open(link, &mut console)?;
    if let Some(hint) = hint(link) {
        console.status(hint);
    }
    let servers = match &options.server {
        Some(server) => resolve::endpoints(&mut stack, &mut console, link, server)?,
        None => servers_of_lease(&stack),
    };
    if servers.is_empty() {
        let text = "no time server: give one, or take it from a lease with --address dhcp";
        return Err(Failure::new(Exit::Usage, text));
    }
    let clock = WallClock::new();
    ask(&mut stack, &mut console, &servers, &clock)?;
    let (now, own) = stack.clock.now_and_unix();
    let Some(time) = clock.time(now) else {
        return Err(Failure::new(Exit::Unknown, "the clock was not set"));
    };
    let time = Duration::from_micros(time.as_micros());
    console.status(comparison(time, own));
    writeln!(io::stdout(), "{}", date_time(time))
        .map_err(|error| Failure::from_io(Exit::Write, "stdout", &error))?;
    Ok(Exit::Success)
}

fn servers_of_lease(stack: &TapStack) -> Vec<IpEndpoint> {
    let servers = stack.lease().map(|lease| lease.time_servers);
    let servers = servers.iter().flatten();
    servers
        .map(|&address| IpEndpoint::new(IpAddress::Ipv4(address), NTP_PORT))
        .collect()
}

fn ask(
    stack: &mut TapStack,
    console: &mut Console,
    servers: &[IpEndpoint],
    clock: &WallClock,
) -> Result<(), Failure> {
    let socket = stack.add_udp_socket(PACKETS, PACKET_BYTES);
    let options = SntpOptions {
        once: true,
        ..SntpOptions::default()
    };
    let mut task = Task::new(Sntp::new(socket, servers, clock, options));
    loop {
        let wake = stack.turn(&mut [&mut task], &mut TimeObserver { console });
        match task.outcome() {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => return Err(failure(*error, stack)),
            None => stack.wait(wake, None, None)?,
        };
    }
}

/// How far this computer's own clock is from the server's.
fn comparison(server: Duration, own: Duration) -> String {
    let difference = own.abs_diff(server).as_secs_f64();
    let word = if own > server { "fast" } else { "slow" };
    format!("This computer's clock is {difference:.3} s {word}")
}

fn failure(error: SntpError, stack: &TapStack) -> Failure {
    let exit = match error {
        SntpError::NoAnswer | SntpError::Loop(Error::TimedOut(_)) => Exit::TimedOut,
        SntpError::Unusable(Unusable::Kiss(_)) | SntpError::NoServer => Exit::Refused,
        SntpError::Unusable(_) => Exit::Malformed,
        SntpError::Udp(_) => Exit::Connect,
        _ => Exit::Unknown,
    };
    let mut failure = Failure::new(exit, error.to_string());
    if let Some(hint) = stack.link_down_hint() {
        failure.message = format!("{failure}: {hint}");
    }
    failure
}

struct TimeObserver<'c> {
    console: &'c mut Console,
}

impl Observer for TimeObserver<'_> {
    fn event(&mut self, now: Tick, task: &'static str, event: &Event) {
        let console = &mut *self.console;
        match event.app() {
            Some(SntpEvent::Set {
                server,
                stratum,
                round_trip_micros,
                ..
            }) => {
                let server = to_socket_addr(*server);
                let millis = *round_trip_micros as f64 / 1_000.0;
                console.status(format_args!(
                    "{server}: stratum {stratum}, round trip {millis:.1} ms"
                ));
            }
            // The next question is on its way.
            Some(SntpEvent::Failed {
                server,
                error: SntpError::NoAnswer,
            }) => console.detail(format_args!("no answer from {}", to_socket_addr(*server))),
            Some(SntpEvent::Failed { server, error }) => {
                console.status(format_args!("{}: {error}", to_socket_addr(*server)));
            }
            _ => ConsoleObserver { console }.event(now, task, event),
        }
    }
}
