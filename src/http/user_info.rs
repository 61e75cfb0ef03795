//! The user name and password of a URL.

/// The user name and password that a URL has before its host, as text that is percent-encoded.
///
/// Its `Debug` and `Display` tell nothing of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserInfo<'a> {
    pub(super) text: &'a str,
}

impl<'a> UserInfo<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text }
    }
}

impl core::fmt::Debug for UserInfo<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("UserInfo(..)")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for UserInfo<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "UserInfo(..)");
    }
}
