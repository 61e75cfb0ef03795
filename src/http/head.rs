//! The head of a response, read byte by byte in O(1) memory.

use super::field::{ContentLength, Field, NameMatcher, TransferEncoding};
use super::{Location, Malformed, is_blank, is_forbidden_control, is_token_byte};

/// Bytes that a head may have unless the caller says otherwise.
pub const HEAD_BYTES_MAX_DEFAULT: u32 = 16 * 1024;

/// Interim (1xx) heads that are skipped before the final one.
pub const INTERIM_HEADS_MAX: u8 = 8;

const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// What begins every status line that is understood; one digit, a space and the status follow.
const VERSION: &[u8] = b"HTTP/1.";
// Places in the status line, counted from its front.
const MINOR_AT: u8 = 7;
const SPACE_AT: u8 = 8;
const STATUS_FIRST_AT: u8 = 9;
const STATUS_LAST_AT: u8 = 11;
/// The reason begins with a space; it may be missing, space and all.
const REASON_AT: u8 = 12;
/// All of the reason behind its space.
const IN_REASON: u8 = 13;

/// How the end of a body is known (RFC 9112, 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Framing {
    /// Content-Length: so many bytes.
    Length(u64),
    /// Transfer-Encoding: chunked.
    Chunked,
    /// Neither: the body ends when the peer closes.
    Close,
    /// 204: there is no body, whatever its fields say.
    Empty,
}

/// What the final head of a response says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Head {
    /// 200 to 999, never 206 or 304. A status above 599 counts as one of 5xx (RFC 9110, 15).
    pub status: u16,
    /// The digit after `HTTP/1.`.
    pub version_minor: u8,
    /// How the end of the body is known.
    pub framing: Framing,
}

/// Reads the head of a response from bytes as they come.
///
/// It holds no bytes: the limit on a head is a count. The limit counts for each head on its own, line ends and the
/// empty line at the end included, so with interim heads the peer may send nine times as much.
///
/// Each byte is judged alone and in order, so that the result, errors included, does not depend on where the
/// bytes were cut.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HeadParser {
    bytes_max: u32,
    /// Interim heads so far.
    interim: u8,
    /// Set once, when the final head has ended or an error was found; nothing is read after it.
    outcome: Option<Result<(), Malformed>>,
    reading: Reading,
}

// A machine holds one parser for each download; a board counts its bytes.
const _: () = assert!(size_of::<HeadParser>() <= 96);

/// Where the parser stands in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Place {
    /// In the status line, so many bytes behind its front, but never behind `IN_REASON`.
    StatusLine(u8),
    /// At the front of any other line.
    LineStart,
    Name,
    /// Behind white space in a name, where only an error can follow, but which one is not known yet.
    BlankInName,
    Value,
}

/// All that is kept of the head that is being read.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Reading {
    bytes: u32,
    place: Place,
    /// The last byte was a CR: only LF may follow.
    after_cr: bool,
    version_minor: u8,
    status: u16,
    name: NameMatcher,
    /// The field that the line belongs to; over its fold too.
    field: Field,
    length: ContentLength,
    coding: TransferEncoding,
}

impl HeadParser {
    /// A parser for one response, each of whose heads may have `bytes_max` bytes.
    pub const fn new(bytes_max: u32) -> Self {
        Self {
            bytes_max,
            interim: 0,
            outcome: None,
            reading: Reading::new(),
        }
    }

    /// Reads `bytes` up to the end of the final head. Returns how many of them it took, and the head when it is
    /// complete; as long as it is not, all bytes were taken.
    ///
    /// The value of the first Location of a 3xx goes to `location`, which must be the same in every call. After the
    /// head is complete nothing more is taken and the same head is returned.
    ///
    /// A connection that closes before the head is complete is [`Truncated`](super::GetError::Truncated).
    ///
    /// # Errors
    /// The first byte that breaks the protocol; the same error again in every later call.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        location: &mut Location<'_>,
    ) -> Result<(usize, Option<Head>), Malformed> {
        let mut taken = 0;
        while let (None, Some(&byte)) = (self.outcome, bytes.get(taken)) {
            taken += 1;
            if let Err(how) = self.accept(byte, location) {
                self.outcome = Some(Err(how));
            }
        }
        match self.outcome {
            None => Ok((taken, None)),
            Some(Ok(())) => Ok((taken, Some(self.reading.head()?))),
            Some(Err(how)) => Err(how),
        }
    }

    fn accept(&mut self, byte: u8, location: &mut Location<'_>) -> Result<(), Malformed> {
        let reading = &mut self.reading;
        if reading.bytes >= self.bytes_max {
            return Err(Malformed::HeadTooLong);
        }
        reading.bytes += 1;
        if reading.after_cr && byte != LF {
            return Err(Malformed::BareCr);
        }
        match byte {
            CR => reading.after_cr = true,
            LF => return self.end_line(location),
            _ => return reading.accept_in_line(byte, location),
        }
        Ok(())
    }

    fn end_line(&mut self, location: &mut Location<'_>) -> Result<(), Malformed> {
        let reading = &mut self.reading;
        reading.after_cr = false;
        match reading.place {
            Place::StatusLine(at) => {
                if at < REASON_AT {
                    return Err(Malformed::StatusLine);
                }
                reading.place = Place::LineStart;
                self.check_status()
            }
            Place::Name | Place::BlankInName => Err(Malformed::NoColon),
            Place::Value => {
                reading.place = Place::LineStart;
                Ok(())
            }
            Place::LineStart => {
                reading.finish_field(location)?;
                self.end_head()
            }
        }
    }

    fn check_status(&mut self) -> Result<(), Malformed> {
        match self.reading.status {
            0..=99 => Err(Malformed::StatusLine),
            101 => Err(Malformed::SwitchingProtocols),
            100..=199 if self.interim == INTERIM_HEADS_MAX => Err(Malformed::TooManyInterim),
            100..=199 => {
                self.interim += 1;
                Ok(())
            }
            206 | 304 => Err(Malformed::UnaskedStatus),
            _ => Ok(()),
        }
    }

    fn end_head(&mut self) -> Result<(), Malformed> {
        let head = self.reading.head()?;
        if head.status < 200 {
            self.reading = Reading::new();
        } else {
            self.outcome = Some(Ok(()));
        }
        Ok(())
    }
}

impl Reading {
    const fn new() -> Self {
        Self {
            bytes: 0,
            place: Place::StatusLine(0),
            after_cr: false,
            version_minor: 0,
            status: 0,
            name: NameMatcher::new(),
            field: Field::None,
            length: ContentLength::new(),
            coding: TransferEncoding::new(),
        }
    }

    fn accept_in_line(&mut self, byte: u8, location: &mut Location<'_>) -> Result<(), Malformed> {
        match self.place {
            Place::StatusLine(at) => self.accept_in_status_line(at, byte),
            Place::LineStart if is_blank(byte) => self.accept_fold(byte, location),
            Place::LineStart => {
                self.finish_field(location)?;
                self.name = NameMatcher::new();
                if byte == b':' {
                    return Err(Malformed::EmptyName);
                }
                self.place = Place::Name;
                self.accept_in_name(byte, location)
            }
            Place::Name => self.accept_in_name(byte, location),
            Place::BlankInName if is_blank(byte) => Ok(()),
            Place::BlankInName if byte == b':' => Err(Malformed::SpaceBeforeColon),
            Place::BlankInName => Err(Malformed::FieldName),
            Place::Value => self.accept_in_value(byte, location),
        }
    }

    fn accept_in_status_line(&mut self, at: u8, byte: u8) -> Result<(), Malformed> {
        let digit = byte.is_ascii_digit().then(|| byte - b'0');
        match (at, digit) {
            (MINOR_AT, Some(digit)) => self.version_minor = digit,
            (STATUS_FIRST_AT..=STATUS_LAST_AT, Some(digit)) => {
                self.status = self.status * 10 + u16::from(digit);
            }
            (SPACE_AT | REASON_AT, None) if byte == b' ' => {}
            (IN_REASON, _) if is_forbidden_control(byte) => return Err(Malformed::ControlByte),
            (IN_REASON, _) => return Ok(()),
            _ if VERSION.get(usize::from(at)) == Some(&byte) => {}
            _ => return Err(Malformed::StatusLine),
        }
        self.place = Place::StatusLine(at + 1);
        Ok(())
    }

    /// A line that begins with white space goes on with the field before it (RFC 9112, 5.2).
    fn accept_fold(&mut self, byte: u8, location: &mut Location<'_>) -> Result<(), Malformed> {
        match self.field {
            Field::None => Err(Malformed::SpaceBeforeFirstField),
            Field::ContentLength | Field::TransferEncoding => Err(Malformed::FoldedLength),
            Field::Location | Field::Other => {
                self.place = Place::Value;
                self.accept_in_value(byte, location)
            }
        }
    }

    fn accept_in_name(&mut self, byte: u8, location: &Location<'_>) -> Result<(), Malformed> {
        match byte {
            b':' => {
                self.place = Place::Value;
                self.field = match self.name.field() {
                    // Only a redirect has a use for it, and only the first counts.
                    Field::Location
                        if !(300..400).contains(&self.status) || !location.is_empty() =>
                    {
                        Field::Other
                    }
                    field => field,
                };
                Ok(())
            }
            blank if is_blank(blank) => {
                self.place = Place::BlankInName;
                Ok(())
            }
            token if is_token_byte(token) => {
                self.name.push(token);
                Ok(())
            }
            control if control.is_ascii_control() => Err(Malformed::ControlByte),
            _ => Err(Malformed::FieldName),
        }
    }

    fn accept_in_value(&mut self, byte: u8, location: &mut Location<'_>) -> Result<(), Malformed> {
        if is_forbidden_control(byte) {
            return Err(Malformed::ControlByte);
        }
        match self.field {
            Field::ContentLength => self.length.push(byte),
            Field::TransferEncoding => self.coding.push(byte),
            Field::Location => {
                location.push(byte);
                Ok(())
            }
            Field::None | Field::Other => Ok(()),
        }
    }

    /// A field ends where the next line does not begin with white space, so it is judged only there.
    fn finish_field(&mut self, location: &mut Location<'_>) -> Result<(), Malformed> {
        match self.field {
            Field::ContentLength => self.length.finish(),
            Field::TransferEncoding => self.coding.finish(),
            Field::Location => {
                location.finish();
                Ok(())
            }
            Field::None | Field::Other => Ok(()),
        }
    }

    /// The head, when all of it was read.
    fn head(&self) -> Result<Head, Malformed> {
        Ok(Head {
            status: self.status,
            version_minor: self.version_minor,
            framing: self.framing()?,
        })
    }

    fn framing(&self) -> Result<Framing, Malformed> {
        match (self.coding.is_chunked(), self.length.agreed()) {
            (true, Some(_)) => Err(Malformed::LengthAndCoding),
            (true, None) if self.version_minor == 0 => Err(Malformed::CodingInOld),
            _ if self.status == 204 => Ok(Framing::Empty),
            (true, None) => Ok(Framing::Chunked),
            (false, Some(length)) => Ok(Framing::Length(length)),
            (false, None) => Ok(Framing::Close),
        }
    }
}
