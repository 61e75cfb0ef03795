//! Entity tags (RFC 9110, 8.8.3): made, and compared with those that a request names.

/// A strong entity tag of 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Etag([u8; 18]);

impl Etag {
    /// The tag of these bytes: another one for other bytes, unless somebody looks for two that have
    /// the same. (FNV-1a, 64 bits.)
    ///
    /// ```
    /// use tickwire::http::server::Etag;
    ///
    /// const PAGE: &[u8] = b"<!doctype html><title>lamp</title>";
    /// static TAG: Etag = Etag::of(PAGE); // At compile time.
    /// assert_eq!(TAG.as_str().len(), 18);
    /// ```
    pub const fn of(bytes: &[u8]) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut rest = bytes;
        while let [byte, after @ ..] = rest {
            hash = (hash ^ *byte as u64).wrapping_mul(0x0100_0000_01b3);
            rest = after;
        }
        let mut text = [b'"'; 18];
        let mut digits: &mut [u8] = &mut text;
        // All but the quotes at both ends.
        while let [_, after @ ..] = digits {
            if let [digit, _, ..] = after {
                *digit = crate::http::url::digit((hash >> 60) as u16);
                hash <<= 4;
            }
            digits = after;
        }
        Self(text)
    }

    /// As it stands in a field, with its quotes.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Whether a list of tags has `etag`, or is `*`. A weak tag in it counts only where weak ones do
/// (RFC 9110, 8.8.3.2). A list that is malformed has what stands before the mistake.
pub(super) fn is_listed(list: &[u8], etag: &str, is_weak_fine: bool) -> bool {
    if list == b"*" {
        return true;
    }
    let Some(opaque) = opaque(etag.as_bytes()).filter(|_| is_weak_fine || !is_weak(etag)) else {
        return false;
    };
    let mut rest = list;
    loop {
        rest = rest.trim_ascii_start();
        let (is_weak, tag) = match rest.strip_prefix(b"W/") {
            Some(tag) => (true, tag),
            None => (false, rest),
        };
        let Some(found) = tag.strip_prefix(b"\"") else {
            return false;
        };
        let Some(end) = found.iter().position(|&byte| byte == b'"') else {
            return false;
        };
        if found.get(..end) == Some(opaque) && (is_weak_fine || !is_weak) {
            return true;
        }
        let after = found.get(end + 1..).unwrap_or_default();
        rest = match after.trim_ascii_start().strip_prefix(b",") {
            Some(rest) => rest,
            None => return false,
        };
    }
}

/// Whether a tag is a strong one: only such a one proves that bytes are the same.
pub(super) fn is_weak(etag: &str) -> bool {
    etag.starts_with("W/")
}

/// What stands between the quotes.
fn opaque(etag: &[u8]) -> Option<&[u8]> {
    let quoted = etag.strip_prefix(b"W/").unwrap_or(etag);
    quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")
}
