//! `hosttap get`: fetches URLs to files or to stdout.

mod destination;
mod report;

use std::borrow::Cow;
use std::path::PathBuf;

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::http::{Complete, Get, GetError, GetOptions, Header, Host, Location, Request, Url};
use tickwire::{Duration, Event, Observer, Task, Tick};

use super::console_observer::ConsoleObserver;
use super::join;
use super::resolve;
use super::transfer::{BINARY_ON_TERMINAL, Throughput};
use crate::cli::values;
use crate::cli::{self, LinkOptions};
use crate::exit::{Exit, Failure};
use crate::link::side::hint;
use crate::link::stack::{BULK_BUFFER_BYTES, TapStack};
use crate::storage::target::Target;
use crate::terminal::console::Console;
use crate::terminal::text::sanitize_line;
use report::{Fetched, Hashed};

/// How many bytes of a redirect's Location are printed.
const LOCATION_BYTES_MAX: usize = 1_024;

/// Runs the command.
///
/// # Errors
/// The failure of the only URL, with curl's exit code for it. Of several, each failure is printed,
/// and the result is `Ok` with the exit code of the first.
pub fn run(link: &LinkOptions, options: &cli::GetOptions) -> Result<Exit, Failure> {
    check(options)?;
    let headers: Vec<_> = options
        .header
        .iter()
        .map(|field| Header {
            name: &field.name,
            value: &field.value,
        })
        .collect();
    // Mistakes that need no network are found before the first transfer.
    let jobs: Vec<_> = options
        .urls
        .iter()
        .map(|url| Job::new(url, &headers, options))
        .collect::<Result<_, _>>()?;
    let is_on_stdout = jobs.iter().any(|job| cli::is_stdout(&job.path));
    let mut console = Console::new(link.verbose, link.quiet).with_data_on_stdout(is_on_stdout);
    let mut stack = join::open(link, &mut console)?;
    if let Some(hint) = hint(link) {
        console.status(hint);
    }
    let mut fetcher = Fetcher {
        socket: stack.add_socket(BULK_BUFFER_BYTES),
        stack: &mut stack,
        console: &mut console,
        link,
        options,
        status: None,
    };
    let mut first = Exit::Success;
    for job in &jobs {
        let result = fetcher.fetch_and_store(job);
        if options.json {
            report::print(job.url, &job.path, fetcher.status, result.as_ref())?;
        }
        let Err(failure) = result else {
            continue;
        };
        if jobs.len() == 1 || options.fail_early || failure.exit == Exit::Interrupted {
            return Err(failure);
        }
        fetcher.console.error(&failure);
        if first == Exit::Success {
            first = failure.exit;
        }
    }
    Ok(first)
}

/// Checks the options against each other.
fn check(options: &cli::GetOptions) -> Result<(), Failure> {
    let usage = |text: &str| Err(Failure::new(Exit::Usage, text));
    if options.urls.len() > 1 && !destination::takes_several(options) {
        return usage("-o FILE takes one body; give -O, or -o DIR/, for several URLs");
    }
    if options.json && options.writes_to_stdout() {
        return usage("--json needs stdout for itself; give -O, -o FILE or -o DIR/ too");
    }
    Ok(())
}

/// One URL, its request, and where its body goes.
struct Job<'a> {
    url: &'a str,
    /// The URL for messages.
    shown: Cow<'a, str>,
    host: values::Host,
    port: u16,
    request: Request<'a>,
    path: PathBuf,
}

impl<'a> Job<'a> {
    fn new(
        text: &'a str,
        headers: &'a [Header<'a>],
        options: &cli::GetOptions,
    ) -> Result<Self, Failure> {
        let url = Url::parse(text).map_err(|why| {
            let redacted = redact_user_info(text);
            let shown = sanitize_line(&redacted);
            Failure::new(Exit::Url, format!("{shown}: {why}"))
        })?;
        let request = Request::new(&url, headers)
            .map_err(|why| Failure::new(Exit::Usage, format!("--header: {why}")))?;
        // A URL with a password is refused, so this one has none.
        let shown = sanitize_line(text);
        let path = destination::path_for(options, text).map_err(|mut failure| {
            failure.message = format!("{shown}: {}", failure.message);
            failure
        })?;
        Ok(Self {
            url: text,
            shown,
            host: host_of(&url),
            port: url.port(),
            request,
            path,
        })
    }
}

/// Fetches one URL after another.
struct Fetcher<'a> {
    stack: &'a mut TapStack,
    console: &'a mut Console,
    socket: SocketHandle,
    link: &'a LinkOptions,
    options: &'a cli::GetOptions,
    /// The status that the last server answered with, once it has.
    status: Option<u16>,
}

impl Fetcher<'_> {
    fn fetch_and_store(&mut self, job: &Job<'_>) -> Result<Fetched, Failure> {
        self.status = None;
        let stack = &mut *self.stack;
        let address = resolve::address(stack, self.console, self.link, &job.host)?;
        let remote = IpEndpoint::new(address, job.port);
        let target = Target::create(&job.path, &|| stack.signals.received())?;
        if let Some(note) = target.note() {
            self.console.status(note);
        }
        let mut target = Hashed::new(target, self.options.json);
        let started = stack.clock.now();
        let result = self.fetch(job, remote, &mut target);
        self.console.end_progress();
        let complete = result?;
        let (target, digest) = target.finish();
        commit(target, self.stack)?;
        let time = self.stack.clock.now().since(started);
        self.console.status(summary(complete, time));
        Ok(Fetched {
            complete,
            time,
            digest,
        })
    }

    fn fetch(
        &mut self,
        job: &Job<'_>,
        remote: IpEndpoint,
        target: &mut Hashed,
    ) -> Result<Complete, Failure> {
        let (stack, console) = (&mut *self.stack, &mut *self.console);
        let mut location = [0; LOCATION_BYTES_MAX];
        let get = Get::new(
            self.socket,
            remote,
            job.request,
            get_options(self.options),
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
            stack.wait(wake, None, task.app_mut().sink_mut().target.blocked())?;
        };
        let mut get = task.into_app();
        match (outcome, get.complete()) {
            (Ok(()), Some(complete)) => {
                self.status = Some(complete.status);
                Ok(complete)
            }
            (Err(error), _) => {
                if let GetError::Status(status) = error {
                    self.status = Some(status);
                }
                let mut failure = explain(&job.shown, error, &mut get);
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

/// The server's host.
fn host_of(url: &Url<'_>) -> values::Host {
    match url.host() {
        Host::Address(address) => values::Host::Address(address.into()),
        Host::Name(name) => values::Host::Name(name.to_owned()),
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

fn explain(shown: &str, error: GetError, get: &mut Get<'_, &mut Hashed>) -> Failure {
    if get.sink_mut().target.refused_binary() {
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
