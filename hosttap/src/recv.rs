//! `hosttap recv`: receives files into a folder, or over one file.

use tickwire::file::{Receive, ReceiveOptions, Status};
use tickwire::store::Store;
use tickwire::{Error, Event, Observer, Slot, Tick};

use crate::cli::{LinkOptions, RecvOptions};
use crate::exit::{Exit, Failure};
use crate::folder::{FolderStore, Limits, hex};
use crate::narrator::Narrator;
use crate::replace::ReplaceStore;
use crate::stack::{BULK_BUFFER_BYTES, Stack};
use crate::terminal::{Terminal, clean_line};
use crate::transfer::{Speed, failure};

/// For which a disk may work on one file: hours of data may be waiting for it, and the sender hears every two seconds.
const STORE_TICKS: u64 = 600_000;

/// A store that can say what became of the last file.
trait Kept: Store {
    /// Where it is.
    fn kept(&self) -> String;
}

impl Kept for FolderStore {
    fn kept(&self) -> String {
        self.kept_path().display().to_string()
    }
}

impl Kept for ReplaceStore {
    fn kept(&self) -> String {
        self.path().display().to_string()
    }
}

/// Runs the command: until it is stopped, or for one conversation.
///
/// # Errors
/// [`Exit::Write`] when nothing can be stored there; with `--once`, the failure of the conversation.
pub fn run(link: &LinkOptions, options: &RecvOptions) -> Result<Exit, Failure> {
    let mut terminal = Terminal::new(link.verbose, link.quiet);
    let mut stack = Stack::open(link)?;
    let (clock, limits) = (stack.clock.clone(), Limits::default());
    let result = match (&options.dir, &options.output) {
        (Some(folder), _) => {
            let store = FolderStore::open(folder, clock, limits)?;
            let settings = settings(options);
            serve(&mut stack, &mut terminal, options, settings, store)
        }
        (None, Some(path)) => {
            let store = ReplaceStore::open(path, &|| stack.signals.raised())?;
            let settings = ReceiveOptions {
                // Who reads a FIFO may take as long as they like.
                stall_ticks: u64::MAX,
                ..settings(options)
            };
            serve(&mut stack, &mut terminal, options, settings, store)
        }
        (None, None) => Err(Failure::new(Exit::Usage, "give --dir DIR or -o FILE")),
    };
    terminal.end_progress();
    result
}

fn settings(options: &RecvOptions) -> ReceiveOptions {
    ReceiveOptions {
        once: options.once,
        idle_ticks: options.idle_ticks,
        store_ticks: STORE_TICKS,
        bytes_max: options.max_size.unwrap_or(u64::MAX),
        ..ReceiveOptions::default()
    }
}

fn serve(
    stack: &mut Stack,
    terminal: &mut Terminal,
    options: &RecvOptions,
    settings: ReceiveOptions,
    store: impl Kept,
) -> Result<Exit, Failure> {
    let socket = stack.add_socket(BULK_BUFFER_BYTES);
    let mut receive = Receive::new(socket, options.port, store, settings);
    let mut slot = Slot::new();
    let mut conversation = Conversation::default();
    loop {
        let mut reporter = Reporter {
            terminal: &mut *terminal,
            conversation: &mut conversation,
            once: options.once,
        };
        let wake = stack.turn(&mut [slot.seat(&mut receive)], &mut reporter);
        if let Some(stored) = conversation.stored.take() {
            let kept = receive.store().kept();
            terminal.status(format_args!("{stored} {}", clean_line(&kept)));
        }
        match slot.outcome() {
            Some(Ok(())) => return Ok(Exit::Fine),
            Some(Err(error)) => return Err(explain(&conversation.remote, error)),
            None => stack.rest(wake, None, None)?,
        };
    }
}

/// What is known of the conversations.
#[derive(Debug, Default)]
struct Conversation {
    /// People know that we listen.
    is_known: bool,
    /// The peer, as people read it.
    remote: String,
    /// When the offer came.
    offered: Tick,
    /// Bytes that were not sent, because they are here already.
    resumed: u64,
    /// The line about a file that was stored, up to its place.
    stored: Option<String>,
}

/// Tells of transfers, and leaves the rest to the narrator.
struct Reporter<'t> {
    terminal: &'t mut Terminal,
    conversation: &'t mut Conversation,
    /// A failure ends the program, which then tells it.
    once: bool,
}

impl Observer for Reporter<'_> {
    fn event(&mut self, now: Tick, app: usize, event: &Event<'_>) {
        let conversation = &mut *self.conversation;
        match *event {
            // Only the first time is news.
            Event::Listening { port } if std::mem::replace(&mut conversation.is_known, true) => {
                self.terminal
                    .detail(format_args!("{now}  listening on port {port} again"));
            }
            Event::Connected { remote, .. } => {
                conversation.remote = remote.to_string();
                self.terminal
                    .detail(format_args!("{now}  {remote} has called"));
            }
            Event::Disconnected { remote } => {
                self.terminal
                    .detail(format_args!("{now}  {remote} has gone"));
            }
            Event::Offered {
                remote,
                name,
                length,
            } => {
                conversation.offered = now;
                conversation.resumed = 0;
                let name = shown(name);
                self.terminal
                    .status(format_args!("{remote} sends {name}, {length} bytes"));
            }
            Event::Resumed { offset } => {
                conversation.resumed = offset;
                self.terminal
                    .status(format_args!("{offset} bytes of it are here already"));
            }
            Event::Stored {
                remote,
                name,
                length,
                digest,
                repeated,
            } => {
                self.terminal.end_progress();
                let (name, digest) = (shown(name), hex(&digest));
                conversation.stored = Some(if repeated {
                    format!("{remote} has sent {name} before: sha256 {digest}, still there as")
                } else {
                    let speed = Speed {
                        bytes: length.saturating_sub(conversation.resumed),
                        ticks: now.since(conversation.offered),
                    };
                    format!("{remote} has sent {name}: {speed}, sha256 {digest}, stored as")
                });
            }
            Event::Surplus { bytes } => {
                self.terminal.status(format_args!(
                    "{bytes} bytes came behind the file, and were dropped"
                ));
            }
            Event::Failed { error, .. } => {
                self.terminal.end_progress();
                if !self.once {
                    self.terminal.error(explain(&conversation.remote, error));
                }
            }
            _ => Narrator {
                terminal: &mut *self.terminal,
            }
            .event(now, app, event),
        }
    }
}

/// A peer's name for its file, safe on a terminal.
fn shown(name: Option<&str>) -> String {
    name.map_or_else(
        || "a file without a name".to_owned(),
        |name| format!("'{}'", clean_line(name)),
    )
}

fn explain(remote: &str, error: Error) -> Failure {
    let mut failure = failure(remote, error);
    let words = match error {
        Error::ReceiverRefused(code) if Status(code) == Status::BUSY => {
            "another receiver is at work on this file"
        }
        Error::TooLarge => "the file is larger than the limit, or than the space that is free",
        _ => return failure,
    };
    failure.message = format!("{remote}: {words}");
    failure
}
