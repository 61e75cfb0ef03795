//! `hosttap chat`: sends stdin to a peer and prints its messages, one conversation at a time.

mod charset;
mod command;
mod event_loop;
mod line_queue;
mod line_splitter;
mod message_writer;
mod observer;
mod over_websocket;
mod terminal_app;

use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::rc::Rc;

use tickwire::Duration;
use tickwire::chat::{Chat, LineEnd, Options};

use crate::cli::values::Peer;
use crate::cli::{CHAT_PORT, ChatOptions, LinkOptions};
use crate::commands::{join, resolve, websocket};
use crate::exit::{Exit, Failure};
use crate::link::side::hint;
use crate::terminal::console::Console;
use crate::terminal::line_editor::LineEditor;
use charset::Charset;
use event_loop::{EventLoop, InputOptions};
use message_writer::MessageWriter;
use observer::ChatObserver;

/// The size of each buffer of a socket.
const BUFFER_BYTES: usize = 64 * 1024;
/// The longest line that is received in one piece.
const LINE_BYTES: usize = 64 * 1024;
/// The size of the send queue. An encoded part of a line always fits in an empty queue.
const QUEUE_BYTES: usize = 128 * 1024;

/// Runs the command until it is interrupted, or until the options or the end of stdin end it.
///
/// # Errors
/// The command cannot start, or stdout cannot be written. The failure of a conversation has been
/// printed already, so it is an `Ok` with that exit code.
pub fn run(link: &LinkOptions, options: &ChatOptions) -> Result<Exit, Failure> {
    let charset = Charset::from_label(&options.encoding)?;
    let url = match &options.ws {
        Some(_) if !charset.is_utf8() => {
            let why = "--ws: the text of a WebSocket is always UTF-8";
            return Err(Failure::new(Exit::Usage, why));
        }
        Some(text) => Some(websocket::parse_url(text)?),
        None => None,
    };
    let mut console = Console::new(link.verbose, link.quiet);
    let mut stack = join::open(link, &mut console)?;
    let peer = options.connect.as_ref();
    if peer.is_some_and(Peer::has_name) {
        resolve::start(&mut stack, &console, link);
    } else {
        // A command may name a host.
        resolve::start_quietly(&mut stack, link);
    }
    let editor = LineEditor::open()
        .map_err(|error| Failure::from_io(Exit::Write, "the terminal", &error))?
        .map(|editor| Rc::new(RefCell::new(editor)));
    if editor.is_some() {
        let watched = stack.signals.watch_terminal_size();
        watched.map_err(|error| Failure::from_io(Exit::Write, "the terminal", &error))?;
    }
    let messages = MessageWriter::new(charset, editor.clone())
        .map_err(|error| Failure::from_io(Exit::Write, "stdout", &error))?;
    let is_interactive = io::stdin().is_terminal();
    let input_options = InputOptions {
        charset,
        commands: options.commands || is_interactive,
        // The commands of a script wait for each other; a person sees what happens.
        sequential: options.commands && !is_interactive,
        verbose: link.verbose,
    };
    if let Some(url) = &url {
        let chat = over_websocket::open(&mut stack, url, options.retry, messages)?;
        let observer = ChatObserver::new(console, editor.clone());
        return EventLoop::new(stack, chat, observer, editor, input_options).run();
    }
    let sockets = [BUFFER_BYTES; 2].map(|bytes| stack.add_socket(bytes));
    let (mut line, mut queue) = (vec![0; LINE_BYTES], vec![0; QUEUE_BYTES]);
    let peer_options = peer_options(options, input_options.commands);
    let mut chat = Chat::with_remotes(
        sockets,
        &mut line[..],
        &mut queue[..],
        messages,
        peer_options,
    );
    match peer {
        Some(peer) => chat.dial(peer.remote()),
        None => chat.listen(options.listen.unwrap_or(CHAT_PORT)),
    }
    let observer = ChatObserver::new(console, editor.clone());
    if editor.is_some() {
        observer
            .status("Commands: /connect HOST[:PORT], /listen [PORT], /disconnect, /help, /quit");
    }
    if peer.is_some()
        && let Some(hint) = hint(link)
    {
        observer.status(hint);
    }
    EventLoop::new(stack, chat, observer, editor, input_options).run()
}

fn peer_options(options: &ChatOptions, commands: bool) -> Options {
    Options {
        line_end: if options.raw {
            LineEnd::Raw
        } else {
            LineEnd::Lf
        },
        once: options.once,
        redial: options.retry,
        stay: commands,
        // The reader of stdout may pause as long as it likes; an unread pipe is not our error.
        stall_timeout: Duration::MAX,
        ..Options::DEFAULT
    }
}
