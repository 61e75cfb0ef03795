//! `hosttap recv`: receives files into a directory, or replaces one file.

use rustix::io::Errno;
use tickwire::file::{self, FileReceiver, OfferedName, ReceiveError, ReceiverOptions};
use tickwire::store::Store;
use tickwire::{Duration, Event, Observer, Task, Tick};

use super::console_observer::ServerObserver;
use super::join;
use super::transfer::{BINARY_ON_TERMINAL, Throughput, failure};
use crate::cli::{LinkOptions, RecvOptions, is_stdout};
use crate::exit::{Exit, Failure};
use crate::link::stack::{BULK_BUFFER_BYTES, TapStack};
use crate::storage::directory_store::{DirectoryStore, Limits};
use crate::storage::hex;
use crate::storage::replace_store::ReplaceStore;
use crate::terminal::console::Console;
use crate::terminal::text::{sanitize_line, to_socket_addr};

/// How long the disk may work on one file. A large write-back takes minutes, and meanwhile the
/// sender gets a sign of life every two seconds.
const STORE_TIMEOUT: Duration = Duration::from_secs(600);

/// A store that knows the path of the last file.
trait StoreWithPath: Store {
    /// The path of the last file.
    fn last_path(&self) -> String;
}

impl StoreWithPath for DirectoryStore {
    fn last_path(&self) -> String {
        Self::last_path(self).display().to_string()
    }
}

impl StoreWithPath for ReplaceStore {
    fn last_path(&self) -> String {
        self.name()
    }
}

/// Runs the command until it is interrupted; with `--once`, for one connection.
///
/// # Errors
/// [`Exit::Write`] if nothing can be stored at the path; with `--once`, the failure of the
/// connection.
pub fn run(link: &LinkOptions, options: &RecvOptions) -> Result<Exit, Failure> {
    let is_on_stdout = options.output.as_deref().is_some_and(is_stdout);
    let mut console = Console::new(link.verbose, link.quiet).with_data_on_stdout(is_on_stdout);
    let mut stack = join::open(link, &mut console)?;
    let (clock, limits) = (stack.clock.clone(), Limits::default());
    let result = match (&options.dir, &options.output) {
        (Some(directory), _) => {
            let store = DirectoryStore::open(directory, clock, limits)?;
            if let Some(note) = store.note() {
                console.status(note);
            }
            let receive_options = receive_options(options);
            serve(&mut stack, &mut console, options, receive_options, store)
        }
        (None, Some(path)) => {
            let store = ReplaceStore::open(path, &|| stack.signals.received())?;
            if let Some(note) = store.note() {
                console.status(note);
            }
            let receive_options = ReceiverOptions {
                // The reader of a FIFO may pause as long as it likes.
                stall_timeout: Duration::MAX,
                ..receive_options(options)
            };
            serve(&mut stack, &mut console, options, receive_options, store)
        }
        (None, None) => Err(Failure::new(Exit::Usage, "give --dir DIR or -o FILE")),
    };
    console.end_progress();
    result
}

fn receive_options(options: &RecvOptions) -> ReceiverOptions {
    ReceiverOptions {
        once: options.once,
        idle_timeout: options.idle_timeout,
        store_timeout: STORE_TIMEOUT,
        bytes_max: options.max_size.unwrap_or(u64::MAX),
        ..ReceiverOptions::default()
    }
}

fn serve(
    stack: &mut TapStack,
    console: &mut Console,
    options: &RecvOptions,
    receive_options: ReceiverOptions,
    store: impl StoreWithPath,
) -> Result<Exit, Failure> {
    let socket = stack.add_socket(BULK_BUFFER_BYTES);
    let receiver = FileReceiver::new(socket, options.port, store, receive_options);
    let mut task = Task::new(receiver);
    let mut transfer = Transfer::default();
    loop {
        let mut observer = RecvObserver {
            console: &mut *console,
            transfer: &mut transfer,
            once: options.once,
        };
        let wake = stack.turn(&mut [&mut task], &mut observer);
        if let Some(stored) = transfer.stored.take() {
            let path = task.app().store().last_path();
            console.status(format_args!("{stored} {}", sanitize_line(&path)));
        }
        match task.outcome() {
            Some(Ok(())) => return Ok(Exit::Success),
            Some(Err(error)) => return Err(explain(&transfer.remote, *error)),
            None => {
                let wake = console.tick(stack.clock.now(), wake);
                stack.wait(wake, None, None)?
            }
        };
    }
}

/// The state of the current transfer.
#[derive(Debug, Default)]
struct Transfer {
    /// Whether the listening port was printed.
    is_port_printed: bool,
    /// The sender's endpoint, as text.
    remote: String,
    /// When the offer arrived.
    offered_at: Tick,
    /// The bytes that were not sent, because they were received earlier.
    resumed_bytes: u64,
    /// The message about a stored file, up to its path.
    stored: Option<String>,
}

impl Transfer {
    /// The throughput of a transfer of `length` bytes that ends now.
    fn throughput(&self, now: Tick, length: u64) -> Throughput {
        Throughput {
            bytes: length.saturating_sub(self.resumed_bytes),
            time: now.since(self.offered_at),
        }
    }
}

/// Prints transfers, and leaves the other events to the [`ConsoleObserver`].
struct RecvObserver<'t> {
    console: &'t mut Console,
    transfer: &'t mut Transfer,
    /// With `--once` a failure ends the program, which then prints it.
    once: bool,
}

impl Observer for RecvObserver<'_> {
    fn event(&mut self, now: Tick, task: &'static str, event: &Event) {
        if let Some(own) = event.app() {
            return self.file_event(now, own);
        }
        let transfer = &mut *self.transfer;
        match *event {
            Event::Connected { remote, .. } => {
                transfer.remote = to_socket_addr(remote).to_string();
                let remote = &transfer.remote;
                self.console
                    .detail(format_args!("{now}  {remote} connected"));
            }
            Event::Disconnected { remote } => {
                let remote = to_socket_addr(remote);
                self.console
                    .detail(format_args!("{now}  {remote} disconnected"));
            }
            Event::Failed { .. } => {
                self.console.end_progress();
                if let (false, Some(error)) = (self.once, event.error::<ReceiveError>()) {
                    self.console.error(explain(&transfer.remote, *error));
                }
            }
            _ => ServerObserver {
                console: &mut *self.console,
                is_port_printed: &mut transfer.is_port_printed,
            }
            .event(now, task, event),
        }
    }
}

impl RecvObserver<'_> {
    fn file_event(&mut self, now: Tick, event: &file::Event) {
        let transfer = &mut *self.transfer;
        match event {
            file::Event::Offered {
                remote,
                name,
                length,
            } => {
                transfer.offered_at = now;
                transfer.resumed_bytes = 0;
                let (name, remote) = (display_name(name.as_ref()), to_socket_addr(*remote));
                self.console
                    .status(format_args!("{remote} sends {name}, {length} bytes"));
            }
            file::Event::Resumed { offset } => {
                transfer.resumed_bytes = *offset;
                self.console
                    .status(format_args!("{offset} bytes of it are here already"));
            }
            file::Event::Stored {
                remote,
                name,
                length,
                digest,
                repeated,
            } => {
                self.console.end_progress();
                let (name, digest) = (display_name(name.as_ref()), hex::encode(digest));
                let remote = to_socket_addr(*remote);
                transfer.stored = Some(if *repeated {
                    format!("{remote} has sent {name} before: sha256 {digest}, still there as")
                } else {
                    let throughput = transfer.throughput(now, *length);
                    format!("{remote} has sent {name}: {throughput}, sha256 {digest}, stored as")
                });
            }
            file::Event::Surplus { bytes } => {
                self.console.status(format_args!(
                    "{bytes} bytes after the end of the file were dropped"
                ));
            }
            _ => {}
        }
    }
}

/// The sender's name for its file, safe on a terminal.
fn display_name(name: Option<&OfferedName>) -> String {
    name.map_or_else(
        || "a file without a name".to_owned(),
        |name| format!("'{}'", sanitize_line(name)),
    )
}

fn explain(remote: &str, error: ReceiveError) -> Failure {
    let mut failure = failure(remote, error);
    let cause = match error {
        ReceiveError::Busy => "another receiver is at work on this file",
        ReceiveError::Store { code } if code == Errno::ILSEQ.raw_os_error() => BINARY_ON_TERMINAL,
        ReceiveError::TooLarge => "the file is larger than the limit or the free space",
        _ => return failure,
    };
    failure.message = format!("{remote}: {cause}");
    failure
}
