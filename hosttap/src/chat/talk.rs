//! The loop of a chat: stdin to the queue, messages to stdout, frames both ways, and a rest.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use rustix::io::{Errno, read};
use rustix::stdio::stdin;
use tickwire::chat::{Peer, PushError};
use tickwire::{Error, Slot, Tick};

use super::charset::Charset;
use super::command::Command;
use super::input::{Input, Piece};
use super::messages::Messages;
use super::screen::Screen;
use super::teller::Teller;
use crate::exit::{Exit, Failure};
use crate::stack::Stack;
use crate::wait::Ready;

/// Bytes of one read from stdin.
const READ_BYTES: usize = 4 * 1024;

/// How the user talks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ways {
    pub(super) charset: Charset,
    /// A line that begins with a slash is a command.
    pub(super) commands: bool,
    /// What follows a command waits until that has taken effect.
    pub(super) in_turn: bool,
    /// Every frame is a line on stderr.
    pub(super) verbose: bool,
}

/// A running chat. The stack comes last: when it is dropped it may say something, and the terminal is in order then.
pub(super) struct Talk<'m> {
    peer: Peer<'m, Messages>,
    slot: Slot,
    teller: Teller,
    ways: Ways,
    input: Input,
    /// The end of the input was told to the machine.
    is_ended: bool,
    screen: Option<Rc<RefCell<Screen>>>,
    stack: Stack,
}

impl<'m> Talk<'m> {
    pub(super) fn new(
        stack: Stack,
        peer: Peer<'m, Messages>,
        teller: Teller,
        screen: Option<Rc<RefCell<Screen>>>,
        ways: Ways,
    ) -> Self {
        Self {
            peer,
            slot: Slot::new(),
            teller,
            ways,
            input: Input::default(),
            is_ended: false,
            screen,
            stack,
        }
    }

    pub(super) fn run(mut self) -> Result<Exit, Failure> {
        let ended = self.converse();
        if ended.is_err() {
            // No peer waits for a program that has gone.
            self.stack.reset_all();
        }
        ended
    }

    fn converse(&mut self) -> Result<Exit, Failure> {
        let outcome = loop {
            self.take_input();
            self.hide_row();
            let mut seats = [self.slot.seat(&mut self.peer)];
            let wake = self.stack.turn(&mut seats, &mut self.teller);
            if let Some(outcome) = self.slot.outcome() {
                break outcome;
            }
            // The turn may have made room for more.
            if self.take_input() {
                continue;
            }
            self.show()?;
            let ready = self.rest(wake, self.is_hungry())?;
            if ready.input {
                self.read()?;
            }
        };
        self.finish(outcome)
    }

    /// Rests until there is something to do; input is only something for the hungry.
    fn rest(&mut self, wake: Option<Tick>, is_hungry: bool) -> Result<Ready, Failure> {
        let screen = self.screen.as_ref().map(|screen| screen.borrow());
        let blocked = match &screen {
            Some(screen) => screen.blocked(),
            None => self.peer.sink_mut().blocked(),
        };
        self.stack.rest(wake, is_hungry.then(stdin), blocked)
    }

    /// Whether what the user says can be used now.
    fn is_listening(&self) -> bool {
        !self.ways.in_turn || self.peer.is_settled()
    }

    fn is_hungry(&self) -> bool {
        self.is_listening() && self.input.is_hungry()
    }

    /// Gives what the user has said to the machine as far as that takes it, and returns whether that was anything.
    fn take_input(&mut self) -> bool {
        let mut any = false;
        while self.is_listening() && self.take_piece() {
            self.input.take();
            any = true;
        }
        if self.is_listening() && !self.is_ended && self.input.is_over() {
            self.peer.end_input();
            self.is_ended = true;
            any = true;
        }
        // Nobody can give another command.
        if self.is_ended && self.ways.commands && self.peer.is_idle() {
            self.peer.quit();
            any = true;
        }
        any
    }

    /// Whether the next piece was taken.
    fn take_piece(&mut self) -> bool {
        let is_command = self.ways.commands && self.input.is_at_line();
        let (text, is_line) = match self.input.next() {
            Some(Piece::Line(text)) => (text, true),
            Some(Piece::Part(text)) => (text, false),
            None => return false,
        };
        let text = match text {
            [b'/', text @ ..] if is_command && text.starts_with(b"/") => text,
            [b'/', ..] if is_command => {
                let line = String::from_utf8_lossy(text);
                obey(&mut self.peer, &self.teller, &line);
                return true;
            }
            text => text,
        };
        let (bytes, missing) = self.ways.charset.encode(text);
        let pushed = if is_line {
            self.peer.push_line(&bytes)
        } else {
            self.peer.push_part(&bytes)
        };
        match pushed {
            Ok(()) => {}
            Err(PushError::Full) => return false,
            // Neither can happen: a part is shorter than the queue, and behind the end there is none.
            Err(PushError::TooLong | PushError::Ended) => return true,
        }
        if missing > 0 {
            let name = self.ways.charset.name();
            self.teller.status(format_args!(
                "{name} lacks {missing} of these characters; the peer gets ? instead"
            ));
        }
        true
    }

    /// Reads what stdin has. Poll has said that it does not wait.
    fn read(&mut self) -> Result<(), Failure> {
        let mut block = [0; READ_BYTES];
        let bytes = match read(stdin(), &mut block) {
            Ok(length) => block.get(..length).unwrap_or_default(),
            Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
            // A terminal that has gone says nothing more.
            Err(Errno::IO) => &[],
            Err(errno) => return Err(Failure::system(Exit::Read, "stdin", &errno.into())),
        };
        let input = &mut self.input;
        if bytes.is_empty() {
            input.end();
        }
        let Some(screen) = &self.screen else {
            input.push(bytes);
            return Ok(());
        };
        let mut screen = screen.borrow_mut();
        let ended = screen.type_in(bytes, &mut |line| {
            input.push(line.as_bytes());
            input.push(b"\n");
        });
        if ended.map_err(terminal_failure)? || bytes.is_empty() {
            input.end();
            screen.close().map_err(terminal_failure)?;
        }
        Ok(())
    }

    /// The frames' lines of `-v` go to the terminal without asking.
    fn hide_row(&self) {
        if let Some(screen) = self.screen.as_ref().filter(|_| self.ways.verbose) {
            let mut screen = screen.borrow_mut();
            screen.hide();
            // Whether the terminal has gone is found out when there is something to show.
            let _ = screen.flush();
        }
    }

    /// Shows what waits, as far as there is room.
    fn show(&mut self) -> Result<(), Failure> {
        match &self.screen {
            Some(screen) => screen
                .borrow_mut()
                .refresh()
                .map_err(|errno| terminal_failure(errno.into())),
            None => self.flush().map(drop),
        }
    }

    fn flush(&mut self) -> Result<bool, Failure> {
        let flushed = self.peer.sink_mut().flush();
        flushed.map_err(|error| Failure::of("stdout", error))
    }

    /// The machine has ended: what it has delivered still becomes visible.
    fn finish(&mut self, outcome: Result<(), Error>) -> Result<Exit, Failure> {
        while !self.flush()? {
            // The link goes on, so that its frames do not end every rest at once.
            let wake = self.stack.turn(&mut [], &mut ());
            self.rest(wake, false)?;
        }
        let told = self.teller.failure();
        match outcome {
            // A script that has ended without a conversation, or whose last one failed.
            Ok(()) if self.ways.in_turn && self.is_ended => Ok(told.map_or(Exit::Fine, Exit::of)),
            Ok(()) => Ok(Exit::Fine),
            Err(error) if told == Some(error) => Ok(Exit::of(error)),
            Err(error) => Err(Failure::of("stdout", error)),
        }
    }
}

fn obey(peer: &mut Peer<'_, Messages>, teller: &Teller, line: &str) {
    match Command::parse(line) {
        Ok(Command::Connect(remote)) => peer.dial(remote),
        Ok(Command::Listen(port)) => peer.listen(port),
        Ok(Command::Disconnect) => peer.disconnect(),
        Ok(Command::Quit) => peer.quit(),
        Err(why) => teller.error(why),
    }
}

fn terminal_failure(error: io::Error) -> Failure {
    Failure::system(Exit::Write, "the terminal", &error)
}
