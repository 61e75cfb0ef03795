//! How the program ends: curl's exit codes, and the words that go with them.

use std::io;
use std::process::ExitCode;

use tickwire::Error;

/// The exit codes. They are curl's, so that scripts and people know them already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Fine = 0,
    /// An error of the core that this program does not know.
    Unknown = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The URL is wrong, or its scheme is not `http`.
    Url = 3,
    /// The host's name cannot be resolved.
    Name = 6,
    /// No connection came about.
    Connect = 7,
    /// The peer broke the protocol.
    Malformed = 8,
    /// The peer closed before the end.
    Truncated = 18,
    /// The server answered with a status that is no success.
    Status = 22,
    /// The data cannot be written here.
    Write = 23,
    /// The receiver refused the file, or its receipt is bad.
    Refused = 25,
    /// The local file cannot be read.
    Read = 26,
    /// A deadline passed.
    TimedOut = 28,
    /// The TAP interface cannot be used (curl: "the interface cannot be used").
    Tap = 45,
    /// The connection was reset.
    Reset = 56,
    /// Larger than the limit.
    TooLarge = 63,
    /// Ctrl-C, SIGTERM or SIGHUP.
    Interrupted = 130,
}

impl Exit {
    /// The code that belongs to an error of the core.
    pub fn of(error: Error) -> Self {
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
            // `Error` may grow; the test below holds every variant of today.
            _ => Self::Unknown,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ends without success: the code for scripts and the words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong and, where there is something to do, what. One or more lines, no final newline;
    /// empty when it was said already.
    pub message: String,
}

impl Failure {
    /// A failure in this program's own words.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    /// The core's `error` while the program was `doing` something, such as `http://192.168.69.2/`.
    pub fn of(doing: &str, error: Error) -> Self {
        Self::new(Exit::of(error), format!("{doing}: {}", describe(error)))
    }

    /// The system's `error` at `subject` (a file's name), with the code that the caller chooses.
    pub fn system(exit: Exit, subject: &str, error: &io::Error) -> Self {
        Self::new(exit, format!("{subject}: {}", system_text(error)))
    }

    /// Ended by Ctrl-C or SIGTERM.
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

/// The core's error in words; where it carries an errno, in the system's words.
fn describe(error: Error) -> String {
    match error {
        Error::Sink { code } if code > 0 => {
            let cause = io::Error::from_raw_os_error(code);
            format!("the data cannot be written: {}", system_text(&cause))
        }
        Error::Source { code } if code > 0 => {
            let cause = io::Error::from_raw_os_error(code);
            format!("the file cannot be read: {}", system_text(&cause))
        }
        other => other.to_string(),
    }
}

/// The system's own text, without the "(os error N)" that Rust appends to it.
pub(crate) fn system_text(error: &io::Error) -> String {
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
    fn every_error_of_the_core_has_curls_code() {
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
            assert_eq!(Exit::of(error) as u8, code, "{error:?}");
        }
    }

    #[test]
    fn an_errno_is_told_in_the_systems_words() {
        let failure = Failure::of("out.bin", Error::Sink { code: 28 });
        assert_eq!(
            failure.message,
            "out.bin: the data cannot be written: No space left on device"
        );
        let failure = Failure::of("x", Error::Sink { code: 0 });
        assert_eq!(failure.message, "x: the data cannot be written (code 0)");
    }
}
