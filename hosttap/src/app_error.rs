//! The errors of all apps of tickwire as one type, with curl's exit code for each.

use std::fmt::{self, Display};
use std::io;

use tickwire::chat::ChatError;
use tickwire::dns::ResolveError;
use tickwire::file::{ReceiveError, SendError};
use tickwire::http::server::ServeError;
use tickwire::http::{DownloadError, GetError, RedirectError};
use tickwire::websocket::WebSocketError;
use tickwire::{Error, Event, SinkError, SourceError, TimeoutKind};

use crate::exit::{Exit, Failure, io_error_text};

/// The error of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppError {
    /// What happened to a connection.
    Connection(Error),
    /// Of `get`.
    Get(GetError),
    /// Of `get`, beyond one request.
    Download(DownloadError),
    /// Of `chat`.
    Chat(ChatError),
    /// Of `send`.
    Send(SendError),
    /// Of `recv`.
    Receive(ReceiveError),
    /// Of a WebSocket.
    WebSocket(WebSocketError),
    /// Of a server whose callers may ask for a WebSocket.
    Serve(ServeError<WebSocketError>),
    /// Of local output.
    Sink(SinkError),
}

impl AppError {
    /// The error of a failed connection, whatever its app.
    pub fn of(event: &Event) -> Option<Self> {
        None.or_else(|| event.error::<Error>().map(|&error| error.into()))
            .or_else(|| event.error::<GetError>().map(|&error| error.into()))
            .or_else(|| event.error::<ChatError>().map(|&error| error.into()))
            .or_else(|| event.error::<SendError>().map(|&error| error.into()))
            .or_else(|| event.error::<ReceiveError>().map(|&error| error.into()))
            .or_else(|| event.error::<WebSocketError>().map(|&error| error.into()))
            .or_else(|| {
                let error = event.error::<ServeError<WebSocketError>>();
                error.map(|&error| error.into())
            })
    }

    /// The errno of a failed write, or `Err` with that of a failed read.
    fn errno(self) -> Option<Result<i32, i32>> {
        match self {
            Self::Get(GetError::Sink { code })
            | Self::Chat(ChatError::Sink { code })
            | Self::Receive(ReceiveError::Store { code })
            | Self::Sink(SinkError::Failed { code }) => Some(Ok(code)),
            Self::Send(SendError::Source { code }) => Some(Err(code)),
            _ => None,
        }
    }
}

/// Where the error carries an errno, the system's text for it.
impl Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let cause = |code| io_error_text(&io::Error::from_raw_os_error(code));
        match self.errno() {
            Some(Ok(code)) if code > 0 => {
                return write!(f, "the data cannot be written: {}", cause(code));
            }
            Some(Err(code)) if code > 0 => {
                return write!(f, "the file cannot be read: {}", cause(code));
            }
            _ => {}
        }
        match self {
            Self::Connection(Error::Unresolved(error)) => {
                write!(f, "cannot resolve the name: {error}")?;
                match error {
                    ResolveError::NoServer => f.write_str("; --dns gives one"),
                    _ => Ok(()),
                }
            }
            Self::Connection(error) => error.fmt(f),
            Self::Get(error) => error.fmt(f),
            Self::Download(error) => error.fmt(f),
            Self::Chat(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::Receive(error) => error.fmt(f),
            Self::WebSocket(error) => error.fmt(f),
            Self::Serve(error) => error.fmt(f),
            Self::Sink(error) => error.fmt(f),
        }
    }
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl From<GetError> for AppError {
    fn from(error: GetError) -> Self {
        match error {
            // Its text says what was missing.
            GetError::Connection(Error::TimedOut(_)) => Self::Get(error),
            GetError::Connection(error) => Self::Connection(error),
            error => Self::Get(error),
        }
    }
}

impl From<DownloadError> for AppError {
    fn from(error: DownloadError) -> Self {
        match error {
            DownloadError::Get(error) => error.into(),
            error => Self::Download(error),
        }
    }
}

impl From<ChatError> for AppError {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::Connection(error) => Self::Connection(error),
            error => Self::Chat(error),
        }
    }
}

impl From<SendError> for AppError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Connection(Error::TimedOut(_)) => Self::Send(error),
            SendError::Connection(error) => Self::Connection(error),
            error => Self::Send(error),
        }
    }
}

impl From<ReceiveError> for AppError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Connection(Error::TimedOut(_)) => Self::Receive(error),
            ReceiveError::Connection(error) => Self::Connection(error),
            error => Self::Receive(error),
        }
    }
}

impl From<WebSocketError> for AppError {
    fn from(error: WebSocketError) -> Self {
        match error {
            WebSocketError::Connection(Error::TimedOut(_)) => Self::WebSocket(error),
            WebSocketError::Connection(error) => Self::Connection(error),
            error => Self::WebSocket(error),
        }
    }
}

impl From<ServeError<WebSocketError>> for AppError {
    fn from(error: ServeError<WebSocketError>) -> Self {
        match error {
            ServeError::Connection(error) => Self::Connection(error),
            ServeError::Upgrade(error) => error.into(),
            error => Self::Serve(error),
        }
    }
}

impl From<SinkError> for AppError {
    fn from(error: SinkError) -> Self {
        Self::Sink(error)
    }
}

impl From<SourceError> for AppError {
    fn from(error: SourceError) -> Self {
        Self::Send(error.into())
    }
}

/// The exit code of a failed connection.
fn connection_exit(error: Error) -> Exit {
    match error {
        Error::Unaddressable
        | Error::Unreachable
        | Error::DestinationUnreachable
        | Error::NoLocalPort
        | Error::Refused => Exit::Connect,
        Error::Unresolved(_) => Exit::Resolve,
        Error::TimedOut(TimeoutKind::Sink) => Exit::Write,
        Error::TimedOut(_) => Exit::TimedOut,
        Error::Reset | Error::AddressLost | Error::Spinning => Exit::Reset,
        // The errors are non-exhaustive; the test below covers every variant of today.
        _ => Exit::Unknown,
    }
}

/// The exit code of a download that fails though no request does.
fn download_exit(error: DownloadError) -> Exit {
    match error {
        DownloadError::Get(error) => AppError::Get(error).into(),
        DownloadError::CannotRestart => Exit::CannotResume,
        DownloadError::Redirect(RedirectError::TooMany | RedirectError::Loop) => {
            Exit::TooManyRedirects
        }
        DownloadError::Redirect(RedirectError::NoLocation) => Exit::Status,
        DownloadError::Redirect(RedirectError::Url(_) | RedirectError::TooLong) => Exit::Url,
        DownloadError::Redirect(RedirectError::NoAddress) => Exit::Resolve,
        _ => Exit::Unknown,
    }
}

impl From<AppError> for Exit {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Connection(error)
            | AppError::Get(GetError::Connection(error))
            | AppError::Chat(ChatError::Connection(error))
            | AppError::Send(SendError::Connection(error))
            | AppError::Receive(ReceiveError::Connection(error))
            | AppError::WebSocket(WebSocketError::Connection(error))
            | AppError::Serve(ServeError::Connection(error)) => connection_exit(error),
            AppError::Get(GetError::Truncated)
            | AppError::Send(SendError::Truncated)
            | AppError::Receive(ReceiveError::Truncated)
            | AppError::WebSocket(WebSocketError::Truncated)
            | AppError::Serve(ServeError::Short) => Self::Truncated,
            AppError::Get(GetError::Malformed(_))
            | AppError::Receive(ReceiveError::Malformed(_))
            | AppError::Send(SendError::Name)
            | AppError::WebSocket(
                WebSocketError::Malformed(_)
                | WebSocketError::Handshake(_)
                | WebSocketError::Violation(_),
            )
            | AppError::Serve(ServeError::Request(_)) => Self::Malformed,
            AppError::WebSocket(WebSocketError::Closed(_) | WebSocketError::ClosedByPeer(_)) => {
                Self::Reset
            }
            AppError::Download(error) => download_exit(error),
            AppError::Get(GetError::Status(_)) | AppError::WebSocket(WebSocketError::Status(_)) => {
                Self::Status
            }
            AppError::Get(GetError::TooLarge)
            | AppError::Send(SendError::TooLarge)
            | AppError::Receive(ReceiveError::TooLarge)
            | AppError::Chat(ChatError::SinkFull)
            | AppError::Sink(SinkError::Full) => Self::TooLarge,
            AppError::Get(GetError::Sink { .. })
            | AppError::Chat(ChatError::Sink { .. })
            | AppError::Receive(ReceiveError::Store { .. })
            | AppError::Sink(SinkError::Failed { .. }) => Self::Write,
            AppError::Send(SendError::Source { .. } | SendError::SourceChanged) => Self::Read,
            AppError::Send(SendError::Refused(_) | SendError::BadReply)
            | AppError::Receive(ReceiveError::Busy | ReceiveError::DigestMismatch) => Self::Refused,
            _ => Self::Unknown,
        }
    }
}

impl Failure {
    /// An error of an app that concerns `subject`, such as a URL or a peer's address.
    pub fn from_core(subject: &str, error: impl Into<AppError>) -> Self {
        let error = error.into();
        Self::new(Exit::from(error), format!("{subject}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire::file::OfferError;
    use tickwire::http::server::RequestError;
    use tickwire::http::{Malformed, UrlError};
    use tickwire::websocket::{CloseCode, HandshakeError, Violation};

    #[test]
    fn every_error_of_the_apps_has_curls_exit_code() {
        let timed_out = |kind| Error::TimedOut(kind);
        let redirect = |error| DownloadError::Redirect(error);
        let table: [(AppError, u8); 44] = [
            (Error::Unaddressable.into(), 7),
            (Error::Unreachable.into(), 7),
            (Error::DestinationUnreachable.into(), 7),
            (Error::NoLocalPort.into(), 7),
            (Error::Refused.into(), 7),
            (GetError::Malformed(Malformed::NoColon).into(), 8),
            (ReceiveError::Malformed(OfferError::Name).into(), 8),
            (GetError::Truncated.into(), 18),
            (SendError::Truncated.into(), 18),
            (ReceiveError::Truncated.into(), 18),
            (GetError::Status(404).into(), 22),
            (DownloadError::Get(GetError::Status(404)).into(), 22),
            (redirect(RedirectError::NoLocation).into(), 22),
            (redirect(RedirectError::Url(UrlError::Https)).into(), 3),
            (redirect(RedirectError::TooLong).into(), 3),
            (redirect(RedirectError::NoAddress).into(), 6),
            (Error::Unresolved(ResolveError::NoAnswer).into(), 6),
            (DownloadError::CannotRestart.into(), 33),
            (redirect(RedirectError::TooMany).into(), 47),
            (redirect(RedirectError::Loop).into(), 47),
            (GetError::Sink { code: 28 }.into(), 23),
            (ReceiveError::Store { code: 28 }.into(), 23),
            (timed_out(TimeoutKind::Sink).into(), 23),
            (SendError::Refused(3).into(), 25),
            (SendError::BadReply.into(), 25),
            (ReceiveError::DigestMismatch.into(), 25),
            (ReceiveError::Busy.into(), 25),
            (SendError::Source { code: 5 }.into(), 26),
            (SendError::SourceChanged.into(), 26),
            (
                GetError::Connection(timed_out(TimeoutKind::Reply)).into(),
                28,
            ),
            (timed_out(TimeoutKind::Connect).into(), 28),
            (Error::Reset.into(), 56),
            (Error::AddressLost.into(), 56),
            (Error::Spinning.into(), 56),
            (WebSocketError::Handshake(HandshakeError::Accept).into(), 8),
            (WebSocketError::Violation(Violation::NotUtf8).into(), 8),
            (ServeError::Request(RequestError::Host).into(), 8),
            (WebSocketError::Truncated.into(), 18),
            (WebSocketError::Status(403).into(), 22),
            (
                WebSocketError::Connection(timed_out(TimeoutKind::Peer)).into(),
                28,
            ),
            (ServeError::Upgrade(Error::Reset.into()).into(), 56),
            (WebSocketError::ClosedByPeer(CloseCode::POLICY).into(), 56),
            (GetError::TooLarge.into(), 63),
            (ReceiveError::TooLarge.into(), 63),
        ];
        for (error, code) in table {
            assert_eq!(Exit::from(error) as u8, code, "{error:?}");
        }
    }

    #[test]
    fn an_errno_appears_as_the_systems_text() {
        let failure = Failure::from_core("out.bin", GetError::Sink { code: 28 });
        assert_eq!(
            failure.message,
            "out.bin: the data cannot be written: No space left on device"
        );
        let failure = Failure::from_core("x", GetError::Sink { code: 0 });
        assert_eq!(failure.message, "x: the data cannot be written (code 0)");
    }
}
