//! A server's half of the handshake (RFC 6455, 4.2), for the handler of an [`http::Server`].
//!
//! [`http::Server`]: crate::http::Server

use super::key::{accept_key, is_key};
use crate::http::Header;
use crate::http::server::{Method, Reply, Request, Response, Switch};

/// The one version that there is (RFC 6455, 4.4).
const VERSION: &str = "13";

/// Answers the handshake of a caller, in [`Handler::upgrade`](crate::http::server::Handler::upgrade).
/// `protocol` is what [`choose_protocol`] found.
///
/// A browser tells which page wants to connect, and a page of anybody could: so its origin must be in
/// `origins`, or be the server's own, as [`Request::is_origin_allowed`] has it.
///
/// # Errors
/// The answer that refuses: 400 to what is no handshake, 426 to another version, 403 to another
/// origin.
pub fn accept(
    request: &Request<'_>,
    response: Response<'_>,
    origins: &[&str],
    protocol: Option<&str>,
) -> Result<Switch, Reply> {
    let is_handshake = request.method() == Method::Get
        && request.is_upgrade()
        && request.has_token("Upgrade", "websocket")
        && !request.has_body();
    if !is_handshake {
        return Err(response
            .status(400)
            .text("This is no WebSocket handshake.\n"));
    }
    if request.single_field("Sec-WebSocket-Version") != Some(VERSION) {
        let refusal = response.status(426).field("Upgrade", "websocket");
        return Err(refusal.field("Sec-WebSocket-Version", VERSION).empty());
    }
    let Some(key) = request
        .single_field("Sec-WebSocket-Key")
        .filter(|key| is_key(key))
    else {
        return Err(response.status(400).text("This is no WebSocket key.\n"));
    };
    if !request.is_origin_allowed(origins) {
        return Err(response.status(403).text("Not from this page.\n"));
    }
    let accept = accept_key(key);
    let accept = Header {
        name: "Sec-WebSocket-Accept",
        value: &accept,
    };
    Ok(match protocol {
        None => response.switch_to("websocket", &[accept]),
        Some(value) => {
            let name = "Sec-WebSocket-Protocol";
            response.switch_to("websocket", &[accept, Header { name, value }])
        }
    })
}

/// The first of the protocols that the caller offers, the dearest first, that is also one of
/// `protocols`.
pub fn choose_protocol<'p>(request: &Request<'_>, protocols: &[&'p str]) -> Option<&'p str> {
    let offers = request.fields("Sec-WebSocket-Protocol");
    let mut offers = offers.flat_map(|list| list.split(|&byte| byte == b','));
    offers.find_map(|offer| {
        let mut ours = protocols.iter();
        ours.find(|protocol| protocol.as_bytes() == offer.trim_ascii())
            .copied()
    })
}
