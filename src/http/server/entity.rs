//! Answers that are a file or the like: with conditions (RFC 9110, 13) and ranges (14).

use core::cmp::Ordering;

use super::etag::{is_listed, is_weak};
use super::range::Range;
use super::{LastModified, Method, Reply, Request, Response, ResponseHead};
use crate::http::Header;

/// A file or the like, of a length that is known.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Entity<'e> {
    /// Number of bytes.
    pub length: u64,
    /// Its media type.
    pub content_type: &'e str,
    /// Its entity tag with quotes, where it has one: another one whenever a byte is another.
    pub etag: Option<&'e str>,
    /// When it changed last, where that is known.
    pub modified: Option<LastModified>,
    /// Further fields of the answer, such as Cache-Control.
    pub fields: &'e [Header<'e>],
}

impl Response<'_> {
    /// Answers a GET or HEAD with `entity`: with all of it, with the part that a Range asks for, or
    /// with the news that the caller has it already. [`Handler::fill`](super::Handler::fill) gives the
    /// bytes, from the offset in the whole entity on.
    ///
    /// One range is served; a request for more than one gets everything, as it may.
    pub fn entity(self, request: &Request<'_>, entity: &Entity<'_>) -> Reply {
        let listed = |name, is_weak_fine| {
            let mut lists = request.fields(name).peekable();
            lists.peek()?;
            let etag = entity.etag.unwrap_or_default();
            Some(lists.any(|list| is_listed(list, etag, is_weak_fine)))
        };
        // The date counts only where no tag is named (RFC 9110, 13.2.2).
        let is_another = match listed("If-Match", false) {
            Some(is_it) => !is_it,
            None => entity.changed(request, "If-Unmodified-Since") == Some(Ordering::Greater),
        };
        if is_another {
            return self.status(412).reason();
        }
        let is_known = listed("If-None-Match", true).unwrap_or_else(|| {
            let changed = entity.changed(request, "If-Modified-Since");
            changed.is_some_and(Ordering::is_le)
        });
        if is_known {
            return entity.head(self, 304).empty();
        }
        match entity.range(request) {
            Range::Whole => entity.typed(self, 200).stream(entity.length),
            Range::Part { first, last } => entity
                .typed(self, 206)
                .content_range(Some((first, last)), entity.length)
                .stream_part(first, last - first + 1),
            Range::Unsatisfiable => self.status(416).content_range(None, entity.length).reason(),
        }
    }
}

impl Entity<'_> {
    /// When it changed, compared with the date in this field; `None` where one of them is not known.
    fn changed(&self, request: &Request<'_>, field: &str) -> Option<Ordering> {
        self.modified?.compare(request.single_field(field)?)
    }

    /// What the request wants of it. An If-Range that is not its strong tag makes that everything, and
    /// so does a second field of either name.
    fn range(&self, request: &Request<'_>) -> Range {
        let etag = self.etag.filter(|etag| !is_weak(etag)).map(str::as_bytes);
        let is_meant = match request.field("If-Range") {
            None => true,
            Some(_) => {
                request.single_field("If-Range").map(str::as_bytes) == etag && etag.is_some()
            }
        };
        match request.single_field("Range") {
            Some(range) if is_meant && request.method() == Method::Get => {
                Range::parse(range.as_bytes(), self.length)
            }
            _ => Range::Whole,
        }
    }

    fn head<'r>(&self, response: Response<'r>, status: u16) -> ResponseHead<'r> {
        let mut head = response.status(status);
        if let Some(etag) = self.etag {
            head = head.field("ETag", etag);
        }
        if let Some(date) = self.modified.and_then(|modified| modified.text()) {
            head = head.field("Last-Modified", str::from_utf8(&date).unwrap_or_default());
        }
        for field in self.fields {
            head = head.field(field.name, field.value);
        }
        head
    }

    fn typed<'r>(&self, response: Response<'r>, status: u16) -> ResponseHead<'r> {
        self.head(response, status)
            .field("Content-Type", self.content_type)
            .field("Accept-Ranges", "bytes")
    }
}
