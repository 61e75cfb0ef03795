//! The line that the user types: keys in, lines out, and what of it fits on one row of the screen.

use tui_input::{Input, InputRequest};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::keys::Key;

/// Earlier lines that come back with the Up key.
const HISTORY_LINES_MAX: usize = 100;
/// A line of so many bytes ends by itself: nobody types it, and whatever is pasted goes on in the next.
const LINE_BYTES_MAX: usize = 4 * 1024;

/// What a key has brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    /// The line looks different now, or not.
    Nothing,
    /// Enter.
    Line(String),
    /// Ctrl-D on an empty line.
    End,
}

/// One line under the cursor, and those before it.
#[derive(Debug, Default)]
pub(super) struct Editor {
    input: Input,
    history: Vec<String>,
    /// The earlier line that is shown; the number of them all when it is the user's own.
    shown: usize,
    /// The user's own line while an earlier one is shown.
    draft: String,
}

impl Editor {
    pub(super) fn press(&mut self, key: Key) -> Typed {
        let request = match key {
            Key::Enter => return Typed::Line(self.enter()),
            Key::EndOfInput if self.input.value().is_empty() => return Typed::End,
            Key::Up => return self.recall(self.shown.checked_sub(1)),
            Key::Down => return self.recall(self.shown.checked_add(1)),
            Key::Redraw | Key::Suspend => return Typed::Nothing,
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
            return Typed::Line(self.enter());
        }
        Typed::Nothing
    }

    /// What of the line is shown in `columns`, and in which of them the cursor stands.
    pub(super) fn view(&self, columns: usize) -> (String, usize) {
        let scroll = self.input.visual_scroll(columns);
        let (mut text, mut column) = (String::new(), 0);
        for grapheme in self.input.value().graphemes(true) {
            let next = column + grapheme.width();
            if column >= scroll {
                if next > scroll + columns {
                    break;
                }
                text.push_str(grapheme);
            }
            column = next;
        }
        (text, self.input.visual_cursor().saturating_sub(scroll))
    }

    fn enter(&mut self) -> String {
        let line = self.input.value_and_reset();
        if !line.is_empty() && self.history.last() != Some(&line) {
            if self.history.len() == HISTORY_LINES_MAX {
                self.history.remove(0);
            }
            self.history.push(line.clone());
        }
        self.shown = self.history.len();
        self.draft.clear();
        line
    }

    fn recall(&mut self, index: Option<usize>) -> Typed {
        let Some(index) = index.filter(|index| *index <= self.history.len()) else {
            return Typed::Nothing;
        };
        if self.shown == self.history.len() {
            self.draft = self.input.value().to_owned();
        }
        let line = self.history.get(index).unwrap_or(&self.draft);
        self.input = Input::new(line.clone());
        self.shown = index;
        Typed::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_in(editor: &mut Editor, text: &str) {
        for c in text.chars() {
            assert_eq!(editor.press(Key::Char(c)), Typed::Nothing);
        }
    }

    #[test]
    fn a_line_is_edited_by_characters_as_people_see_them() {
        let mut editor = Editor::default();
        type_in(&mut editor, "한글 e\u{301}👨‍👩‍👧x");
        editor.press(Key::Left);
        editor.press(Key::Backspace);
        editor.press(Key::Backspace);
        editor.press(Key::Home);
        editor.press(Key::Delete);
        assert_eq!(editor.press(Key::Enter), Typed::Line("글 x".to_owned()));
        assert_eq!(editor.press(Key::Enter), Typed::Line(String::new()));
        assert_eq!(editor.press(Key::EndOfInput), Typed::End);
    }

    #[test]
    fn earlier_lines_come_back_and_the_draft_is_kept() {
        let mut editor = Editor::default();
        for line in ["one", "two", "two"] {
            type_in(&mut editor, line);
            editor.press(Key::Enter);
        }
        type_in(&mut editor, "dra");
        for (key, shown) in [
            (Key::Up, "two"),
            (Key::Up, "one"),
            (Key::Up, "one"),
            (Key::Down, "two"),
            (Key::Down, "dra"),
            (Key::Down, "dra"),
        ] {
            editor.press(key);
            assert_eq!(editor.view(20).0, shown);
        }
    }

    #[test]
    fn the_view_never_exceeds_its_columns_and_holds_the_cursor() {
        for columns in 1..12 {
            let mut editor = Editor::default();
            for step in 0..60 {
                let key = match step % 7 {
                    0 | 3 => Key::Char('한'),
                    1 => Key::Char('a'),
                    2 => Key::Char('\u{301}'),
                    5 if step > 30 => Key::Home,
                    _ => Key::Left,
                };
                editor.press(key);
                let (text, cursor) = editor.view(columns);
                assert!(text.width() <= columns, "{text:?} in {columns}");
                assert!(cursor <= columns, "{cursor} in {columns}");
            }
        }
    }

    #[test]
    fn a_paste_without_end_goes_on_in_the_next_line() {
        let mut editor = Editor::default();
        let lines = (0..LINE_BYTES_MAX + 10)
            .filter(|_| matches!(editor.press(Key::Char('x')), Typed::Line(_)))
            .count();
        assert_eq!(lines, 1);
        assert_eq!(editor.view(20).0, "x".repeat(10));
    }
}
