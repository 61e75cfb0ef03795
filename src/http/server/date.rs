//! The field Date, as a server writes it (RFC 9110, 5.6.7).

use crate::http::syntax::MONTHS;

const WEEKDAYS: &[u8; 21] = b"SunMonTueWedThuFriSat";
const DAY_SECS: u64 = 24 * 60 * 60;
/// Length of a date as [`format`] writes it, in bytes.
pub(super) const DATE_LEN: usize = 29;

/// The date that many seconds after the beginning of 1970, as `Sun, 06 Nov 1994 08:49:37 GMT`. `None`
/// after the year 9999.
pub(super) fn format(seconds: u64) -> Option<[u8; DATE_LEN]> {
    let (days, time) = (seconds / DAY_SECS, seconds % DAY_SECS);
    let (year, month, day) = civil(days)?;
    let weekday = WEEKDAYS
        .chunks(3)
        .nth(usize::try_from((days + 4) % 7).ok()?)?;
    let month = MONTHS.chunks(3).nth(usize::try_from(month).ok()?)?;
    let mut text = *b"Www, dd Mmm yyyy hh:mm:ss GMT";
    text.get_mut(..3)?.copy_from_slice(weekday);
    text.get_mut(8..11)?.copy_from_slice(month);
    for (at, number) in [
        (5, day),
        (12, year / 100),
        (14, year % 100),
        (17, time / 3_600),
        (20, time / 60 % 60),
        (23, time % 60),
    ] {
        // Each has two digits.
        text.get_mut(at..at + 2)?
            .copy_from_slice(&[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
    }
    Some(text)
}

/// Year, month from 0 on and day of a number of days after the beginning of 1970. `None` after the
/// year 9999.
fn civil(days: u64) -> Option<(u64, u64, u64)> {
    // Years that begin in March have their leap day at the end: in 400 of them are 146,097 days.
    const MARCH_OF_0: u64 = 719_468;
    let days = days.checked_add(MARCH_OF_0)?;
    let day = days % 146_097;
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    // Five months from March on, and again from August on, have 153 days.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = (year + days / 146_097 * 400, month + 2);
    let (year, month) = if month < 12 {
        (year, month)
    } else {
        (year + 1, month - 12)
    };
    (year <= 9_999).then_some((year, month, day))
}
