//! What a caller may set about one request.

use super::HEAD_BYTES_MAX_DEFAULT;
use crate::{ClientOptions, Duration};

/// What a caller may set about one GET.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GetOptions {
    /// For the connection to be established, whether a name server, ARP, SYN or nothing answers.
    pub connect_timeout: Duration,
    /// For the whole head, from the connection on.
    pub head_timeout: Duration,
    /// In which at least 256 bytes of the body, or the rest, must come.
    pub idle_timeout: Duration,
    /// For which the sink may take nothing.
    pub stall_timeout: Duration,
    /// For everything, where there is a limit.
    pub total_timeout: Option<Duration>,
    /// Number of bytes that the body may have; more is
    /// [`GetError::TooLarge`](super::GetError::TooLarge).
    pub bytes_max: u64,
    /// Number of bytes that each head may have, and chunk extensions and trailers together.
    pub head_bytes_max: u32,
    /// Whether an end that only the peer's close proves counts as
    /// [`GetError::Truncated`](super::GetError::Truncated).
    pub require_length: bool,
}

impl Default for GetOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(20),
            stall_timeout: Duration::from_secs(20),
            total_timeout: None,
            bytes_max: u64::MAX,
            head_bytes_max: HEAD_BYTES_MAX_DEFAULT,
            require_length: false,
        }
    }
}

impl GetOptions {
    /// What the client under the request has to know of them.
    pub(super) fn client(&self) -> ClientOptions {
        ClientOptions {
            connect_timeout: self.connect_timeout,
            idle_timeout: None,
            total_timeout: self.total_timeout,
            ..ClientOptions::default()
        }
    }
}
