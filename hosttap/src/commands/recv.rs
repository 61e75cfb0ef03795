//! `hosttap recv`: receives files into a directory, or replaces one file.

use tickwire::file::{Receive, ReceiveOptions, Status};
use tickwire::store::Store;
use tickwire::{Error, Event, Observer, Slot, Tick};

use super::console_observer::ConsoleObserver;
use super::transfer::{Throughput, failure};
use crate::cli::{LinkOptions, RecvOptions};
use crate::exit::{Exit, Failure};
use crate::link::stack::{BULK_BUFFER_BYTES, TapStack};
use crate::storage::directory_store::{DirectoryStore, Limits};
use crate::storage::hex;
use crate::storage::replace_store::ReplaceStore;
use crate::terminal::console::Console;
use crate::terminal::text::{sanitize_line, to_socket_addr};

/// How long the disk may work on one file. A large write-back takes minutes, and meanwhile the
/// sender gets a sign of life every two seconds.
const STORE_TICKS: u64 = 600_000;

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
        self.path().display().to_string()
    }
}

/// Runs the command until it is interrupted; with `--once`, for one connection.
///
/// # Errors
/// [`Exit::Write`] if nothing can be stored at the path; with `--once`, the failure of the
/// connection.
pub fn run(link: &LinkOptions, options: &RecvOptions) -> Result<Exit, Failure> {
    let mut console = Console::new(link.verbose, link.quiet);
    let mut stack = TapStack::open(link)?;
    let (clock, limits) = (stack.clock.clone(), Limits::default());
    let result = match (&options.dir, &options.output) {
        (Some(directory), _) => {
            let store = DirectoryStore::open(directory, clock, limits)?;
            let receive_options = receive_options(options);
            serve(&mut stack, &mut console, options, receive_options, store)
        }
        (None, Some(path)) => {
            let store = ReplaceStore::open(path, &|| stack.signals.received())?;
            let receive_options = ReceiveOptions {
                // The reader of a FIFO may pause as long as it likes.
                stall_ticks: u64::MAX,
                ..receive_options(options)
            };
            serve(&mut stack, &mut console, options, receive_options, store)
        }
        (None, None) => Err(Failure::new(Exit::Usage, "give --dir DIR or -o FILE")),
    };
    console.end_progress();
    result
}

fn receive_options(options: &RecvOptions) -> ReceiveOptions {
    ReceiveOptions {
        once: options.once,
        idle_ticks: options.idle_ticks,
        store_ticks: STORE_TICKS,
        bytes_max: options.max_size.unwrap_or(u64::MAX),
        ..ReceiveOptions::default()
    }
}

fn serve(
    stack: &mut TapStack,
    console: &mut Console,
    options: &RecvOptions,
    receive_options: ReceiveOptions,
    store: impl StoreWithPath,
) -> Result<Exit, Failure> {
    let socket = stack.add_socket(BULK_BUFFER_BYTES);
    let mut receive = Receive::new(socket, options.port, store, receive_options);
    let mut slot = Slot::new();
    let mut transfer = Transfer::default();
    loop {
        let mut observer = RecvObserver {
            console: &mut *console,
            transfer: &mut transfer,
            once: options.once,
        };
        let wake = stack.turn(&mut [slot.seat(&mut receive)], &mut observer);
        if let Some(stored) = transfer.stored.take() {
            let path = receive.store().last_path();
            console.status(format_args!("{stored} {}", sanitize_line(&path)));
        }
        match slot.outcome() {
            Some(Ok(())) => return Ok(Exit::Success),
            Some(Err(error)) => return Err(explain(&transfer.remote, error)),
            None => stack.wait(wake, None, None)?,
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
            ticks: now.since(self.offered_at),
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
    fn event(&mut self, now: Tick, app: usize, event: &Event<'_>) {
        let transfer = &mut *self.transfer;
        match *event {
            // Only the first time matters to the user.
            Event::Listening { port } if std::mem::replace(&mut transfer.is_port_printed, true) => {
                self.console
                    .detail(format_args!("{now}  listening on port {port} again"));
            }
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
            Event::Offered {
                remote,
                name,
                length,
            } => {
                transfer.offered_at = now;
                transfer.resumed_bytes = 0;
                let (name, remote) = (display_name(name), to_socket_addr(remote));
                self.console
                    .status(format_args!("{remote} sends {name}, {length} bytes"));
            }
            Event::Resumed { offset } => {
                transfer.resumed_bytes = offset;
                self.console
                    .status(format_args!("{offset} bytes of it are here already"));
            }
            Event::Stored {
                remote,
                name,
                length,
                digest,
                repeated,
            } => {
                self.console.end_progress();
                let (name, digest) = (display_name(name), hex::encode(&digest));
                let remote = to_socket_addr(remote);
                transfer.stored = Some(if repeated {
                    format!("{remote} has sent {name} before: sha256 {digest}, still there as")
                } else {
                    let throughput = transfer.throughput(now, length);
                    format!("{remote} has sent {name}: {throughput}, sha256 {digest}, stored as")
                });
            }
            Event::Surplus { bytes } => {
                self.console.status(format_args!(
                    "{bytes} bytes after the end of the file were dropped"
                ));
            }
            Event::Failed { error, .. } => {
                self.console.end_progress();
                if !self.once {
                    self.console.error(explain(&transfer.remote, error));
                }
            }
            _ => ConsoleObserver {
                console: &mut *self.console,
            }
            .event(now, app, event),
        }
    }
}

/// The sender's name for its file, safe on a terminal.
fn display_name(name: Option<&str>) -> String {
    name.map_or_else(
        || "a file without a name".to_owned(),
        |name| format!("'{}'", sanitize_line(name)),
    )
}

fn explain(remote: &str, error: Error) -> Failure {
    let mut failure = failure(remote, error);
    let cause = match error {
        Error::ReceiverRefused(code) if Status(code) == Status::BUSY => {
            "another receiver is at work on this file"
        }
        Error::TooLarge => "the file is larger than the limit or the free space",
        _ => return failure,
    };
    failure.message = format!("{remote}: {cause}");
    failure
}
