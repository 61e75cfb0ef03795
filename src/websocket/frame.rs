//! Frame headers (RFC 6455, 5.2), byte by byte, and the mask.

use heapless::Vec;

use super::Violation;
use crate::Role;

/// Longest header: two bytes, a length of eight and a mask of four.
pub const HEADER_BYTES_MAX: usize = 14;
/// Longest payload of a control frame (RFC 6455, 5.5).
pub const CONTROL_BYTES_MAX: usize = 125;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;
/// The length is in the next two bytes.
const LENGTH_16: u8 = 126;
/// The length is in the next eight bytes.
const LENGTH_64: u8 = 127;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Opcode {
    /// The next fragment of a message.
    Continuation,
    /// A message of text, or its first fragment.
    Text,
    /// A message of bytes, or its first fragment.
    Binary,
    /// The end.
    Close,
    /// Wants a [`Pong`](Opcode::Pong) with the same payload.
    Ping,
    /// Answers a [`Ping`](Opcode::Ping), or nothing.
    Pong,
}

impl Opcode {
    const fn parse(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    /// Whether a frame of this kind may come between the fragments of a message.
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// With what a client hides its payload from what stands in between (RFC 6455, 5.3 and 10.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Mask(pub [u8; 4]);

impl Mask {
    /// Masks or unmasks `bytes` in place; the first of them is the byte `offset` of its frame's
    /// payload.
    pub fn apply(self, offset: u64, bytes: &mut [u8]) {
        let mut key = self.0;
        key.rotate_left((offset % 4) as usize);
        let mut words = bytes.chunks_exact_mut(4);
        let word_key = u32::from_ne_bytes(key);
        for word in &mut words {
            if let Ok(bytes) = <&mut [u8; 4]>::try_from(word) {
                *bytes = (u32::from_ne_bytes(*bytes) ^ word_key).to_ne_bytes();
            }
        }
        for (byte, key) in words.into_remainder().iter_mut().zip(key) {
            *byte ^= key;
        }
    }
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FrameHeader {
    /// Whether this is the last fragment of its message.
    pub is_last: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// The mask of the payload; a client's frames have one, a server's have none.
    pub mask: Option<Mask>,
    /// Number of bytes in the payload, below 2^63.
    pub length: u64,
}

impl FrameHeader {
    /// The bytes of the header, with the length in the shortest form.
    pub fn encode(&self) -> Vec<u8, HEADER_BYTES_MAX> {
        let mut bytes = Vec::new();
        let mut push = |piece: &[u8]| {
            let pushed = bytes.extend_from_slice(piece);
            debug_assert!(pushed.is_ok(), "no header is longer");
        };
        let fin = if self.is_last { FIN } else { 0 };
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        push(&[fin | self.opcode.bits()]);
        let long = self.length.to_be_bytes();
        match self.length {
            0..=125 => push(&[masked | self.length as u8]),
            126..=0xFFFF => {
                push(&[masked | LENGTH_16]);
                push(long.get(6..).unwrap_or_default());
            }
            _ => {
                push(&[masked | LENGTH_64]);
                push(&long);
            }
        }
        if let Some(Mask(key)) = self.mask {
            push(&key);
        }
        bytes
    }
}

/// Parses the headers that the peer sends.
///
/// It takes one byte at a time, so the result does not depend on where the stream was cut. Each byte is
/// judged as it comes.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HeaderParser {
    /// Which side we are.
    role: Role,
    /// Number of bytes of the present header so far.
    taken: u8,
    first: u8,
    second: u8,
    length: u64,
    key: [u8; 4],
}

impl HeaderParser {
    /// A parser for what the peer of `role` sends: a server's peer must mask, a client's must not.
    pub const fn new(role: Role) -> Self {
        Self {
            role,
            taken: 0,
            first: 0,
            second: 0,
            length: 0,
            key: [0; 4],
        }
    }

    /// Forgets a header that has begun.
    pub const fn reset(&mut self) {
        self.taken = 0;
    }

    /// Whether a header has begun.
    pub const fn is_in_header(&self) -> bool {
        self.taken > 0
    }

    /// Takes the next byte, and returns the header that it completes.
    ///
    /// # Errors
    /// The byte breaks the protocol.
    pub fn push(&mut self, byte: u8) -> Result<Option<FrameHeader>, Violation> {
        let position = self.taken;
        self.taken += 1;
        match position {
            0 => {
                self.first = byte;
                self.length = 0;
                if byte & RESERVED != 0 {
                    return Err(Violation::ReservedBits);
                }
                let opcode = Opcode::parse(byte & OPCODE).ok_or(Violation::Opcode)?;
                if opcode.is_control() && byte & FIN == 0 {
                    return Err(Violation::FragmentedControl);
                }
            }
            1 => {
                self.second = byte;
                self.check_second()?;
                self.length = u64::from(byte & LENGTH);
                if self.length_bytes() > 0 {
                    self.length = 0;
                }
            }
            _ if position < 2 + self.length_bytes() => {
                self.length = self.length << 8 | u64::from(byte);
                if self.taken == 2 + self.length_bytes() {
                    self.check_length()?;
                }
            }
            _ => {
                self.key.rotate_left(1);
                let [.., last] = &mut self.key;
                *last = byte;
            }
        }
        if self.taken < 2 || self.taken < 2 + self.length_bytes() + self.mask_bytes() {
            return Ok(None);
        }
        self.taken = 0;
        Ok(Some(FrameHeader {
            is_last: self.first & FIN != 0,
            // It was checked with the first byte.
            opcode: Opcode::parse(self.first & OPCODE).ok_or(Violation::Opcode)?,
            mask: (self.mask_bytes() > 0).then_some(Mask(self.key)),
            length: self.length,
        }))
    }

    const fn length_bytes(&self) -> u8 {
        match self.second & LENGTH {
            LENGTH_16 => 2,
            LENGTH_64 => 8,
            _ => 0,
        }
    }

    const fn mask_bytes(&self) -> u8 {
        if self.second & MASKED != 0 { 4 } else { 0 }
    }

    fn check_second(&self) -> Result<(), Violation> {
        // RFC 6455, 5.1.
        match (self.role, self.mask_bytes() > 0) {
            (Role::Server, false) => return Err(Violation::Unmasked),
            (Role::Client, true) => return Err(Violation::Masked),
            _ => {}
        }
        let is_control = Opcode::parse(self.first & OPCODE).is_some_and(Opcode::is_control);
        if is_control && usize::from(self.second & LENGTH) > CONTROL_BYTES_MAX {
            return Err(Violation::LongControl);
        }
        Ok(())
    }

    /// The shortest form must be used, and the highest bit must be 0.
    const fn check_length(&self) -> Result<(), Violation> {
        let minimum = if self.length_bytes() == 2 {
            126
        } else {
            0x1_0000
        };
        if self.length < minimum || self.length > i64::MAX as u64 {
            return Err(Violation::Length);
        }
        Ok(())
    }
}
