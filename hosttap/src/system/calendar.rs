//! Times of the wall clock as people write them, in UTC.

use std::time::Duration;

/// The UTC date of a time since 1970, such as `2026-11-21`.
pub fn date(unix: Duration) -> String {
    // The Gregorian calendar in years that begin in March, so that a leap day is the last day of
    // its year.
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

/// The UTC date and time of a time since 1970, such as `2026-11-21T08:30:00.125Z`.
pub fn date_time(unix: Duration) -> String {
    let (seconds, millis) = (unix.as_secs() % 86_400, unix.subsec_millis());
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let date = date(unix);
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
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
    fn a_time_follows_its_date() {
        let time = |millis| date_time(Duration::from_millis(millis));
        assert_eq!(time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(1_735_689_599_999), "2024-12-31T23:59:59.999Z");
        assert_eq!(time(1_735_689_600_001), "2025-01-01T00:00:00.001Z");
    }
}
