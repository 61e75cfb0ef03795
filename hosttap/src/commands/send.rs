//! `hosttap send`: sends one file.

use std::path::Path;

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::file::{self, FileSender, SendError, SenderOptions, Sent, Status, plain_word};
use tickwire::{Duration, Error, Event, Observer, Source, Task, Tick};

use super::console_observer::ConsoleObserver;
use super::transfer::{Throughput, failure};
use crate::cli::{LinkOptions, SendOptions};
use crate::exit::{Exit, Failure};
use crate::link::stack::{BULK_BUFFER_BYTES, TapStack};
use crate::storage::file_source::FileSource;
use crate::storage::hex;
use crate::terminal::console::Console;
use crate::terminal::text::{sanitize_line, to_socket_addr};

/// The delay before the second attempt. Each further delay is twice as long.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(500);
/// The longest delay between two attempts.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);

/// Runs the command.
///
/// # Errors
/// The failure of the transfer; with `--retry`, only one that another attempt cannot change.
pub fn run(link: &LinkOptions, options: &SendOptions) -> Result<Exit, Failure> {
    let remote = options.peer.endpoint()?;
    let mut source = FileSource::open(&options.file)?;
    let name = offered_name(&options.file);
    if options.plain && plain_word(source.len()).is_err() {
        let text = format!("'{name}': the plain form cannot send 2 GiB or more");
        return Err(Failure::new(Exit::TooLarge, text));
    }
    let mut console = Console::new(link.verbose, link.quiet);
    let mut stack = TapStack::open(link)?;
    let sender = Sender {
        socket: stack.add_socket(BULK_BUFFER_BYTES),
        remote,
        name: &name,
        options,
    };
    let result = sender.send(&mut stack, &mut console, &mut source);
    console.end_progress();
    let (sent, time) = result?;
    console.status(summary(&name, sent, time));
    Ok(Exit::Success)
}

/// The name that is offered: the last component of the path. A path that ends in `..` has none; the
/// whole path is used then.
fn offered_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn summary(name: &str, sent: Sent, time: Duration) -> String {
    let name = sanitize_line(name);
    let bytes = sent.length - sent.offset;
    let throughput = Throughput { bytes, time };
    match sent.digest {
        Some(digest) => format!(
            "'{name}' is stored: {throughput}, sha256 {}",
            hex::encode(&digest)
        ),
        None => format!(
            "'{name}': {throughput}, all acknowledged; the plain form does not report whether it is stored"
        ),
    }
}

/// Sends one file to one receiver.
struct Sender<'a> {
    socket: SocketHandle,
    remote: IpEndpoint,
    name: &'a str,
    options: &'a SendOptions,
}

impl Sender<'_> {
    /// Sends the file; with `--retry`, until the receiver has it. Also returns how long the last
    /// attempt took.
    fn send(
        &self,
        stack: &mut TapStack,
        console: &mut Console,
        source: &mut FileSource,
    ) -> Result<(Sent, Duration), Failure> {
        let mut delay = RETRY_DELAY_MIN;
        loop {
            let mut observer = SendObserver::new(console);
            let outcome = self.attempt(stack, &mut observer, source)?;
            let (is_progress, connected_at) = (observer.is_progress, observer.connected_at);
            let ended = stack.clock.now();
            let error = match outcome {
                Ok(sent) => return Ok((sent, ended.since(connected_at.unwrap_or(ended)))),
                Err(error) => error,
            };
            let failure = failure(&to_socket_addr(self.remote).to_string(), error);
            if !(self.options.retry && is_transient(error)) {
                return Err(failure);
            }
            if is_progress {
                delay = RETRY_DELAY_MIN;
            }
            console.end_progress();
            let seconds = delay.as_millis() as f64 / 1_000.0;
            console.status(format_args!("{failure}; next try in {seconds} s"));
            wait(stack, delay)?;
            delay = delay.doubled(RETRY_DELAY_MAX);
        }
    }

    fn attempt(
        &self,
        stack: &mut TapStack,
        observer: &mut SendObserver<'_>,
        source: &mut FileSource,
    ) -> Result<Result<Sent, SendError>, Failure> {
        let options = SenderOptions {
            connect_timeout: self.options.connect_timeout,
            idle_timeout: self.options.idle_timeout,
            ..SenderOptions::default()
        };
        let (socket, remote) = (self.socket, self.remote);
        let sender = if self.options.plain {
            FileSender::plain(socket, remote, source, options)
        } else {
            FileSender::checked(socket, remote, self.name, source, options)
        };
        let mut task = Task::new(sender);
        let outcome = loop {
            let wake = stack.turn(&mut [&mut task], observer);
            match task.outcome() {
                Some(outcome) => break *outcome,
                None => stack.wait(wake, None, None)?,
            };
        };
        match (outcome, task.app().sent()) {
            (Ok(()), Some(sent)) => Ok(Ok(sent)),
            (Err(error), _) => Ok(Err(error)),
            (Ok(()), None) => Err(Failure::new(
                Exit::Unknown,
                "the transfer ended without a result",
            )),
        }
    }
}

/// Whether another attempt with the same file and receiver may succeed.
fn is_transient(error: SendError) -> bool {
    match error {
        SendError::Connection(
            Error::Refused
            | Error::Reset
            | Error::TimedOut(_)
            | Error::Spinning
            | Error::NoLocalPort,
        )
        | SendError::Truncated => true,
        // A digest mismatch means damage in transit; the receiver has discarded the file.
        SendError::Refused(code) => [Status::BUSY, Status::DIGEST_MISMATCH].contains(&Status(code)),
        _ => false,
    }
}

/// Runs the stack for this time without an app.
fn wait(stack: &mut TapStack, time: Duration) -> Result<(), Failure> {
    let due = stack.clock.now() + time;
    while stack.clock.now() < due {
        let wake = stack.turn(&mut [], &mut ());
        stack.wait(wake.into_iter().chain([due]).min(), None, None)?;
    }
    Ok(())
}

/// Prints one attempt, and remembers what the summary needs.
struct SendObserver<'c> {
    console: &'c mut Console,
    connected_at: Option<Tick>,
    /// Whether the receiver acknowledged bytes of the file.
    is_progress: bool,
}

impl<'c> SendObserver<'c> {
    fn new(console: &'c mut Console) -> Self {
        Self {
            console,
            connected_at: None,
            is_progress: false,
        }
    }
}

impl Observer for SendObserver<'_> {
    fn event(&mut self, now: Tick, task: &'static str, event: &Event) {
        if let Some(file::Event::Resumed { offset }) = event.app() {
            self.console
                .status(format_args!("the receiver has {offset} bytes already"));
        }
        match *event {
            Event::Connected { .. } => self.connected_at = Some(now),
            Event::Progress { .. } => self.is_progress = true,
            _ => {}
        }
        let console = &mut *self.console;
        match *event {
            // A detail here, because the summary reports the end.
            Event::Disconnected { remote } => {
                let remote = to_socket_addr(remote);
                console.detail(format_args!("{now}  {remote} disconnected"));
            }
            // The caller reports it, and what it does next.
            Event::Failed { .. } => {}
            _ => ConsoleObserver { console }.event(now, task, event),
        }
    }
}
