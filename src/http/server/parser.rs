//! The head of a request, checked byte by byte and kept in memory of the caller.

use super::RequestError;
use crate::http::Malformed;
use crate::http::syntax::{is_forbidden_control, is_tchar, is_whitespace};

const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// Number of bytes in empty lines before a request line that are skipped: one CRLF (RFC 9112, 2.2).
const EMPTY_BYTES_MAX: u8 = 2;

/// Checks the head of a request as its bytes arrive, and copies it into memory of the caller.
///
/// It is strict where a mistake could make two recipients see two different requests: each line ends
/// in CRLF, nothing is folded, no white space stands before a colon, and no control byte but HTAB
/// stands in a value. It handles one byte at a time, so the result does not depend on where the stream
/// was cut. What the head says is [`Request::parse`](super::Request::parse)'s to check.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RequestParser {
    /// Number of bytes that were kept.
    len: usize,
    /// Number of bytes of empty lines before the request line.
    skipped: u8,
    position: Position,
    /// The last byte was a CR: only LF may follow.
    after_cr: bool,
    outcome: Option<Result<(), RequestError>>,
}

/// `Before -> RequestLine -> LineStart -> Name -> Value -> LineStart`; an empty line ends the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Position {
    /// Before the first byte of the request line.
    Before,
    RequestLine,
    /// At the first byte of a line of fields; `true` for the first of them.
    LineStart(bool),
    Name,
    Value,
}

impl Default for RequestParser {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestParser {
    /// A parser for one head.
    pub const fn new() -> Self {
        Self {
            len: 0,
            skipped: 0,
            position: Position::Before,
            after_cr: false,
            outcome: None,
        }
    }

    /// Takes `bytes` up to the end of the head and keeps them in `head`, whose length is the limit;
    /// pass the same memory in every call. Returns the number of bytes that it consumed, and whether
    /// the head is complete. While it is not, all bytes are consumed.
    ///
    /// # Errors
    /// The first byte that breaks the protocol or finds no room. Every later call returns the same
    /// error.
    pub fn feed(&mut self, bytes: &[u8], head: &mut [u8]) -> Result<(usize, bool), RequestError> {
        let mut consumed = 0;
        while let (None, Some(&byte)) = (self.outcome, bytes.get(consumed)) {
            consumed += 1;
            if let Err(error) = self.accept(byte, head) {
                self.outcome = Some(Err(error));
            }
        }
        match self.outcome {
            None => Ok((consumed, false)),
            Some(Ok(())) => Ok((consumed, true)),
            Some(Err(error)) => Err(error),
        }
    }

    /// Whether no byte of a request line has come yet. An empty line before it is none: some clients
    /// send one after a body (RFC 9112, 2.2).
    pub const fn is_empty(&self) -> bool {
        self.len == 0 && self.outcome.is_none()
    }

    /// The bytes that were kept in `head`.
    pub fn kept<'h>(&self, head: &'h [u8]) -> &'h [u8] {
        head.get(..self.len).unwrap_or(head)
    }

    fn accept(&mut self, byte: u8, head: &mut [u8]) -> Result<(), RequestError> {
        if self.position == Position::Before && matches!(byte, CR | LF) {
            return self.skip_empty_line(byte);
        }
        if self.after_cr != (byte == LF) {
            return Err(RequestError::LineEnd);
        }
        let room = head.get_mut(self.len).ok_or_else(|| self.too_long())?;
        match byte {
            CR => self.after_cr = true,
            LF => {
                self.after_cr = false;
                self.end_line()?;
            }
            _ => self.accept_in_line(byte)?,
        }
        *room = byte;
        self.len += 1;
        Ok(())
    }

    fn skip_empty_line(&mut self, byte: u8) -> Result<(), RequestError> {
        if self.after_cr != (byte == LF) || self.skipped >= EMPTY_BYTES_MAX {
            return Err(RequestError::LineEnd);
        }
        self.skipped += 1;
        self.after_cr = byte == CR;
        Ok(())
    }

    const fn too_long(&self) -> RequestError {
        match self.position {
            Position::Before | Position::RequestLine => RequestError::LineTooLong,
            _ => RequestError::FieldsTooLong,
        }
    }

    fn end_line(&mut self) -> Result<(), RequestError> {
        self.position = match self.position {
            Position::Before | Position::RequestLine => Position::LineStart(true),
            Position::Value => Position::LineStart(false),
            Position::Name => return Err(RequestError::Field(Malformed::NoColon)),
            Position::LineStart(_) => {
                self.outcome = Some(Ok(()));
                self.position
            }
        };
        Ok(())
    }

    fn accept_in_line(&mut self, byte: u8) -> Result<(), RequestError> {
        self.position = match self.position {
            Position::Before | Position::RequestLine if matches!(byte, b' '..=b'~') => {
                Position::RequestLine
            }
            Position::Before | Position::RequestLine => return Err(RequestError::RequestLine),
            position => accept_in_field(position, byte).map_err(RequestError::Field)?,
        };
        Ok(())
    }
}

/// The position after `byte` in a line of fields.
fn accept_in_field(position: Position, byte: u8) -> Result<Position, Malformed> {
    match position {
        Position::LineStart(true) if is_whitespace(byte) => Err(Malformed::SpaceBeforeFirstField),
        Position::LineStart(false) if is_whitespace(byte) => Err(Malformed::FoldedLength),
        Position::LineStart(_) if byte == b':' => Err(Malformed::EmptyName),
        Position::Value if is_forbidden_control(byte) => Err(Malformed::ControlByte),
        Position::Value => Ok(Position::Value),
        _ if byte == b':' => Ok(Position::Value),
        _ if is_tchar(byte) => Ok(Position::Name),
        _ if is_whitespace(byte) => Err(Malformed::SpaceBeforeColon),
        _ if byte.is_ascii_control() => Err(Malformed::ControlByte),
        _ => Err(Malformed::FieldName),
    }
}
