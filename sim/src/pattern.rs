//! Content that can be checked at any offset without a copy of it.

use tickwire::{Duration, Sink, SinkError, Source, SourceError};

use crate::fill_byte;

/// What a transfer carries: byte `n` is [`fill_byte`] of `salt + n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) salt: u64,
    pub(crate) length: u64,
}

impl Pattern {
    /// Whether these are the bytes at `offset`.
    pub(crate) fn has(&self, offset: u64, bytes: &[u8]) -> bool {
        let end = offset.saturating_add(bytes.len() as u64);
        let expected = (self.salt + offset..).map(fill_byte);
        end <= self.length
            && bytes
                .iter()
                .copied()
                .zip(expected)
                .all(|(is, should)| is == should)
    }
}

impl Source for Pattern {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let left = self.length.saturating_sub(offset);
        let count = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        for (byte, at) in buffer.iter_mut().zip(self.salt + offset..).take(count) {
            *byte = fill_byte(at);
        }
        Ok(count)
    }
}

/// A sink that compares what it takes with a pattern, and takes no more than it has room for.
#[derive(Debug)]
pub(crate) struct PatternSink {
    pattern: Pattern,
    pub(crate) taken: u64,
    pub(crate) is_broken: bool,
    /// The number of bytes that it still takes; `None` is no limit.
    pub(crate) room: Option<u64>,
}

impl PatternSink {
    pub(crate) const fn new(pattern: Pattern) -> Self {
        Self {
            pattern,
            taken: 0,
            is_broken: false,
            room: None,
        }
    }
}

impl Sink for PatternSink {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let room = self.room.unwrap_or(u64::MAX);
        let count = usize::try_from(room).unwrap_or(usize::MAX).min(data.len());
        let taken = data.get(..count).unwrap_or_default();
        self.is_broken |= !self.pattern.has(self.taken, taken);
        self.taken += count as u64;
        self.room = self.room.map(|room| room - count as u64);
        Ok(count)
    }
}

/// How a slow reader takes what its app received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlowReader {
    /// The number of bytes that it takes at a time.
    pub(crate) bytes: u64,
    /// The number of ticks from one time to the next.
    pub(crate) every: Duration,
}
