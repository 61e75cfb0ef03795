//! What a hub lets one member do.

/// What a hub lets one member do. How many members and rooms there are, and how much waits for a slow
/// member, is the memory that the caller lends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits {
    /// Longest message, in bytes of UTF-8; shorter where a room has no memory for two of them.
    pub message_bytes_max: usize,
    /// Messages that a member may send in one second, and at once. More have to wait. At least 1.
    pub messages_per_second: u16,
}

impl Limits {
    /// 4 KiB, 20 messages a second.
    pub const DEFAULT: Self = Self {
        message_bytes_max: 4_096,
        messages_per_second: 20,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
