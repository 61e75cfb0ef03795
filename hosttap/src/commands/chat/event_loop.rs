//! The event loop of a chat: stdin to the send queue, messages to stdout, frames both ways.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use rustix::io::{Errno, read};
use rustix::stdio::stdin;
use tickwire::chat::PushError;
use tickwire::{Task, Tick};

use super::charset::Charset;
use super::command::{Command, HELP};
use super::line_splitter::{LineSplitter, Piece};
use super::observer::ChatObserver;
use super::terminal_app::TerminalApp;
use crate::exit::{Exit, Failure};
use crate::link::stack::TapStack;
use crate::system::wait::Ready;
use crate::terminal::line_editor::LineEditor;

/// The size of one read from stdin.
const READ_BYTES: usize = 4 * 1024;

/// How the user's input is treated.
#[derive(Debug, Clone, Copy)]
pub(super) struct InputOptions {
    pub(super) charset: Charset,
    /// Whether a line that begins with a slash is a command.
    pub(super) commands: bool,
    /// Whether input after a command waits until the command has taken effect.
    pub(super) sequential: bool,
    /// Whether every frame is printed on stderr.
    pub(super) verbose: bool,
}

/// A running chat. The stack is the last field: its drop may print, and by then the drop of the
/// editor has restored the terminal.
pub(super) struct EventLoop<A: TerminalApp> {
    task: Task<A>,
    observer: ChatObserver,
    options: InputOptions,
    input: LineSplitter,
    /// Whether the chat knows that the input has ended.
    is_end_passed_on: bool,
    editor: Option<Rc<RefCell<LineEditor>>>,
    stack: TapStack,
}

impl<A: TerminalApp> EventLoop<A> {
    pub(super) fn new(
        stack: TapStack,
        chat: A,
        observer: ChatObserver,
        editor: Option<Rc<RefCell<LineEditor>>>,
        options: InputOptions,
    ) -> Self {
        Self {
            task: Task::new(chat),
            observer,
            options,
            input: LineSplitter::default(),
            is_end_passed_on: false,
            editor,
            stack,
        }
    }

    pub(super) fn run(mut self) -> Result<Exit, Failure> {
        let result = self.run_to_end();
        if result.is_err() {
            // No peer should wait for a program that has ended.
            self.stack.abort_all();
        }
        result
    }

    fn run_to_end(&mut self) -> Result<Exit, Failure> {
        let outcome = loop {
            self.process_input();
            if self.task.app().is_given_up() {
                self.stack.abort_all();
                self.report_unsent(true);
                break Ok(());
            }
            self.hide_row();
            let wake = self.stack.turn(&mut [&mut self.task], &mut self.observer);
            let outcome = self.task.outcome().copied();
            self.report_unsent(outcome.is_some());
            if let Some(outcome) = outcome {
                break outcome;
            }
            // The turn may have made room for more input.
            if self.process_input() {
                continue;
            }
            self.write_pending()?;
            let ready = self.wait(wake, self.wants_input())?;
            if ready.input {
                self.read_stdin()?;
            }
            if ready.resized
                && let Some(editor) = &self.editor
            {
                editor.borrow_mut().on_resize();
            }
        };
        self.finish(outcome)
    }

    /// Says how many of the user's bytes were dropped, where there are some.
    fn report_unsent(&mut self, is_over: bool) {
        let bytes = self.task.app_mut().take_unsent(is_over);
        if bytes > 0 {
            self.observer.unsent(bytes);
        }
    }

    /// Blocks until there is something to do. stdin counts only with `wants_input`.
    fn wait(&mut self, wake: Option<Tick>, wants_input: bool) -> Result<Ready, Failure> {
        let now = self.stack.clock.now();
        let mut editor = self.editor.as_ref().map(|editor| editor.borrow_mut());
        let deadline = editor.as_mut().and_then(|editor| editor.deadline(now));
        let wake = deadline.into_iter().chain(wake).min();
        let blocked = match &editor {
            Some(editor) => editor.blocked(),
            None => self.task.app_mut().messages().blocked(),
        };
        self.stack.wait(wake, wants_input.then(stdin), blocked)
    }

    /// Whether input may be processed now.
    fn accepts_input(&self) -> bool {
        !self.options.sequential || self.task.app().is_settled()
    }

    fn wants_input(&self) -> bool {
        self.accepts_input() && self.input.wants_input()
    }

    /// Passes the user's input to the chat while the chat accepts it. Returns whether it accepted
    /// any.
    fn process_input(&mut self) -> bool {
        let mut any = false;
        while self.accepts_input() && self.process_piece() {
            self.input.consume();
            any = true;
        }
        if self.accepts_input() && !self.is_end_passed_on && self.input.is_finished() {
            self.task.app_mut().end_input();
            self.is_end_passed_on = true;
            any = true;
        }
        // Without input, no further command can follow.
        if self.is_end_passed_on && self.options.commands && self.task.app().is_idle() {
            let _ = self.task.app_mut().command(Command::Quit);
            any = true;
        }
        any
    }

    /// Processes the next piece. Returns whether there was one and the chat accepted it.
    fn process_piece(&mut self) -> bool {
        let is_command = self.options.commands && self.input.is_at_line_start();
        let (text, is_line) = match self.input.peek() {
            Some(Piece::Line(text)) => (text, true),
            Some(Piece::Part(text)) => (text, false),
            None => return false,
        };
        let text = match text {
            [b'/', text @ ..] if is_command && text.starts_with(b"/") => text,
            [b'/', ..] if is_command => {
                let line = String::from_utf8_lossy(text);
                run_command(self.task.app_mut(), &self.observer, &line);
                return true;
            }
            text => text,
        };
        let (bytes, missing) = self.options.charset.encode(text);
        let pushed = if is_line {
            self.task.app_mut().push_line(&bytes)
        } else {
            self.task.app_mut().push_part(&bytes)
        };
        match pushed {
            Ok(()) => {}
            Err(PushError::Full) => return false,
            // Neither can happen: a part is shorter than the queue, and no piece follows the end.
            Err(PushError::TooLong | PushError::Ended) => return true,
        }
        if missing > 0 {
            let name = self.options.charset.name();
            self.observer.status(format_args!(
                "{name} lacks {missing} of these characters; the peer gets ? instead"
            ));
        }
        true
    }

    /// Reads stdin, which poll(2) has reported as readable.
    fn read_stdin(&mut self) -> Result<(), Failure> {
        let mut block = [0; READ_BYTES];
        let bytes = match read(stdin(), &mut block) {
            Ok(length) => block.get(..length).unwrap_or_default(),
            Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
            // The terminal is gone, so the input has ended.
            Err(Errno::IO) => &[],
            Err(errno) => return Err(Failure::from_io(Exit::Read, "stdin", &errno.into())),
        };
        let input = &mut self.input;
        if bytes.is_empty() {
            input.end();
        }
        let Some(editor) = &self.editor else {
            input.push(bytes);
            return Ok(());
        };
        let has_ended = editor.borrow_mut().handle_input(bytes, &mut |line| {
            input.push(line.as_bytes());
            input.push(b"\n");
        });
        if has_ended.map_err(terminal_failure)? || bytes.is_empty() {
            input.end();
            editor.borrow_mut().close().map_err(terminal_failure)?;
            // Who waits for a command alone ends now.
            if !self.task.app().is_idle() {
                self.observer
                    .status("Your input has ended; messages still appear, and Ctrl-C quits");
            }
        }
        Ok(())
    }

    /// Hides the input row before `-v` prints frames on the terminal.
    fn hide_row(&self) {
        if let Some(editor) = self.editor.as_ref().filter(|_| self.options.verbose) {
            let mut editor = editor.borrow_mut();
            editor.hide_row();
            // If the terminal is gone, the next refresh reports it.
            let _ = editor.flush();
        }
    }

    /// Writes pending output while there is room.
    fn write_pending(&mut self) -> Result<(), Failure> {
        let now = self.stack.clock.now();
        match &self.editor {
            Some(editor) => editor
                .borrow_mut()
                .refresh(now)
                .map_err(|errno| terminal_failure(errno.into())),
            None => self.flush().map(drop),
        }
    }

    fn flush(&mut self) -> Result<bool, Failure> {
        let flushed = self.task.app_mut().messages().flush();
        flushed.map_err(|error| Failure::from_core("stdout", error))
    }

    /// The chat has ended. Writes the rest of the messages.
    fn finish(&mut self, outcome: Result<(), A::Error>) -> Result<Exit, Failure> {
        if let Some(editor) = &self.editor {
            // The messages that are left must not wait for an answer of the terminal, which nobody
            // would read. If the terminal is gone, there is nothing to restore.
            let _ = editor.borrow_mut().close();
        }
        while !self.flush()? {
            // The stack keeps running, because an unread frame would end every wait at once.
            let wake = self.stack.turn(&mut [], &mut ());
            self.wait(wake, false)?;
        }
        let printed = self.observer.failure();
        match outcome {
            // A script has ended without a conversation, or its last conversation failed.
            Ok(()) if self.options.sequential && self.is_end_passed_on => {
                Ok(printed.map_or(Exit::Success, Exit::from))
            }
            Ok(()) => Ok(Exit::Success),
            Err(error) if printed == Some(error.into()) => Ok(Exit::from(error.into())),
            Err(error) => Err(Failure::from_core("stdout", error)),
        }
    }
}

fn run_command(app: &mut impl TerminalApp, observer: &ChatObserver, line: &str) {
    match Command::parse(line) {
        Ok(Command::Help) => HELP.iter().for_each(|line| observer.status(line)),
        Ok(command) => {
            if let Err(why) = app.command(command) {
                observer.error(why);
            }
        }
        Err(why) => observer.error(why),
    }
}

fn terminal_failure(error: io::Error) -> Failure {
    Failure::from_io(Exit::Write, "the terminal", &error)
}
