//! What is sent on one connection: frames, one after the other, as the send buffer has room.

use heapless::Vec;

use super::frame::{CONTROL_BYTES_MAX, FrameHeader, HEADER_BYTES_MAX, Mask, Opcode};
use super::{CloseCode, Kind, Outbox, Part};
use crate::{Connection, Error, Role};

/// Payload that is masked at a time.
const MASKED_AT_A_TIME: usize = 128;

type Payload = Vec<u8, CONTROL_BYTES_MAX>;

/// The sending half of a WebSocket.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Writer {
    role: Role,
    /// The frame of which a part was sent.
    frame: Option<Frame>,
    /// A message has begun, and its next part is a continuation.
    is_in_message: bool,
    /// A Ping or Pong that is sent next.
    control: Option<(Opcode, Payload)>,
    close: Close,
    /// The code of our Close.
    code: Option<CloseCode>,
    /// Something was sent since the last look.
    has_sent: bool,
}

#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Frame {
    mask: Option<Mask>,
    /// Number of bytes of the payload that were sent.
    sent: usize,
    length: usize,
}

/// Our Close.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Close {
    No,
    /// With this payload, after the frame that is on its way.
    Wanted(Payload),
    Sent,
}

impl Writer {
    pub(super) const fn new(role: Role) -> Self {
        Self {
            role,
            frame: None,
            is_in_message: false,
            control: None,
            close: Close::No,
            code: None,
            has_sent: false,
        }
    }

    /// A fresh state for a fresh peer.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.role);
    }

    /// Whether nothing but the frame on its way and our Close are sent any more.
    pub(super) const fn is_closing(&self) -> bool {
        !matches!(self.close, Close::No)
    }

    /// Whether our Close was sent.
    pub(super) const fn has_closed(&self) -> bool {
        matches!(self.close, Close::Sent)
    }

    /// Whether a part of a frame was sent, and the rest waits for room.
    pub(super) const fn is_in_frame(&self) -> bool {
        self.frame.is_some()
    }

    /// The code of our Close, where it has one.
    pub(super) const fn code(&self) -> Option<CloseCode> {
        self.code
    }

    /// Whether something was sent since the last look.
    pub(super) const fn take_sent(&mut self) -> bool {
        core::mem::replace(&mut self.has_sent, false)
    }

    /// Whether a message could begin, or go on, if the send buffer had room.
    pub(super) const fn is_free(&self) -> bool {
        self.frame.is_none() && !self.is_closing()
    }

    /// Our last words. The first ones count.
    pub(super) fn close(&mut self, code: Option<CloseCode>, reason: &str) {
        if self.is_closing() {
            return;
        }
        let mut payload = Payload::new();
        if let Some(code) = code {
            let _ = payload.extend_from_slice(&code.0.to_be_bytes());
            let end = reason.floor_char_boundary(CONTROL_BYTES_MAX - payload.len());
            let _ = payload.extend_from_slice(reason.get(..end).unwrap_or_default().as_bytes());
        }
        self.code = code;
        self.close = Close::Wanted(payload);
    }

    /// Sends a Ping or Pong as soon as it can be. One that still waits is replaced: only the last
    /// Ping must be answered (RFC 6455, 5.5.3).
    pub(super) fn queue_control(&mut self, opcode: Opcode, payload: &[u8]) {
        self.control = Payload::from_slice(payload)
            .ok()
            .map(|payload| (opcode, payload));
    }

    /// Whether a Ping or Pong waits.
    pub(super) const fn has_control(&self) -> bool {
        self.control.is_some()
    }

    /// Sends what goes before all messages.
    pub(super) fn flush(&mut self, connection: &mut Connection) -> Result<(), Error> {
        if self.frame.is_some() || self.has_closed() {
            return Ok(());
        }
        if let Close::Wanted(payload) = &self.close {
            if write_control(self.role, connection, Opcode::Close, payload)? {
                self.close = Close::Sent;
                self.has_sent = true;
            }
        } else if let Some((opcode, payload)) = &self.control
            && write_control(self.role, connection, *opcode, payload)?
        {
            self.control = None;
            self.has_sent = true;
        }
        Ok(())
    }

    /// Number of bytes of payload that would be sent at once in one frame.
    pub(super) fn room(&self, connection: &mut Connection) -> Result<usize, Error> {
        if !self.is_free() {
            return Ok(0);
        }
        Ok(connection.room()?.saturating_sub(HEADER_BYTES_MAX))
    }

    /// Sends `part` in one frame, or nothing of it; whether it was sent.
    pub(super) fn send(&mut self, connection: &mut Connection, part: Part) -> Result<bool, Error> {
        if !self.is_free() || self.has_control() || part.bytes.len() > self.room(connection)? {
            return Ok(false);
        }
        self.begin_frame(connection, part)?;
        self.go_on(connection, part.bytes)?;
        debug_assert!(self.frame.is_none(), "there was room for the frame");
        Ok(true)
    }

    /// Sends as much of `outbox` as there is room for.
    ///
    /// Each round but the last sends a whole part, so the work is bounded by the send buffer.
    pub(super) fn send_queued(
        &mut self,
        connection: &mut Connection,
        outbox: &mut impl Outbox,
    ) -> Result<(), Error> {
        loop {
            if self.frame.is_none() {
                // A control frame goes between two messages.
                self.flush(connection)?;
                if self.has_control() || self.room(connection)? == 0 {
                    return Ok(());
                }
                let Some(part) = outbox.front() else {
                    return Ok(());
                };
                self.begin_frame(connection, part)?;
            }
            let front = outbox.front();
            self.go_on(connection, front.map_or(&[], |part| part.bytes))?;
            if self.frame.is_some() {
                return Ok(());
            }
            outbox.pop();
        }
    }

    fn begin_frame(&mut self, connection: &mut Connection, part: Part) -> Result<(), Error> {
        let opcode = match part.kind {
            _ if self.is_in_message => Opcode::Continuation,
            Kind::Text => Opcode::Text,
            Kind::Binary => Opcode::Binary,
        };
        let mask = new_mask(self.role, connection);
        let header = FrameHeader {
            is_last: part.is_last,
            opcode,
            mask,
            length: part.bytes.len() as u64,
        };
        let is_written = connection.write_all(&header.encode())?;
        debug_assert!(is_written, "there is room for a header");
        self.has_sent = true;
        self.is_in_message = !part.is_last;
        self.frame = Some(Frame {
            mask,
            sent: 0,
            length: part.bytes.len(),
        });
        Ok(())
    }

    /// Sends more of `bytes`, the payload of the frame on its way.
    fn go_on(&mut self, connection: &mut Connection, bytes: &[u8]) -> Result<(), Error> {
        let Some(frame) = &mut self.frame else {
            return Ok(());
        };
        let rest = bytes.get(frame.sent..frame.length).unwrap_or_default();
        let sent = write_masked(connection, frame.mask, frame.sent, rest)?;
        frame.sent += sent;
        self.has_sent |= sent > 0;
        if frame.sent == frame.length {
            self.frame = None;
        }
        Ok(())
    }
}

/// A client masks each frame with a key that nobody can guess (RFC 6455, 5.3).
fn new_mask(role: Role, connection: &mut Connection) -> Option<Mask> {
    match role {
        Role::Client => Some(Mask((connection.io.random() as u32).to_ne_bytes())),
        Role::Server => None,
    }
}

fn write_control(
    role: Role,
    connection: &mut Connection,
    opcode: Opcode,
    payload: &[u8],
) -> Result<bool, Error> {
    if connection.room()? < HEADER_BYTES_MAX + payload.len() {
        return Ok(false);
    }
    let mask = new_mask(role, connection);
    let header = FrameHeader {
        is_last: true,
        opcode,
        mask,
        length: payload.len() as u64,
    };
    connection.write(&header.encode())?;
    write_masked(connection, mask, 0, payload)?;
    Ok(true)
}

/// Writes what has room of `bytes`, the first of which is the byte `offset` of its frame's payload.
fn write_masked(
    connection: &mut Connection,
    mask: Option<Mask>,
    offset: usize,
    bytes: &[u8],
) -> Result<usize, Error> {
    let Some(mask) = mask else {
        return connection.write(bytes);
    };
    let mut written = 0;
    for piece in bytes.chunks(MASKED_AT_A_TIME) {
        let mut block = [0; MASKED_AT_A_TIME];
        let Some(block) = block.get_mut(..piece.len()) else {
            break;
        };
        block.copy_from_slice(piece);
        mask.apply((offset + written) as u64, block);
        let count = connection.write(block)?;
        written += count;
        if count < piece.len() {
            break;
        }
    }
    Ok(written)
}
