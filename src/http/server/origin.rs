//! Which pages may act here: the field Origin (RFC 6454, 7).

use super::Request;

/// Stands for every page in a list of origins.
const ANY_ORIGIN: &str = "*";

impl Request<'_> {
    /// Whether the page that sent this request, if it was a page, may act here: its origin is in
    /// `origins` (such as `http://a.example:8080`; `*` is every page), or is the server's own, that is
    /// its [`host`](Self::host), where this is a name of the server.
    ///
    /// A browser tells which page makes a request with effects, and a page of anybody could. Who is no
    /// browser tells no origin, and may act. What the server's names are says
    /// [`HttpSession::with_hosts`](super::HttpSession::with_hosts), or [`for_server`](Self::for_server)
    /// where there is no session; where that is `*`, a name must be
    /// in `origins`, or anybody could lead a name of his own here and have the same origin (DNS
    /// rebinding).
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
        let page = origin.strip_prefix("http://");
        self.own_host()
            .zip(page)
            .is_some_and(|(host, page)| page.eq_ignore_ascii_case(host))
    }
}
