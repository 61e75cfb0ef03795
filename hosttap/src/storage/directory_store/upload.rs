//! An upload that a sender offers, and the names that its file may get.

use std::time::Duration;

use tickwire::file::{FileName, clean, numbered};
use tickwire::store::{Digest, Upload};

/// An [`Upload`] that owns its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnedUpload {
    pub(super) digest: Option<Digest>,
    pub(super) length: u64,
    /// The requested name, sanitized; `None` in the plain form.
    pub(super) name: Option<FileName>,
}

impl From<&Upload<'_>> for OwnedUpload {
    fn from(upload: &Upload<'_>) -> Self {
        Self {
            digest: upload.digest.copied(),
            length: upload.length,
            name: upload.name.map(clean),
        }
    }
}

impl OwnedUpload {
    /// The name to try after `number` others were taken. A file without a name is dated by `unix`.
    pub(super) fn candidate_name(&self, number: u32, unix: Duration) -> String {
        match &self.name {
            Some(name) => candidate_name(name, number),
            None => format!("received-{}-{}.bin", date(unix), u64::from(number) + 1),
        }
    }
}

/// `name` itself, or `name` with a number if others were tried before.
pub(super) fn candidate_name(name: &str, number: u32) -> String {
    match number {
        0 => name.to_owned(),
        _ => numbered(name, number).as_str().to_owned(),
    }
}

/// The UTC date of a time since 1970, such as `2026-11-21`.
fn date(unix: Duration) -> String {
    // The Gregorian calendar in years that begin in March, so that a leap day is the last day of its
    // year.
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
}
