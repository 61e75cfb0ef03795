//! Frames in flight: one pool of lent frames, with a queue for each port.

use managed::ManagedSlice;

/// One frame that the caller lends to the Ethernet, with the memory for its bytes.
///
/// The Ethernet owns the memory until it is dropped. All frames of an Ethernet should be equally
/// long: 1,514 bytes for an MTU of 1,500.
#[derive(Debug)]
pub struct Frame<'a> {
    pub(super) bytes: ManagedSlice<'a, u8>,
    pub(super) flight: Flight,
    child: Index,
    sibling: Index,
}

impl<'a> Frame<'a> {
    /// A frame over memory of the caller.
    pub fn new(bytes: impl Into<ManagedSlice<'a, u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            flight: Flight::default(),
            child: None,
            sibling: None,
        }
    }
}

/// Everything about a frame in flight except its bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flight {
    pub(super) due_micros: u64,
    /// Breaks ties: what was sent earlier arrives earlier. The pool assigns it.
    pub(super) sequence: u64,
    pub(super) sent_micros: u64,
    pub(super) number: u64,
    pub(super) from: usize,
    pub(super) len: usize,
}

/// The index of a frame in the pool, or none.
pub(super) type Index = Option<u16>;

/// The frames that the caller lent. A frame is either free or in one queue.
///
/// A queue is a pairing heap (M. Fredman, R. Sedgewick, D. Sleator and R. Tarjan, "The Pairing
/// Heap", 1986) whose links are in the frames: all ports share the pool, and no queue needs memory
/// of its own. The caller keeps the root. The first frame in a queue is the one with the least (due
/// time, sequence).
#[derive(Debug)]
pub(super) struct Pool<'a> {
    frames: ManagedSlice<'a, Frame<'a>>,
    /// Free frames, linked by their siblings.
    free: Index,
    next_sequence: u64,
}

impl<'a> Pool<'a> {
    pub(super) fn new(frames: ManagedSlice<'a, Frame<'a>>) -> Self {
        let mut pool = Self {
            frames,
            free: None,
            next_sequence: 0,
        };
        let count = u16::try_from(pool.frames.len()).expect("a ethernet has at most 65,535 frames");
        for index in (0..count).rev() {
            pool.release(index);
        }
        pool
    }

    /// The frame with an index that the pool gave out.
    pub(super) fn frame(&mut self, index: u16) -> &mut Frame<'a> {
        self.frames
            .get_mut(usize::from(index))
            .expect("links of the pool point into it")
    }

    /// The length of the shortest frame.
    pub(super) fn frame_bytes_min(&self) -> usize {
        self.frames
            .iter()
            .map(|frame| frame.bytes.len())
            .min()
            .unwrap_or(0)
    }

    /// Takes a free frame out of the pool, with its memory.
    pub(super) fn take(&mut self) -> Option<(u16, ManagedSlice<'a, u8>)> {
        let index = self.free?;
        let frame = self.frame(index);
        let bytes = core::mem::replace(&mut frame.bytes, ManagedSlice::Borrowed(&mut []));
        self.free = frame.sibling.take();
        Some((index, bytes))
    }

    /// Returns a frame that is in no queue to the pool.
    pub(super) fn release(&mut self, index: u16) {
        let free = self.free;
        self.frame(index).sibling = free;
        self.free = Some(index);
    }

    /// Puts a taken frame into the queue under `root`, with the memory that holds its bytes.
    pub(super) fn push(
        &mut self,
        root: &mut Index,
        index: u16,
        flight: Flight,
        bytes: ManagedSlice<'a, u8>,
    ) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let frame = self.frame(index);
        frame.flight = Flight { sequence, ..flight };
        frame.bytes = bytes;
        *root = self.meld(*root, Some(index));
    }

    /// When the first frame of the queue is due.
    pub(super) fn due_micros(&self, root: Index) -> Option<u64> {
        let frame = self.frames.get(usize::from(root?))?;
        Some(frame.flight.due_micros)
    }

    /// Takes the first frame out of the queue; the caller returns it with [`Self::release`].
    pub(super) fn pop(&mut self, root: &mut Index) -> Option<u16> {
        let first = (*root)?;
        // The children of the first frame are melded in pairs from the left, then the pairs from
        // the right. This keeps the amortized cost logarithmic.
        let mut children = self.frame(first).child.take();
        let mut pairs = None;
        while let Some(left) = children {
            let right = self.frame(left).sibling.take();
            children = right.and_then(|right| self.frame(right).sibling.take());
            if let Some(pair) = self.meld(Some(left), right) {
                self.frame(pair).sibling = pairs;
                pairs = Some(pair);
            }
        }
        *root = None;
        while let Some(pair) = pairs {
            pairs = self.frame(pair).sibling.take();
            *root = self.meld(*root, Some(pair));
        }
        Some(first)
    }

    /// Makes one heap of two: the later root becomes the first child of the earlier one.
    fn meld(&mut self, left: Index, right: Index) -> Index {
        let (Some(left), Some(right)) = (left, right) else {
            return left.or(right);
        };
        let (parent, child) = if self.rank(left) <= self.rank(right) {
            (left, right)
        } else {
            (right, left)
        };
        let former = self.frame(parent).child.replace(child);
        self.frame(child).sibling = former;
        Some(parent)
    }

    fn rank(&mut self, index: u16) -> (u64, u64) {
        let flight = &self.frame(index).flight;
        (flight.due_micros, flight.sequence)
    }
}
