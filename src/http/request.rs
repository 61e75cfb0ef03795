//! The request: written straight into the send buffer, however small that is.

use core::fmt;

use super::url::{cut, display};
use super::{Url, is_forbidden_control, is_token_byte};

/// Fields that say how the connection or the body is framed; they are ours alone.
const RESERVED: [&str; 3] = ["Content-Length", "Transfer-Encoding", "Connection"];

/// One of the caller's own header lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header<'a> {
    /// The name, a token (RFC 9110, 5.1).
    pub name: &'a str,
    /// The value, without control bytes other than HTAB (RFC 9110, 5.5).
    pub value: &'a str,
}

/// What is wrong with a caller's own header. Raised by [`Header::parse`] and [`Request::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HeaderError {
    /// A line without a colon.
    NoColon,
    /// A name of no bytes.
    EmptyName,
    /// A byte in the name that is no token character.
    NameByte,
    /// A CR, LF, NUL or other control byte in the value; HTAB is allowed.
    ValueByte,
    /// Content-Length, Transfer-Encoding or Connection, which only the client itself may set.
    Reserved,
    /// A second Host, which no server may accept (RFC 9112, 3.2).
    SecondHost,
}

/// A GET in HTTP/1.0, checked, and written piece by piece.
///
/// The bytes are its `Display`. They are never held whole: each [`write_from`](Self::write_from) makes them anew
/// and keeps those that fit.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Request<'a> {
    url: Url<'a>,
    /// The caller's, until the request is written.
    headers: &'a [Header<'a>],
}

impl<'a> Header<'a> {
    /// Takes `name: value` apart, as a user writes it; the value loses the blanks around it.
    ///
    /// # Errors
    /// [`HeaderError::NoColon`]; all else is for [`Request::new`] to find.
    pub fn parse(line: &'a str) -> Result<Self, HeaderError> {
        let (name, value) = cut(line, b':').ok_or(HeaderError::NoColon)?;
        Ok(Self {
            name,
            value: value.trim_matches([' ', '\t']),
        })
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn check(&self) -> Result<(), HeaderError> {
        if self.name.is_empty() {
            return Err(HeaderError::EmptyName);
        }
        if !self.name.bytes().all(is_token_byte) {
            return Err(HeaderError::NameByte);
        }
        if self.value.bytes().any(is_forbidden_control) {
            return Err(HeaderError::ValueByte);
        }
        if RESERVED.iter().any(|reserved| self.is(reserved)) {
            return Err(HeaderError::Reserved);
        }
        Ok(())
    }
}

impl<'a> Request<'a> {
    /// What `User-Agent` says, unless the caller has its own.
    pub const USER_AGENT: &'static str = concat!("tickwire/", env!("CARGO_PKG_VERSION"));

    /// A GET of `url` with the caller's own `headers`; its own Host and User-Agent replace ours.
    ///
    /// # Errors
    /// The first header that must not be sent.
    pub fn new(url: &Url<'a>, headers: &'a [Header<'a>]) -> Result<Self, HeaderError> {
        for header in headers {
            header.check()?;
        }
        if headers.iter().filter(|header| header.is("Host")).count() > 1 {
            return Err(HeaderError::SecondHost);
        }
        Ok(Self { url: *url, headers })
    }

    /// Writes the request's bytes from `offset` on into `out`, as many as fit, and returns their number.
    ///
    /// 0 says that `out` is empty or that `offset` is at or past the end. One call costs time for the whole
    /// request up to the last byte written, and no memory.
    #[must_use]
    pub fn write_from(&self, offset: usize, out: &mut [u8]) -> usize {
        let mut window = Window {
            position: 0,
            offset,
            out,
        };
        self.pieces(&mut |piece| window.take(piece));
        window.position.saturating_sub(offset).min(window.out.len())
    }

    /// Bytes in the whole request.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a request is never empty")]
    pub fn len(&self) -> usize {
        let mut window = Window {
            position: 0,
            offset: 0,
            out: &mut [],
        };
        self.pieces(&mut |piece| window.take(piece));
        window.position
    }

    fn own(&self, name: &str) -> Option<&Header<'a>> {
        self.headers.iter().find(|header| header.is(name))
    }

    /// Gives the request's text to `put`, piece by piece.
    #[inline(never)]
    fn pieces(&self, put: &mut dyn FnMut(&[u8])) {
        put(b"GET ");
        self.url.target().pieces(put);
        // Host goes first, whoever it is from (RFC 9110, 7.2).
        put(b" HTTP/1.0\r\nHost: ");
        match self.own("Host") {
            Some(own) => put(own.value.trim_ascii().as_bytes()),
            None => self.url.authority().pieces(put),
        }
        if self.own("User-Agent").is_none() {
            put(b"\r\nUser-Agent: ");
            put(Self::USER_AGENT.as_bytes());
        }
        put(b"\r\nConnection: close\r\n");
        for header in self.headers.iter().filter(|header| !header.is("Host")) {
            put(header.name.as_bytes());
            put(b": ");
            // Its only white space is blanks and HTABs.
            put(header.value.trim_ascii().as_bytes());
            put(b"\r\n");
        }
        put(b"\r\n");
    }
}

/// The request's bytes, all of them.
impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(f, |put| self.pieces(put))
    }
}

/// Keeps the bytes of a longer text that begin at `offset` and fit into `out`.
struct Window<'o> {
    /// Bytes of the text that came.
    position: usize,
    offset: usize,
    out: &'o mut [u8],
}

impl Window<'_> {
    // Where only one thing takes pieces, the compiler would put a copy of this behind each of them.
    #[inline(never)]
    fn take(&mut self, piece: &[u8]) {
        let skip = self.offset.saturating_sub(self.position);
        let place = self.position.saturating_sub(self.offset);
        self.position = self.position.saturating_add(piece.len());
        let fresh = piece.get(skip..).unwrap_or_default();
        let room = self.out.get_mut(place..).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(fresh) {
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
