//! What is wrong with a request of Engine.IO, in the words and numbers of its own server.

use crate::http::server::{Method, Reply, Request, Response};

/// Why a request opens no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::hub) enum HandshakeError {
    /// Polling, or no transport at all.
    Transport,
    /// It goes on with a session, which would be one of polling.
    Session,
    Method,
    /// It asks for WebSocket without a handshake of it.
    NoUpgrade,
    Version,
}

impl HandshakeError {
    /// Looks at everything but the handshake of WebSocket.
    pub(in crate::hub) fn check(request: &Request) -> Result<(), Self> {
        if request.parameter("transport") != Some("websocket") {
            Err(Self::Transport)
        } else if request.parameter("EIO") != Some("4") {
            Err(Self::Version)
        } else if request.parameter("sid").is_some() {
            Err(Self::Session)
        } else if request.method() != Method::Get {
            Err(Self::Method)
        } else {
            Ok(())
        }
    }

    pub(in crate::hub) fn answer(self, response: Response<'_>) -> Reply {
        let body = match self {
            Self::Transport => r#"{"code":0,"message":"Transport unknown"}"#,
            Self::Session => r#"{"code":1,"message":"Session ID unknown"}"#,
            Self::Method => r#"{"code":2,"message":"Bad handshake method"}"#,
            Self::NoUpgrade => r#"{"code":3,"message":"Bad request"}"#,
            Self::Version => r#"{"code":5,"message":"Unsupported protocol version"}"#,
        };
        let response = response.status(400);
        let response = response.field("Content-Type", "application/json");
        response.bytes(body.as_bytes())
    }
}
