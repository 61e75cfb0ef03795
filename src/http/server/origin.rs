//! Which pages may act here: the field Origin (RFC 6454, 7).

use core::net::IpAddr;

use super::Request;

/// Stands for every page in a list of origins.
const ANY_ORIGIN: &str = "*";

impl Request<'_> {
    /// Whether the page that sent this request, if it was a page, may act here: its origin is in
    /// `origins` (such as `http://a.example:8080`; `*` is every page), or is the server's own, that is
    /// its Host.
    ///
    /// A browser tells which page makes a request with effects, and a page of anybody could. A host by
    /// name must be in the list in any case, or anybody could lead a name of his own to this server and
    /// have the same origin (DNS rebinding); names in `.local`, and addresses, need not. Who is no
    /// browser tells no origin, and may act.
    pub fn is_origin_allowed(&self, origins: &[&str]) -> bool {
        if self.field("Origin").is_none() {
            return true;
        }
        let Some(origin) = self.single_field("Origin") else {
            return false;
        };
        let is_it = |allowed: &&str| *allowed == ANY_ORIGIN || allowed.eq_ignore_ascii_case(origin);
        if origins.iter().any(is_it) {
            return true;
        }
        let host = self.single_field("Host").unwrap_or_default();
        origin
            .strip_prefix("http://")
            .is_some_and(|page| page.eq_ignore_ascii_case(host) && nobody_else_can_name(host))
    }
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
