//! `hosttap get`: fetches one URL to a file or to stdout.

use std::path::Path;

use smoltcp::wire::IpEndpoint;
use tickwire::http::{Complete, Get, GetError, GetOptions, Header, Host, Location, Request, Url};
use tickwire::{Duration, Event, Observer, Task, Tick};

use super::console_observer::ConsoleObserver;
use super::join;
use super::resolve;
use super::transfer::{BINARY_ON_TERMINAL, Throughput};
use crate::cli::{self, LinkOptions};
use crate::exit::{Exit, Failure};
use crate::link::side::hint;
use crate::link::stack::{BULK_BUFFER_BYTES, TapStack};
use crate::storage::target::Target;
use crate::terminal::console::Console;
use crate::terminal::text::sanitize_line;

/// How many bytes of a redirect's Location are printed.
const LOCATION_BYTES_MAX: usize = 1_024;

/// Runs the command.
///
/// # Errors
/// The failure of the transfer, with curl's exit code for it.
pub fn run(link: &LinkOptions, options: &cli::GetOptions) -> Result<Exit, Failure> {
    let url = Url::parse(&options.url).map_err(|why| {
        let redacted = redact_user_info(&options.url);
        let shown = sanitize_line(&redacted);
        Failure::new(Exit::Url, format!("{shown}: {why}"))
    })?;
    // A URL with a password is refused, so this one has none.
    let shown = sanitize_line(&options.url);
    let headers: Vec<_> = options
        .header
        .iter()
        .map(|field| Header {
            name: &field.name,
            value: &field.value,
        })
        .collect();
    let request = Request::new(&url, &headers)
        .map_err(|why| Failure::new(Exit::Usage, format!("--header: {why}")))?;
    let path = options.output.as_deref().unwrap_or(Path::new("-"));
    let mut console =
        Console::new(link.verbose, link.quiet).with_data_on_stdout(cli::is_stdout(path));
    let mut stack = join::open(link, &mut console)?;
    let host = match url.host() {
        Host::Address(address) => cli::values::Host::Address(address.into()),
        Host::Name(name) => cli::values::Host::Name(name.to_owned()),
    };
    let address = resolve::address(&mut stack, &mut console, link, &host)?;
    let remote = IpEndpoint::new(address, url.port());
    if let Some(hint) = hint(link) {
        console.status(hint);
    }
    let mut target = Target::create(path, &|| stack.signals.received())?;
    if let Some(note) = target.note() {
        console.status(note);
    }
    let started = stack.clock.now();
    let result = fetch(
        &mut stack,
        &mut console,
        remote,
        request,
        options,
        &mut target,
        &shown,
    );
    console.end_progress();
    let complete = result?;
    commit(target, &mut stack)?;
    let time = stack.clock.now().since(started);
    console.status(format_args!("{}", summary(complete, time)));
    Ok(Exit::Success)
}

/// An invalid URL without everything before the last `@`, which may contain a password.
fn redact_user_info(url: &str) -> String {
    let Some((before, after)) = url.rsplit_once('@') else {
        return url.to_owned();
    };
    let schemes = ["http://", "https://"];
    let scheme = schemes
        .into_iter()
        .find(|scheme| before.starts_with(scheme));
    format!("{}***@{after}", scheme.unwrap_or_default())
}

fn fetch(
    stack: &mut TapStack,
    console: &mut Console,
    remote: IpEndpoint,
    request: Request<'_>,
    options: &cli::GetOptions,
    target: &mut Target,
    shown: &str,
) -> Result<Complete, Failure> {
    let socket = stack.add_socket(BULK_BUFFER_BYTES);
    let mut location = [0; LOCATION_BYTES_MAX];
    let get = Get::new(
        socket,
        remote,
        request,
        get_options(options),
        &mut location,
        target,
    );
    let mut task = Task::new(get);
    let outcome = loop {
        let wake = stack.turn(&mut [&mut task], &mut GetObserver { console });
        if let Some(outcome) = task.outcome() {
            break *outcome;
        }
        let wake = console.tick(stack.clock.now(), wake);
        stack.wait(wake, None, task.app_mut().sink_mut().blocked())?;
    };
    let mut get = task.into_app();
    match (outcome, get.complete()) {
        (Ok(()), Some(complete)) => Ok(complete),
        (Err(error), _) => {
            let mut failure = explain(shown, error, &mut get);
            if let Some(hint) = stack.link_down_hint() {
                failure.message.push_str(": ");
                failure.message.push_str(&hint);
            }
            Err(failure)
        }
        (Ok(()), None) => Err(Failure::new(
            Exit::Unknown,
            "the transfer ended without a result",
        )),
    }
}

fn get_options(options: &cli::GetOptions) -> GetOptions {
    GetOptions {
        connect_timeout: options.connect_timeout,
        head_timeout: options.first_byte_timeout,
        idle_timeout: options.idle_timeout,
        // The reader of stdout may pause as long as it likes; an unread pipe is not our error.
        stall_timeout: Duration::MAX,
        total_timeout: options.total_timeout,
        bytes_max: options.max_size.unwrap_or(u64::MAX),
        require_length: options.require_length,
        ..GetOptions::default()
    }
}

fn explain(shown: &str, error: GetError, get: &mut Get<'_, &mut Target>) -> Failure {
    if get.sink_mut().refused_binary() {
        let text = format!("{shown}: {BINARY_ON_TERMINAL}");
        return Failure::new(Exit::Write, text);
    }
    let mut failure = Failure::from_core(shown, error);
    // If the head was malformed after its Location, there is no redirect, and the Location may be
    // incomplete.
    if matches!(error, GetError::Status(_))
        && let Some(location) = redirect_target(get.location())
    {
        failure.message.push_str(&location);
    }
    failure
}

fn redirect_target(location: &Location<'_>) -> Option<String> {
    let text = String::from_utf8_lossy(location.as_bytes());
    let more = if location.is_truncated() { " ..." } else { "" };
    (!text.is_empty()).then(|| format!(", Location: {}{more}", sanitize_line(&text)))
}

fn commit(target: Target, stack: &mut TapStack) -> Result<(), Failure> {
    match target {
        Target::File(file) => file.commit(),
        Target::Stdout(mut output) => loop {
            let is_done = output
                .finish()
                .map_err(|error| Failure::from_core("stdout", error))?;
            if is_done {
                return Ok(());
            }
            // The connection is closed, but an unread frame would end every wait at once.
            let wake = stack.turn(&mut [], &mut ());
            stack.wait(wake, None, output.blocked())?;
        },
    }
}

fn summary(complete: Complete, time: Duration) -> String {
    let Complete {
        bytes,
        proof,
        status,
    } = complete;
    let throughput = Throughput { bytes, time };
    format!("{throughput}, status {status}: {proof}")
}

/// Prints what happens but for the end, which the summary or the failure reports.
struct GetObserver<'c> {
    console: &'c mut Console,
}

impl Observer for GetObserver<'_> {
    fn event(&mut self, now: Tick, task: &'static str, event: &Event) {
        if !matches!(event, Event::Disconnected { .. } | Event::Failed { .. }) {
            let console = &mut *self.console;
            ConsoleObserver { console }.event(now, task, event);
        }
    }
}
