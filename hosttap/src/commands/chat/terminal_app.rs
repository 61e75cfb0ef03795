//! What the event loop needs of an app whose terminal it is.

use tickwire::App;
use tickwire::chat::{Chat, PushError};
use tickwire::dns::HostPort;

use super::command::Command;
use super::message_writer::MessageWriter;
use crate::app_error::AppError;

/// A chat, whatever it speaks.
pub(super) trait TerminalApp: App<Error: Copy + Into<AppError>> {
    /// Queues a line, or the rest of one; `PushError::Full` when it must wait.
    fn push_line(&mut self, text: &[u8]) -> Result<(), PushError>;

    /// Queues the front of a line that is too long to be queued at once.
    fn push_part(&mut self, text: &[u8]) -> Result<(), PushError>;

    /// The user's input has ended.
    fn end_input(&mut self);

    /// Does what the user wants, or says why not. `Help` is the loop's own.
    fn command(&mut self, command: Command) -> Result<(), &'static str>;

    /// Whether the last command has taken effect.
    fn is_settled(&self) -> bool;

    /// Whether it waits for the user's next command and nothing else.
    fn is_idle(&self) -> bool;

    /// Whether the user has given up what had not begun.
    fn is_given_up(&self) -> bool {
        false
    }

    /// The number of the user's bytes that were dropped since the last call, where no event tells it.
    /// With `is_over`, no more are sent.
    fn take_unsent(&mut self, is_over: bool) -> u64 {
        let _ = is_over;
        0
    }

    /// Where the messages go.
    fn messages(&mut self) -> &mut MessageWriter;
}

impl TerminalApp for Chat<'_, MessageWriter, HostPort<String>> {
    fn push_line(&mut self, text: &[u8]) -> Result<(), PushError> {
        Self::push_line(self, text)
    }

    fn push_part(&mut self, text: &[u8]) -> Result<(), PushError> {
        Self::push_part(self, text)
    }

    fn end_input(&mut self) {
        Self::end_input(self);
    }

    fn command(&mut self, command: Command) -> Result<(), &'static str> {
        match command {
            Command::Connect(peer) => self.dial(peer.remote()),
            Command::Listen(port) => self.listen(port),
            Command::Disconnect => self.disconnect(),
            Command::Quit => self.quit(),
            Command::Help => {}
        }
        Ok(())
    }

    fn is_settled(&self) -> bool {
        Self::is_settled(self)
    }

    fn is_idle(&self) -> bool {
        Self::is_idle(self)
    }

    fn messages(&mut self) -> &mut MessageWriter {
        self.sink_mut()
    }
}
