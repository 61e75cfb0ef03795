//! `hosttap get`: one URL into a file or to stdout.

use std::os::fd::BorrowedFd;

use smoltcp::wire::{IpAddress, IpEndpoint};
use tickwire::http::{Complete, Get, GetOptions, Header, Host, Location, Request, Url};
use tickwire::{Error, Sink, Slot};

use crate::cli::{self, LinkOptions};
use crate::exit::{Exit, Failure};
use crate::files::AtomicFile;
use crate::narrator::Narrator;
use crate::stack::{BULK_BUFFER_BYTES, Stack};
use crate::stdout::Output;
use crate::terminal::{Terminal, clean_line};

/// Bytes of a redirect's Location that are shown.
const LOCATION_BYTES: usize = 1_024;

/// Where the body goes.
enum Target {
    File(AtomicFile),
    Stdout(Output),
}

impl Sink for Target {
    fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        match self {
            Self::File(file) => file.write(data),
            Self::Stdout(output) => output.write(data),
        }
    }
}

impl Target {
    fn blocked(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::File(file) => file.blocked(),
            Self::Stdout(output) => output.blocked(),
        }
    }

    fn refused_binary(&self) -> bool {
        matches!(self, Self::Stdout(output) if output.refused_binary())
    }
}

/// Runs the command.
///
/// # Errors
/// The failure of the transfer, with curl's exit code for it.
pub fn run(link: &LinkOptions, options: &cli::GetOptions) -> Result<Exit, Failure> {
    let url = Url::parse(&options.url).map_err(|why| {
        let shown = without_secrets(&options.url);
        Failure::new(Exit::Url, format!("{}: {why}", clean_line(&shown)))
    })?;
    // It has no password: such a one is refused.
    let shown = clean_line(&options.url);
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
    let remote = endpoint(&url)?;
    let mut terminal = Terminal::new(link.verbose, link.quiet);
    let mut stack = Stack::open(link)?;
    let mut target = open_target(options, &stack)?;
    let started = stack.clock.now();
    let result = fetch(
        &mut stack,
        &mut terminal,
        remote,
        request,
        options,
        &mut target,
        &shown,
    );
    terminal.end_progress();
    let complete = result?;
    commit(target, &mut stack)?;
    let ticks = stack.clock.now().since(started);
    terminal.status(format_args!("{}", summary(complete, ticks)));
    Ok(Exit::Fine)
}

/// A bad URL without what may be a password: all that stands before an `@`, wherever the URL is bad.
fn without_secrets(url: &str) -> String {
    let Some((before, behind)) = url.rsplit_once('@') else {
        return url.to_owned();
    };
    let schemes = ["http://", "https://"];
    let scheme = schemes
        .into_iter()
        .find(|scheme| before.starts_with(scheme));
    format!("{}***@{behind}", scheme.unwrap_or_default())
}

/// Whom to dial; names need a resolver, which is not there yet.
fn endpoint(url: &Url<'_>) -> Result<IpEndpoint, Failure> {
    match url.host() {
        Host::Address(address) => Ok(IpEndpoint::new(IpAddress::from(address), url.port())),
        Host::Name(name) => {
            let text = format!(
                "cannot resolve '{}': names are not supported, give an address",
                clean_line(name)
            );
            Err(Failure::new(Exit::Name, text))
        }
    }
}

fn open_target(options: &cli::GetOptions, stack: &Stack) -> Result<Target, Failure> {
    match &options.output {
        Some(path) if path.as_os_str() != "-" => {
            AtomicFile::create(path, &|| stack.signals.raised()).map(Target::File)
        }
        _ => Output::stdout()
            .map(Target::Stdout)
            .map_err(|error| Failure::system(Exit::Write, "stdout", &error)),
    }
}

fn fetch(
    stack: &mut Stack,
    terminal: &mut Terminal,
    remote: IpEndpoint,
    request: Request<'_>,
    options: &cli::GetOptions,
    target: &mut Target,
    shown: &str,
) -> Result<Complete, Failure> {
    let socket = stack.add_socket(BULK_BUFFER_BYTES);
    let mut location = [0; LOCATION_BYTES];
    let mut get = Get::new(
        socket,
        remote,
        request,
        get_options(options),
        &mut location,
        target,
    );
    let mut slot = Slot::new();
    let outcome = loop {
        let wake = stack.turn(&mut [slot.seat(&mut get)], &mut Narrator { terminal });
        if let Some(outcome) = slot.outcome() {
            break outcome;
        }
        stack.rest(wake, None, get.sink_mut().blocked())?;
    };
    match (outcome, get.complete()) {
        (Ok(()), Some(complete)) => Ok(complete),
        (Err(error), _) => {
            let mut failure = explain(shown, error, &mut get);
            if let Some(hint) = stack.hint() {
                failure.message.push_str(": ");
                failure.message.push_str(&hint);
            }
            Err(failure)
        }
        (Ok(()), None) => Err(Failure::new(
            Exit::Unknown,
            "a transfer ended without a proof",
        )),
    }
}

fn get_options(options: &cli::GetOptions) -> GetOptions {
    GetOptions {
        connect_ticks: options.connect_ticks,
        head_ticks: options.first_byte_ticks,
        idle_ticks: options.idle_ticks,
        // A person may hold stdout for as long as they like; a pipe that is never read is no error of ours.
        stall_ticks: u64::MAX,
        total_ticks: options.total_ticks,
        bytes_max: options.max_size.unwrap_or(u64::MAX),
        require_length: options.require_length,
        ..GetOptions::default()
    }
}

fn explain(shown: &str, error: Error, get: &mut Get<'_, &mut Target>) -> Failure {
    if get.sink_mut().refused_binary() {
        let text = format!(
            "{shown}: this is binary data, and stdout is a terminal: take -o FILE, or a pipe"
        );
        return Failure::new(Exit::Write, text);
    }
    let mut failure = Failure::of(shown, error);
    // A head that was malformed behind its Location is no redirect, and may have cut it.
    if matches!(error, Error::Status(_))
        && let Some(location) = redirect(get.location())
    {
        failure.message.push_str(&location);
    }
    failure
}

fn redirect(location: &Location<'_>) -> Option<String> {
    let text = String::from_utf8_lossy(location.as_bytes());
    let more = if location.is_truncated() { " ..." } else { "" };
    (!text.is_empty()).then(|| format!(", Location: {}{more}", clean_line(&text)))
}

fn commit(target: Target, stack: &mut Stack) -> Result<(), Failure> {
    match target {
        Target::File(file) => file.commit(),
        Target::Stdout(mut output) => loop {
            let done = output
                .finish()
                .map_err(|error| Failure::of("stdout", error))?;
            if done {
                return Ok(());
            }
            // The connection is over, but a frame that nobody takes in would end every rest at once.
            let wake = stack.turn(&mut [], &mut ());
            stack.rest(wake, None, output.blocked())?;
        },
    }
}

fn summary(complete: Complete, ticks: u64) -> String {
    let Complete {
        bytes,
        proof,
        status,
    } = complete;
    let seconds = ticks as f64 / 1_000.0;
    let rate = bytes as f64 / 1e6 / seconds.max(0.001);
    format!("{bytes} bytes in {seconds:.3} s ({rate:.1} MB/s), status {status}: {proof}")
}
