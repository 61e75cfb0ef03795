//! The answer to a request, written into memory that the session has for it.

use super::reply::{Body, Reply, Switch};
use super::status::{is_bodiless, reason};
use super::{Method, Request, date};
use crate::Tick;
use crate::http::Header;
#[cfg(feature = "file")]
use crate::http::percent;
use crate::http::syntax::{is_forbidden_control, is_tchar};

/// Fields that only the server itself writes.
const OURS: [&str; 4] = ["Connection", "Content-Length", "Date", "Transfer-Encoding"];

/// What stands around a field Location in a short answer, in bytes.
#[cfg(feature = "file")]
const AROUND_LOCATION_BYTES: usize = 160;

/// Answers one request. Every way to use it up ends in a [`Reply`].
///
/// Framing, `Connection` and the rules for HEAD are the server's: a handler says what the answer is,
/// not how it is sent.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Response<'r> {
    out: Out<'r>,
    terms: Terms,
}

/// What the server knows about an answer before its handler does.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Terms {
    pub(super) now: Tick,
    /// The time of day in seconds since 1970, where there is a clock.
    pub(super) unix_time: Option<u64>,
    /// Of the request.
    pub(super) version_minor: u8,
    /// Whether the request is a HEAD.
    pub(super) is_head: bool,
    /// Whether the connection may go on after the answer.
    pub(super) is_keep_alive: bool,
}

impl Terms {
    /// Of an answer to `request`, after which the connection may go on or may not.
    pub(super) fn of(now: Tick, request: &Request<'_>, may_go_on: bool) -> Self {
        Self {
            now,
            unix_time: None,
            version_minor: request.version_minor(),
            is_head: request.method() == Method::Head,
            is_keep_alive: request.is_keep_alive() && may_go_on,
        }
    }

    /// With the time of day.
    pub(super) const fn at(mut self, unix_time: Option<u64>) -> Self {
        self.unix_time = unix_time;
        self
    }

    /// Of the last answer of a connection, to what is no sound request.
    pub(super) const fn last(now: Tick, is_head: bool) -> Self {
        Self {
            now,
            unix_time: None,
            version_minor: 1,
            is_head,
            is_keep_alive: false,
        }
    }
}

/// A response whose status is written, and perhaps some of its fields.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ResponseHead<'r> {
    response: Response<'r>,
    status: u16,
    /// It has the field Upgrade.
    has_upgrade: bool,
}

/// Memory that fills up, and a note that something did not fit or must not be sent.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Out<'r> {
    memory: &'r mut [u8],
    len: usize,
    is_unfit: bool,
}

impl<'r> Response<'r> {
    /// An answer that is written into `memory`, which must hold its head.
    pub(super) const fn new(memory: &'r mut [u8], terms: Terms) -> Self {
        Self {
            out: Out {
                memory,
                len: 0,
                is_unfit: false,
            },
            terms,
        }
    }

    /// The time of this turn.
    pub const fn now(&self) -> Tick {
        self.terms.now
    }

    /// Begins an answer of this status, 200 to 999.
    pub fn status(mut self, status: u16) -> ResponseHead<'r> {
        self.out.status_line(status);
        self.out.is_unfit |= !matches!(status, 200..=999);
        ResponseHead {
            response: self,
            status,
            has_upgrade: false,
        }
    }

    /// Asks for the body of the request, at most `bytes_max` bytes of it: a longer one is answered with
    /// 413. A caller that waits for `100 Continue` gets it.
    pub const fn receive(self, bytes_max: u64) -> Reply {
        Reply::new(0, Some(0), Body::Receive { bytes_max })
    }

    /// Answers 101: from the end of this head on, the connection speaks `protocol`, with the upgrade
    /// session of the server.
    pub fn switch_to(mut self, protocol: &str, fields: &[Header<'_>]) -> Switch {
        self.out.status_line(101);
        self.out.framing_field("Connection", "Upgrade");
        self.out.field("Upgrade", protocol);
        for field in fields {
            self.out.field(field.name, field.value);
        }
        self.out.push(b"\r\n");
        Switch(Reply::new(101, self.out.fitting_len(), Body::Empty))
    }
}

impl ResponseHead<'_> {
    /// Adds a field. Connection, Content-Length, Date and Transfer-Encoding are the server's own: an
    /// answer becomes 500 with one of them, with a malformed field, or where there is no room. With
    /// `Upgrade`, as 426 must have it, the server also writes it into `Connection` (RFC 9110, 7.8).
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.has_upgrade |= name.eq_ignore_ascii_case("Upgrade");
        self.response.out.field(name, value);
        self
    }

    /// The field Content-Range: a part with its first and last byte, or none, of `length` bytes.
    #[must_use]
    pub(super) fn content_range(mut self, part: Option<(u64, u64)>, length: u64) -> Self {
        let out = &mut self.response.out;
        out.push(b"Content-Range: bytes ");
        match part {
            Some((first, last)) => {
                out.number(first);
                out.push(b"-");
                out.number(last);
            }
            None => out.push(b"*"),
        }
        out.push(b"/");
        out.number(length);
        out.push(b"\r\n");
        self
    }

    /// The field Location: a name in `folder`, percent-encoded. It is left out where it would leave no
    /// room for the rest of a short answer.
    #[cfg(feature = "file")]
    #[must_use]
    pub(super) fn location(mut self, folder: &str, name: &str) -> Self {
        let out = &mut self.response.out;
        let before = (out.len, out.is_unfit);
        out.push(b"Location: ");
        out.push(folder.as_bytes());
        percent::encode(name.as_bytes(), &mut |piece| out.push(piece.as_bytes()));
        out.push(b"\r\n");
        if out.is_unfit || out.memory.len().saturating_sub(out.len) < AROUND_LOCATION_BYTES {
            (out.len, out.is_unfit) = before;
        }
        self
    }

    /// An answer without a body.
    pub fn empty(self) -> Reply {
        self.bytes(&[])
    }

    /// A short text, which must find room beside the head.
    pub fn text(self, text: &str) -> Reply {
        self.field("Content-Type", "text/plain; charset=utf-8")
            .bytes(text.as_bytes())
    }

    /// The reason phrase as a text: what a person sees who meets an error.
    pub fn reason(self) -> Reply {
        let status = self.status;
        self.text(reason(status))
    }

    /// A short body, which must find room beside the head.
    pub fn bytes(mut self, body: &[u8]) -> Reply {
        let has_body = self.end_head(Some(body.len() as u64));
        if has_body {
            self.response.out.push(body);
        }
        self.reply(Body::Empty)
    }

    /// A body of `length` bytes, which [`Handler::fill`](super::Handler::fill) gives piece by piece.
    pub fn stream(self, length: u64) -> Reply {
        self.stream_part(0, length)
    }

    /// A body that is the part of a larger one from `offset` on.
    pub(super) fn stream_part(mut self, offset: u64, length: u64) -> Reply {
        let has_body = self.end_head(Some(length));
        let end = offset.saturating_add(length);
        self.reply(if has_body {
            Body::Stream { offset, end }
        } else {
            Body::Empty
        })
    }

    /// A body of unknown length, which [`Handler::fill`](super::Handler::fill) gives piece by piece
    /// until it gives nothing: in chunks, or for HTTP/1.0 up to the close.
    pub fn chunked(mut self) -> Reply {
        let terms = &mut self.response.terms;
        let is_chunked = terms.version_minor > 0;
        terms.is_keep_alive &= is_chunked || terms.is_head;
        let has_body = self.end_head(None);
        self.reply(match (has_body, is_chunked) {
            (true, true) => Body::Chunked,
            (true, false) => Body::UntilClose,
            (false, _) => Body::Empty,
        })
    }

    /// Writes what frames the message and ends the head; whether a body may follow.
    fn end_head(&mut self, length: Option<u64>) -> bool {
        let Response { out, terms } = &mut self.response;
        let version_minor = terms.version_minor;
        match (is_bodiless(self.status), length) {
            (true, _) => {}
            (false, Some(length)) => out.number_field("Content-Length", length),
            (false, None) if version_minor > 0 => {
                out.framing_field("Transfer-Encoding", "chunked");
            }
            (false, None) => {}
        }
        if let Some(date) = terms.unix_time.and_then(date::format) {
            out.framing_field("Date", str::from_utf8(&date).unwrap_or_default());
        }
        if self.has_upgrade {
            out.framing_field("Connection", "Upgrade");
        }
        match (terms.is_keep_alive, version_minor) {
            (false, _) => out.framing_field("Connection", "close"),
            (true, 0) => out.framing_field("Connection", "keep-alive"),
            (true, _) => {}
        }
        out.push(b"\r\n");
        !is_bodiless(self.status) && !terms.is_head
    }

    fn reply(self, body: Body) -> Reply {
        let mut reply = Reply::new(self.status, self.response.out.fitting_len(), body);
        reply.is_keep_alive = self.response.terms.is_keep_alive;
        reply
    }
}

impl Out<'_> {
    fn push(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        match self.memory.get_mut(self.len..end) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.len = end;
            }
            None => self.is_unfit = true,
        }
    }

    fn status_line(&mut self, status: u16) {
        self.push(b"HTTP/1.1 ");
        self.number(u64::from(status));
        self.push(b" ");
        self.push(reason(status).as_bytes());
        self.push(b"\r\n");
    }

    /// A field of the handler.
    fn field(&mut self, name: &str, value: &str) {
        let is_ours = OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours));
        let is_sound = !name.is_empty()
            && name.bytes().all(is_tchar)
            && !value.bytes().any(is_forbidden_control);
        self.is_unfit |= is_ours || !is_sound;
        self.framing_field(name, value);
    }

    fn framing_field(&mut self, name: &str, value: &str) {
        self.push(name.as_bytes());
        self.push(b": ");
        self.push(value.as_bytes());
        self.push(b"\r\n");
    }

    fn number_field(&mut self, name: &str, value: u64) {
        self.push(name.as_bytes());
        self.push(b": ");
        self.number(value);
        self.push(b"\r\n");
    }

    fn number(&mut self, value: u64) {
        let mut digits = [0; 20];
        self.push(decimal(value, &mut digits));
    }

    /// Number of bytes that were written; `None` where they must not be sent.
    const fn fitting_len(&self) -> Option<usize> {
        if self.is_unfit { None } else { Some(self.len) }
    }
}

/// A number in decimal digits, without the formatting machinery.
pub(super) fn decimal(value: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut rest = value;
    let mut first = digits.len();
    for (index, digit) in digits.iter_mut().enumerate().rev() {
        // The remainder is at most 9.
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        first = index;
        if rest == 0 {
            break;
        }
    }
    digits.get(first..).unwrap_or_default()
}
