//! A bump allocator over memory that the caller lends: nothing is given back before the end.

use core::fmt::{self, Write};

use smoltcp::iface::SocketStorage;

/// What is left of the caller's memory.
pub(crate) struct Bump<'a> {
    bytes: &'a mut [u8],
    sockets: &'a mut [SocketStorage<'a>],
}

impl<'a> Bump<'a> {
    pub(crate) const fn new(bytes: &'a mut [u8], sockets: &'a mut [SocketStorage<'a>]) -> Self {
        Self { bytes, sockets }
    }

    /// `count` bytes of any content.
    ///
    /// # Panics
    /// When the caller lent too little.
    pub(crate) fn bytes(&mut self, count: usize) -> &'a mut [u8] {
        let all = core::mem::take(&mut self.bytes);
        let (taken, rest) = all
            .split_at_mut_checked(count)
            .expect("a run needs no more than MEMORY_BYTES");
        self.bytes = rest;
        taken
    }

    /// Storage for `count` sockets.
    pub(crate) fn sockets(&mut self, count: usize) -> &'a mut [SocketStorage<'a>] {
        let all = core::mem::take(&mut self.sockets);
        let (taken, rest) = all
            .split_at_mut_checked(count)
            .expect("a node does not start more often than planned");
        self.sockets = rest;
        taken
    }

    /// A text of at most 64 bytes.
    pub(crate) fn text(&mut self, text: fmt::Arguments<'_>) -> &'a [u8] {
        let mut made = heapless::String::<64>::new();
        made.write_fmt(text).expect("texts are short");
        let bytes = self.bytes(made.len());
        bytes.copy_from_slice(made.as_bytes());
        bytes
    }
}
