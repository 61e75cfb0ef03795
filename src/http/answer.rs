//! The fields of an answer that decide how a download goes on, in constant memory.

use super::content_range::ContentRange;
use super::name_finder::NameFinder;
use super::syntax::number;
use super::value::Value;
use super::{Fields, Location, date};
use crate::Duration;

/// No server makes us wait for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// The fields, in the order of `NAMES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Name {
    ContentRange,
    Date,
    ETag,
    LastModified,
    RetryAfter,
}

const NAMES: [(Name, &[u8]); 5] = [
    (Name::ContentRange, b"content-range"),
    (Name::Date, b"date"),
    (Name::ETag, b"etag"),
    (Name::LastModified, b"last-modified"),
    (Name::RetryAfter, b"retry-after"),
];

/// What is remembered of the fields of the final head.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) location: Location<'a>,
    /// Lent by the caller for the life of the download.
    etag: Location<'a>,
    /// Whether an ETag came, or more than one.
    etags: u8,
    content_range: Value,
    date: Value,
    last_modified: Value,
    retry_after: Value,
    name: NameFinder<Name>,
}

impl<'a> Answer<'a> {
    /// Knows nothing yet.
    pub(super) fn new(location: &'a mut [u8], etag: &'a mut [u8]) -> Self {
        Self {
            location: Location::new(location),
            etag: Location::new(etag),
            etags: 0,
            content_range: Value::default(),
            date: Value::default(),
            last_modified: Value::default(),
            retry_after: Value::default(),
            name: NameFinder::new(&NAMES),
        }
    }

    /// Forgets the last answer.
    pub(super) fn clear(&mut self) {
        self.location.clear();
        self.etag.clear();
        self.etags = 0;
        for value in [
            &mut self.content_range,
            &mut self.date,
            &mut self.last_modified,
            &mut self.retry_after,
        ] {
            value.clear();
        }
    }

    /// The entity tag, weak ones included.
    pub(super) fn etag(&self) -> Option<&[u8]> {
        let is_whole = self.etags == 1 && !self.etag.is_truncated();
        let etag = self.etag.as_bytes();
        (is_whole && !etag.is_empty()).then_some(etag)
    }

    /// Last-Modified, as it came.
    pub(super) fn last_modified(&self) -> Option<&[u8]> {
        self.last_modified.get()
    }

    /// What proves later that a file is still the same, byte for byte: a strong entity tag, or a
    /// Last-Modified from before the second in which the answer was made (RFC 9110, 8.8.2.2 and
    /// 8.8.3).
    pub(super) fn strong_validator(&self) -> Option<&[u8]> {
        if self.etags > 0 {
            return self.etag().filter(|etag| is_strong_etag(etag));
        }
        let last_modified = self.last_modified.get()?;
        let modified = date::parse(last_modified)?;
        let made = date::parse(self.date.get()?)?;
        (modified < made).then_some(last_modified)
    }

    /// What a Content-Range says; nothing where there is none that can be believed.
    pub(super) fn content_range(&self) -> Option<ContentRange> {
        ContentRange::parse(self.content_range.get()?)
    }

    /// How long the server asks to wait (RFC 9110, 10.2.3), up to six hours. A date counts from the
    /// answer's own Date, because a device may have no clock.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let value = self.retry_after.get()?;
        let seconds = match number(value) {
            Some(seconds) => seconds,
            None => date::parse(value)?.saturating_sub(date::parse(self.date.get()?)?),
        };
        Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
    }

    fn value(&mut self, name: Name) -> Option<&mut Value> {
        match name {
            Name::ContentRange => Some(&mut self.content_range),
            Name::Date => Some(&mut self.date),
            Name::LastModified => Some(&mut self.last_modified),
            Name::RetryAfter => Some(&mut self.retry_after),
            Name::ETag => None,
        }
    }
}

/// Whether this is an entity tag without `W/`, in its quotes (RFC 9110, 8.8.3).
fn is_strong_etag(etag: &[u8]) -> bool {
    match etag {
        [b'"', inside @ .., b'"'] => inside
            .iter()
            .all(|&byte| byte == 0x21 || (0x23..=0x7E).contains(&byte) || byte >= 0x80),
        _ => false,
    }
}

impl Fields for Answer<'_> {
    fn begin_head(&mut self, _status: u16) {
        self.clear();
    }

    fn begin_name(&mut self) {
        self.name.begin();
    }

    fn name_byte(&mut self, byte: u8) {
        self.name.push(byte);
    }

    fn begin_value(&mut self) {
        match self.name.find() {
            Some(Name::ETag) => self.etags = self.etags.saturating_add(1),
            Some(name) => {
                if let Some(value) = self.value(name) {
                    value.begin();
                }
            }
            None => {}
        }
    }

    fn value_byte(&mut self, byte: u8) {
        match self.name.current() {
            Some(Name::ETag) => self.etag.push(byte),
            Some(name) => {
                if let Some(value) = self.value(name) {
                    value.push(byte);
                }
            }
            None => {}
        }
    }

    fn end_value(&mut self) {
        if self.name.end() == Some(Name::ETag) {
            self.etag.finish();
        }
    }

    fn has_location(&self) -> bool {
        self.location.has_location()
    }

    fn location_byte(&mut self, byte: u8) {
        self.location.push(byte);
    }

    fn end_location(&mut self) {
        self.location.finish();
    }
}
