//! `hosttap send`: sends one file.

use std::path::Path;

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::file::{self, Send, Sent, Status, plain_word};
use tickwire::{Error, Event, Observer, Slot, Source, Tick};

use crate::cli::{LinkOptions, SendOptions};
use crate::exit::{Exit, Failure};
use crate::folder::hex;
use crate::narrator::Narrator;
use crate::source::FileSource;
use crate::stack::{BULK_BUFFER_BYTES, Stack};
use crate::terminal::{Terminal, clean_line};
use crate::transfer::{Speed, failure};
use crate::values::{Host, Peer};

/// The pause before the second try; each one that follows is twice as long.
const PAUSE_TICKS: u64 = 500;
/// No pause is longer.
const PAUSE_TICKS_MAX: u64 = 30_000;

/// Runs the command.
///
/// # Errors
/// The failure of the transfer; with `--retry`, one that another try would not mend.
pub fn run(link: &LinkOptions, options: &SendOptions) -> Result<Exit, Failure> {
    let remote = endpoint(&options.peer)?;
    let mut source = FileSource::open(&options.file)?;
    let name = name(&options.file);
    if options.plain && plain_word(source.len()).is_err() {
        let text = format!("'{name}': the plain form cannot send 2 GiB or more");
        return Err(Failure::new(Exit::TooLarge, text));
    }
    let mut terminal = Terminal::new(link.verbose, link.quiet);
    let mut stack = Stack::open(link)?;
    let sender = Sender {
        socket: stack.add_socket(BULK_BUFFER_BYTES),
        remote,
        name: &name,
        options,
    };
    let result = sender.send(&mut stack, &mut terminal, &mut source);
    terminal.end_progress();
    let (sent, ticks) = result?;
    terminal.status(summary(&name, sent, ticks));
    Ok(Exit::Fine)
}

/// Whom to dial; names need a resolver, which is not there yet.
fn endpoint(peer: &Peer) -> Result<IpEndpoint, Failure> {
    match &peer.host {
        Host::Address(address) => Ok(IpEndpoint::new(*address, peer.port)),
        Host::Name(name) => {
            let text = format!("cannot resolve '{name}': names are not supported, give an address");
            Err(Failure::new(Exit::Name, text))
        }
    }
}

/// The name that is sent: the path's last component, which an open file has, unless the path ends in `..`.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn summary(name: &str, sent: Sent, ticks: u64) -> String {
    let name = clean_line(name);
    let bytes = sent.length - sent.offset;
    let speed = Speed { bytes, ticks };
    match sent.digest {
        Some(digest) => format!("'{name}' is stored: {speed}, sha256 {}", hex(&digest)),
        None => format!(
            "'{name}': {speed}, all acknowledged; in the plain form nobody says whether it is stored"
        ),
    }
}

/// One file on its way to one receiver.
struct Sender<'a> {
    socket: SocketHandle,
    remote: IpEndpoint,
    name: &'a str,
    options: &'a SendOptions,
}

impl Sender<'_> {
    /// Sends it, with `--retry` until it is there; also the time that the last try took.
    fn send(
        &self,
        stack: &mut Stack,
        terminal: &mut Terminal,
        source: &mut FileSource,
    ) -> Result<(Sent, u64), Failure> {
        let mut pause = PAUSE_TICKS;
        loop {
            let mut reporter = Reporter::new(terminal);
            let outcome = self.try_once(stack, &mut reporter, source)?;
            let (moved, connected) = (reporter.moved, reporter.connected);
            let ended = stack.clock.now();
            let error = match outcome {
                Ok(sent) => return Ok((sent, ended.since(connected.unwrap_or(ended)))),
                Err(error) => error,
            };
            let failure = failure(&self.remote.to_string(), error);
            if !(self.options.retry && is_passing(error)) {
                return Err(failure);
            }
            if moved {
                pause = PAUSE_TICKS;
            }
            terminal.end_progress();
            let seconds = pause as f64 / 1_000.0;
            terminal.status(format_args!("{failure}; next try in {seconds} s"));
            rest(stack, pause)?;
            pause = (2 * pause).min(PAUSE_TICKS_MAX);
        }
    }

    fn try_once(
        &self,
        stack: &mut Stack,
        reporter: &mut Reporter<'_>,
        source: &mut FileSource,
    ) -> Result<Result<Sent, Error>, Failure> {
        let options = file::SendOptions {
            connect_ticks: self.options.connect_ticks,
            idle_ticks: self.options.idle_ticks,
            ..file::SendOptions::default()
        };
        let (socket, remote) = (self.socket, self.remote);
        let mut send = if self.options.plain {
            Send::plain(socket, remote, source, options)
        } else {
            Send::checked(socket, remote, self.name, source, options)
        };
        let mut slot = Slot::new();
        let outcome = loop {
            let wake = stack.turn(&mut [slot.seat(&mut send)], reporter);
            match slot.outcome() {
                Some(outcome) => break outcome,
                None => stack.rest(wake, None, None)?,
            };
        };
        match (outcome, send.sent()) {
            (Ok(()), Some(sent)) => Ok(Ok(sent)),
            (Err(error), _) => Ok(Err(error)),
            (Ok(()), None) => Err(Failure::new(
                Exit::Unknown,
                "a transfer ended without a proof",
            )),
        }
    }
}

/// Whether another try may end better, with neither the file nor the receiver's mind changed.
fn is_passing(error: Error) -> bool {
    match error {
        Error::Refused
        | Error::Reset
        | Error::Truncated
        | Error::TimedOut(_)
        | Error::Spinning
        | Error::NoLocalPort => true,
        // Damage on the way; the receiver has thrown it away.
        Error::ReceiverRefused(code) => {
            [Status::BUSY, Status::DIGEST_MISMATCH].contains(&Status(code))
        }
        _ => false,
    }
}

/// Keeps the stack alive for so many ticks.
fn rest(stack: &mut Stack, ticks: u64) -> Result<(), Failure> {
    let due = stack.clock.now().after(ticks);
    while stack.clock.now() < due {
        let wake = stack.turn(&mut [], &mut ());
        stack.rest(wake.into_iter().chain([due]).min(), None, None)?;
    }
    Ok(())
}

/// Tells of one try, and notes what the summary needs.
struct Reporter<'t> {
    terminal: &'t mut Terminal,
    connected: Option<Tick>,
    /// The receiver acknowledged something of the file.
    moved: bool,
}

impl<'t> Reporter<'t> {
    fn new(terminal: &'t mut Terminal) -> Self {
        Self {
            terminal,
            connected: None,
            moved: false,
        }
    }
}

impl Observer for Reporter<'_> {
    fn event(&mut self, now: Tick, app: usize, event: &Event<'_>) {
        match *event {
            Event::Connected { .. } => self.connected = Some(now),
            Event::Progress { .. } => self.moved = true,
            Event::Resumed { offset } => {
                self.terminal
                    .status(format_args!("the receiver has {offset} bytes already"));
            }
            _ => {}
        }
        let terminal = &mut *self.terminal;
        match *event {
            // It is a detail here: the summary tells the end.
            Event::Disconnected { remote } => {
                terminal.detail(format_args!("{now}  {remote} has gone"));
            }
            _ => Narrator { terminal }.event(now, app, event),
        }
    }
}
