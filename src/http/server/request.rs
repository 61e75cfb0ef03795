//! What the head of a request says.

use super::fields::{Fields, has_token};
use super::host::Known;
use super::{Method, RequestError};
use crate::http::syntax::{is_tchar, number};
use crate::http::url::is_authority;
use crate::http::{Framing, percent};

/// A request whose head is whole and sound. It borrows the memory in which the head is kept.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Request<'h> {
    method: Method,
    /// `*`, or path and query; the path may be empty.
    target: &'h str,
    host: Option<&'h str>,
    is_host_ours: bool,
    version_minor: u8,
    fields: Fields<'h>,
    framing: Framing,
    is_keep_alive: bool,
    expects_continue: bool,
}

impl<'h> Request<'h> {
    /// What `head` says, which [`RequestParser`](super::RequestParser) has found complete.
    ///
    /// # Errors
    /// The first of these that is wrong: request line, Host, framing, expectation.
    pub fn parse(head: &'h [u8]) -> Result<Self, RequestError> {
        let text = str::from_utf8(line(head)).map_err(|_| RequestError::RequestLine)?;
        let (method, target, version) = split_line(text)?;
        let version_minor = minor(version)?;
        let method = Method::parse(method).ok_or(RequestError::Method)?;
        let (authority, target) = split_target(method, target)?;
        let fields = Fields::new(head.get(text.len() + 2..).unwrap_or_default());
        let field = host(&fields, version_minor)?;
        let framing = framing(&fields, version_minor)?;
        let expects_continue = expects_continue(&fields)? && version_minor > 0;
        let has = |token: &str| has_token(fields.all("Connection"), token);
        let is_keep_alive = !has("close") && (version_minor > 0 || has("keep-alive"));
        Ok(Self {
            method,
            target,
            host: authority.or(field),
            is_host_ours: false,
            version_minor,
            fields,
            framing,
            is_keep_alive,
            expects_continue,
        })
    }

    /// Checks that the request is for a server that goes by the names `hosts`, as an
    /// [`HttpSession`](super::HttpSession) does for its own
    /// [`with_hosts`](super::HttpSession::with_hosts). Before it, no name is a name of the server.
    ///
    /// # Errors
    /// [`RequestError::Misdirected`].
    pub fn for_server(self, hosts: &[&str]) -> Result<Self, RequestError> {
        let known = self.host.map(|host| Known::of(host, hosts));
        if known == Some(Known::Foreign) {
            return Err(RequestError::Misdirected);
        }
        Ok(Self {
            is_host_ours: known == Some(Known::Ours),
            ..self
        })
    }

    /// The method.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Host and perhaps port that the request is for: of a target in absolute form, or else of the
    /// field Host (RFC 9112, 3.3). HTTP/1.0 may leave it out.
    pub const fn host(&self) -> Option<&'h str> {
        self.host
    }

    /// The host, where the server goes by this name.
    pub(super) const fn own_host(&self) -> Option<&'h str> {
        if self.is_host_ours { self.host } else { None }
    }

    /// Path and query as they stand in the request line, or `*`.
    pub const fn target(&self) -> &'h str {
        self.target
    }

    /// The path as it stands in the request line, percent-encoding included; [`percent::decode`]
    /// removes it. It begins with `/`, but for `OPTIONS *`.
    pub fn path(&self) -> &'h str {
        match self.split_target().0 {
            // Only in absolute form can it be left out (RFC 9112, 3.2.1).
            "" => "/",
            path => path,
        }
    }

    /// What stands after the first `?`.
    pub fn query(&self) -> Option<&'h str> {
        self.split_target().1
    }

    /// The value of the first parameter of this name in the query, percent-encoded as it stands
    /// there: `room` in `/ws?room=R&name=N` is `R`.
    pub fn parameter(&self, name: &str) -> Option<&'h str> {
        percent::parameter(self.query()?, name)
    }

    /// The digit after `HTTP/1.`; a server treats those above 1 as 1.
    pub const fn version_minor(&self) -> u8 {
        self.version_minor
    }

    /// The value of the first field of this name, without white space around it.
    pub fn field(&self, name: &str) -> Option<&'h [u8]> {
        self.fields.all(name).next()
    }

    /// The value of a field that stands exactly once, and is text.
    pub fn single_field(&self, name: &str) -> Option<&'h str> {
        let mut values = self.fields.all(name);
        let value = values.next().filter(|_| values.next().is_none())?;
        str::from_utf8(value).ok()
    }

    /// The values of all fields of this name, without white space around them.
    pub fn fields<'n>(&self, name: &'n str) -> impl Iterator<Item = &'h [u8]> + use<'h, 'n> {
        self.fields.all(name)
    }

    /// Whether a list, in one or more fields of this name, has this element. Case does not count.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        has_token(self.fields.all(name), token)
    }

    /// Whether the caller asks for another protocol on this connection (RFC 9110, 7.8).
    pub fn is_upgrade(&self) -> bool {
        self.version_minor > 0
            && self.has_token("Connection", "upgrade")
            && self.field("Upgrade").is_some()
    }

    /// How the end of the body is known: a length, or chunks.
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether a body follows the head.
    pub const fn has_body(&self) -> bool {
        !matches!(self.framing, Framing::Length(0))
    }

    /// Whether the caller wants to send another request on this connection (RFC 9112, 9.3).
    pub const fn is_keep_alive(&self) -> bool {
        self.is_keep_alive
    }

    /// Whether the caller waits for `100 Continue` before it sends its body.
    pub const fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    fn split_target(&self) -> (&'h str, Option<&'h str>) {
        match crate::http::url::split_once(self.target, b'?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.target, None),
        }
    }
}

/// The request line, without its line end.
fn line(head: &[u8]) -> &[u8] {
    let end = head.iter().position(|&byte| byte == b'\r');
    end.and_then(|end| head.get(..end)).unwrap_or_default()
}

/// Method, target and version, with exactly one space between.
fn split_line(line: &str) -> Result<(&[u8], &str, &[u8]), RequestError> {
    let mut parts = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(RequestError::RequestLine);
    };
    let is_token = !method.is_empty() && method.bytes().all(is_tchar);
    if !is_token || target.is_empty() {
        return Err(RequestError::RequestLine);
    }
    Ok((method.as_bytes(), target, version.as_bytes()))
}

fn minor(version: &[u8]) -> Result<u8, RequestError> {
    match version {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            if *major == b'1' {
                Ok(minor - b'0')
            } else {
                Err(RequestError::Version)
            }
        }
        _ => Err(RequestError::RequestLine),
    }
}

/// Authority, and path and query, of a target in origin form or absolute form, or the `*` of OPTIONS.
/// The authority form is CONNECT's alone (RFC 9112, 3.2).
fn split_target(method: Method, target: &str) -> Result<(Option<&str>, &str), RequestError> {
    if target.bytes().any(|byte| byte == b'#') {
        return Err(RequestError::Target);
    }
    if target.starts_with('/') || (target == "*" && method == Method::Options) {
        return Ok((None, target));
    }
    let (scheme, rest) = target.split_at_checked(7).ok_or(RequestError::Target)?;
    if !scheme.eq_ignore_ascii_case("http://") {
        return Err(RequestError::Target);
    }
    let end = rest.bytes().position(|byte| matches!(byte, b'/' | b'?'));
    let split = rest.split_at_checked(end.unwrap_or(rest.len()));
    let (authority, path) = split.ok_or(RequestError::Target)?;
    if !is_authority(authority) {
        return Err(RequestError::Target);
    }
    let path = match path {
        // An empty path is sent as `/`, or for OPTIONS as `*` (RFC 9112, 3.2.1 and 3.2.4).
        "" if method == Method::Options => "*",
        "" => "/",
        path => path,
    };
    Ok((Some(authority), path))
}

/// Host stands once, and names a host; HTTP/1.0 may leave it out (RFC 9112, 3.2).
fn host<'h>(fields: &Fields<'h>, version_minor: u8) -> Result<Option<&'h str>, RequestError> {
    let mut hosts = fields.all("Host");
    match (hosts.next(), hosts.next()) {
        (None, _) if version_minor == 0 => Ok(None),
        (Some(host), None) => {
            let host = str::from_utf8(host).ok().filter(|host| is_authority(host));
            host.map(Some).ok_or(RequestError::Host)
        }
        _ => Err(RequestError::Host),
    }
}

fn framing(fields: &Fields<'_>, version_minor: u8) -> Result<Framing, RequestError> {
    let mut lengths = fields.all("Content-Length");
    let length = match (lengths.next(), lengths.next()) {
        (None, _) => None,
        (Some(digits), None) => Some(number(digits).ok_or(RequestError::Length)?),
        // RFC 9110, 8.6 lets a recipient accept equal ones, and refuse them.
        (Some(_), Some(_)) => return Err(RequestError::Length),
    };
    let mut codings = fields.all("Transfer-Encoding");
    let Some(mut last) = codings.next() else {
        return Ok(Framing::Length(length.unwrap_or(0)));
    };
    if length.is_some() || version_minor == 0 {
        return Err(RequestError::Framing);
    }
    let mut is_alone = true;
    for other in codings {
        last = other;
        is_alone = false;
    }
    if is_alone && last.eq_ignore_ascii_case(b"chunked") {
        return Ok(Framing::Chunked);
    }
    let coding = last.rsplit(|&byte| byte == b',').next().unwrap_or_default();
    Err(if coding.trim_ascii().eq_ignore_ascii_case(b"chunked") {
        RequestError::Coding
    } else {
        RequestError::Unframed
    })
}

fn expects_continue(fields: &Fields<'_>) -> Result<bool, RequestError> {
    let mut is_expected = false;
    for value in fields.all("Expect") {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(RequestError::Expectation);
        }
        is_expected = true;
    }
    Ok(is_expected)
}
