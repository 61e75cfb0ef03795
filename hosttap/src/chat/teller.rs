//! Tells the user what happens to the conversation, on stderr or above the row where they type.

use std::cell::RefCell;
use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::rc::Rc;

use tickwire::{Error, Event, Observer, Part, Tick};

use super::screen::Screen;
use crate::terminal::{Level, Terminal, clean_line};

/// The observer of a chat.
pub(super) struct Teller {
    terminal: Terminal,
    /// Where stderr is the terminal whose last row the user types in.
    screen: Option<Rc<RefCell<Screen>>>,
    /// The failure that was told last, if nothing has begun since.
    failure: Option<Error>,
}

impl Teller {
    pub(super) fn new(terminal: Terminal, screen: Option<Rc<RefCell<Screen>>>) -> Self {
        Self {
            terminal,
            screen: screen.filter(|_| io::stderr().is_terminal()),
            failure: None,
        }
    }

    /// The failure that was told last, if nothing has begun since.
    pub(super) fn failure(&self) -> Option<Error> {
        self.failure
    }

    pub(super) fn error(&self, text: impl Display) {
        self.say(Level::Quiet, &text);
    }

    pub(super) fn status(&self, text: impl Display) {
        self.say(Level::Normal, &text);
    }

    fn say(&self, level: Level, text: &dyn Display) {
        match &self.screen {
            Some(screen) if level <= self.terminal.level() => {
                let line = format!("hosttap: {text}");
                screen.borrow_mut().put_status(&clean_line(&line));
            }
            Some(_) => {}
            None => match level {
                Level::Quiet => self.terminal.error(text),
                Level::Normal => self.terminal.status(text),
                Level::Verbose => self.terminal.detail(text),
            },
        }
    }
}

impl Observer for Teller {
    fn event(&mut self, now: Tick, _app: usize, event: &Event<'_>) {
        match *event {
            Event::Listening { .. } | Event::Connecting { .. } | Event::Connected { .. } => {
                self.failure = None;
            }
            Event::Failed { error, .. } => self.failure = Some(error),
            _ => {}
        }
        match *event {
            Event::Entered { from, to } => {
                self.say(Level::Verbose, &format_args!("{now}  {from} => {to}"));
            }
            Event::Listening { port } => self.status(format_args!("Listening on port {port}")),
            Event::Connecting { remote } => self.status(format_args!("Calling {remote}")),
            Event::Connected { remote, part } => {
                let part = match part {
                    Part::Listener => "listener",
                    Part::Dialler => "dialler",
                };
                self.status(format_args!("Connected with {remote} as {part}"));
            }
            Event::Partial => self.status("the message above is only a part of a line"),
            Event::Unsent { bytes } => {
                self.status(format_args!("{bytes} bytes did not reach the peer"));
            }
            Event::Disconnected { remote } => {
                self.status(format_args!("Disconnected from {remote}"));
            }
            Event::Failed {
                remote: Some(remote),
                error,
            } => self.error(format_args!("{remote}: {error}")),
            Event::Failed {
                remote: None,
                error,
            } => self.error(error),
            Event::Redialling { delay_ticks } => {
                self.status(format_args!("Calling again in {} s", delay_ticks / 1_000));
            }
            _ => {}
        }
    }
}
