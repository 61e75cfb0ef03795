//! Dates of HTTP fields (RFC 9110, 5.6.7).

use super::syntax::MONTHS;

/// Days before each month in a year that is no leap year.
const DAYS_BEFORE: [u16; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const DAY_SECS: u64 = 24 * 60 * 60;

/// Seconds from 1970 on, without leap seconds. `None` where the text is none of the three formats
/// that a recipient must accept, or is a date before 1970.
///
/// The name of the weekday is not compared with the date. A year of two digits is one of 1970 to
/// 2069.
pub(super) fn parse(text: &[u8]) -> Option<u64> {
    match text.iter().position(|&byte| byte == b',') {
        // Sun, 06 Nov 1994 08:49:37 GMT
        Some(3) => parse_after_weekday(text.get(4..)?, b' ', 4),
        // Sunday, 06-Nov-94 08:49:37 GMT
        Some(comma) => parse_after_weekday(text.get(comma + 1..)?, b'-', 2),
        None => parse_asctime(text),
    }
}

/// ` 06 Nov 1994 08:49:37 GMT`, with this separator and number of digits in the year.
fn parse_after_weekday(text: &[u8], separator: u8, year_digits: usize) -> Option<u64> {
    let rest = text.strip_prefix(b" ")?;
    let (day, rest) = number(rest, 2)?;
    let (month, rest) = month(rest.strip_prefix(&[separator])?)?;
    let (year, rest) = number(rest.strip_prefix(&[separator])?, year_digits)?;
    let (time, rest) = time(rest.strip_prefix(b" ")?)?;
    let year = match (year_digits, year) {
        (2, 70..) => 1900 + year,
        (2, _) => 2000 + year,
        _ => year,
    };
    (rest == b" GMT").then_some(())?;
    seconds(year, month, day, time)
}

/// `Sun Nov  6 08:49:37 1994`
fn parse_asctime(text: &[u8]) -> Option<u64> {
    let (month, rest) = month(text.get(3..)?.strip_prefix(b" ")?)?;
    let rest = rest.strip_prefix(b" ")?;
    let (day, rest) = match rest.strip_prefix(b" ") {
        Some(rest) => number(rest, 1)?,
        None => number(rest, 2)?,
    };
    let (time, rest) = time(rest.strip_prefix(b" ")?)?;
    let (year, rest) = number(rest.strip_prefix(b" ")?, 4)?;
    rest.is_empty().then_some(())?;
    seconds(year, month, day, time)
}

fn number(text: &[u8], digits: usize) -> Option<(u64, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let value = number.iter().try_fold(0, |value: u64, &byte| {
        byte.is_ascii_digit()
            .then(|| value * 10 + u64::from(byte - b'0'))
    });
    Some((value?, rest))
}

/// The month from 0 on.
fn month(text: &[u8]) -> Option<(usize, &[u8])> {
    let (name, rest) = text.split_at_checked(3)?;
    let month = MONTHS.chunks(3).position(|month| month == name)?;
    Some((month, rest))
}

/// The second of the day. A leap second counts as the one before it.
fn time(text: &[u8]) -> Option<(u64, &[u8])> {
    let (hour, rest) = number(text, 2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 2)?;
    let (second, rest) = number(rest.strip_prefix(b":")?, 2)?;
    let is_valid = hour < 24 && minute < 60 && second <= 60;
    is_valid.then_some(((hour * 60 + minute) * 60 + second.min(59), rest))
}

fn seconds(year: u64, month: usize, day: u64, time: u64) -> Option<u64> {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let leap_day = u64::from(is_leap(year));
    let before = |month: usize| {
        let days = DAYS_BEFORE.get(month).copied().map_or(365, u64::from);
        days + if month > 1 { leap_day } else { 0 }
    };
    if day == 0 || before(month) + day > before(month + 1) {
        return None;
    }
    // Leap days of the years before this one.
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let years = year.checked_sub(1970)?;
    let days = years * 365 + leap_days(year - 1) - leap_days(1969) + before(month) + day - 1;
    Some(days * DAY_SECS + time)
}
