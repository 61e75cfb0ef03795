//! Where a download is, and where a redirect sends it.

use core::fmt;

use heapless::HistoryBuf;

use super::resolve::resolve;
use super::{Location, Url, UrlError};

/// Why a redirect is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RedirectError {
    /// The answer has no Location.
    NoLocation,
    /// The Location, or the URL that it leads to, does not fit into the caller's buffer.
    TooLong,
    /// The Location leads to no URL that can be asked.
    Url(UrlError),
    /// The Location leads to a URL that was asked before.
    Loop,
    /// The URL has a name, and nothing here finds its address: this build lacks `dns`.
    NoAddress,
    /// There were as many redirects as the caller allows.
    TooMany,
}

/// Number of URLs that are remembered to find a loop.
const VISITED_MAX: usize = 8;

/// The URL that is asked now, in a buffer that the caller lends, and what was asked before.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// Lent by the caller for the life of the download.
    buffer: &'a mut [u8],
    len: usize,
    visited: HistoryBuf<UrlHash, VISITED_MAX>,
    redirects: u8,
}

/// The hash of a URL, FNV-1a with 64 bits. Whoever can make two URLs of one hash owns both servers, and
/// gains nothing by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UrlHash(pub u64);

impl UrlHash {
    /// The hash of this URL.
    pub fn of(text: &[u8]) -> Self {
        text.iter()
            .fold(Self(0xcbf2_9ce4_8422_2325), |hash, &byte| {
                Self((hash.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
            })
    }
}

impl<'a> Place<'a> {
    pub(super) const fn new(buffer: &'a mut [u8]) -> Self {
        Self {
            buffer,
            len: 0,
            visited: HistoryBuf::new(),
            redirects: 0,
        }
    }

    /// Begins anew at `url`, with no redirect followed.
    pub(super) fn go_to(&mut self, url: &Url) -> Result<(), RedirectError> {
        self.len = 0;
        self.redirects = 0;
        self.visited.clear();
        let mut is_too_long = false;
        url.write_pieces(&mut |piece| {
            let end = self.len.saturating_add(piece.len());
            match self.buffer.get_mut(self.len..end) {
                Some(room) => {
                    room.copy_from_slice(piece);
                    self.len = end;
                }
                None => is_too_long = true,
            }
        });
        if is_too_long {
            self.len = 0;
            return Err(RedirectError::TooLong);
        }
        self.visited.write(self.hash());
        Ok(())
    }

    /// Goes where `location` leads, as at most the `redirects_max`th redirect. Returns which one it is.
    pub(super) fn follow(
        &mut self,
        location: &Location,
        redirects_max: u8,
    ) -> Result<u8, RedirectError> {
        if location.is_truncated() {
            return Err(RedirectError::TooLong);
        }
        if location.is_empty() {
            return Err(RedirectError::NoLocation);
        }
        if self.redirects >= redirects_max {
            return Err(RedirectError::TooMany);
        }
        self.redirects += 1;
        self.len = resolve(self.buffer, self.len, location.as_bytes())
            .map_err(|_| RedirectError::TooLong)?;
        let url = Url::parse(self.text()).map_err(RedirectError::Url)?;
        if cfg!(not(feature = "dns")) && url.endpoint().is_none() {
            return Err(RedirectError::NoAddress);
        }
        let hash = self.hash();
        if self.visited.oldest_ordered().any(|&seen| seen == hash) {
            return Err(RedirectError::Loop);
        }
        self.visited.write(hash);
        Ok(self.redirects)
    }

    /// The URL as text.
    pub(super) fn text(&self) -> &str {
        // Only pieces of a URL, and ASCII, were ever written.
        let bytes = self.buffer.get(..self.len).unwrap_or_default();
        str::from_utf8(bytes).unwrap_or_default()
    }

    pub(super) fn hash(&self) -> UrlHash {
        UrlHash::of(self.text().as_bytes())
    }

    /// The URL; nothing where none was set.
    pub(super) fn url(&self) -> Option<Url<'_>> {
        Url::parse(self.text()).ok()
    }
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NoLocation => f.write_str("the redirect has no Location"),
            Self::TooLong => f.write_str("the URL is too long for its buffer"),
            Self::Url(error) => write!(f, "the redirect leads nowhere: {error}"),
            Self::NoAddress => f.write_str("the URL has a name and no address"),
            Self::Loop => f.write_str("the redirects lead back to a URL that was asked before"),
            Self::TooMany => f.write_str("too many redirects"),
        }
    }
}

impl core::error::Error for RedirectError {}

impl From<UrlError> for RedirectError {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}
