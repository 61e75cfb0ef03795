//! What a caller may set about a server.

use crate::Duration;

/// Limits of one connection. The memory for heads is a limit too: see
/// [`HttpSession::new`](super::HttpSession::new).
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HttpOptions {
    /// For a whole head, from its first byte or from the connection on. A caller that is slower gets
    /// 408.
    pub head_timeout: Duration,
    /// How long a connection is kept without a request.
    pub keep_alive_timeout: Duration,
    /// In which [`idle_bytes_min`](Self::idle_bytes_min) bytes of a body must move, either way, or the
    /// rest of it; also while the last bytes of an answer are acknowledged, in place of
    /// [`ServerOptions::flush_timeout`](crate::ServerOptions::flush_timeout).
    pub idle_timeout: Duration,
    /// How many bytes that is; 0 counts as 1. A caller that drips could otherwise hold its place for as
    /// long as its body is long. What moves beyond it does not count for the next period, so a caller
    /// that moves them in gulps needs up to twice that.
    pub idle_bytes_min: u64,
    /// How long a handler may take no bytes, give none, or not answer.
    pub stall_timeout: Duration,
    /// Requests on one connection; with the last answer it closes. A caller that asks for little again
    /// and again holds its place no longer than that.
    pub requests_max: u32,
    /// Bytes of chunk extensions and trailers of one body.
    pub trailer_bytes_max: u32,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(5),
            keep_alive_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(20),
            // 240 bytes a second in a steady flow.
            idle_bytes_min: 4_800,
            stall_timeout: Duration::from_secs(60),
            requests_max: 1_000,
            trailer_bytes_max: 4 * 1024,
        }
    }
}
