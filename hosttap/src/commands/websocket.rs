//! What the commands that ask for a WebSocket share.

use tickwire::http::{Url, UrlError};
use tickwire::websocket::ClientRequest;
use tickwire::{Backoff, Duration, Io, Retry};

use super::resolve;
use crate::cli::LinkOptions;
use crate::exit::{Exit, Failure};
use crate::link::stack::TapStack;
use crate::terminal::console::Console;
use crate::terminal::text::sanitize_line;

/// The URL of a WebSocket.
///
/// # Errors
/// [`Exit::Url`] with what is wrong.
pub(super) fn parse_url(text: &str) -> Result<Url<'_>, Failure> {
    Url::parse_websocket(text).map_err(|error| {
        let text = sanitize_line(text);
        let why = match error {
            UrlError::NoScheme | UrlError::OtherScheme => {
                format!("{text}: the URL of a WebSocket begins with ws://")
            }
            _ => format!("{text}: {error}"),
        };
        Failure::new(Exit::Url, why)
    })
}

/// A handshake without headers of the user's.
///
/// # Errors
/// None in truth: there is no header that could be wrong.
pub(super) fn request<'a>(url: &Url<'a>) -> Result<ClientRequest<'a>, Failure> {
    ClientRequest::new(url, &[], &[]).map_err(|why| Failure::new(Exit::Usage, why.to_string()))
}

/// Makes ready to resolve the host of `url`.
pub(super) fn start_names(
    stack: &mut TapStack,
    console: &Console,
    link: &LinkOptions,
    url: &Url<'_>,
) {
    if url.endpoint().is_none() {
        resolve::start(stack, console, link);
    }
}

/// Dials again after a failure, if at all.
#[derive(Debug)]
pub(super) struct Redial(pub(super) Option<Backoff>);

impl Retry for Redial {
    fn next_delay(&mut self, io: &mut Io) -> Option<Duration> {
        self.0.as_mut().and_then(|backoff| backoff.next_delay(io))
    }

    fn reset(&mut self) {
        if let Some(backoff) = &mut self.0 {
            backoff.reset();
        }
    }
}
