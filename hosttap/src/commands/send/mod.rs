//! `hosttap send`: sends files.

mod files;

use smoltcp::iface::SocketHandle;
use tickwire::dns::ResolveError;
use tickwire::file::{self, FileSender, SendError, SenderOptions, Sent, Status};
use tickwire::{Duration, Error, Event, Observer, Task, Tick, TimeoutKind};

use super::console_observer::ConsoleObserver;
use super::join;
use super::resolve;
use super::transfer::{Throughput, failure};
use crate::cli::{LinkOptions, SendOptions};
use crate::exit::{Exit, Failure};
use crate::link::side::hint;
use crate::link::stack::{BULK_BUFFER_BYTES, TapStack};
use crate::storage::file_source::FileSource;
use crate::storage::hex;
use crate::system::signals::ExitOnSignal;
use crate::terminal::console::Console;
use crate::terminal::text::{sanitize_line, to_socket_addr};
use files::{LocalFile, is_stdin, list_files};

/// The delay before the second attempt. Each further delay is twice as long.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(500);
/// The longest delay between two attempts.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);
/// The same while the host answers. A receiver that is busy with another sender, or was just
/// started again, may be ready soon.
const RETRY_DELAY_MAX_PRESENT: Duration = Duration::from_secs(4);

/// What a refusal may mean, as nobody can tell from outside.
const REFUSED_HINT: &str =
    ": no receiver runs there, or it is busy with another sender; --retry waits for it";

/// Runs the command.
///
/// # Errors
/// [`Exit::Usage`] if the options contradict each other; the failure of the only file. Of several,
/// each failure is printed, and the result is `Ok` with the exit code of the first; what the next
/// file would meet too ends the command.
pub fn run(link: &LinkOptions, options: &SendOptions) -> Result<Exit, Failure> {
    check(options)?;
    let mut files = list_files(&options.files)?;
    let exit_on_signal = ExitOnSignal::install()
        .map_err(|error| Failure::from_io(Exit::Unknown, "signals", &error))?;
    // What may take its time is read while no peer waits.
    for (number, file) in files.iter_mut().enumerate() {
        if number == 0 || file.is_pipe() {
            file.prepare(options);
        }
    }
    if let [file] = files.as_slice()
        && let Some(failure) = file.failure()
    {
        return Err(failure.clone());
    }
    let mut console = Console::new(link.verbose, link.quiet);
    let mut stack = join::open(link, &mut console)?;
    // The stack watches for signals now.
    drop(exit_on_signal);
    if options.peer.has_name() {
        resolve::start(&mut stack, &console, link);
    }
    if let Some(hint) = hint(link) {
        console.status(hint);
    }
    let sender = Sender {
        socket: stack.add_socket(BULK_BUFFER_BYTES),
        options,
    };
    if let [file] = files.as_mut_slice() {
        sender.send_file(&mut stack, &mut console, file)?;
        return Ok(Exit::Success);
    }
    let mut first = Exit::Success;
    for file in &mut files {
        let Err(failure) = sender.send_file(&mut stack, &mut console, file) else {
            continue;
        };
        if !concerns_one_file(failure.exit) {
            return Err(failure);
        }
        console.error(&failure);
        if first == Exit::Success {
            first = failure.exit;
        }
    }
    Ok(first)
}

/// Checks the options against each other.
fn check(options: &SendOptions) -> Result<(), Failure> {
    let usage = |text: &str| Err(Failure::new(Exit::Usage, text));
    let stdins = options.files.iter().filter(|path| is_stdin(path)).count();
    match stdins {
        0 if options.length.is_some() => usage("--length is that of stdin; give - too"),
        0 | 1 => Ok(()),
        _ => usage("stdin can be sent only once; give - once"),
    }
}

/// Whether the next file may fare better.
fn concerns_one_file(exit: Exit) -> bool {
    matches!(
        exit,
        Exit::Read | Exit::Write | Exit::Refused | Exit::TooLarge | Exit::Malformed
    )
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
            "'{name}': {throughput}, all acknowledged; \
             the plain form does not report whether it is stored"
        ),
    }
}

/// Sends files to one receiver.
struct Sender<'a> {
    socket: SocketHandle,
    options: &'a SendOptions,
}

impl Sender<'_> {
    /// Sends one file, and prints that it is sent.
    fn send_file(
        &self,
        stack: &mut TapStack,
        console: &mut Console,
        file: &mut LocalFile,
    ) -> Result<(), Failure> {
        let mut source = file.take(self.options)?;
        let result = self.send(stack, console, &file.name, &mut source);
        console.end_progress();
        let (sent, time) = result?;
        console.status(summary(&file.name, sent, time));
        Ok(())
    }

    /// Sends the file; with `--retry`, until the receiver has it. Also returns how long the last
    /// attempt took.
    fn send(
        &self,
        stack: &mut TapStack,
        console: &mut Console,
        name: &str,
        source: &mut FileSource,
    ) -> Result<(Sent, Duration), Failure> {
        let mut delay = RETRY_DELAY_MIN;
        loop {
            let mut observer = SendObserver::new(console);
            let outcome = self.attempt(stack, &mut observer, name, source)?;
            let (is_progress, connected_at) = (observer.is_progress, observer.connected_at);
            let ended = stack.clock.now();
            let error = match outcome {
                Ok(sent) => return Ok((sent, ended.since(connected_at.unwrap_or(ended)))),
                Err(error) => error,
            };
            let mut failure = failure(&self.options.peer.to_string(), error);
            if !(self.options.retry && is_transient(error)) {
                if error == SendError::Connection(Error::Refused) {
                    failure.message.push_str(REFUSED_HINT);
                }
                return Err(failure);
            }
            if is_progress {
                delay = RETRY_DELAY_MIN;
            }
            let delay_max = if is_absent(error) {
                RETRY_DELAY_MAX
            } else {
                RETRY_DELAY_MAX_PRESENT
            };
            delay = delay.min(delay_max);
            console.end_progress();
            let seconds = delay.as_millis() as f64 / 1_000.0;
            console.status(format_args!("{failure}; next try in {seconds} s"));
            wait(stack, delay)?;
            delay = delay.doubled(delay_max);
        }
    }

    fn attempt(
        &self,
        stack: &mut TapStack,
        observer: &mut SendObserver<'_>,
        name: &str,
        source: &mut FileSource,
    ) -> Result<Result<Sent, SendError>, Failure> {
        let options = SenderOptions {
            connect_timeout: self.options.connect_timeout,
            idle_timeout: self.options.idle_timeout,
            ..SenderOptions::default()
        };
        let (socket, remote) = (self.socket, self.options.peer.remote());
        let sender = if self.options.plain {
            FileSender::plain(socket, remote, source, options)
        } else {
            FileSender::checked(socket, remote, name, source, options)
        };
        let mut task = Task::new(sender);
        let outcome = loop {
            let wake = stack.turn(&mut [&mut task], observer);
            match task.outcome() {
                Some(outcome) => break *outcome,
                None => {
                    let wake = observer.console.tick(stack.clock.now(), wake);
                    stack.wait(wake, None, None)?
                }
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
            | Error::NoLocalPort
            | Error::Unresolved(ResolveError::NoAnswer | ResolveError::ServerFailed),
        )
        | SendError::Truncated => true,
        // A digest mismatch means damage in transit; the receiver has discarded the file.
        SendError::Refused(code) => [Status::BUSY, Status::DIGEST_MISMATCH].contains(&Status(code)),
        _ => false,
    }
}

/// Whether nobody answered at all. A refusal is an answer.
const fn is_absent(error: SendError) -> bool {
    matches!(
        error,
        SendError::Connection(
            Error::TimedOut(TimeoutKind::Connect) | Error::Unresolved(ResolveError::NoAnswer)
        )
    )
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
