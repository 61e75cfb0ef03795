//! Reports the state of the conversation to the user, on stderr or above the input row.

use std::cell::RefCell;
use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::rc::Rc;

use tickwire::{Error, Event, Observer, Role, Tick, chat, websocket};

use crate::app_error::AppError;
use crate::commands::lease;
use crate::terminal::console::{Console, Verbosity};
use crate::terminal::line_editor::LineEditor;
use crate::terminal::text::{sanitize_line, to_socket_addr};

/// The observer of a chat.
pub(super) struct ChatObserver {
    console: Console,
    /// The editor, if stderr is its terminal.
    editor: Option<Rc<RefCell<LineEditor>>>,
    /// The last failure that was printed, unless a new conversation has started since.
    failure: Option<AppError>,
    /// The name that was looked up last.
    host: String,
}

impl ChatObserver {
    pub(super) fn new(console: Console, editor: Option<Rc<RefCell<LineEditor>>>) -> Self {
        Self {
            console,
            editor: editor.filter(|_| io::stderr().is_terminal()),
            failure: None,
            host: String::new(),
        }
    }

    /// The last failure that was printed, unless a new conversation has started since.
    pub(super) fn failure(&self) -> Option<AppError> {
        self.failure
    }

    pub(super) fn error(&self, text: impl Display) {
        self.print(Verbosity::Quiet, &text);
    }

    pub(super) fn status(&self, text: impl Display) {
        self.print(Verbosity::Normal, &text);
    }

    /// Says that these bytes of the user's were dropped.
    pub(super) fn unsent(&self, bytes: u64) {
        self.status(format_args!("{bytes} bytes did not reach the peer"));
    }

    fn print(&self, level: Verbosity, text: &dyn Display) {
        match &self.editor {
            Some(editor) if level <= self.console.verbosity() => {
                let line = format!("hosttap: {text}");
                editor.borrow_mut().print_status(&sanitize_line(&line));
            }
            Some(_) => {}
            None => self.console.print(level, text),
        }
    }
}

impl Observer for ChatObserver {
    fn event(&mut self, now: Tick, _task: &'static str, event: &Event) {
        match *event {
            Event::Listening { .. } | Event::Connecting { .. } | Event::Connected { .. } => {
                self.failure = None;
            }
            Event::Resolving { host } => {
                self.failure = None;
                self.host = sanitize_line(host).into_owned();
            }
            Event::Failed { .. } => self.failure = AppError::of(event),
            _ => {}
        }
        match *event {
            Event::State { old, new } => {
                self.print(Verbosity::Verbose, &format_args!("{now}  {old} => {new}"));
            }
            Event::Listening { port } => self.status(format_args!("Listening on port {port}")),
            Event::Resolving { .. } => self.status(format_args!("Looking up {}", self.host)),
            Event::Connecting { remote } => {
                self.status(format_args!("Calling {}", to_socket_addr(remote)));
            }
            Event::Connected { remote, role } => {
                let remote = to_socket_addr(remote);
                let role = match role {
                    Role::Server => "listener",
                    Role::Client => "dialler",
                };
                self.status(format_args!("Connected with {remote} as {role}"));
            }
            Event::Disconnected { remote } => {
                self.status(format_args!("Disconnected from {}", to_socket_addr(remote)));
            }
            Event::Failed { remote, .. } => match (remote, self.failure) {
                (Some(remote), Some(error)) => {
                    self.error(format_args!("{}: {error}", to_socket_addr(remote)));
                }
                (None, Some(error @ AppError::Connection(Error::Unresolved(_)))) => {
                    self.error(format_args!("{}: {error}", self.host));
                }
                (None, Some(error)) => self.error(error),
                (_, None) => {}
            },
            Event::Retrying { delay } => {
                let seconds = delay.as_millis().div_ceil(1_000);
                self.status(format_args!("Calling again in {seconds} s"));
            }
            _ => match event.app() {
                Some(chat::Event::Partial) => {
                    self.status("the message above is only a part of a line");
                }
                Some(chat::Event::Unsent { bytes }) => self.unsent(*bytes),
                _ => {
                    if let Some(websocket::Event::Closed { code }) = event.app() {
                        let code =
                            code.map_or_else(String::new, |code| format!(" with code {code}"));
                        self.status(format_args!("The server has closed{code}"));
                    }
                    if let Some(text) = lease::event_text(event) {
                        self.status(text);
                    }
                }
            },
        }
    }
}
