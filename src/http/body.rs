//! The body of a response: payload told apart from its framing, byte by byte.

use core::fmt;

use super::{Framing, is_blank, is_forbidden_control};
use super::{GetError, Malformed};

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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BodyDecoder {
    state: State,
    /// Payload that is left of a body with a length or of the present chunk; of a chunk whose size is being read, the
    /// size so far.
    remaining: u64,
    /// Digits of the size that is being read.
    digits: u8,
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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum State {
    /// A body with a length, of which something is left.
    Counted,
    UntilClose,
    Framing(Place),
    /// A chunk of which something is left.
    Chunk,
    Complete(Proof),
    Failed(Malformed),
}

/// Where the decoder stands in the framing of chunks (RFC 9112, 7.1).
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Place {
    /// Before or in the digits of a chunk size.
    Size,
    /// In the white space behind a size, where some servers pad and others begin an extension.
    SizeBlank,
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
    /// A decoder for a body that ends as `framing` says, whose chunk extensions and trailers may have `bytes_max`
    /// bytes over the whole body, line ends not counted.
    pub const fn new(framing: Framing, bytes_max: u32) -> Self {
        let (state, remaining) = match framing {
            Framing::Length(0) => (State::Complete(Proof::Length), 0),
            Framing::Length(remaining) => (State::Counted, remaining),
            Framing::Chunked => (State::Framing(Place::Size), 0),
            Framing::Close => (State::UntilClose, 0),
            Framing::Empty => (State::Complete(Proof::Empty), 0),
        };
        Self {
            state,
            remaining,
            digits: 0,
            skippable: bytes_max,
        }
    }

    /// Says what stands at the front of `bytes`, which begin where the last piece ended.
    ///
    /// # Errors
    /// The first framing byte that breaks the protocol; the same error again in every later call.
    pub fn next<'b>(&mut self, bytes: &'b [u8]) -> Result<Piece<'b>, Malformed> {
        let payload = match self.state {
            State::Counted | State::Chunk => usize::try_from(self.remaining)
                .ok()
                .and_then(|remaining| bytes.get(..remaining))
                .unwrap_or(bytes),
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

    /// The sink took `count` bytes of the last [`Piece::Payload`]; 0 is fine.
    ///
    /// # Panics
    /// When `count` is more than the body has left: a sink cannot take what it was not offered.
    pub fn taken(&mut self, count: usize) {
        let end = match self.state {
            State::Counted => State::Complete(Proof::Length),
            State::Chunk => State::Framing(Place::DataCr),
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
    /// [`GetError::Truncated`] before the declared end; [`GetError::Malformed`] when `next` said so
    /// already.
    pub const fn finish(&self) -> Result<Proof, GetError> {
        match self.state {
            State::Complete(proof) => Ok(proof),
            State::UntilClose => Ok(Proof::CloseOnly),
            State::Failed(how) => Err(GetError::Malformed(how)),
            State::Counted | State::Chunk | State::Framing(_) => Err(GetError::Truncated),
        }
    }

    /// Payload bytes that are still to come; `None` where nobody has announced them.
    pub const fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Counted => Some(self.remaining),
            State::Complete(_) => Some(0),
            State::UntilClose | State::Framing(_) | State::Chunk | State::Failed(_) => None,
        }
    }

    fn skip_framing(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        for (index, &byte) in bytes.iter().enumerate() {
            let State::Framing(place) = self.state else {
                return Ok(index);
            };
            match self.after(place, byte) {
                Ok(state) => self.state = state,
                Err(how) => {
                    self.state = State::Failed(how);
                    return Err(how);
                }
            }
        }
        Ok(bytes.len())
    }

    /// The state behind `byte`, which came at `place`.
    fn after(&mut self, place: Place, byte: u8) -> Result<State, Malformed> {
        let next = match (place, byte) {
            (Place::Size, _) if self.accept_digit(byte)? => Place::Size,
            (Place::Size | Place::SizeBlank | Place::Extension, b'\r') => Place::SizeLf,
            (Place::SizeLf, b'\n') if self.remaining > 0 => return Ok(State::Chunk),
            (Place::SizeLf | Place::TrailerLf, b'\n') => Place::TrailerStart,
            (Place::DataCr, b'\r') => Place::DataLf,
            (Place::DataLf, b'\n') => {
                self.digits = 0;
                Place::Size
            }
            (Place::TrailerStart, b'\r') => Place::LastLf,
            (Place::Trailer, b'\r') => Place::TrailerLf,
            (Place::LastLf, b'\n') => return Ok(State::Complete(Proof::LastChunk)),
            _ => self.skip(place, byte)?,
        };
        Ok(State::Framing(next))
    }

    /// Takes `byte` as a digit of a chunk's size; false when it is the first byte behind them.
    fn accept_digit(&mut self, byte: u8) -> Result<bool, Malformed> {
        match char::from(byte).to_digit(16) {
            Some(digit) if self.digits < CHUNK_DIGITS_MAX => {
                self.digits += 1;
                // Sixteen digits of four bits fit, and what is left of the chunk before is 0.
                self.remaining = self.remaining << 4 | u64::from(digit);
                Ok(true)
            }
            None if self.digits > 0 => Ok(false),
            _ => Err(Malformed::ChunkSize),
        }
    }

    /// Counts one byte of an extension or a trailer against the limit, and judges it; where it leads to.
    fn skip(&mut self, place: Place, byte: u8) -> Result<Place, Malformed> {
        let next = match place {
            Place::Extension => Place::Extension,
            Place::TrailerStart | Place::Trailer => Place::Trailer,
            Place::Size | Place::SizeBlank if byte == b';' => Place::Extension,
            Place::Size | Place::SizeBlank if is_blank(byte) => Place::SizeBlank,
            Place::Size | Place::SizeBlank if byte != b'\n' => return Err(Malformed::ChunkSize),
            _ => return Err(Malformed::ChunkEnd),
        };
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
