//! The fields of a head that is kept whole.

use crate::http::syntax::is_whitespace;

/// The lines after the request line, each with its CRLF.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Fields<'h> {
    lines: &'h [u8],
}

impl<'h> Fields<'h> {
    pub(super) const fn new(lines: &'h [u8]) -> Self {
        Self { lines }
    }

    /// The values of all fields of this name, without white space around them.
    pub(super) fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'h [u8]> + use<'h, 'n> {
        let lines = self.lines.split(|&byte| byte == b'\n');
        lines.filter_map(move |line| {
            let (found, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b":")?;
            found
                .eq_ignore_ascii_case(name.as_bytes())
                .then(|| trimmed(value.strip_suffix(b"\r").unwrap_or(value)))
        })
    }
}

/// Whether one of these lists has an element that is `token`. Case does not count.
pub(super) fn has_token<'h>(mut values: impl Iterator<Item = &'h [u8]>, token: &str) -> bool {
    values.any(|value| {
        let mut elements = value.split(|&byte| byte == b',');
        elements.any(|element| trimmed(element).eq_ignore_ascii_case(token.as_bytes()))
    })
}

/// Without white space at both ends.
fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = value
        && is_whitespace(*first)
    {
        value = rest;
    }
    while let [rest @ .., last] = value
        && is_whitespace(*last)
    {
        value = rest;
    }
    value
}
