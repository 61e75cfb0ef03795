//! Splits the user's input, from stdin or from the line editor, into lines and parts of lines.

/// A line of up to this length is queued whole; a longer one is queued in parts.
const PART_BYTES: usize = 8 * 1024;

/// The next piece of the user's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'i> {
    /// A line without its LF, or the rest of a long line. The last line may have had no LF.
    Line(&'i [u8]),
    /// The first or a middle part of a line that is too long to be queued whole.
    Part(&'i [u8]),
}

/// The user's bytes before they are queued. It holds little more than one part, so stdin feels
/// back pressure.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    bytes: Vec<u8>,
    /// Whether a part of the current line was consumed already.
    is_midline: bool,
    has_ended: bool,
}

impl LineSplitter {
    /// Appends input.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Marks the end of the input.
    pub(super) fn end(&mut self) {
        self.has_ended = true;
    }

    /// Whether the input has ended and every piece was consumed.
    pub(super) fn is_finished(&self) -> bool {
        self.has_ended && self.peek().is_none()
    }

    /// Whether more input should be read.
    pub(super) fn wants_input(&self) -> bool {
        !self.has_ended && self.peek().is_none()
    }

    /// Whether the next piece begins a line.
    pub(super) fn is_at_line_start(&self) -> bool {
        !self.is_midline
    }

    /// The next piece. It stays until [`consume`](Self::consume).
    pub(super) fn peek(&self) -> Option<Piece<'_>> {
        let window = self.bytes.get(..PART_BYTES).unwrap_or(&self.bytes);
        if let Some(end) = window.iter().position(|byte| *byte == b'\n') {
            return window.get(..end).map(Piece::Line);
        }
        if self.bytes.len() > PART_BYTES {
            return window.get(..split_length(window)).map(Piece::Part);
        }
        (self.has_ended && !self.bytes.is_empty()).then_some(Piece::Line(window))
    }

    /// Removes the next piece.
    pub(super) fn consume(&mut self) {
        let (length, is_midline) = match self.peek() {
            Some(Piece::Line(line)) => (line.len() + 1, false),
            Some(Piece::Part(part)) => (part.len(), true),
            None => return,
        };
        self.bytes.drain(..length.min(self.bytes.len()));
        self.is_midline = is_midline;
    }
}

/// The length up to which `bytes` can be split without splitting a UTF-8 character. Bytes that are
/// not UTF-8 may be split anywhere.
fn split_length(bytes: &[u8]) -> usize {
    let is_first_byte = |byte: &u8| *byte & 0xc0 != 0x80;
    match bytes.iter().rev().take(4).position(is_first_byte) {
        Some(continuation) if bytes.len() > continuation + 1 => {
            let start = bytes.len() - continuation - 1;
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

    fn drain(splitter: &mut LineSplitter) -> Vec<(bool, Vec<u8>)> {
        let mut pieces = Vec::new();
        while let Some(piece) = splitter.peek() {
            pieces.push(match piece {
                Piece::Line(line) => (true, line.to_vec()),
                Piece::Part(part) => (false, part.to_vec()),
            });
            splitter.consume();
        }
        pieces
    }

    #[test]
    fn lines_are_whole_and_the_last_one_needs_no_line_end() {
        let mut splitter = LineSplitter::default();
        splitter.push(b"one\n\ntw");
        assert_eq!(
            drain(&mut splitter),
            [(true, b"one".to_vec()), (true, Vec::new())]
        );
        assert!(splitter.wants_input() && !splitter.is_finished());
        splitter.push(b"o");
        splitter.end();
        assert!(!splitter.wants_input() && !splitter.is_finished());
        assert_eq!(drain(&mut splitter), [(true, b"two".to_vec())]);
        assert!(splitter.is_finished());
    }

    #[test]
    fn a_long_line_is_split_into_parts_between_characters() {
        for lead in 0..4 {
            let mut line = vec![b'x'; lead];
            line.extend("한".repeat(10_000).into_bytes());
            let mut splitter = LineSplitter::default();
            splitter.push(&line);
            assert!(!splitter.wants_input());
            splitter.push(b"\n");
            let pieces = drain(&mut splitter);
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
        // Bytes that are not UTF-8 are split too.
        let mut splitter = LineSplitter::default();
        splitter.push(&[0xbf; 20_000]);
        assert_eq!(splitter.peek(), Some(Piece::Part(&[0xbf; PART_BYTES])));
        splitter.consume();
        assert!(!splitter.is_at_line_start());
    }
}
