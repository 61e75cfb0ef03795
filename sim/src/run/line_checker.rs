//! The lines of a chat, in a form in which every byte can be checked.

use heapless::Vec;
use tickwire::{Sink, SinkError};

use crate::{Generator, streams};

/// The longest line, in bytes.
pub(crate) const LINE_BYTES_MAX: usize = 1_024;
/// The most lines of one participant.
pub(crate) const LINES_MAX: u32 = 64;

/// Digits of a line's number.
const DIGITS: u32 = 3;

/// What one node says: line `n` is `#`, three digits, and letters that depend on the number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) salt: u64,
    pub(crate) bytes_max: u64,
}

impl Lines {
    /// The number of letters of a line.
    fn letters(&self, number: u32) -> u32 {
        let room = self.bytes_max.saturating_sub(4);
        let mut random = Generator::new(self.salt).fork(streams::CHAT_LINE, number.into());
        // Lines are short.
        random.below(room + 1) as u32
    }

    const fn letter(&self, number: u32, at: u32) -> u8 {
        // A remainder of 26 is a byte.
        b'a' + ((self.salt + number as u64 * 5 + at as u64 * 3) % 26) as u8
    }

    /// The whole line, without its end.
    pub(crate) fn line(&self, number: u32) -> Vec<u8, LINE_BYTES_MAX> {
        let digits = [b'#', digit(number / 100), digit(number / 10), digit(number)];
        let letters = (0..self.letters(number)).map(|at| self.letter(number, at));
        digits.into_iter().chain(letters).collect()
    }
}

const fn digit(number: u32) -> u8 {
    b'0' + (number % 10) as u8
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Position {
    #[default]
    Between,
    /// What a third node says: a line that begins with `!` and has no `#`.
    Foreign,
    Number {
        digits: u32,
        value: u32,
    },
    Letters {
        number: u32,
        at: u32,
        length: u32,
    },
}

/// The sink for what one node hears. It checks that the partner's lines come in order, whole and
/// once.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LineChecker {
    lines: Lines,
    position: Position,
    /// The next line has at least this number.
    next: u32,
    /// One bit for each line that was heard whole.
    heard: u64,
    /// Lines that were cut short.
    pub(crate) cuts: u32,
    pub(crate) is_broken: bool,
    /// The number of bytes that it still takes; `None` is no limit.
    pub(crate) room: Option<u64>,
}

impl LineChecker {
    pub(crate) fn new(lines: Lines) -> Self {
        Self {
            lines,
            ..Self::default()
        }
    }

    /// Whether the line with this number was heard whole.
    pub(crate) const fn has_heard(&self, number: u32) -> bool {
        self.heard & 1 << number != 0
    }

    fn hear(&mut self, byte: u8) {
        self.position = match (self.position, byte) {
            (Position::Number { .. } | Position::Letters { .. }, b'#' | b'!') => {
                self.cuts += 1;
                Self::begin(byte)
            }
            (Position::Foreign, b'#') | (Position::Between, b'#' | b'!') => Self::begin(byte),
            // Ends of lines, and of pieces of long ones.
            (position @ Position::Foreign, _) | (position, b'\n') => position,
            (Position::Number { digits, value }, b'0'..=b'9') => {
                let value = value * 10 + u32::from(byte - b'0');
                if digits + 1 < DIGITS {
                    Position::Number {
                        digits: digits + 1,
                        value,
                    }
                } else {
                    self.begin_line(value)
                }
            }
            (Position::Letters { number, at, length }, letter) => {
                self.is_broken |= letter != self.lines.letter(number, at);
                self.expect_letter(number, at + 1, length)
            }
            (position, _) => {
                self.is_broken = true;
                position
            }
        };
    }

    const fn begin(byte: u8) -> Position {
        match byte {
            b'#' => Position::Number {
                digits: 0,
                value: 0,
            },
            _ => Position::Foreign,
        }
    }

    fn begin_line(&mut self, number: u32) -> Position {
        self.is_broken |= number < self.next || number >= LINES_MAX;
        self.next = number + 1;
        self.expect_letter(number, 0, self.lines.letters(number))
    }

    fn expect_letter(&mut self, number: u32, at: u32, length: u32) -> Position {
        if at < length {
            return Position::Letters { number, at, length };
        }
        if number < LINES_MAX {
            self.heard |= 1 << number;
        }
        Position::Between
    }
}

impl Sink for LineChecker {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let room = self.room.unwrap_or(u64::MAX);
        let count = usize::try_from(room).unwrap_or(usize::MAX).min(data.len());
        for &byte in data.iter().take(count) {
            self.hear(byte);
        }
        self.room = self.room.map(|room| room - count as u64);
        Ok(count)
    }
}
