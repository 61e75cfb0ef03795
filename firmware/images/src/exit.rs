//! How an image ends: hosttap's exit codes, which are curl's.

use board::Absent;
use board::host::{self, HostError, Line};
use tickwire::chat::ChatError;
use tickwire::file::{ReceiveError, SendError};
use tickwire::http::{DownloadError, GetError};
use tickwire::{Error, TimeoutKind};

/// All went well.
pub const FINE: i32 = 0;
/// A test of the board failed, or an error of the core that the images do not know.
pub const FAILED: i32 = 1;
/// The parameters make no sense.
pub const USAGE: i32 = 2;
/// The URL is wrong.
pub const URL: i32 = 3;
/// The name cannot be resolved.
pub const RESOLVE: i32 = 6;
/// No connection came about.
pub const CONNECT: i32 = 7;
/// The peer broke the protocol.
pub const MALFORMED: i32 = 8;
/// The peer closed before the end.
pub const TRUNCATED: i32 = 18;
/// The server answered with a status that is no success.
pub const STATUS: i32 = 22;
/// The data cannot be written.
pub const WRITE: i32 = 23;
/// The receiver refused the file, or the digest is wrong.
pub const REFUSED: i32 = 25;
/// The file cannot be read.
pub const READ: i32 = 26;
/// A deadline passed.
pub const TIMED_OUT: i32 = 28;
/// A part of the board does not answer.
pub const BOARD: i32 = 45;
/// Too many redirects, or to nowhere.
pub const REDIRECTS: i32 = 47;
/// The peer reset the connection.
pub const RESET: i32 = 56;
/// Larger than the limit.
pub const TOO_LARGE: i32 = 63;

/// How an image ends that does not succeed: its exit code, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// The emulator's exit code.
    pub code: i32,
    /// One line for stderr.
    pub why: &'static str,
}

impl Failure {
    /// Any failure.
    pub const fn new(code: i32, why: &'static str) -> Self {
        Self { code, why }
    }

    /// A parameter that is missing or malformed.
    pub const fn usage(why: &'static str) -> Self {
        Self::new(USAGE, why)
    }
}

impl From<Absent> for Failure {
    fn from(part: Absent) -> Self {
        Self::new(BOARD, part.as_str())
    }
}

impl From<HostError> for Failure {
    fn from(_: HostError) -> Self {
        Self::new(READ, "the host's file cannot be used")
    }
}

/// In words of its own, for the core's `Display` brings `core::fmt`.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, why) = match error {
            #[cfg(feature = "dns")]
            Error::Unresolved(_) => (RESOLVE, "the name cannot be resolved"),
            Error::Refused => (CONNECT, "the connection was refused"),
            Error::DestinationUnreachable => (CONNECT, "the network cannot reach the peer"),
            Error::Unaddressable | Error::Unreachable | Error::NoLocalPort => {
                (CONNECT, "this peer cannot be reached")
            }
            Error::TimedOut(TimeoutKind::Sink) => return CANNOT_WRITE,
            Error::TimedOut(_) => (TIMED_OUT, "timed out"),
            Error::Reset | Error::AddressLost | Error::Spinning => {
                (RESET, "the connection was reset")
            }
            _ => (FAILED, "an unknown error"),
        };
        Self::new(code, why)
    }
}

const CANNOT_WRITE: Failure = Failure::new(WRITE, "the data cannot be written");
const CUT_SHORT: Failure = Failure::new(TRUNCATED, "the peer closed before the end");
const BROKEN: Failure = Failure::new(MALFORMED, "the peer broke the protocol");
const LARGE: Failure = Failure::new(TOO_LARGE, "larger than the limit");
const NOT_READ: Failure = Failure::new(READ, "the file cannot be read");
const NOT_TAKEN: Failure = Failure::new(REFUSED, "the file was refused");
const UNKNOWN: Failure = Failure::new(FAILED, "an unknown error");

impl From<GetError> for Failure {
    fn from(error: GetError) -> Self {
        match error {
            GetError::Connection(error) => error.into(),
            GetError::Truncated => CUT_SHORT,
            GetError::Malformed(_) => BROKEN,
            GetError::Status(_) => Self::new(STATUS, "the status is no success"),
            GetError::TooLarge => LARGE,
            GetError::Sink { .. } => CANNOT_WRITE,
            _ => UNKNOWN,
        }
    }
}

impl From<DownloadError> for Failure {
    fn from(error: DownloadError) -> Self {
        match error {
            DownloadError::Get(error) => error.into(),
            DownloadError::Redirect(_) => Self::new(REDIRECTS, "the redirect leads nowhere"),
            _ => UNKNOWN,
        }
    }
}

impl From<ChatError> for Failure {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::Connection(error) => error.into(),
            ChatError::SinkFull => LARGE,
            ChatError::Sink { .. } => CANNOT_WRITE,
            _ => UNKNOWN,
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Connection(error) => error.into(),
            SendError::Truncated => CUT_SHORT,
            SendError::TooLarge => LARGE,
            SendError::Source { .. } | SendError::SourceChanged => NOT_READ,
            SendError::Name => Self::usage("the name is empty or too long"),
            SendError::Refused(_) | SendError::BadReply => NOT_TAKEN,
            _ => UNKNOWN,
        }
    }
}

impl From<ReceiveError> for Failure {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Connection(error) => error.into(),
            ReceiveError::Truncated => CUT_SHORT,
            ReceiveError::Malformed(_) => BROKEN,
            ReceiveError::TooLarge => LARGE,
            ReceiveError::Store { .. } => CANNOT_WRITE,
            ReceiveError::Busy | ReceiveError::DigestMismatch => NOT_TAKEN,
            _ => UNKNOWN,
        }
    }
}

/// Ends the image as `result` says, a failure with its line on stderr.
pub fn finish(result: Result<(), Failure>) -> ! {
    match result {
        Ok(()) => host::exit(FINE),
        Err(failure) => {
            host::report(Line::new().text(failure.why));
            host::exit(failure.code)
        }
    }
}
