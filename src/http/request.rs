//! The request: written straight into the send buffer, however small that is.

use core::fmt::{self, Write};

use super::{Url, is_blank, is_forbidden_control, is_token_byte};

/// Fields that say how the connection or the body is framed; they are ours alone.
const RESERVED: [&str; 3] = ["Content-Length", "Transfer-Encoding", "Connection"];

/// One of the caller's own header lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        let (name, value) = line.split_once(':').ok_or(HeaderError::NoColon)?;
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
            skip: offset,
            out,
            written: 0,
        };
        // A full window stops the writing by an error; what it holds by then is the result.
        let _ = write!(window, "{self}");
        window.written
    }

    /// Bytes in the whole request.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a request is never empty")]
    pub fn len(&self) -> usize {
        let mut counter = Counter(0);
        // A counter takes everything.
        let _ = write!(counter, "{self}");
        counter.0
    }

    fn own(&self, name: &str) -> Option<&Header<'a>> {
        self.headers.iter().find(|header| header.is(name))
    }
}

/// The request's bytes, all of them.
impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GET {} HTTP/1.0\r\n", self.url.target())?;
        // Host goes first, whoever it is from (RFC 9110, 7.2).
        match self.own("Host") {
            Some(own) => write!(f, "Host: {}\r\n", own.value.trim_matches(is_blank_char))?,
            None => write!(f, "Host: {}\r\n", self.url.authority())?,
        }
        if self.own("User-Agent").is_none() {
            write!(f, "User-Agent: {}\r\n", Self::USER_AGENT)?;
        }
        f.write_str("Connection: close\r\n")?;
        for header in self.headers.iter().filter(|header| !header.is("Host")) {
            let value = header.value.trim_matches(is_blank_char);
            write!(f, "{}: {value}\r\n", header.name)?;
        }
        f.write_str("\r\n")
    }
}

fn is_blank_char(character: char) -> bool {
    u8::try_from(character).is_ok_and(is_blank)
}

/// Takes the bytes of a longer text that begin after `skip` and fit into `out`.
struct Window<'o> {
    /// Bytes still to be left out.
    skip: usize,
    out: &'o mut [u8],
    /// Bytes of `out` that are filled, from its front.
    written: usize,
}

impl fmt::Write for Window<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fresh = text.as_bytes().get(self.skip..).unwrap_or_default();
        self.skip = self.skip.saturating_sub(text.len());
        let room = self.out.get_mut(self.written..).unwrap_or_default();
        self.written += fresh.len().min(room.len());
        for (to, from) in room.iter_mut().zip(fresh) {
            *to = *from;
        }
        // Nothing more can be kept, so the rest need not be made.
        if self.written == self.out.len() {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

struct Counter(usize);

impl fmt::Write for Counter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(text.len());
        Ok(())
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
