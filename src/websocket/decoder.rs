//! From the peer's bytes to messages and control frames.

use managed::ManagedSlice;

use super::frame::{CONTROL_BYTES_MAX, FrameHeader, HeaderParser, Mask, Opcode};
use super::{CloseCode, Kind, Part, Violation};
use crate::Role;

/// Shortest buffer for messages: the longest character of UTF-8 must fit.
pub const MESSAGE_BUFFER_MIN: usize = 4;

/// How messages are handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Delivery {
    /// Each as a whole; one that is longer than the buffer is too long.
    Whole,
    /// In parts, each time the buffer is full or a frame ends. Messages may be longer than the buffer.
    Parts,
}

/// What has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Incoming<'d> {
    /// A message, or a part of one.
    Part(Part<'d>),
    /// A Pong with this payload is wanted.
    Ping(&'d [u8]),
    /// The answer to a Ping with this payload.
    Pong(&'d [u8]),
    /// The peer's end, with its code and reason where it gave any. What follows it is ignored.
    Close(Option<CloseCode>, &'d str),
}

/// Decodes the frames of one peer, in memory that the caller lends.
///
/// What is ready waits until it was taken, and nothing more is fed meanwhile: that is the
/// back-pressure which ends in the peer's TCP window. The payload is unmasked in place, in the caller's
/// buffer, and text is checked as it comes: the first byte that makes it invalid is an error.
///
/// ```
/// use tickwire::Role;
/// use tickwire::websocket::{Decoder, Delivery, Incoming, Part};
///
/// let mut memory = [0; 125];
/// let mut decoder = Decoder::new(&mut memory[..], Delivery::Whole, 125, Role::Client);
/// let bytes = b"\x81\x05hello\x89\x00";
/// let taken = decoder.feed(bytes)?;
/// assert_eq!(decoder.ready(), Some(Incoming::Part(Part::text("hello"))));
/// decoder.take();
/// decoder.feed(&bytes[taken..])?;
/// assert_eq!(decoder.ready(), Some(Incoming::Ping(b"")));
/// # Ok::<(), tickwire::websocket::Violation>(())
/// ```
#[derive(Debug)]
pub struct Decoder<'a> {
    delivery: Delivery,
    /// Longest message in bytes.
    bytes_max: u64,
    header: HeaderParser,
    /// The frame whose payload comes now.
    frame: Option<Frame>,
    /// The message that has begun and not ended.
    message: Option<Message>,
    /// Lent by the caller for as long as the decoder lives: the payload of the message, or of the part
    /// that grows.
    buffer: ManagedSlice<'a, u8>,
    /// Number of bytes in the buffer.
    filled: usize,
    /// How many of them were checked: all but a character that is not yet whole.
    checked: usize,
    /// Payload of the control frame that grows or waits.
    control: [u8; CONTROL_BYTES_MAX],
    control_len: usize,
    ready: Ready,
    /// Nothing is decoded any more: after the peer's Close, or after it broke the protocol.
    outcome: Option<Result<(), Violation>>,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: Opcode,
    is_last: bool,
    mask: Option<Mask>,
    /// Number of bytes of the payload that have come.
    taken: u64,
    length: u64,
}

#[derive(Debug, Clone, Copy)]
struct Message {
    kind: Kind,
    /// Number of bytes in all frames so far, the present one included.
    bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ready {
    Nothing,
    /// The checked bytes of the buffer.
    Part {
        kind: Kind,
        is_last: bool,
    },
    Ping,
    Pong,
    Close,
}

#[cfg(feature = "defmt")]
impl defmt::Format for Decoder<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Decoder {{ capacity: {=usize}, filled: {=usize}, is_ready: {=bool} }}",
            self.buffer.len(),
            self.filled,
            self.is_ready()
        );
    }
}

impl<'a> Decoder<'a> {
    /// A decoder for what the peer of `role` sends. A message may have up to `bytes_max` bytes, and in
    /// [`Delivery::Whole`] no more than `buffer` has.
    ///
    /// # Panics
    /// When `buffer` is shorter than [`MESSAGE_BUFFER_MIN`].
    pub fn new(
        buffer: impl Into<ManagedSlice<'a, u8>>,
        delivery: Delivery,
        bytes_max: u64,
        role: Role,
    ) -> Self {
        let buffer = buffer.into();
        assert!(
            buffer.len() >= MESSAGE_BUFFER_MIN,
            "a character needs memory"
        );
        let bytes_max = match delivery {
            Delivery::Whole => bytes_max.min(buffer.len() as u64),
            Delivery::Parts => bytes_max,
        };
        Self {
            delivery,
            bytes_max,
            header: HeaderParser::new(role),
            frame: None,
            message: None,
            buffer,
            filled: 0,
            checked: 0,
            control: [0; CONTROL_BYTES_MAX],
            control_len: 0,
            ready: Ready::Nothing,
            outcome: None,
        }
    }

    /// Forgets everything: the next byte is the first of a new peer.
    pub const fn reset(&mut self) {
        self.header.reset();
        self.frame = None;
        self.message = None;
        self.filled = 0;
        self.checked = 0;
        self.control_len = 0;
        self.ready = Ready::Nothing;
        self.outcome = None;
    }

    /// Takes bytes from the front of `bytes` until something is [ready](Self::ready), and returns how
    /// many it took. All were taken when nothing is ready.
    ///
    /// # Errors
    /// The first byte that breaks the protocol. Every later call returns the same error.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<usize, Violation> {
        let mut rest = bytes;
        while self.ready == Ready::Nothing && !rest.is_empty() {
            let taken = match (self.outcome, self.frame) {
                (Some(Err(how)), _) => return Err(how),
                (Some(Ok(())), _) => Ok(rest.len()),
                (None, None) => self.push_header(rest).map(|()| 1),
                (None, Some(frame)) => self.push_payload(frame, rest),
            };
            let taken = taken.inspect_err(|how| self.outcome = Some(Err(*how)))?;
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(bytes.len() - rest.len())
    }

    /// What has come, and waits to be taken.
    pub fn ready(&self) -> Option<Incoming<'_>> {
        let control = self.control.get(..self.control_len).unwrap_or_default();
        Some(match self.ready {
            Ready::Nothing => return None,
            Ready::Part { kind, is_last } => Incoming::Part(Part {
                kind,
                bytes: self.buffer.get(..self.checked).unwrap_or_default(),
                is_last,
            }),
            Ready::Ping => Incoming::Ping(control),
            Ready::Pong => Incoming::Pong(control),
            Ready::Close => {
                let (code, reason) = parse_close(control).unwrap_or((None, ""));
                Incoming::Close(code, reason)
            }
        })
    }

    /// Whether something waits to be taken.
    pub const fn is_ready(&self) -> bool {
        !matches!(self.ready, Ready::Nothing)
    }

    /// Whether the peer is in the middle of a message or frame.
    pub const fn is_in_message(&self) -> bool {
        self.message.is_some() || self.frame.is_some() || self.header.is_in_header()
    }

    /// Removes what was ready.
    pub fn take(&mut self) {
        let ready = core::mem::replace(&mut self.ready, Ready::Nothing);
        if let Ready::Part { .. } = ready {
            self.buffer.copy_within(self.checked..self.filled, 0);
            self.filled -= self.checked;
            self.checked = 0;
        }
    }

    fn push_header(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        let Some(&byte) = bytes.first() else {
            return Ok(());
        };
        match self.header.push(byte)? {
            Some(header) => self.begin_frame(&header),
            None => Ok(()),
        }
    }

    fn begin_frame(&mut self, header: &FrameHeader) -> Result<(), Violation> {
        match (header.opcode, self.message) {
            (Opcode::Continuation, None) => return Err(Violation::NothingToContinue),
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(Violation::MessageInMessage),
            (Opcode::Text, None) => self.begin_message(Kind::Text),
            (Opcode::Binary, None) => self.begin_message(Kind::Binary),
            _ => {}
        }
        if header.opcode.is_control() {
            self.control_len = 0;
        } else if let Some(message) = &mut self.message {
            message.bytes = message.bytes.saturating_add(header.length);
            if message.bytes > self.bytes_max {
                return Err(Violation::TooLong);
            }
        }
        let frame = Frame {
            opcode: header.opcode,
            is_last: header.is_last,
            mask: header.mask,
            taken: 0,
            length: header.length,
        };
        self.frame = Some(frame);
        if frame.length == 0 {
            return self.end_frame(frame);
        }
        Ok(())
    }

    const fn begin_message(&mut self, kind: Kind) {
        self.message = Some(Message { kind, bytes: 0 });
    }

    /// Takes payload, and returns how many bytes. Each call takes one at least.
    fn push_payload(&mut self, mut frame: Frame, bytes: &[u8]) -> Result<usize, Violation> {
        let left = usize::try_from(frame.length - frame.taken).unwrap_or(usize::MAX);
        let bytes = bytes.get(..left).unwrap_or(bytes);
        let (room, filled) = if frame.opcode.is_control() {
            (&mut self.control[..], &mut self.control_len)
        } else {
            (&mut self.buffer[..], &mut self.filled)
        };
        let room = room.get_mut(*filled..).unwrap_or_default();
        let count = bytes.len().min(room.len());
        debug_assert!(count > 0, "a full buffer is a part that is ready");
        let (Some(to), Some(from)) = (room.get_mut(..count), bytes.get(..count)) else {
            return Ok(0);
        };
        to.copy_from_slice(from);
        if let Some(mask) = frame.mask {
            mask.apply(frame.taken, to);
        }
        *filled += count;
        frame.taken += count as u64;
        self.frame = Some(frame);
        if !frame.opcode.is_control() {
            self.check_text()?;
        }
        if frame.taken == frame.length {
            self.end_frame(frame)?;
        } else if !frame.opcode.is_control() && self.filled == self.buffer.len() {
            self.end_part(false);
        }
        Ok(count)
    }

    /// Checks what has come of a text. Bytes that are none need no check.
    fn check_text(&mut self) -> Result<(), Violation> {
        if !matches!(
            self.message,
            Some(Message {
                kind: Kind::Text,
                ..
            })
        ) {
            self.checked = self.filled;
            return Ok(());
        }
        let fresh = self.buffer.get(self.checked..self.filled);
        match str::from_utf8(fresh.unwrap_or_default()) {
            Ok(_) => self.checked = self.filled,
            // A character that is cut off may still be completed.
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(Violation::NotUtf8),
        }
        Ok(())
    }

    fn end_frame(&mut self, frame: Frame) -> Result<(), Violation> {
        self.frame = None;
        match frame.opcode {
            Opcode::Ping => self.ready = Ready::Ping,
            Opcode::Pong => self.ready = Ready::Pong,
            Opcode::Close => {
                parse_close(self.control.get(..self.control_len).unwrap_or_default())?;
                self.ready = Ready::Close;
                self.outcome = Some(Ok(()));
            }
            _ if frame.is_last => {
                if self.checked < self.filled {
                    return Err(Violation::NotUtf8);
                }
                self.end_part(true);
                self.message = None;
            }
            _ if self.delivery == Delivery::Parts && self.checked > 0 => self.end_part(false),
            _ => {}
        }
        Ok(())
    }

    fn end_part(&mut self, is_last: bool) {
        if let Some(Message { kind, .. }) = self.message {
            self.ready = Ready::Part { kind, is_last };
        }
    }
}

/// The payload of a Close (RFC 6455, 5.5.1).
fn parse_close(payload: &[u8]) -> Result<(Option<CloseCode>, &str), Violation> {
    match payload {
        [] => Ok((None, "")),
        [_] => Err(Violation::CloseLength),
        [high, low, reason @ ..] => {
            let code = CloseCode(u16::from_be_bytes([*high, *low]));
            if !code.is_sendable() {
                return Err(Violation::CloseCode);
            }
            let reason = str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
            Ok((Some(code), reason))
        }
    }
}
