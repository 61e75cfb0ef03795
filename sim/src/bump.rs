//! A bump allocator over memory that the caller lends: nothing is given back before the end.

use core::fmt::{self, Write};

use crate::NodeMemory;

/// What is left of the caller's memory.
pub(crate) struct Bump<'a, const SOCKETS: usize> {
    bytes: &'a mut [u8],
    nodes: &'a mut [NodeMemory<'a, SOCKETS>],
}

impl<'a, const SOCKETS: usize> Bump<'a, SOCKETS> {
    pub(crate) const fn new(bytes: &'a mut [u8], nodes: &'a mut [NodeMemory<'a, SOCKETS>]) -> Self {
        Self { bytes, nodes }
    }

    /// `count` bytes of any content.
    ///
    /// # Panics
    /// When the caller lent too little.
    pub(crate) fn bytes(&mut self, count: usize) -> &'a mut [u8] {
        self.bytes
            .split_off_mut(..count)
            .expect("a run needs no more than MEMORY_BYTES")
    }

    /// The memory of one node.
    ///
    /// # Panics
    /// When the caller lent too few.
    pub(crate) fn node(&mut self) -> &'a mut NodeMemory<'a, SOCKETS> {
        self.nodes
            .split_off_first_mut()
            .expect("a node does not start more often than planned")
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
