//! The request, written directly into a send buffer of any size.

use core::fmt;

use super::Url;
use super::syntax::{is_forbidden_control, is_tchar};
use super::url::{display, split_once};

/// Fields that frame the message or control the connection. Only the client itself may set them.
const RESERVED: [&str; 3] = ["Content-Length", "Transfer-Encoding", "Connection"];

/// A header line of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header<'a> {
    /// The name: a token (RFC 9110, 5.1).
    pub name: &'a str,
    /// The value, without control bytes other than HTAB (RFC 9110, 5.5).
    pub value: &'a str,
}

/// What is wrong with a header of the caller. Returned by [`Header::parse`] and [`Request::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HeaderError {
    /// The line has no colon.
    NoColon,
    /// The name is empty.
    EmptyName,
    /// A byte of the name is not a token character (RFC 9110, 5.6.2).
    NameByte,
    /// The value has a control byte, such as CR, LF or NUL; HTAB is allowed (RFC 9110, 5.5).
    ValueByte,
    /// Content-Length, Transfer-Encoding or Connection, which only the client itself may set; in the
    /// handshake of a WebSocket also Upgrade and the fields of the handshake.
    Reserved,
    /// Host is set twice, which every server must reject (RFC 9112, 3.2).
    SecondHost,
}

/// What a client of ours adds to a request beyond the caller's own headers.
pub trait Additions {
    /// The method, in upper case.
    fn method(&self) -> &'static str {
        "GET"
    }

    /// What stands between the target and the host.
    fn before_host(&self) -> &'static [u8] {
        b" HTTP/1.0\r\nHost: "
    }

    /// The line of Connection, with the end of the line before it.
    fn connection(&self) -> &'static [u8] {
        b"\r\nConnection: close\r\n"
    }

    /// Whether this header of the caller is sent at all.
    fn sends(&self, header: &Header) -> bool {
        let _ = header;
        true
    }

    /// Whether a Range is among them.
    fn has_range(&self) -> bool {
        false
    }

    /// Whether 101 is an answer to it.
    fn has_upgrade(&self) -> bool {
        false
    }

    /// Passes whole header lines to `write`, piece by piece.
    fn write_pieces(&self, write: &mut dyn FnMut(&[u8])) {
        let _ = write;
    }
}

/// Nothing.
impl Additions for () {}

/// A checked HTTP/1.0 request, a GET unless `A` says otherwise. Its `Display` gives the bytes of the request.
///
/// No buffer ever holds the whole request: each [`write_from`](Self::write_from) generates the bytes
/// again and keeps those that fit.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Request<'a, A = ()> {
    url: Url<'a>,
    /// Borrowed from the caller for the life of the request.
    headers: &'a [Header<'a>],
    additions: A,
}

impl<'a> Header<'a> {
    /// Parses a line `name: value` and strips the white space around the value.
    ///
    /// # Errors
    /// [`HeaderError::NoColon`]. [`Request::new`] finds all other errors.
    pub fn parse(line: &'a str) -> Result<Self, HeaderError> {
        let (name, value) = split_once(line, b':').ok_or(HeaderError::NoColon)?;
        Ok(Self {
            name,
            value: value.trim_matches([' ', '\t']),
        })
    }

    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn check(&self) -> Result<(), HeaderError> {
        if self.name.is_empty() {
            return Err(HeaderError::EmptyName);
        }
        if !self.name.bytes().all(is_tchar) {
            return Err(HeaderError::NameByte);
        }
        if self.value.bytes().any(is_forbidden_control) {
            return Err(HeaderError::ValueByte);
        }
        if RESERVED.iter().any(|reserved| self.is_named(reserved)) {
            return Err(HeaderError::Reserved);
        }
        Ok(())
    }
}

impl<'a> Request<'a> {
    /// The value of User-Agent, unless the caller sets its own.
    pub const USER_AGENT: &'static str = concat!("tickwire/", env!("CARGO_PKG_VERSION"));

    /// Creates a GET of `url` with the caller's `headers`. Host and User-Agent among them replace the
    /// default ones.
    ///
    /// # Errors
    /// [`HeaderError`] of the first header that must not be sent; [`HeaderError::SecondHost`] comes
    /// last.
    pub fn new(url: &Url<'a>, headers: &'a [Header<'a>]) -> Result<Self, HeaderError> {
        for header in headers {
            header.check()?;
        }
        if headers
            .iter()
            .filter(|header| header.is_named("Host"))
            .count()
            > 1
        {
            return Err(HeaderError::SecondHost);
        }
        Ok(Self {
            url: *url,
            headers,
            additions: (),
        })
    }
}

impl<'a, A: Additions> Request<'a, A> {
    /// A request with headers that were checked before.
    #[cfg(feature = "download")]
    pub(super) const fn unchecked(url: Url<'a>, headers: &'a [Header<'a>], additions: A) -> Self {
        Self {
            url,
            headers,
            additions,
        }
    }

    /// Writes the bytes of the request from `offset` on into `out`, as many as fit, and returns their
    /// number.
    ///
    /// The number is 0 if `out` is empty or `offset` is at the end or past it. A call takes time for
    /// all bytes of the request, also for those before `offset`, but no memory.
    #[must_use]
    pub fn write_from(&self, offset: usize, out: &mut [u8]) -> usize {
        let mut writer = OffsetWriter {
            position: 0,
            offset,
            out,
        };
        self.write_pieces(&mut |piece| writer.write(piece));
        writer.position.saturating_sub(offset).min(writer.out.len())
    }

    /// Length of the whole request in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a request is never empty")]
    pub fn len(&self) -> usize {
        let mut writer = OffsetWriter {
            position: 0,
            offset: 0,
            out: &mut [],
        };
        self.write_pieces(&mut |piece| writer.write(piece));
        writer.position
    }

    /// The same request with other additions.
    #[cfg(feature = "websocket")]
    pub(crate) const fn with<B: Additions>(&self, additions: B) -> Request<'a, B>
    where
        A: Copy,
    {
        Request {
            url: self.url,
            headers: self.headers,
            additions,
        }
    }

    /// Whether another protocol is asked for: 101 may be the answer.
    pub(super) fn has_upgrade(&self) -> bool {
        self.additions.has_upgrade()
    }

    /// Whether the caller asks for a part: 206 may be the answer.
    pub(super) fn has_range(&self) -> bool {
        self.header("Range").is_some() || self.additions.has_range()
    }

    /// Whether the caller sets a condition to which 304 may be the answer (RFC 9110, 13.1).
    pub(super) fn has_condition(&self) -> bool {
        ["If-None-Match", "If-Modified-Since"]
            .iter()
            .any(|name| self.header(name).is_some())
    }

    fn header(&self, name: &str) -> Option<&Header<'a>> {
        self.headers
            .iter()
            .find(|header| header.is_named(name) && self.additions.sends(header))
    }

    /// Passes the text of the request to `write`, piece by piece.
    #[inline(never)]
    fn write_pieces(&self, write: &mut dyn FnMut(&[u8])) {
        write(self.additions.method().as_bytes());
        write(b" ");
        self.url.target().write_pieces(write);
        // Host comes first, even if the caller set it (RFC 9110, 7.2).
        write(self.additions.before_host());
        match self.header("Host") {
            Some(header) => write(header.value.trim_ascii().as_bytes()),
            None => self.url.authority().write_pieces(write),
        }
        if self.header("User-Agent").is_none() {
            write(b"\r\nUser-Agent: ");
            write(Request::USER_AGENT.as_bytes());
        }
        write(self.additions.connection());
        for header in self
            .headers
            .iter()
            .filter(|header| !header.is_named("Host") && self.additions.sends(header))
        {
            write(header.name.as_bytes());
            write(b": ");
            // The only white space in it is spaces and HTABs, because it was checked.
            write(header.value.trim_ascii().as_bytes());
            write(b"\r\n");
        }
        self.additions.write_pieces(write);
        write(b"\r\n");
    }
}

/// All bytes of the request.
impl<A: Additions> fmt::Display for Request<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(f, |write| self.write_pieces(write))
    }
}

/// Writes a text into `out`, without the first `offset` bytes and without the bytes that do not
/// fit.
struct OffsetWriter<'o> {
    /// Number of bytes of the text so far.
    position: usize,
    offset: usize,
    out: &'o mut [u8],
}

impl OffsetWriter<'_> {
    // The compiler would otherwise inline a copy at every call of `write`.
    #[inline(never)]
    fn write(&mut self, piece: &[u8]) {
        let skip = self.offset.saturating_sub(self.position);
        let start = self.position.saturating_sub(self.offset);
        self.position = self.position.saturating_add(piece.len());
        let wanted = piece.get(skip..).unwrap_or_default();
        let room = self.out.get_mut(start..).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(wanted) {
            *to = *from;
        }
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoColon => "the header has no colon",
            Self::EmptyName => "the header has no name",
            Self::NameByte => "the header's name has a forbidden byte",
            Self::ValueByte => "the header's value has a control byte",
            Self::Reserved => "Content-Length, Transfer-Encoding and Connection cannot be set",
            Self::SecondHost => "Host is given twice",
        })
    }
}

impl core::error::Error for HeaderError {}
