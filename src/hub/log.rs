//! The messages of one room in the order in which all its members get them.

/// Before each entry: its length with this, its kind, the length of its name, and its sender.
const HEADER_BYTES: usize = 6;

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Message = 1,
    Joined = 2,
    Left = 3,
    Renamed = 4,
    Event = 5,
}

impl Kind {
    const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Message,
            2 => Self::Joined,
            3 => Self::Left,
            4 => Self::Renamed,
            5 => Self::Event,
            _ => return None,
        })
    }
}

/// One entry, in the memory of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawEntry<'e> {
    pub(super) kind: Kind,
    /// The slot of whoever said it.
    pub(super) sender: u16,
    pub(super) name: &'e str,
    pub(super) text: &'e str,
    /// Where the next one begins.
    pub(super) next: u64,
}

/// A ring of entries. A new one takes the place of the oldest, whoever has still to read it: a
/// reader is a position, and learns that it was lapped when it looks.
///
/// Positions count bytes from the first on and never wrap. An entry lies in one piece; what is left
/// between the last one and the end of the memory is skipped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log {
    /// Where the oldest entry begins.
    start: u64,
    /// Where the next one will begin.
    end: u64,
}

/// What a reader finds at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found<'e> {
    Entry(RawEntry<'e>),
    /// Nothing yet.
    Nothing,
    /// What was there is gone.
    Lapped,
}

impl Log {
    pub(super) const EMPTY: Self = Self { start: 0, end: 0 };

    /// The longest entry: two of them fit, so that a reader who has read everything is never lapped
    /// by one entry.
    pub(super) fn text_bytes_max(memory_bytes: usize) -> usize {
        let entry = (memory_bytes / 2).min(usize::from(u16::MAX));
        entry.saturating_sub(HEADER_BYTES + super::NAME_BYTES_MAX)
    }

    /// Where a reader begins who gets what comes from now on.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Appends an entry whose text is `chars`, which has `text_bytes` bytes and is not longer than
    /// [`text_bytes_max`](Log::text_bytes_max).
    pub(super) fn append(
        &mut self,
        memory: &mut [u8],
        (kind, sender): (Kind, u16),
        name: &str,
        text_bytes: usize,
        chars: impl Iterator<Item = char>,
    ) {
        let len = HEADER_BYTES + name.len() + text_bytes;
        debug_assert!(len <= memory.len() / 2, "it was checked before");
        let capacity = memory.len() as u64;
        let offset = self.end.checked_rem(capacity).unwrap_or(0);
        let at = if capacity - offset < len as u64 {
            if let Some(gap) = memory.get_mut(offset as usize..) {
                gap.iter_mut().take(HEADER_BYTES).for_each(|byte| *byte = 0);
            }
            self.end - offset + capacity
        } else {
            self.end
        };
        self.make_room(memory, at + len as u64);
        let offset = at.checked_rem(capacity).unwrap_or(0) as usize;
        let Some(entry) = memory.get_mut(offset..offset + len) else {
            return;
        };
        let (Ok(len), Ok(name_len)) = (u16::try_from(len), u8::try_from(name.len())) else {
            return;
        };
        let [len_low, len_high] = len.to_le_bytes();
        let [sender_low, sender_high] = sender.to_le_bytes();
        let header = [
            len_low,
            len_high,
            kind as u8,
            name_len,
            sender_low,
            sender_high,
        ];
        let mut room = entry.iter_mut();
        let mut write = |bytes: &[u8]| room.by_ref().zip(bytes).for_each(|(to, from)| *to = *from);
        write(&header);
        write(name.as_bytes());
        chars.for_each(|c| write(c.encode_utf8(&mut [0; 4]).as_bytes()));
        self.end = at + u64::from(len);
    }

    /// Forgets entries until those from `start` on and the bytes up to `end` fit.
    fn make_room(&mut self, memory: &[u8], end: u64) {
        let capacity = memory.len() as u64;
        while self.start < self.end && end - self.start > capacity {
            self.start = match self.read(memory, self.start) {
                Found::Entry(entry) => entry.next,
                Found::Nothing | Found::Lapped => self.end,
            };
        }
    }

    /// What a reader at `position` gets.
    pub(super) fn read<'e>(&self, memory: &'e [u8], position: u64) -> Found<'e> {
        let capacity = memory.len() as u64;
        let mut at = position;
        // A gap at the end of the memory comes at most once.
        for _ in 0..2 {
            if at < self.start {
                return Found::Lapped;
            }
            if at >= self.end {
                return Found::Nothing;
            }
            let offset = at.checked_rem(capacity).unwrap_or(0);
            let bytes = memory.get(offset as usize..).unwrap_or_default();
            if let Some(entry) = parse(bytes, at) {
                return Found::Entry(entry);
            }
            at = at - offset + capacity;
        }
        Found::Nothing
    }
}

/// The entry at the front of `bytes`; `None` for a gap.
fn parse(bytes: &[u8], at: u64) -> Option<RawEntry<'_>> {
    let (&[len_low, len_high, kind, name_len, sender_low, sender_high], rest) =
        bytes.split_first_chunk::<HEADER_BYTES>()?;
    let kind = Kind::from_byte(kind)?;
    let len = u16::from_le_bytes([len_low, len_high]);
    let body = rest.get(..usize::from(len).checked_sub(HEADER_BYTES)?)?;
    let (name, text) = body.split_at_checked(usize::from(name_len))?;
    Some(RawEntry {
        kind,
        sender: u16::from_le_bytes([sender_low, sender_high]),
        // Both were text when they were written.
        name: core::str::from_utf8(name).unwrap_or_default(),
        text: core::str::from_utf8(text).unwrap_or_default(),
        next: at + u64::from(len),
    })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::collections::VecDeque;
    use std::string::{String, ToString};
    use std::vec;

    use super::*;

    fn append(log: &mut Log, memory: &mut [u8], text: &str) {
        log.append(memory, (Kind::Message, 3), "bob", text.len(), text.chars());
    }

    #[test]
    fn a_reader_gets_what_was_said_since_it_came_in_order() {
        let (mut log, mut memory) = (Log::EMPTY, [0; 128]);
        append(&mut log, &mut memory, "before");
        let mut position = log.end();
        assert_eq!(log.read(&memory, position), Found::Nothing);
        append(&mut log, &mut memory, "one");
        append(&mut log, &mut memory, "");
        for text in ["one", ""] {
            let Found::Entry(entry) = log.read(&memory, position) else {
                panic!("{text} is there");
            };
            let parts = (entry.kind, entry.sender, entry.name, entry.text);
            assert_eq!(parts, (Kind::Message, 3, "bob", text));
            position = entry.next;
        }
        assert_eq!(log.read(&memory, position), Found::Nothing);
    }

    #[test]
    fn in_memory_of_any_length_a_prompt_reader_misses_nothing_and_a_late_one_is_told() {
        for capacity in 96..=200 {
            let (mut log, mut memory) = (Log::EMPTY, vec![0; capacity]);
            let max = Log::text_bytes_max(capacity);
            assert!(max < capacity / 2);
            let late = log.end();
            let (mut position, mut kept) = (log.end(), VecDeque::<(u64, String)>::new());
            for number in 0..500_usize {
                let text = "x".repeat(number * 7 % (max + 1)).to_string();
                append(&mut log, &mut memory, &text);
                let Found::Entry(entry) = log.read(&memory, position) else {
                    panic!("{capacity}: a reader who is up to date was lapped at {number}");
                };
                assert_eq!(entry.text, text);
                kept.push_back((position, text));
                position = entry.next;
                // Whatever is not gone is whole, and what is gone is the oldest.
                while let Found::Lapped = log.read(&memory, kept[0].0) {
                    kept.pop_front();
                }
                for (at, text) in &kept {
                    let found = log.read(&memory, *at);
                    assert!(matches!(found, Found::Entry(entry) if entry.text == text));
                }
            }
            assert_eq!(log.read(&memory, late), Found::Lapped);
        }
    }
}
