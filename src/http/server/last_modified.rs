//! The date of an entity's last change, and what conditions make of it (RFC 9110, 8.8.2 and 13.1).

use core::cmp::Ordering;

use super::date::{DATE_LEN, format};
use crate::http::date::parse;

/// When an entity changed last.
///
/// What reads and writes dates comes with it: a program whose entities have none has nothing of that
/// in its flash.
#[derive(Debug, Clone, Copy)]
pub struct LastModified {
    unix: u64,
    format: fn(u64) -> Option<[u8; DATE_LEN]>,
    parse: fn(&[u8]) -> Option<u64>,
}

impl LastModified {
    /// That many seconds after the beginning of 1970. The second must be over: one in which the entity
    /// may change again says nothing of its version (RFC 9110, 8.8.2.1).
    pub const fn at(unix: u64) -> Self {
        Self {
            unix,
            format,
            parse,
        }
    }

    /// The value of the field. `None` after the year 9999.
    pub(super) fn text(&self) -> Option<[u8; DATE_LEN]> {
        (self.format)(self.unix)
    }

    /// The change, compared with the date in a field; `None` where that is no date.
    pub(super) fn compare(&self, field: &str) -> Option<Ordering> {
        let date = (self.parse)(field.as_bytes())?;
        Some(self.unix.cmp(&date))
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for LastModified {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(f, "LastModified({=u64})", self.unix);
    }
}
