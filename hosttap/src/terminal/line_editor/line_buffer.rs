//! The line that the user edits, its history, and the part of it that fits on one row.

use tui_input::{Input, InputRequest};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::key_decoder::Key;

/// How many earlier lines the Up key can recall.
const HISTORY_LINES_MAX: usize = 100;
/// A line of this length ends without Enter. Nobody types that much, and a long paste continues in
/// the next line.
pub(super) const LINE_BYTES_MAX: usize = 4 * 1024;

/// The result of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    /// The line is still being edited.
    Continue,
    /// Enter: the finished line.
    Line(String),
    /// The line is too long: its first part, as a line of its own.
    Part(String),
    /// Ctrl-D on an empty line.
    EndOfInput,
}

/// The line that is being edited, and the history of earlier lines.
#[derive(Debug, Default)]
pub(super) struct LineBuffer {
    input: Input,
    history: Vec<String>,
    /// The index of the shown line in the history; the length of the history for a new line.
    shown_index: usize,
    /// The new line, kept while an earlier one is shown.
    draft: String,
}

impl LineBuffer {
    /// Applies a key.
    pub(super) fn press(&mut self, key: Key) -> Edit {
        let request = match key {
            Key::Enter => return Edit::Line(self.enter()),
            Key::EndOfInput if self.input.value().is_empty() => return Edit::EndOfInput,
            Key::Up => return self.recall(self.shown_index.checked_sub(1)),
            Key::Down => return self.recall(self.shown_index.checked_add(1)),
            Key::Redraw | Key::Suspend | Key::CursorColumn(_) => return Edit::Continue,
            Key::Char(c) => InputRequest::InsertChar(c),
            Key::Backspace => InputRequest::DeletePrevChar,
            Key::Delete | Key::EndOfInput => InputRequest::DeleteNextChar,
            Key::Left => InputRequest::GoToPrevChar,
            Key::Right => InputRequest::GoToNextChar,
            Key::WordLeft => InputRequest::GoToPrevWord,
            Key::WordRight => InputRequest::GoToNextWord,
            Key::Home => InputRequest::GoToStart,
            Key::End => InputRequest::GoToEnd,
            Key::KillWord => InputRequest::DeletePrevWord,
            Key::KillToStart => InputRequest::DeleteFromStart,
            Key::KillToEnd => InputRequest::DeleteTillEnd,
            Key::Yank => InputRequest::Yank,
        };
        let _ = self.input.handle(request);
        if self.input.value().len() >= LINE_BYTES_MAX {
            return Edit::Part(self.enter());
        }
        Edit::Continue
    }

    /// The part of the line that is shown in `columns`: before the cursor, and after it.
    pub(super) fn view(&self, columns: usize) -> (String, String) {
        let scroll = self.input.visual_scroll(columns);
        let cursor = self.input.visual_cursor();
        let (mut before, mut after, mut column) = (String::new(), String::new(), 0);
        for grapheme in self.input.value().graphemes(true) {
            let next = column + grapheme.width();
            if column >= scroll {
                if next > scroll + columns {
                    break;
                }
                let part = if column < cursor {
                    &mut before
                } else {
                    &mut after
                };
                part.push_str(grapheme);
            }
            column = next;
        }
        (before, after)
    }

    fn enter(&mut self) -> String {
        let line = self.input.value_and_reset();
        if !line.is_empty() && self.history.last() != Some(&line) {
            if self.history.len() == HISTORY_LINES_MAX {
                self.history.remove(0);
            }
            self.history.push(line.clone());
        }
        self.shown_index = self.history.len();
        self.draft.clear();
        line
    }

    fn recall(&mut self, index: Option<usize>) -> Edit {
        let Some(index) = index.filter(|index| *index <= self.history.len()) else {
            return Edit::Continue;
        };
        if self.shown_index == self.history.len() {
            self.draft = self.input.value().to_owned();
        }
        let line = self.history.get(index).unwrap_or(&self.draft);
        self.input = Input::new(line.clone());
        self.shown_index = index;
        Edit::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_text(buffer: &mut LineBuffer, text: &str) {
        for c in text.chars() {
            assert_eq!(buffer.press(Key::Char(c)), Edit::Continue);
        }
    }

    fn shown_text(buffer: &LineBuffer) -> String {
        let (before, after) = buffer.view(20);
        before + &after
    }

    #[test]
    fn the_view_is_parted_where_the_cursor_is() {
        let mut buffer = LineBuffer::default();
        type_text(&mut buffer, "한글 e\u{301}x");
        for (key, before, after) in [
            (Key::Left, "한글 e\u{301}", "x"),
            (Key::Left, "한글 ", "e\u{301}x"),
            (Key::Home, "", "한글 e\u{301}x"),
            (Key::Right, "한", "글 e\u{301}x"),
            (Key::End, "한글 e\u{301}x", ""),
        ] {
            buffer.press(key);
            assert_eq!(buffer.view(20), (before.to_owned(), after.to_owned()));
        }
    }

    #[test]
    fn a_line_is_edited_by_grapheme_clusters() {
        let mut buffer = LineBuffer::default();
        type_text(&mut buffer, "한글 e\u{301}👨‍👩‍👧x");
        buffer.press(Key::Left);
        buffer.press(Key::Backspace);
        buffer.press(Key::Backspace);
        buffer.press(Key::Home);
        buffer.press(Key::Delete);
        assert_eq!(buffer.press(Key::Enter), Edit::Line("글 x".to_owned()));
        assert_eq!(buffer.press(Key::Enter), Edit::Line(String::new()));
        assert_eq!(buffer.press(Key::EndOfInput), Edit::EndOfInput);
    }

    #[test]
    fn earlier_lines_are_recalled_and_the_draft_is_kept() {
        let mut buffer = LineBuffer::default();
        for line in ["one", "two", "two"] {
            type_text(&mut buffer, line);
            buffer.press(Key::Enter);
        }
        type_text(&mut buffer, "dra");
        for (key, shown) in [
            (Key::Up, "two"),
            (Key::Up, "one"),
            (Key::Up, "one"),
            (Key::Down, "two"),
            (Key::Down, "dra"),
            (Key::Down, "dra"),
        ] {
            buffer.press(key);
            assert_eq!(shown_text(&buffer), shown);
        }
    }

    #[test]
    fn the_view_never_exceeds_its_columns() {
        for columns in 1..12 {
            let mut buffer = LineBuffer::default();
            for step in 0..60 {
                let key = match step % 7 {
                    0 | 3 => Key::Char('한'),
                    1 => Key::Char('a'),
                    2 => Key::Char('\u{301}'),
                    5 if step > 30 => Key::Home,
                    _ => Key::Left,
                };
                buffer.press(key);
                let (before, after) = buffer.view(columns);
                let text = format!("{before}{after}");
                assert!(text.width() <= columns, "{text:?} in {columns}");
            }
        }
    }

    #[test]
    fn an_endless_paste_continues_in_the_next_line() {
        let mut buffer = LineBuffer::default();
        let lines = (0..LINE_BYTES_MAX + 10)
            .filter(|_| matches!(buffer.press(Key::Char('x')), Edit::Part(_)))
            .count();
        assert_eq!(lines, 1);
        assert_eq!(shown_text(&buffer), "x".repeat(10));
    }
}
