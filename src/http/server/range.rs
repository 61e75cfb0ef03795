//! The field Range (RFC 9110, 14.2).

use crate::http::syntax::number;

/// What a Range asks for, of something that has a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Range {
    /// All of it: the field is malformed, of another unit, or names more than one part. A server may
    /// then ignore it.
    Whole,
    /// From `first` up to `last`, both included.
    Part { first: u64, last: u64 },
    /// Nothing that is there.
    Unsatisfiable,
}

impl Range {
    pub(super) fn parse(value: &[u8], length: u64) -> Self {
        Self::parse_part(value, length).unwrap_or(Self::Whole)
    }

    fn parse_part(value: &[u8], length: u64) -> Option<Self> {
        let (unit, range) = value.split_at_checked(b"bytes=".len())?;
        if !unit.eq_ignore_ascii_case(b"bytes=") {
            return None;
        }
        let range = range.trim_ascii();
        let dash = range.iter().position(|&byte| byte == b'-')?;
        let (first, last) = (range.get(..dash)?, range.get(dash + 1..)?);
        let (first, last) = match (first, last) {
            // The last bytes of nothing are all of it (RFC 9110, 14.1.2).
            ([], suffix) if length == 0 && saturated(suffix)? > 0 => return None,
            ([], suffix) => (length.saturating_sub(saturated(suffix)?), None),
            (first, []) => (saturated(first)?, None),
            (first, last) => (saturated(first)?, Some(saturated(last)?)),
        };
        if last.is_some_and(|last| last < first) {
            return None;
        }
        let end = length.checked_sub(1).filter(|&end| first <= end);
        Some(end.map_or(Self::Unsatisfiable, |end| Self::Part {
            first,
            last: last.map_or(end, |last| last.min(end)),
        }))
    }
}

/// A number of digits only. One that does not fit is beyond every end.
fn saturated(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| number(digits).unwrap_or(u64::MAX))
}
