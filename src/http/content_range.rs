//! The field Content-Range (RFC 9110, 14.4).

use super::syntax::number;

/// What a Content-Range says, all in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum ContentRange {
    /// `bytes first-last/total`, of a 206; the total is `None` where the server does not know it.
    Part {
        first: u64,
        last: u64,
        total: Option<u64>,
    },
    /// `bytes */total`, of a 416.
    Unsatisfied { total: u64 },
}

impl ContentRange {
    /// `None` where the value breaks the grammar, has another unit than bytes, or contradicts itself.
    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        let (unit, rest) = value.split_at_checked(b"bytes ".len())?;
        if !unit.eq_ignore_ascii_case(b"bytes ") {
            return None;
        }
        let (range, total) = split_once(rest, b'/')?;
        let total = match total {
            b"*" => None,
            digits => Some(number(digits)?),
        };
        if range == b"*" {
            return total.map(|total| Self::Unsatisfied { total });
        }
        let (first, last) = split_once(range, b'-')?;
        let (first, last) = (number(first)?, number(last)?);
        let is_sound = first <= last && total.is_none_or(|total| last < total);
        is_sound.then_some(Self::Part { first, last, total })
    }
}

fn split_once(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&other| other == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}
