//! One request of a download, and what its answer means for what the sink holds.

use super::answer::Answer;
use super::content_range::ContentRange;
use super::fetch::Exchange;
use super::redirect::{Place, UrlHash};
use super::request::Additions;
use super::{
    Framing, GetError, Head, HeadParser, Header, Kept, Location, Request, RestartSink, Url,
    UserInfo, Version,
};

/// Headers of the caller that are harmless wherever a redirect leads. All others may be secrets, or
/// meant for one host.
const SENT_EVERYWHERE: [&str; 5] = [
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Cache-Control",
    "User-Agent",
];

/// Headers with which the caller asks for a part, or sets a condition: then nothing is resumed.
const CALLERS_OWN: [&str; 6] = [
    "Range",
    "If-Range",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
];

/// What a download asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Method {
    /// The body, into the sink.
    #[default]
    Get,
    /// The heads alone: the sink gets their bytes as they come.
    Head,
}

/// A request that may go on where the last one stopped.
#[derive(Debug)]
pub(super) struct Resumable<'a> {
    pub(super) method: Method,
    /// Whether redirects are followed.
    follows: bool,
    /// What the caller asked for; its text is the caller's.
    pub(super) asked: Url<'a>,
    user_info: Option<UserInfo<'a>>,
    headers: &'a [Header<'a>],
    pub(super) place: Place<'a>,
    pub(super) answer: Answer<'a>,
    pub(super) held: Held<'a>,
}

/// What the sink holds.
#[derive(Debug)]
pub(super) struct Held<'a> {
    /// Number of bytes, from the start of the file on.
    pub(super) bytes: u64,
    /// Length of the whole file, where it is known.
    pub(super) total: Option<u64>,
    /// Lent by the caller for the life of the download.
    validator: &'a mut [u8],
    validator_len: usize,
    /// The URL to which the validator belongs.
    url: UrlHash,
}

impl<'a> Held<'a> {
    pub(super) fn new(validator: &'a mut [u8]) -> Self {
        Self {
            bytes: 0,
            total: None,
            validator,
            validator_len: 0,
            url: UrlHash::of(b""),
        }
    }

    /// What holds from now on. A validator that does not fit is none.
    pub(super) fn set(&mut self, kept: &Kept) {
        self.bytes = kept.bytes;
        self.total = kept.total;
        self.url = kept.url;
        let validator = kept.validator.unwrap_or_default();
        self.validator_len = match self.validator.get_mut(..validator.len()) {
            Some(room) => {
                room.copy_from_slice(validator);
                validator.len()
            }
            None => 0,
        };
    }

    /// What is held cannot be gone on with: the file is asked for as a whole.
    pub(super) const fn distrust(&mut self) {
        self.validator_len = 0;
        self.total = None;
    }

    /// Whether bytes are missing.
    pub(super) fn is_short(&self) -> bool {
        self.total.is_some_and(|total| self.bytes < total)
    }

    fn validator(&self) -> Option<&[u8]> {
        let validator = self.validator.get(..self.validator_len)?;
        (!validator.is_empty()).then_some(validator)
    }
}

/// What a download adds to the caller's headers.
struct Resumption<'x> {
    method: Method,
    /// From this byte on, if the file is still what this validator says.
    from: Option<(u64, &'x [u8])>,
    user_info: Option<UserInfo<'x>>,
    is_same_origin: bool,
}

impl Additions for Resumption<'_> {
    fn method(&self) -> &'static str {
        match self.method {
            Method::Get => "GET",
            Method::Head => "HEAD",
        }
    }

    fn sends(&self, header: &Header) -> bool {
        self.is_same_origin || is_one_of(header, &SENT_EVERYWHERE)
    }

    fn has_range(&self) -> bool {
        self.from.is_some()
    }

    fn write_pieces(&self, write: &mut dyn FnMut(&[u8])) {
        if let Some(user_info) = &self.user_info {
            write(b"Authorization: Basic ");
            user_info.write_basic(write);
            write(b"\r\n");
        }
        if let Some((first, validator)) = self.from {
            write(b"Range: bytes=");
            write_decimal(first, write);
            write(b"-\r\nIf-Range: ");
            write(validator);
            write(b"\r\n");
        }
    }
}

fn is_one_of(header: &Header, names: &[&str]) -> bool {
    names.iter().any(|name| header.is_named(name))
}

fn write_decimal(value: u64, write: &mut dyn FnMut(&[u8])) {
    let mut unit = 10_u64.pow(19);
    while unit > 0 {
        if value >= unit || unit == 1 {
            let digit = value / unit % 10;
            write(&[super::url::digit(digit as u16)]);
        }
        unit /= 10;
    }
}

impl<'a> Resumable<'a> {
    pub(super) const fn new(
        method: Method,
        follows: bool,
        asked: (Url<'a>, Option<UserInfo<'a>>),
        headers: &'a [Header<'a>],
        place: Place<'a>,
        answer: Answer<'a>,
        held: Held<'a>,
    ) -> Self {
        Self {
            method,
            follows,
            asked: asked.0,
            user_info: asked.1,
            headers,
            place,
            answer,
            held,
        }
    }

    /// From which byte on the file is asked for, and by which validator; nothing for all of it.
    fn from(&self) -> Option<(u64, &[u8])> {
        let is_ours = self.method == Method::Get && !self.is_callers_own();
        let validator = self.held.validator()?;
        (is_ours && self.held.bytes > 0 && self.held.url == self.place.hash())
            .then_some((self.held.bytes, validator))
    }

    /// Whether the request asks for the rest alone.
    pub(super) fn is_for_part(&self) -> bool {
        self.from().is_some()
    }

    /// Whether the caller asks for a part, or sets a condition.
    pub(super) fn is_callers_own(&self) -> bool {
        self.has_one_of(&CALLERS_OWN)
    }

    /// Whether the caller has a header with one of these names.
    fn has_one_of(&self, names: &[&str]) -> bool {
        self.headers.iter().any(|header| is_one_of(header, names))
    }

    /// The request of now. The place holds a URL, for it was checked when it was set; in any other
    /// case what was asked for is asked for again.
    fn request(&self) -> Request<'_, Resumption<'_>> {
        let url = self.place.url().unwrap_or(self.asked);
        let is_same_origin = url.has_same_origin(&self.asked);
        let sends_user_info = is_same_origin && !self.has_one_of(&["Authorization"]);
        Request::unchecked(
            url,
            self.headers,
            Resumption {
                method: self.method,
                from: self.from(),
                user_info: self.user_info.filter(|_| sends_user_info),
                is_same_origin,
            },
        )
    }

    /// Whether a 416 says that the sink holds the whole file.
    pub(super) fn has_everything(&self) -> bool {
        let total = match self.answer.content_range() {
            Some(ContentRange::Unsatisfied { total }) => Some(total),
            _ => None,
        };
        let is_total = |known: u64| total == Some(known);
        is_total(self.held.bytes) && self.held.total.is_none_or(is_total) && self.is_same_file()
    }

    /// Whether the answer's own validator does not contradict the one of what is held.
    fn is_same_file(&self) -> bool {
        let validator = self.held.validator();
        let told = match validator {
            Some([b'"', ..]) => self.answer.etag(),
            _ => self.answer.last_modified(),
        };
        told.is_none() || told == validator
    }

    /// A 206: it must be exactly the rest of what is held, or be no answer (RFC 9110, 15.3.7).
    fn accept_part(&mut self, head: &Head) -> Result<Framing, GetError> {
        let mismatch = GetError::Status(head.status);
        let Some(ContentRange::Part { first, last, total }) = self.answer.content_range() else {
            return Err(mismatch);
        };
        let len = (last - first).checked_add(1).ok_or(mismatch)?;
        let fits = match head.framing {
            Framing::Length(length) => length == len,
            Framing::Close => true,
            Framing::Chunked | Framing::Empty => false,
        };
        let is_same_total = match (self.held.total, total) {
            (Some(known), Some(told)) => known == told,
            (Some(known), None) => last < known,
            (None, _) => true,
        };
        if first != self.held.bytes || !fits || !is_same_total || !self.is_same_file() {
            return Err(mismatch);
        }
        self.held.total = self.held.total.or(total);
        Ok(Framing::Length(len))
    }

    /// A body from its first byte on.
    fn accept_whole(
        &mut self,
        head: &Head,
        sink: &mut impl RestartSink,
    ) -> Result<Framing, GetError> {
        if self.held.bytes > 0 && !sink.can_restart() {
            return Err(GetError::Status(head.status));
        }
        let validator = match self.is_callers_own() {
            true => None,
            false => self.answer.strong_validator(),
        };
        let version = Version {
            url: self.place.text(),
            validator,
            total: match head.framing {
                Framing::Length(length) => Some(length),
                Framing::Empty => Some(0),
                Framing::Chunked | Framing::Close => None,
            },
        };
        // What is held is uncertain from the call on, whether it succeeds or not.
        self.held.set(&version.kept(0));
        sink.restart(&version)?;
        Ok(head.framing)
    }
}

impl<'a, S: RestartSink> Exchange<S> for Resumable<'a> {
    type Fields = Answer<'a>;

    fn parser(&self, bytes_max: u32) -> HeadParser {
        HeadParser::for_request(&self.request(), bytes_max)
    }

    fn request_len(&self) -> usize {
        self.request().len()
    }

    fn write_from(&self, offset: usize, out: &mut [u8]) -> usize {
        self.request().write_from(offset, out)
    }

    fn fields(&mut self) -> &mut Answer<'a> {
        &mut self.answer
    }

    fn feed(
        &mut self,
        parser: &mut HeadParser,
        bytes: &[u8],
        sink: &mut S,
    ) -> Result<(usize, Option<Head>), GetError> {
        if self.method == Method::Get {
            return Ok(parser.feed(bytes, &mut self.answer)?);
        }
        // A copy finds the end of the head, because the sink must not get what comes after it.
        let (len, _) = parser.clone().feed(bytes, &mut Location::new(&mut []))?;
        let taken = sink.write(bytes.get(..len).unwrap_or_default())?;
        Ok(parser.feed(bytes.get(..taken).unwrap_or_default(), &mut self.answer)?)
    }

    fn accept(&mut self, head: &Head, sink: &mut S) -> Result<Framing, GetError> {
        match head.status {
            300.. => Err(GetError::Status(head.status)),
            _ if self.method == Method::Head => Ok(Framing::Empty),
            206 if self.is_for_part() => self.accept_part(head),
            _ => self.accept_whole(head, sink),
        }
    }

    fn is_answered(&self, status: u16) -> bool {
        match status {
            301 | 302 | 303 | 307 | 308 => self.follows,
            416 => self.is_for_part(),
            _ => false,
        }
    }

    fn held(&self) -> u64 {
        self.held.bytes
    }

    fn is_working(sink: &S) -> bool {
        sink.is_working()
    }
}
