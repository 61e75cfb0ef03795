//! The body of a response: payload told apart from its framing, byte by byte.

use core::fmt;

use super::{Framing, is_blank, is_forbidden_control};
use crate::canary::{Canary, is_planted};
use crate::{Error, Malformed};

/// Hexadecimal digits that a chunk size may have; so many always fit into 64 bits.
const CHUNK_DIGITS_MAX: u8 = 16;

/// How a finished transfer knows that it has everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Proof {
    /// As many bytes as Content-Length announced.
    Length,
    /// The last chunk and the end of the trailers.
    LastChunk,
    /// The status says that there is no body.
    Empty,
    /// The peer closed, and had announced no end. This is weak: a peer that failed may have closed too.
    CloseOnly,
}

/// What stands at the front of the bytes given to [`BodyDecoder::next`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Piece<'b> {
    /// Payload, never empty. Give it to the sink, then call [`taken`](BodyDecoder::taken) with what the sink took.
    Payload(&'b [u8]),
    /// So many bytes of framing, which were read and are to be dropped. 0 only when there were no bytes.
    Framing(usize),
    /// The body is complete; whatever follows is not part of it.
    End(Proof),
}

/// Takes a body out of its framing.
///
/// Payload counts only when [`taken`](Self::taken) says so: until then, the same bytes may be given again, and more
/// of them. It holds no bytes.
#[derive(Debug, Clone)]
pub struct BodyDecoder {
    state: State,
    /// Bytes of chunk extensions and trailers that may still come.
    skippable: u32,
}

/// A body with a length is counted; chunks change between framing and payload.
///
/// ```text
/// Counted ---all taken--> Complete(Length)          UntilClose: until FIN
///
/// Framing(Size) --LF--> Chunk ---all taken--> Framing(DataCr) -> Framing(DataLf) -> Framing(Size)
///       | size 0
///       +--LF--> Framing(TrailerStart) --CR LF--> Complete(LastChunk)
/// ```
#[derive(Debug, Clone, Copy)]
enum State {
    /// A body with a length, of which this much is left; never 0.
    Counted {
        remaining: u64,
    },
    UntilClose,
    Framing(Place),
    /// A chunk, of which this much is left; never 0.
    Chunk {
        remaining: u64,
    },
    Complete(Proof),
    Failed(Malformed),
}

/// Where the decoder stands in the framing of chunks (RFC 9112, 7.1).
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Before or in the digits of a chunk size.
    Size {
        digits: u8,
        size: u64,
    },
    /// In the white space behind a size, where some servers pad and others begin an extension.
    SizeBlank {
        size: u64,
    },
    Extension {
        size: u64,
    },
    SizeLf {
        size: u64,
    },
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    LastLf,
}

impl BodyDecoder {
    /// A decoder for a body that ends as `framing` says, whose chunk extensions and trailers may have `bytes_max`
    /// bytes over the whole body, line ends not counted.
    pub const fn new(framing: Framing, bytes_max: u32) -> Self {
        let state = match framing {
            Framing::Length(0) => State::Complete(Proof::Length),
            Framing::Length(remaining) => State::Counted { remaining },
            Framing::Chunked => State::Framing(Place::Size { digits: 0, size: 0 }),
            Framing::Close => State::UntilClose,
            Framing::Empty => State::Complete(Proof::Empty),
        };
        Self {
            state,
            skippable: bytes_max,
        }
    }

    /// Says what stands at the front of `bytes`, which begin where the last piece ended.
    ///
    /// # Errors
    /// The first framing byte that breaks the protocol; the same error again in every later call.
    pub fn next<'b>(&mut self, bytes: &'b [u8]) -> Result<Piece<'b>, Malformed> {
        match self.state {
            State::Counted { remaining } | State::Chunk { remaining } => {
                Ok(payload(bytes, remaining))
            }
            State::UntilClose => Ok(payload(bytes, u64::MAX)),
            State::Framing(_) => self.skip_framing(bytes).map(Piece::Framing),
            State::Complete(proof) => Ok(Piece::End(proof)),
            State::Failed(how) => Err(how),
        }
    }

    /// The sink took `count` bytes of the last [`Piece::Payload`]; 0 is fine.
    ///
    /// # Panics
    /// When `count` is more than the body has left: a sink cannot take what it was not offered.
    pub fn taken(&mut self, count: usize) {
        // No target has a usize of more than 64 bits.
        let count = count as u64;
        let left = |remaining: u64| {
            remaining
                .checked_sub(count)
                .expect("a sink takes no more than it was offered")
        };
        self.state = match self.state {
            State::Counted { remaining } => match left(remaining) {
                0 => State::Complete(Proof::Length),
                1 if is_planted(Canary::LengthOffByOne) => State::Complete(Proof::Length),
                remaining => State::Counted { remaining },
            },
            State::Chunk { remaining } => match left(remaining) {
                0 => State::Framing(Place::DataCr),
                remaining => State::Chunk { remaining },
            },
            state => state,
        };
    }

    /// How the body is known to be complete; `None` as long as it is not, and always `None` where only the peer's
    /// close will end it.
    pub const fn is_complete(&self) -> Option<Proof> {
        match self.state {
            State::Complete(proof) => Some(proof),
            _ => None,
        }
    }

    /// The peer closed: was that the end?
    ///
    /// # Errors
    /// [`Error::Truncated`] before the declared end; [`Error::Malformed`] when `next` said so already.
    pub const fn finish(&self) -> Result<Proof, Error> {
        match self.state {
            State::Complete(proof) => Ok(proof),
            State::UntilClose => Ok(Proof::CloseOnly),
            State::Failed(how) => Err(Error::Malformed(how)),
            State::Counted { .. } | State::Chunk { .. } | State::Framing(_) => {
                Err(Error::Truncated)
            }
        }
    }

    /// Payload bytes that are still to come; `None` where nobody has announced them.
    pub const fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Counted { remaining } => Some(remaining),
            State::Complete(_) => Some(0),
            State::UntilClose | State::Framing(_) | State::Chunk { .. } | State::Failed(_) => None,
        }
    }

    fn skip_framing(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        for (index, &byte) in bytes.iter().enumerate() {
            let State::Framing(place) = self.state else {
                return Ok(index);
            };
            self.state = match self.after(place, byte) {
                Ok(state) => state,
                Err(how) => State::Failed(how),
            };
            if let State::Failed(how) = self.state {
                return Err(how);
            }
        }
        Ok(bytes.len())
    }

    /// The state behind `byte`, which came at `place`.
    fn after(&mut self, place: Place, byte: u8) -> Result<State, Malformed> {
        let place = match (place, byte) {
            (Place::Size { digits, size }, _) => return self.after_size(digits, size, byte),
            (Place::SizeBlank { size } | Place::Extension { size }, b'\r') => {
                Place::SizeLf { size }
            }
            (Place::SizeBlank { size }, b';') => self.skip(byte, Place::Extension { size })?,
            (Place::SizeBlank { .. }, _) if is_blank(byte) => self.skip(byte, place)?,
            (Place::SizeBlank { .. }, b'\n') => return Err(Malformed::ChunkEnd),
            (Place::SizeBlank { .. }, _) => return Err(Malformed::ChunkSize),
            (Place::Extension { .. }, _) => self.skip(byte, place)?,
            (Place::SizeLf { size: 0 }, b'\n') => Place::TrailerStart,
            (Place::SizeLf { size }, b'\n') => return Ok(State::Chunk { remaining: size }),
            (Place::DataCr, b'\r') => Place::DataLf,
            (Place::DataLf, b'\n') => Place::Size { digits: 0, size: 0 },
            (Place::TrailerStart, b'\r') => Place::LastLf,
            (Place::Trailer, b'\r') => Place::TrailerLf,
            (Place::TrailerStart | Place::Trailer, _) => self.skip(byte, Place::Trailer)?,
            (Place::TrailerLf, b'\n') => Place::TrailerStart,
            (Place::LastLf, b'\n') => return Ok(State::Complete(Proof::LastChunk)),
            (
                Place::SizeLf { .. }
                | Place::DataCr
                | Place::DataLf
                | Place::TrailerLf
                | Place::LastLf,
                _,
            ) => return Err(Malformed::ChunkEnd),
        };
        Ok(State::Framing(place))
    }

    fn after_size(&mut self, digits: u8, size: u64, byte: u8) -> Result<State, Malformed> {
        let digit = char::from(byte).to_digit(16);
        let place = match (digit, byte) {
            (Some(_), _) if digits == CHUNK_DIGITS_MAX => return Err(Malformed::ChunkSize),
            (Some(digit), _) => Place::Size {
                digits: digits + 1,
                // Sixteen digits of four bits fit.
                size: size << 4 | u64::from(digit),
            },
            (None, _) if digits == 0 => return Err(Malformed::ChunkSize),
            (None, b'\r') => Place::SizeLf { size },
            (None, b'\n') => return Err(Malformed::ChunkEnd),
            (None, b';') => self.skip(byte, Place::Extension { size })?,
            (None, blank) if is_blank(blank) => self.skip(byte, Place::SizeBlank { size })?,
            (None, _) => return Err(Malformed::ChunkSize),
        };
        Ok(State::Framing(place))
    }

    /// Counts one byte of an extension or a trailer against the limit, and judges it.
    fn skip(&mut self, byte: u8, next: Place) -> Result<Place, Malformed> {
        if byte == b'\n' {
            return Err(Malformed::ChunkEnd);
        }
        if is_forbidden_control(byte) {
            return Err(Malformed::ControlByte);
        }
        self.skippable = self
            .skippable
            .checked_sub(1)
            .ok_or(Malformed::TrailerTooLong)?;
        Ok(next)
    }
}

fn payload(bytes: &[u8], remaining: u64) -> Piece<'_> {
    if bytes.is_empty() {
        return Piece::Framing(0);
    }
    let ours = usize::try_from(remaining)
        .ok()
        .and_then(|remaining| bytes.get(..remaining));
    Piece::Payload(ours.unwrap_or(bytes))
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
