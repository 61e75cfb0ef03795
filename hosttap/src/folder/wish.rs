//! What a sender wants stored, and the names that it may get.

use std::fmt::Write as _;
use std::time::Duration;

use tickwire::file::{FileName, clean, numbered};
use tickwire::store::{Digest, Upload};

/// An upload in our own memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) digest: Option<Digest>,
    pub(super) length: u64,
    /// The name that was asked for, cleaned; `None` in the plain form.
    pub(super) name: Option<FileName>,
}

impl Wish {
    pub(super) fn of(upload: &Upload<'_>) -> Self {
        Self {
            digest: upload.digest.copied(),
            length: upload.length,
            name: upload.name.map(clean),
        }
    }

    /// The name that is tried after `number` others were taken; `unix` is the time that dates a file without a name.
    pub(super) fn candidate(&self, number: u32, unix: Duration) -> String {
        match &self.name {
            Some(name) => candidate(name, number),
            None => format!("received-{}-{}.bin", date(unix), u64::from(number) + 1),
        }
    }
}

/// `name` itself, or with a number when others were tried before.
pub(super) fn candidate(name: &str, number: u32) -> String {
    match number {
        0 => name.to_owned(),
        _ => numbered(name, number).as_str().to_owned(),
    }
}

/// The date in UTC of a time since 1970: `2026-11-21`.
fn date(unix: Duration) -> String {
    // The Gregorian calendar, counted in years that begin in March, so that a leap day is the last of its year.
    let days = unix.as_secs() / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = 400 * era + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // A String takes everything.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes of exactly so many lower-case digits as [`hex`] gives.
pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

const fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_735_603_200, "2024-12-31"),
            (1_735_689_600, "2025-01-01"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(Duration::from_secs(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn hexadecimal_digits_come_back_and_nothing_else_does() {
        assert_eq!(hex(&[0, 0x9a, 0xff]), "009aff");
        assert_eq!(unhex("009aff"), Some([0, 0x9a, 0xff]));
        for wrong in ["009af", "009afff", "009aff00", "009aFF", "009a g", ""] {
            assert_eq!(unhex::<3>(wrong), None, "{wrong}");
        }
    }
}
