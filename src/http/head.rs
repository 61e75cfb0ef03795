//! The head of a response, parsed byte by byte in constant memory.

use super::field::{ContentLength, Field, NameMatcher, TransferEncoding};
use super::request::Additions;
use super::syntax::{is_forbidden_control, is_tchar, is_whitespace};
use super::{Fields, Malformed, Request};

/// Limit on the length of a head, in bytes, unless the caller sets another one.
pub const HEAD_BYTES_MAX_DEFAULT: u32 = 16 * 1024;

/// Number of interim (1xx) heads that are skipped before the final one (RFC 9110, 15.2).
pub const INTERIM_HEADS_MAX: u8 = 8;

const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// The start of every valid status line. One digit, a space and the status follow (RFC 9112, 4).
const VERSION: &[u8] = b"HTTP/1.";
// Offsets of the parts of a status line, in bytes.
const MINOR_OFFSET: u8 = 7;
const SPACE_OFFSET: u8 = 8;
const STATUS_FIRST_OFFSET: u8 = 9;
const STATUS_LAST_OFFSET: u8 = 11;
/// A space, then the reason phrase. Some servers send neither.
const REASON_OFFSET: u8 = 12;
/// Stands for every byte of the reason phrase.
const REASON_PHRASE_OFFSET: u8 = 13;

/// How the end of the body is known (RFC 9112, 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Framing {
    /// Content-Length: the number of bytes in the body.
    Length(u64),
    /// Transfer-Encoding: chunked.
    Chunked,
    /// Neither of them: the body ends when the server closes.
    Close,
    /// 101, 204 or 304: there is no body, whatever the fields say.
    Empty,
}

/// The final head of a response, from [`HeadParser::feed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Head {
    /// The status code: 200 to 999, and 101, 206 or 304 only where the request asked for it. Treat a code
    /// above 599 as 5xx (RFC 9110, 15).
    pub status: u16,
    /// The digit after `HTTP/1.`.
    pub version_minor: u8,
    /// How the end of the body is known.
    pub framing: Framing,
}

/// Parses the head of a response from bytes as they arrive.
///
/// It buffers no bytes: the limit on a head is a count. The limit applies to each head alone and
/// includes line ends and the empty last line. With interim heads a server can therefore send nine
/// times as much.
///
/// It handles one byte at a time: no result and no error depends on where the stream was cut.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HeadParser {
    bytes_max: u32,
    /// The request asks for a range, so 206 is an answer to it.
    has_range: bool,
    /// The request has a condition, so 304 is an answer to it.
    has_condition: bool,
    /// The request asks for another protocol, so 101 is an answer to it, and its last.
    has_upgrade: bool,
    /// Number of interim heads so far.
    interim: u8,
    /// Set when the final head is complete or an error was found. Nothing is parsed after that.
    outcome: Option<Result<(), Malformed>>,
    head: PartialHead,
}

// Each download holds one parser, and RAM on a board is scarce.
const _: () = assert!(size_of::<HeadParser>() <= 96);

/// The parser's position within a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum LinePosition {
    /// At this offset in the status line, at most `REASON_PHRASE_OFFSET`.
    StatusLine(u8),
    /// At the first byte of any other line.
    LineStart,
    Name,
    /// After white space in a name. This is an error, and the next byte decides which one.
    WhitespaceInName,
    Value,
}

/// What the parser knows of the head that it is parsing.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct PartialHead {
    /// Number of bytes so far, for the limit.
    bytes: u32,
    position: LinePosition,
    /// The last byte was a CR: only LF may follow (RFC 9112, 2.2).
    after_cr: bool,
    version_minor: u8,
    status: u16,
    name: NameMatcher,
    /// The field of the present line; a folded line continues it.
    field: Field,
    length: ContentLength,
    transfer_coding: TransferEncoding,
}

impl HeadParser {
    /// Creates a parser for one response. `bytes_max` limits each of its heads, in bytes.
    pub const fn new(bytes_max: u32) -> Self {
        Self {
            bytes_max,
            has_range: false,
            has_condition: false,
            has_upgrade: false,
            interim: 0,
            outcome: None,
            head: PartialHead::new(),
        }
    }

    /// Creates a parser for the response to `request`: 206 is an answer to a Range, and 304 to
    /// If-None-Match or If-Modified-Since. To any other request both are malformed.
    pub fn for_request(request: &Request<'_, impl Additions>, bytes_max: u32) -> Self {
        Self {
            has_range: request.has_range(),
            has_condition: request.has_condition(),
            has_upgrade: request.has_upgrade(),
            ..Self::new(bytes_max)
        }
    }

    /// Parses `bytes` up to the end of the final head. Returns the number of bytes that it consumed,
    /// and the head once it is complete. While the head is incomplete, it consumes all bytes.
    ///
    /// What the parser itself does not need goes to `fields`, such as a [`Location`](super::Location);
    /// pass the same one in every call. Once the head is complete, further calls consume nothing and
    /// return it again.
    ///
    /// # Errors
    /// The first byte that breaks the protocol. Every later call returns the same error.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        fields: &mut impl Fields,
    ) -> Result<(usize, Option<Head>), Malformed> {
        let mut consumed = 0;
        while let (None, Some(&byte)) = (self.outcome, bytes.get(consumed)) {
            consumed += 1;
            if let Err(how) = self.accept(byte, fields) {
                self.outcome = Some(Err(how));
            }
        }
        match self.outcome {
            None => Ok((consumed, None)),
            Some(Ok(())) => Ok((consumed, Some(self.head.finish()?))),
            Some(Err(how)) => Err(how),
        }
    }

    fn accept(&mut self, byte: u8, fields: &mut impl Fields) -> Result<(), Malformed> {
        let head = &mut self.head;
        if head.bytes >= self.bytes_max {
            return Err(Malformed::HeadTooLong);
        }
        head.bytes += 1;
        if head.after_cr && byte != LF {
            return Err(Malformed::BareCr);
        }
        match byte {
            CR => head.after_cr = true,
            LF => return self.end_line(fields),
            _ => return head.accept_in_line(byte, fields),
        }
        Ok(())
    }

    fn end_line(&mut self, fields: &mut impl Fields) -> Result<(), Malformed> {
        let head = &mut self.head;
        head.after_cr = false;
        match head.position {
            LinePosition::StatusLine(offset) => {
                if offset < REASON_OFFSET {
                    return Err(Malformed::StatusLine);
                }
                head.position = LinePosition::LineStart;
                fields.begin_head(head.status);
                self.check_status()
            }
            LinePosition::Name | LinePosition::WhitespaceInName => Err(Malformed::NoColon),
            LinePosition::Value => {
                head.position = LinePosition::LineStart;
                Ok(())
            }
            LinePosition::LineStart => {
                head.finish_field(fields)?;
                self.end_head()
            }
        }
    }

    fn check_status(&mut self) -> Result<(), Malformed> {
        match self.head.status {
            0..=99 => Err(Malformed::StatusLine),
            101 if self.is_upgrade() => Ok(()),
            101 => Err(Malformed::SwitchingProtocols),
            100..=199 if self.interim == INTERIM_HEADS_MAX => Err(Malformed::TooManyInterim),
            100..=199 => {
                self.interim += 1;
                Ok(())
            }
            206 if !self.has_range => Err(Malformed::UnexpectedStatus),
            304 if !self.has_condition => Err(Malformed::UnexpectedStatus),
            _ => Ok(()),
        }
    }

    /// Whether this head switches protocols as was asked. Where nobody can ask there is no code.
    const fn is_upgrade(&self) -> bool {
        cfg!(feature = "websocket") && self.has_upgrade && self.head.status == 101
    }

    fn end_head(&mut self) -> Result<(), Malformed> {
        let head = self.head.finish()?;
        if head.status < 200 && !self.is_upgrade() {
            self.head = PartialHead::new();
        } else {
            self.outcome = Some(Ok(()));
        }
        Ok(())
    }
}

impl PartialHead {
    const fn new() -> Self {
        Self {
            bytes: 0,
            position: LinePosition::StatusLine(0),
            after_cr: false,
            version_minor: 0,
            status: 0,
            name: NameMatcher::new(),
            field: Field::None,
            length: ContentLength::new(),
            transfer_coding: TransferEncoding::new(),
        }
    }

    fn accept_in_line(&mut self, byte: u8, fields: &mut impl Fields) -> Result<(), Malformed> {
        match self.position {
            LinePosition::StatusLine(offset) => self.accept_in_status_line(offset, byte),
            LinePosition::LineStart if is_whitespace(byte) => self.accept_obs_fold(byte, fields),
            LinePosition::LineStart => {
                self.finish_field(fields)?;
                self.name = NameMatcher::new();
                fields.begin_name();
                if byte == b':' {
                    return Err(Malformed::EmptyName);
                }
                self.position = LinePosition::Name;
                self.accept_in_name(byte, fields)
            }
            LinePosition::Name => self.accept_in_name(byte, fields),
            LinePosition::WhitespaceInName if is_whitespace(byte) => Ok(()),
            LinePosition::WhitespaceInName if byte == b':' => Err(Malformed::SpaceBeforeColon),
            LinePosition::WhitespaceInName => Err(Malformed::FieldName),
            LinePosition::Value => self.accept_in_value(byte, fields),
        }
    }

    fn accept_in_status_line(&mut self, offset: u8, byte: u8) -> Result<(), Malformed> {
        let digit = byte.is_ascii_digit().then(|| byte - b'0');
        match (offset, digit) {
            (MINOR_OFFSET, Some(digit)) => self.version_minor = digit,
            (STATUS_FIRST_OFFSET..=STATUS_LAST_OFFSET, Some(digit)) => {
                self.status = self.status * 10 + u16::from(digit);
            }
            (SPACE_OFFSET | REASON_OFFSET, None) if byte == b' ' => {}
            (REASON_PHRASE_OFFSET, _) if is_forbidden_control(byte) => {
                return Err(Malformed::ControlByte);
            }
            (REASON_PHRASE_OFFSET, _) => return Ok(()),
            _ if VERSION.get(usize::from(offset)) == Some(&byte) => {}
            _ => return Err(Malformed::StatusLine),
        }
        self.position = LinePosition::StatusLine(offset + 1);
        Ok(())
    }

    /// A line that starts with white space continues the field before it (`obs-fold`, RFC 9112,
    /// 5.2).
    fn accept_obs_fold(&mut self, byte: u8, fields: &mut impl Fields) -> Result<(), Malformed> {
        match self.field {
            Field::None => Err(Malformed::SpaceBeforeFirstField),
            Field::ContentLength | Field::TransferEncoding => Err(Malformed::FoldedLength),
            Field::Location | Field::Other => {
                self.position = LinePosition::Value;
                self.accept_in_value(byte, fields)
            }
        }
    }

    fn accept_in_name(&mut self, byte: u8, fields: &mut impl Fields) -> Result<(), Malformed> {
        match byte {
            b':' => {
                self.position = LinePosition::Value;
                self.field = match self.name.field() {
                    // Only a redirect needs it, and only the first one counts.
                    Field::Location
                        if !(300..400).contains(&self.status) || fields.has_location() =>
                    {
                        Field::Other
                    }
                    field => field,
                };
                if self.field == Field::Other {
                    fields.begin_value();
                }
                Ok(())
            }
            space if is_whitespace(space) => {
                self.position = LinePosition::WhitespaceInName;
                Ok(())
            }
            token if is_tchar(token) => {
                self.name.push(token);
                fields.name_byte(token);
                Ok(())
            }
            control if control.is_ascii_control() => Err(Malformed::ControlByte),
            _ => Err(Malformed::FieldName),
        }
    }

    fn accept_in_value(&mut self, byte: u8, fields: &mut impl Fields) -> Result<(), Malformed> {
        if is_forbidden_control(byte) {
            return Err(Malformed::ControlByte);
        }
        match self.field {
            Field::ContentLength => self.length.push(byte),
            Field::TransferEncoding => self.transfer_coding.push(byte),
            Field::Location => {
                fields.location_byte(byte);
                Ok(())
            }
            Field::None => Ok(()),
            Field::Other => {
                fields.value_byte(byte);
                Ok(())
            }
        }
    }

    /// A field ends when the next line does not start with white space, so it is checked only
    /// then.
    fn finish_field(&mut self, fields: &mut impl Fields) -> Result<(), Malformed> {
        match self.field {
            Field::ContentLength => self.length.finish(),
            Field::TransferEncoding => self.transfer_coding.finish(),
            Field::Location => {
                fields.end_location();
                Ok(())
            }
            Field::None => Ok(()),
            Field::Other => {
                fields.end_value();
                Ok(())
            }
        }
    }

    /// Returns the head, after its last line.
    fn finish(&self) -> Result<Head, Malformed> {
        Ok(Head {
            status: self.status,
            version_minor: self.version_minor,
            framing: self.framing()?,
        })
    }

    fn framing(&self) -> Result<Framing, Malformed> {
        match (self.transfer_coding.is_chunked(), self.length.agreed()) {
            (true, Some(_)) => Err(Malformed::LengthAndCoding),
            (true, None) if self.version_minor == 0 => Err(Malformed::CodingInHttp10),
            _ if matches!(self.status, 204 | 304) => Ok(Framing::Empty),
            _ if cfg!(feature = "websocket") && self.status < 200 => Ok(Framing::Empty),
            (true, None) => Ok(Framing::Chunked),
            (false, Some(length)) => Ok(Framing::Length(length)),
            (false, None) => Ok(Framing::Close),
        }
    }
}
