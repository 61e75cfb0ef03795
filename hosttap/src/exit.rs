//! How the program ends: curl's exit codes, and the error messages that go with them.

use std::io;
use std::process::ExitCode;

/// The exit codes. They are curl's, so scripts and people already know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command succeeded.
    Success = 0,
    /// A core error that this program does not know.
    Unknown = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The URL is malformed, or its scheme is not `http`.
    Url = 3,
    /// The host name cannot be resolved.
    Resolve = 6,
    /// The connection could not be established.
    Connect = 7,
    /// The peer violated the protocol.
    Malformed = 8,
    /// The peer closed the connection before the end of the data.
    Truncated = 18,
    /// The server answered with a status that is not success.
    Status = 22,
    /// The data cannot be written locally.
    Write = 23,
    /// The receiver refused the file, its receipt is wrong, or a file has another digest than asked.
    Refused = 25,
    /// The local file cannot be read.
    Read = 26,
    /// A deadline passed.
    TimedOut = 28,
    /// A transfer cannot go on where it stopped.
    CannotResume = 33,
    /// The TAP interface cannot be used (curl: "the interface cannot be used").
    Tap = 45,
    /// More redirects than are allowed, or redirects in a circle.
    TooManyRedirects = 47,
    /// The connection was reset.
    Reset = 56,
    /// The data is larger than the limit.
    TooLarge = 63,
    /// Ctrl-C, SIGTERM or SIGHUP ended the program.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed: the exit code for scripts and the message for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong and, where possible, what to do about it. One or more lines without a final
    /// newline; empty if the message was already printed.
    pub message: String,
}

impl Failure {
    /// A failure with this program's own message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    /// An I/O error that concerns `subject`, such as a file name. The caller chooses the exit code.
    pub fn from_io(exit: Exit, subject: &str, error: &io::Error) -> Self {
        Self::new(exit, format!("{subject}: {}", io_error_text(error)))
    }

    /// Ctrl-C, SIGTERM or SIGHUP ended the command.
    pub fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted")
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The system's text, without the "(os error N)" that Rust appends.
pub(crate) fn io_error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
