//! The body of a response: separates payload from framing.

use core::fmt;

use super::syntax::{is_forbidden_control, is_whitespace};
use super::{Framing, Malformed};
use crate::payload::at_most;

/// Largest number of hexadecimal digits in a chunk size: 16 digits always fit into 64 bits.
const CHUNK_DIGITS_MAX: u8 = 16;

/// How a download knows that the body is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Proof {
    /// All bytes that Content-Length announced have arrived.
    Length,
    /// The last chunk and the end of the trailers have arrived.
    LastChunk,
    /// The status says that there is no body.
    Empty,
    /// The server closed and had not announced a length. This proof is weak: a server that fails
    /// may close too (RFC 9112, 8).
    CloseOnly,
}

/// What the bytes given to [`BodyDecoder::next`] start with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Piece<'b> {
    /// Payload, never empty. Write it to the sink, then call [`consume`](BodyDecoder::consume) with
    /// the number of bytes that the sink took.
    Payload(&'b [u8]),
    /// This number of bytes was framing and is consumed; skip them. 0 only when there were no bytes.
    Framing(usize),
    /// The body is complete. The bytes after it are not part of it.
    End(Proof),
}

/// Why a body is not complete. Returned by [`BodyDecoder::finish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum BodyError {
    /// The body ends before the end that its framing announced.
    Truncated,
    /// The framing breaks the protocol; the value says how.
    Malformed(Malformed),
}

/// Separates the payload of a body from its framing. It buffers no bytes.
///
/// Payload counts only after [`consume`](Self::consume). Until then the caller may pass the same
/// bytes again, with more bytes after them.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BodyDecoder {
    state: State,
    /// Number of payload bytes left in the present chunk, or in a body with a length. While a
    /// chunk size is parsed, its value so far.
    remaining: u64,
    /// Number of digits of the present chunk size so far.
    digits: u8,
    /// Number of further bytes that chunk extensions and trailers may have.
    skip_bytes_left: u32,
}

/// A body with a length is only counted. A chunked body alternates between framing and payload.
///
/// ```text
/// Counted ---all consumed--> Complete(Length)       UntilClose: until FIN
///
/// Framing(Size) --LF--> Chunk --all consumed--> Framing(DataCr) -> Framing(DataLf) -> Framing(Size)
///       | size 0
///       +--LF--> Framing(TrailerStart) --CR LF--> Complete(LastChunk)
/// ```
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum State {
    /// In the payload of a body with a length.
    Counted,
    UntilClose,
    Framing(ChunkPosition),
    /// In the payload of a chunk.
    Chunk,
    Complete(Proof),
    Failed(Malformed),
}

/// The decoder's position in the framing of chunks (RFC 9112, 7.1).
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum ChunkPosition {
    /// At a digit of a chunk size.
    Size,
    /// In the white space after a size: some servers pad the size, others start an extension.
    AfterSize,
    Extension,
    SizeLf,
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    LastLf,
}

impl BodyDecoder {
    /// Creates a decoder for a body with this `framing`. `skip_bytes_max` limits the chunk extensions
    /// and trailers of the whole body together, in bytes without line ends.
    pub const fn new(framing: Framing, skip_bytes_max: u32) -> Self {
        let (state, remaining) = match framing {
            Framing::Length(0) => (State::Complete(Proof::Length), 0),
            Framing::Length(remaining) => (State::Counted, remaining),
            Framing::Chunked => (State::Framing(ChunkPosition::Size), 0),
            Framing::Close => (State::UntilClose, 0),
            Framing::Empty => (State::Complete(Proof::Empty), 0),
        };
        Self {
            state,
            remaining,
            digits: 0,
            skip_bytes_left: skip_bytes_max,
        }
    }

    /// Returns what `bytes` start with. `bytes` must start where the last piece ended.
    ///
    /// # Errors
    /// The first framing byte that breaks the protocol. Every later call returns the same error.
    pub fn next<'b>(&mut self, bytes: &'b [u8]) -> Result<Piece<'b>, Malformed> {
        let payload = match self.state {
            State::Counted | State::Chunk => at_most(bytes, self.remaining),
            State::UntilClose => bytes,
            State::Framing(_) => return self.skip_framing(bytes).map(Piece::Framing),
            State::Complete(proof) => return Ok(Piece::End(proof)),
            State::Failed(how) => return Err(how),
        };
        Ok(if payload.is_empty() {
            Piece::Framing(0)
        } else {
            Piece::Payload(payload)
        })
    }

    /// Marks `count` bytes of the last [`Piece::Payload`] as taken by the sink. `count` may be 0.
    ///
    /// # Panics
    /// If `count` is more than the body or the chunk has left: a sink takes only what it was offered.
    pub fn consume(&mut self, count: usize) {
        let end = match self.state {
            State::Counted => State::Complete(Proof::Length),
            State::Chunk => State::Framing(ChunkPosition::DataCr),
            _ => return,
        };
        // No target has a usize of more than 64 bits.
        self.remaining = self
            .remaining
            .checked_sub(count as u64)
            .expect("a sink takes no more than it was offered");
        if self.remaining == 0 {
            self.state = end;
        }
    }

    /// How the body is known to be complete. `None` while it is not complete, and always `None` where
    /// only the server's close ends it.
    pub const fn is_complete(&self) -> Option<Proof> {
        match self.state {
            State::Complete(proof) => Some(proof),
            _ => None,
        }
    }

    /// Call this when the server has closed. Says whether the body is complete.
    ///
    /// # Errors
    /// [`BodyError::Truncated`] before the announced end, [`BodyError::Malformed`] after an error of
    /// [`next`](Self::next).
    pub const fn finish(&self) -> Result<Proof, BodyError> {
        match self.state {
            State::Complete(proof) => Ok(proof),
            State::UntilClose => Ok(Proof::CloseOnly),
            State::Failed(how) => Err(BodyError::Malformed(how)),
            State::Counted | State::Chunk | State::Framing(_) => Err(BodyError::Truncated),
        }
    }

    /// Number of payload bytes that are missing; `None` where the server has not announced it.
    pub const fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Counted => Some(self.remaining),
            State::Complete(_) => Some(0),
            State::UntilClose | State::Framing(_) | State::Chunk | State::Failed(_) => None,
        }
    }

    fn skip_framing(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        for (index, &byte) in bytes.iter().enumerate() {
            let State::Framing(position) = self.state else {
                return Ok(index);
            };
            match self.next_state(position, byte) {
                Ok(state) => self.state = state,
                Err(how) => {
                    self.state = State::Failed(how);
                    return Err(how);
                }
            }
        }
        Ok(bytes.len())
    }

    /// The state after `byte` at `position`.
    fn next_state(&mut self, position: ChunkPosition, byte: u8) -> Result<State, Malformed> {
        let next = match (position, byte) {
            (ChunkPosition::Size, _) if self.accept_digit(byte)? => ChunkPosition::Size,
            (ChunkPosition::Size | ChunkPosition::AfterSize | ChunkPosition::Extension, b'\r') => {
                ChunkPosition::SizeLf
            }
            (ChunkPosition::SizeLf, b'\n') if self.remaining > 0 => return Ok(State::Chunk),
            (ChunkPosition::SizeLf | ChunkPosition::TrailerLf, b'\n') => {
                ChunkPosition::TrailerStart
            }
            (ChunkPosition::DataCr, b'\r') => ChunkPosition::DataLf,
            (ChunkPosition::DataLf, b'\n') => {
                self.digits = 0;
                ChunkPosition::Size
            }
            (ChunkPosition::TrailerStart, b'\r') => ChunkPosition::LastLf,
            (ChunkPosition::Trailer, b'\r') => ChunkPosition::TrailerLf,
            (ChunkPosition::LastLf, b'\n') => return Ok(State::Complete(Proof::LastChunk)),
            _ => self.skip_byte(position, byte)?,
        };
        Ok(State::Framing(next))
    }

    /// Takes `byte` as a digit of a chunk size; `false` when it is the first byte after the digits.
    fn accept_digit(&mut self, byte: u8) -> Result<bool, Malformed> {
        match char::from(byte).to_digit(16) {
            Some(digit) if self.digits < CHUNK_DIGITS_MAX => {
                self.digits += 1;
                // 16 digits of 4 bits fit, and `remaining` is 0 after the chunk before.
                self.remaining = self.remaining << 4 | u64::from(digit);
                Ok(true)
            }
            None if self.digits > 0 => Ok(false),
            _ => Err(Malformed::ChunkSize),
        }
    }

    /// Checks one byte of an extension or a trailer and counts it against the limit. Returns the
    /// next position.
    fn skip_byte(&mut self, position: ChunkPosition, byte: u8) -> Result<ChunkPosition, Malformed> {
        let next = match position {
            ChunkPosition::Extension => ChunkPosition::Extension,
            ChunkPosition::TrailerStart | ChunkPosition::Trailer => ChunkPosition::Trailer,
            ChunkPosition::Size | ChunkPosition::AfterSize if byte == b';' => {
                ChunkPosition::Extension
            }
            ChunkPosition::Size | ChunkPosition::AfterSize if is_whitespace(byte) => {
                ChunkPosition::AfterSize
            }
            ChunkPosition::Size | ChunkPosition::AfterSize if byte != b'\n' => {
                return Err(Malformed::ChunkSize);
            }
            _ => return Err(Malformed::ChunkEnd),
        };
        if byte == b'\n' {
            return Err(Malformed::ChunkEnd);
        }
        if is_forbidden_control(byte) {
            return Err(Malformed::ControlByte);
        }
        self.skip_bytes_left = self
            .skip_bytes_left
            .checked_sub(1)
            .ok_or(Malformed::TrailerTooLong)?;
        Ok(next)
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the peer closed before the end"),
            Self::Malformed(how) => how.fmt(f),
        }
    }
}

impl core::error::Error for BodyError {}

impl From<Malformed> for BodyError {
    fn from(how: Malformed) -> Self {
        Self::Malformed(how)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "all announced bytes are here",
            Self::LastChunk => "the last chunk is here",
            Self::Empty => "there is no body",
            Self::CloseOnly => "the peer closed without having announced a length",
        })
    }
}
