//! The memory that the caller lends to the guard.

use core::cell::RefCell;

use crate::counters::Counters;
use crate::flow::Flow;
use crate::inspector::Inspector;

/// The memory of a guard: a table of connections and one frame buffer.
///
/// `FLOWS` is the number of connections that the guard knows at the same time. Each takes 52 bytes,
/// 24 more with the feature `ipv6`, and 40 more with `recovery`. Make it at least two larger than
/// the number of TCP sockets: a socket may begin its next connection while frames of the last one
/// are still on their way.
///
/// `FRAME_LEN` is the size of the frame buffer in bytes. The guard uses it only for a frame that it
/// must make, change, cut or drop. Make it the device's `max_transmission_unit`. With less, longer
/// frames pass unchanged, and the rules R8, A5 and L5 are off.
///
/// A new storage is all zeros, so that a `static` takes no flash. Everything that a guard learns is
/// kept here, and nothing in [`Guarded`](crate::Guarded): a loop that makes its device anew at each
/// turn lends the same storage each time, and the connections stay known. Use a storage for one
/// interface only.
#[derive(Debug)]
pub struct Storage<const FLOWS: usize, const FRAME_LEN: usize = 1514> {
    /// The two tokens of one `receive` share it. It is never borrowed while a token's closure runs.
    pub(crate) inspector: RefCell<Inspector<[Flow; FLOWS]>>,
    /// Belongs to one token at a time. It holds a changed frame while smoltcp reads it, a frame
    /// that is dropped, or the rest of one that leaves in parts.
    pub(crate) buffer: [u8; FRAME_LEN],
}

impl<const FLOWS: usize, const FRAME_LEN: usize> Storage<FLOWS, FRAME_LEN> {
    /// A storage that knows no connection.
    pub const fn new() -> Self {
        Self {
            inspector: RefCell::new(Inspector::new()),
            buffer: [0; FRAME_LEN],
        }
    }

    /// What the guards over this storage did since it was made.
    pub fn counters(&self) -> Counters {
        self.inspector.borrow().counters
    }
}

impl<const FLOWS: usize, const FRAME_LEN: usize> Default for Storage<FLOWS, FRAME_LEN> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "defmt")]
impl<const FLOWS: usize, const FRAME_LEN: usize> defmt::Format for Storage<FLOWS, FRAME_LEN> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Storage {{ counters: {=?} }}", self.counters());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_takes_as_much_as_the_documentation_says() {
        let ipv6 = if cfg!(feature = "ipv6") { 24 } else { 0 };
        let recovery = if cfg!(feature = "recovery") { 40 } else { 0 };
        assert_eq!(size_of::<Flow>(), 52 + ipv6 + recovery);
    }
}
