//! A server's half of the handshake (RFC 6455, 4.2), for the handler of an [`http::Server`].
//!
//! [`http::Server`]: crate::http::Server

use core::net::IpAddr;

use super::key::{accept_key, is_key};
use crate::http::Header;
use crate::http::server::{Method, Reply, Request, Response, Switch};

/// The one version that there is (RFC 6455, 4.4).
const VERSION: &str = "13";
/// Stands for every page in a list of origins.
const ANY_ORIGIN: &str = "*";

/// Answers the handshake of a caller, in [`Handler::upgrade`](crate::http::server::Handler::upgrade).
/// `protocol` is what [`choose_protocol`] found.
///
/// A browser tells which page wants to connect, and a page of anybody could: so its origin must be in
/// `origins` (such as `http://a.example:8080`; `*` is every page), or be the server's own, that is its
/// Host. A host by name must be in the list in any case, or anybody could lead a name of his own to
/// this server and have the same origin (DNS rebinding); names in `.local`, and addresses, need not.
/// Who is no browser tells no origin, and may connect.
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
    if only(request, "Sec-WebSocket-Version") != Some(VERSION) {
        let refusal = response.status(426).field("Upgrade", "websocket");
        return Err(refusal.field("Sec-WebSocket-Version", VERSION).empty());
    }
    let Some(key) = only(request, "Sec-WebSocket-Key").filter(|key| is_key(key)) else {
        return Err(response.status(400).text("This is no WebSocket key.\n"));
    };
    if !is_allowed(request, origins) {
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

/// The value of a field that stands once.
fn only<'h>(request: &Request<'h>, name: &str) -> Option<&'h str> {
    let mut values = request.fields(name);
    let value = values.next().filter(|_| values.next().is_none())?;
    str::from_utf8(value).ok()
}

fn is_allowed(request: &Request<'_>, origins: &[&str]) -> bool {
    if request.field("Origin").is_none() {
        return true;
    }
    let Some(origin) = only(request, "Origin") else {
        return false;
    };
    let is_it = |allowed: &&str| *allowed == ANY_ORIGIN || allowed.eq_ignore_ascii_case(origin);
    if origins.iter().any(is_it) {
        return true;
    }
    let host = only(request, "Host").unwrap_or_default();
    origin
        .strip_prefix("http://")
        .is_some_and(|page| page.eq_ignore_ascii_case(host) && nobody_else_can_name(host))
}

/// Whether this host, with or without a port, is an address or a name of the link.
fn nobody_else_can_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(opened) => opened.split(']').next(),
        None => host.split(':').next(),
    };
    let name = name.unwrap_or_default();
    let is_local = name
        .len()
        .checked_sub(".local".len())
        .and_then(|at| name.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(".local"));
    is_local || name.parse::<IpAddr>().is_ok()
}
