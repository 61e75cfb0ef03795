//! How the program ends: curl's exit codes, and the error messages that go with them.

use std::io;
use std::process::ExitCode;

use tickwire::Error;

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
    /// The receiver refused the file, or its receipt is wrong.
    Refused = 25,
    /// The local file cannot be read.
    Read = 26,
    /// A deadline passed.
    TimedOut = 28,
    /// The TAP interface cannot be used (curl: "the interface cannot be used").
    Tap = 45,
    /// The connection was reset.
    Reset = 56,
    /// The data is larger than the limit.
    TooLarge = 63,
    /// Ctrl-C, SIGTERM or SIGHUP ended the program.
    Interrupted = 130,
}

impl From<Error> for Exit {
    fn from(error: Error) -> Self {
        match error {
            Error::Unaddressable | Error::Unreachable | Error::NoLocalPort | Error::Refused => {
                Self::Connect
            }
            Error::TimedOut(_) => Self::TimedOut,
            Error::Reset | Error::AddressLost | Error::Spinning => Self::Reset,
            Error::Truncated => Self::Truncated,
            Error::Malformed(_) => Self::Malformed,
            Error::Status(_) => Self::Status,
            Error::Sink { .. } | Error::StalledSink => Self::Write,
            Error::TooLarge => Self::TooLarge,
            Error::Source { .. } | Error::SourceChanged => Self::Read,
            Error::ReceiverRefused(_) | Error::BadReceipt | Error::DigestMismatch => Self::Refused,
            // `Error` is non-exhaustive; the test below covers every variant of today.
            _ => Self::Unknown,
        }
    }
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

    /// A core error that concerns `subject`, such as a URL or a peer's address.
    pub fn from_core(subject: &str, error: Error) -> Self {
        Self::new(Exit::from(error), format!("{subject}: {}", describe(error)))
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

/// The text of a core error. Where the error carries an errno, the system's text for it.
fn describe(error: Error) -> String {
    match error {
        Error::Sink { code } if code > 0 => {
            let cause = io::Error::from_raw_os_error(code);
            format!("the data cannot be written: {}", io_error_text(&cause))
        }
        Error::Source { code } if code > 0 => {
            let cause = io::Error::from_raw_os_error(code);
            format!("the file cannot be read: {}", io_error_text(&cause))
        }
        other => other.to_string(),
    }
}

/// The system's text, without the "(os error N)" that Rust appends.
pub(crate) fn io_error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire::{Awaited, Malformed};

    #[test]
    fn every_core_error_has_curls_exit_code() {
        let table = [
            (Error::Unaddressable, 7),
            (Error::Unreachable, 7),
            (Error::NoLocalPort, 7),
            (Error::Refused, 7),
            (Error::Malformed(Malformed::NoColon), 8),
            (Error::Truncated, 18),
            (Error::Status(404), 22),
            (Error::Sink { code: 28 }, 23),
            (Error::StalledSink, 23),
            (Error::ReceiverRefused(3), 25),
            (Error::BadReceipt, 25),
            (Error::DigestMismatch, 25),
            (Error::Source { code: 5 }, 26),
            (Error::SourceChanged, 26),
            (Error::TimedOut(Awaited::Head), 28),
            (Error::Reset, 56),
            (Error::AddressLost, 56),
            (Error::Spinning, 56),
            (Error::TooLarge, 63),
        ];
        for (error, code) in table {
            assert_eq!(Exit::from(error) as u8, code, "{error:?}");
        }
    }

    #[test]
    fn an_errno_appears_as_the_systems_text() {
        let failure = Failure::from_core("out.bin", Error::Sink { code: 28 });
        assert_eq!(
            failure.message,
            "out.bin: the data cannot be written: No space left on device"
        );
        let failure = Failure::from_core("x", Error::Sink { code: 0 });
        assert_eq!(failure.message, "x: the data cannot be written (code 0)");
    }
}
