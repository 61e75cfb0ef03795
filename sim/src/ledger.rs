//! The lines of a chat: said in a form in which every byte can be checked, and heard.

use crate::Generator;
use heapless::Vec;
use tickwire::{Error, Sink};

/// The longest line.
pub(crate) const LINE_BYTES_MAX: usize = 1_024;
/// The most lines of one speaker.
pub(crate) const LINES_MAX: u32 = 64;

/// Digits of a line's number.
const DIGITS: u32 = 3;

/// What one host says: line `n` is `#`, three digits, and letters that depend on the number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Speech {
    pub(crate) salt: u64,
    pub(crate) bytes_max: u64,
}

impl Speech {
    /// Letters of a line.
    fn letters(&self, number: u32) -> u32 {
        let room = self.bytes_max.saturating_sub(4);
        let mut random = Generator::new(self.salt).fork("line", number.into());
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

/// Where a [`Ledger`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Between,
    /// What a stranger says is anything without `#`.
    Strange,
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

/// What one host hears. It is a sink, and says whether the speaker's lines came in order, whole and once.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ledger {
    pub(crate) speech: Speech,
    place: Place,
    /// The next line has at least this number.
    next: u32,
    /// One bit for each line that came whole.
    heard: u64,
    /// Lines that were cut short.
    pub(crate) cuts: u32,
    pub(crate) is_broken: bool,
    /// `None` takes all.
    pub(crate) room: Option<u64>,
}

impl Ledger {
    pub(crate) fn new(speech: Speech) -> Self {
        Self {
            speech,
            ..Self::default()
        }
    }

    /// Whether the line of this number came whole.
    pub(crate) const fn has_heard(&self, number: u32) -> bool {
        self.heard & 1 << number != 0
    }

    fn hear(&mut self, byte: u8) {
        self.place = match (self.place, byte) {
            (Place::Number { .. } | Place::Letters { .. }, b'#' | b'!') => {
                self.cuts += 1;
                Self::begin(byte)
            }
            (Place::Strange, b'#') | (Place::Between, b'#' | b'!') => Self::begin(byte),
            // Ends of lines, and of pieces of long ones.
            (place @ Place::Strange, _) | (place, b'\n') => place,
            (Place::Number { digits, value }, b'0'..=b'9') => {
                let value = value * 10 + u32::from(byte - b'0');
                if digits + 1 < DIGITS {
                    Place::Number {
                        digits: digits + 1,
                        value,
                    }
                } else {
                    self.begin_line(value)
                }
            }
            (Place::Letters { number, at, length }, letter) => {
                self.is_broken |= letter != self.speech.letter(number, at);
                self.go_on(number, at + 1, length)
            }
            (place, _) => {
                self.is_broken = true;
                place
            }
        };
    }

    const fn begin(byte: u8) -> Place {
        match byte {
            b'#' => Place::Number {
                digits: 0,
                value: 0,
            },
            _ => Place::Strange,
        }
    }

    fn begin_line(&mut self, number: u32) -> Place {
        self.is_broken |= number < self.next || number >= LINES_MAX;
        self.next = number + 1;
        self.go_on(number, 0, self.speech.letters(number))
    }

    fn go_on(&mut self, number: u32, at: u32, length: u32) -> Place {
        if at < length {
            return Place::Letters { number, at, length };
        }
        if number < LINES_MAX {
            self.heard |= 1 << number;
        }
        Place::Between
    }
}

impl Sink for Ledger {
    fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        let room = self.room.unwrap_or(u64::MAX);
        let count = usize::try_from(room).unwrap_or(usize::MAX).min(data.len());
        for &byte in data.iter().take(count) {
            self.hear(byte);
        }
        self.room = self.room.map(|room| room - count as u64);
        Ok(count)
    }
}
