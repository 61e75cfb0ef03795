//! One conversation of the chat peer, as listener or as dialler.
//!
//! | key | value | default |
//! |---|---|---|
//! | `peer` | the address to dial; without it, the board listens | |
//! | `port` | the peer's port, or ours | 1001 |
//! | `lines` | a file of the host: its lines are sent, and then our side is closed | nothing is sent |
//! | `raw` | when there, lines are sent without line ends | |
//!
//! Prints `listening` when a caller would be heard, and each message that comes.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use board::host::{self, ARGUMENTS_BYTES_MAX, Arguments, HostFile};
use images::app::{Announcer, Memory};
use images::exit::{self, Failure};
use images::{Network, address, number};
use smoltcp::wire::IpEndpoint;
use tickwire::chat::{Chat, LineEnd, Options, PushError};
use tickwire::{Sink, SinkError, Task};

/// The longest line in either direction.
const LINE_BYTES_MAX: usize = 256;

type Buffers = Memory<2, 1_460, 1_460>;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Buffers = Memory::empty();
    exit::finish(run(MEMORY))
}

fn run(memory: &'static mut Buffers) -> Result<(), Failure> {
    let mut buffer = [MaybeUninit::uninit(); ARGUMENTS_BYTES_MAX];
    let arguments = Arguments::read(&mut buffer).map_err(|_| Failure::usage("no command line"))?;
    let network = Network::from_arguments(&arguments)?;
    let remote = address(&arguments, "peer")?;
    let port = number(&arguments, "port", 1_001)?;
    let mut script = arguments.get("lines").map(Script::open).transpose()?;
    let options = Options {
        line_end: if arguments.get("raw").is_some() {
            LineEnd::Raw
        } else {
            LineEnd::Lf
        },
        once: true,
        ..Options::DEFAULT
    };
    let (node, sockets) = memory.start(&network)?;
    let (mut line, mut queue) = ([0; LINE_BYTES_MAX], [0; LINE_BYTES_MAX]);
    let mut chat = Chat::new(sockets, &mut line[..], &mut queue[..], Printer, options);
    match remote {
        Some(remote) => chat.dial(IpEndpoint::new(remote.into(), port)),
        None => chat.listen(port),
    }
    let mut task = Task::new(chat);
    let result = loop {
        // All that the queue holds: what is still in the file when the peer closes is not sent.
        let mut has_pushed = false;
        while let Some(script) = &mut script
            && script.push_into(task.app_mut())?
        {
            has_pushed = true;
        }
        let next = node.turn(&mut task, &mut Announcer);
        if let Some(outcome) = task.outcome() {
            break *outcome;
        }
        if !has_pushed {
            node.sleep(next);
        }
    };
    node.report_cost();
    Ok(result?)
}

/// Messages go to the host's stdout, each with its LF.
struct Printer;

impl Sink for Printer {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        host::write(data);
        Ok(data.len())
    }
}

/// The host's file of lines, and how far it was read.
struct Script {
    file: HostFile,
    offset: u64,
    length: u64,
    /// A line that was read and has found no room yet.
    line: [u8; LINE_BYTES_MAX],
    /// Its length, when there is one.
    waiting: Option<usize>,
    is_over: bool,
}

impl Script {
    fn open(path: &str) -> Result<Self, Failure> {
        let file = HostFile::open(path)?;
        let length = file.len_bytes()?;
        Ok(Self {
            file,
            offset: 0,
            length,
            line: [0; LINE_BYTES_MAX],
            waiting: None,
            is_over: false,
        })
    }

    /// Queues one more line where there is room; after the last it ends our input. Whether it moved.
    fn push_into(&mut self, chat: &mut Chat<'_, Printer>) -> Result<bool, Failure> {
        if self.is_over {
            return Ok(false);
        }
        let Some(length) = self.next_line()? else {
            self.is_over = true;
            chat.end_input();
            return Ok(true);
        };
        match chat.push_line(self.line.get(..length).unwrap_or_default()) {
            Ok(()) => self.waiting = None,
            Err(PushError::Full) => return Ok(false),
            Err(_) => return Err(Failure::usage("a line of lines= is too long")),
        }
        Ok(true)
    }

    fn next_line(&mut self) -> Result<Option<usize>, Failure> {
        if self.waiting.is_some() || self.offset >= self.length {
            return Ok(self.waiting);
        }
        let left = usize::try_from(self.length - self.offset).unwrap_or(usize::MAX);
        let piece = self
            .line
            .get_mut(..left.min(LINE_BYTES_MAX))
            .unwrap_or_default();
        self.file.read_at(self.offset, piece)?;
        let length = piece
            .iter()
            .position(|&byte| byte == b'\n')
            .ok_or(Failure::usage("a line of lines= is too long"))?;
        self.offset += length as u64 + 1;
        self.waiting = Some(length);
        Ok(self.waiting)
    }
}
