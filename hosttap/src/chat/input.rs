//! What the user says: bytes of stdin or of the editor, as lines and parts of lines.

/// A line is queued whole up to this length, and in parts above it.
const PART_BYTES: usize = 8 * 1024;

/// What comes next from the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'i> {
    /// A line without its LF, or the rest of a long one. The last line may have had none.
    Line(&'i [u8]),
    /// The front, or the middle, of a line that is too long to wait for its end.
    Part(&'i [u8]),
}

/// The user's bytes on their way into the queue. It holds little more than one part, so that stdin presses back.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    /// A part was taken, and the rest of its line not yet.
    is_midline: bool,
    has_ended: bool,
}

impl Input {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self) {
        self.has_ended = true;
    }

    /// Whether the end has come and everything before it was taken.
    pub(super) fn is_over(&self) -> bool {
        self.has_ended && self.next().is_none()
    }

    /// Whether more should be read.
    pub(super) fn is_hungry(&self) -> bool {
        !self.has_ended && self.next().is_none()
    }

    /// Whether the next piece begins a line.
    pub(super) fn is_at_line(&self) -> bool {
        !self.is_midline
    }

    /// The next piece; it stays until [`take`](Self::take).
    pub(super) fn next(&self) -> Option<Piece<'_>> {
        let window = self.bytes.get(..PART_BYTES).unwrap_or(&self.bytes);
        if let Some(end) = window.iter().position(|byte| *byte == b'\n') {
            return window.get(..end).map(Piece::Line);
        }
        if self.bytes.len() > PART_BYTES {
            return window.get(..character_end(window)).map(Piece::Part);
        }
        (self.has_ended && !self.bytes.is_empty()).then_some(Piece::Line(window))
    }

    /// Removes the next piece.
    pub(super) fn take(&mut self) {
        let (length, is_midline) = match self.next() {
            Some(Piece::Line(line)) => (line.len() + 1, false),
            Some(Piece::Part(part)) => (part.len(), true),
            None => return,
        };
        self.bytes.drain(..length.min(self.bytes.len()));
        self.is_midline = is_midline;
    }
}

/// Where to cut so that no character of UTF-8 is cut, as far as there are characters.
fn character_end(bytes: &[u8]) -> usize {
    let begins = |byte: &u8| *byte & 0xc0 != 0x80;
    match bytes.iter().rev().take(4).position(begins) {
        Some(behind) if bytes.len() > behind + 1 => {
            let start = bytes.len() - behind - 1;
            let last = bytes.get(start..).unwrap_or_default();
            match std::str::from_utf8(last) {
                Err(error) if error.error_len().is_none() => start,
                _ => bytes.len(),
            }
        }
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(input: &mut Input) -> Vec<(bool, Vec<u8>)> {
        let mut pieces = Vec::new();
        while let Some(piece) = input.next() {
            pieces.push(match piece {
                Piece::Line(line) => (true, line.to_vec()),
                Piece::Part(part) => (false, part.to_vec()),
            });
            input.take();
        }
        pieces
    }

    #[test]
    fn lines_come_whole_and_the_last_one_with_the_end() {
        let mut input = Input::default();
        input.push(b"one\n\ntw");
        assert_eq!(
            drain(&mut input),
            [(true, b"one".to_vec()), (true, Vec::new())]
        );
        assert!(input.is_hungry() && !input.is_over());
        input.push(b"o");
        input.end();
        assert!(!input.is_hungry() && !input.is_over());
        assert_eq!(drain(&mut input), [(true, b"two".to_vec())]);
        assert!(input.is_over());
    }

    #[test]
    fn a_line_of_any_length_comes_in_parts_that_cut_no_character() {
        for lead in 0..4 {
            let mut line = vec![b'x'; lead];
            line.extend("한".repeat(10_000).into_bytes());
            let mut input = Input::default();
            input.push(&line);
            assert!(!input.is_hungry());
            input.push(b"\n");
            let pieces = drain(&mut input);
            let (last, parts) = pieces.split_last().unwrap();
            assert!(last.0 && parts.iter().all(|part| !part.0));
            assert!(
                pieces
                    .iter()
                    .all(|part| std::str::from_utf8(&part.1).is_ok())
            );
            let joined: Vec<u8> = pieces.into_iter().flat_map(|part| part.1).collect();
            assert_eq!(joined, line);
        }
        // What is no UTF-8 is cut anywhere, but cut.
        let mut input = Input::default();
        input.push(&[0xbf; 20_000]);
        assert_eq!(input.next(), Some(Piece::Part(&[0xbf; PART_BYTES])));
        input.take();
        assert!(!input.is_at_line());
    }
}
