//! Blocks of a file, as both sides hash it.

/// Bytes that are hashed in one step.
pub(super) const BLOCK_BYTES: usize = 1024;

/// As much of `buffer` as `left` bytes need.
pub(super) fn fitting(buffer: &mut [u8], left: u64) -> &mut [u8] {
    let count = usize::try_from(left)
        .unwrap_or(usize::MAX)
        .min(buffer.len());
    buffer.get_mut(..count).unwrap_or_default()
}
