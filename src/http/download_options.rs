//! What a caller sets about a download, and lends to it.

use super::{GetOptions, Method};
use crate::Duration;

/// What a caller may set about a download.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DownloadOptions {
    /// For each request; [`total_timeout`](GetOptions::total_timeout) is for all of them together.
    pub request: GetOptions,
    /// What is asked for.
    pub method: Method,
    /// Number of redirects that are followed in one attempt. With `None` a redirect is a status like
    /// any other, and with 0 the first one is one too many.
    pub redirects_max: Option<u8>,
    /// Number of attempts after the first.
    pub retries_max: u32,
    /// Before the first of them. Each delay is twice the one before it.
    pub retry_delay: Duration,
    /// No delay is longer, unless the server asks for that; it may ask for six hours.
    pub retry_delay_max: Duration,
    /// No attempt begins later than this after the first.
    pub retry_timeout: Option<Duration>,
}

impl Default for DownloadOptions {
    fn default() -> Self {
        Self {
            request: GetOptions::default(),
            method: Method::Get,
            redirects_max: Some(5),
            retries_max: 5,
            retry_delay: Duration::from_secs(1),
            retry_delay_max: Duration::from_secs(64),
            retry_timeout: None,
        }
    }
}

/// The memory that a caller lends to a download.
#[derive(Debug)]
pub struct DownloadBuffers<'a> {
    /// Half of it holds the URL that is asked now, and half a Location.
    pub urls: &'a mut [u8],
    /// Half of it holds the validator of what the sink has, and half an ETag. A validator that is
    /// longer is none: the file is then fetched from its start.
    pub validators: &'a mut [u8],
}

#[cfg(feature = "defmt")]
impl defmt::Format for DownloadBuffers<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let Self { urls, validators } = self;
        defmt::write!(
            f,
            "DownloadBuffers {{ urls: {=usize}, validators: {=usize} }}",
            urls.len(),
            validators.len()
        );
    }
}
