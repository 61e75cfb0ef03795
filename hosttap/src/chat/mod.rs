//! `hosttap chat`: one conversation at a time, between the peer and stdin and stdout.

mod charset;
mod command;
mod editor;
mod input;
mod keys;
mod messages;
mod screen;
mod talk;
mod teller;

use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::rc::Rc;

use tickwire::chat::{LineEnd, Options, Peer};

use crate::cli::{CHAT_PORT, ChatOptions, LinkOptions};
use crate::exit::{Exit, Failure};
use crate::stack::Stack;
use crate::terminal::Terminal;
use charset::Charset;
use messages::Messages;
use screen::Screen;
use talk::{Talk, Ways};
use teller::Teller;

/// Bytes of each buffer of a socket.
const BUFFER_BYTES: usize = 64 * 1024;
/// The longest line that comes out whole.
const LINE_BYTES: usize = 64 * 1024;
/// Lines that wait to be sent. An encoded part of one fits in any case.
const QUEUE_BYTES: usize = 128 * 1024;

/// Runs the command: until it is stopped, or as the options and the end of stdin say.
///
/// # Errors
/// What keeps it from beginning, and stdout that cannot be written. How a conversation failed was told already; it
/// is the exit code of [`Ok`].
pub fn run(link: &LinkOptions, options: &ChatOptions) -> Result<Exit, Failure> {
    let charset = Charset::of_label(&options.encoding)?;
    let remote = options
        .connect
        .as_ref()
        .map(command::endpoint)
        .transpose()?;
    let terminal = Terminal::new(link.verbose, link.quiet);
    let mut stack = Stack::open(link)?;
    let screen = Screen::open()
        .map_err(|error| Failure::system(Exit::Write, "the terminal", &error))?
        .map(|screen| Rc::new(RefCell::new(screen)));
    let messages = Messages::new(charset, screen.clone())
        .map_err(|error| Failure::system(Exit::Write, "stdout", &error))?;
    let is_person = io::stdin().is_terminal();
    let ways = Ways {
        charset,
        commands: options.commands || is_person,
        // A script's commands wait for each other; a person sees what happens.
        in_turn: options.commands && !is_person,
        verbose: link.verbose,
    };
    let sockets = [BUFFER_BYTES; 2].map(|bytes| stack.add_socket(bytes));
    let (mut line, mut queue) = (vec![0; LINE_BYTES], vec![0; QUEUE_BYTES]);
    let peer_options = peer_options(options, ways.commands);
    let mut peer = Peer::new(
        sockets,
        &mut line[..],
        &mut queue[..],
        messages,
        peer_options,
    );
    match remote {
        Some(remote) => peer.dial(remote),
        None => peer.listen(options.listen.unwrap_or(CHAT_PORT)),
    }
    let teller = Teller::new(terminal, screen.clone());
    if screen.is_some() {
        teller.status("Commands: /connect HOST[:PORT], /listen [PORT], /disconnect, /quit");
    }
    Talk::new(stack, peer, teller, screen, ways).run()
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
        // A person may hold the terminal for as long as they like; a pipe that is never read is no error of ours.
        stall_ticks: u64::MAX,
        ..Options::DEFAULT
    }
}
