//! How deep the stack was.

use crate::raw;

/// The stack's size and the most of it that was ever in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// All RAM that the image left to the stack, without its guard, in bytes.
    pub size_bytes: usize,
    /// The high-water mark, in bytes.
    pub used_bytes: usize,
}

/// Measures the stack by the paint that was put on it before `main`; it reads the whole untouched part.
pub fn usage() -> Usage {
    let (size_bytes, untouched_bytes) = raw::stack_bytes();
    Usage {
        size_bytes,
        used_bytes: size_bytes - untouched_bytes,
    }
}
