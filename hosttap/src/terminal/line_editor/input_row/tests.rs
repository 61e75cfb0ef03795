//! What is left of the row on terminals of both kinds, whose width changes.

use super::*;
use crate::terminal::screens::Screen;

/// A screen with two messages and an input row.
struct Shown {
    screen: Screen,
    row: InputRow,
}

impl Shown {
    fn both(columns: usize, before: &str, after: &str) -> [Self; 2] {
        Screen::both(columns).map(|screen| {
            let mut shown = Self {
                screen,
                row: InputRow::default(),
            };
            shown.screen.show(b"a\nb\n");
            shown.pass(|row, out| row.draw(before.to_owned(), after, out));
            shown
        })
    }

    /// What the terminal shows of what the row prints.
    fn pass<T>(&mut self, act: impl FnOnce(&mut InputRow, &mut Vec<u8>) -> T) -> T {
        let mut out = Vec::new();
        let result = act(&mut self.row, &mut out);
        self.screen.show(&out);
        result
    }

    /// Removes the row, with the terminal's answer if it is asked.
    fn remove(&mut self, columns: usize) {
        if !self.pass(|row, out| row.remove(columns, out)) {
            let column = self.screen.column();
            self.pass(|row, out| row.answer(column, columns, out));
            assert!(self.pass(|row, out| row.remove(columns, out)));
        }
    }

    /// The rows once a third message was printed, and "> " below it.
    fn rows_after_message(&mut self) -> Vec<String> {
        self.screen.show(b"c\n");
        self.pass(|row, out| row.draw("> ".to_owned(), "", out));
        self.screen.rows()
    }
}

const TEXT: &str = "> 0123456789 abcdefghijklmnopq";
const WIDE: &str = "> 0123456789 한글 abcdefghijklm";

/// Draws `text`, with the cursor in every place, and makes terminals narrower and wider. Returns how
/// often nothing of it was left, and how often something was. No message is ever lost.
fn count(text: &str, may_be_left: impl Fn(&Screen, usize) -> bool) -> (u32, u32) {
    let (mut clean, mut left) = (0, 0);
    for before in [33, 40, 43] {
        for columns in 3..44 {
            for (cursor, _) in text.char_indices().skip(2) {
                let (text, rest) = text.split_at(cursor);
                for mut shown in Shown::both(before, text, rest) {
                    shown.screen.resize(columns);
                    let may_be_left = may_be_left(&shown.screen, columns);
                    shown.remove(columns);
                    let rows = shown.rows_after_message();
                    let place = format!("{before} => {columns}, cursor {cursor}: {rows:?}");
                    assert_eq!(rows[..2], ["a", "b"], "{place}");
                    assert_eq!(rows[rows.len() - 2..], ["c", ">"], "{place}");
                    if rows.len() == 4 {
                        clean += 1;
                    } else {
                        assert!(may_be_left, "{place}");
                        left += 1;
                    }
                }
            }
        }
    }
    (clean, left)
}

#[test]
fn a_row_leaves_nothing_when_the_width_changes_unless_the_cursor_comes_to_the_last_column() {
    let (clean, left) = count(TEXT, |screen, columns| {
        matches!(screen, Screen::Wrapping(_)) && screen.column() + 1 == columns
    });
    // Some are left, or the other assertions would have seen nothing.
    assert!(left > 0 && left * 20 < clean, "{left}, not {clean}");
}

#[test]
fn wide_characters_that_wrap_lose_no_message() {
    // The wrapping terminal counts the cursor's cells as if no wide character had moved.
    let (clean, left) = count(WIDE, |screen, _| matches!(screen, Screen::Wrapping(_)));
    assert!(left * 10 < clean, "{left}, not {clean}");
}

#[test]
fn a_terminal_that_does_not_answer_loses_no_message() {
    for mut shown in Shown::both(40, TEXT, "") {
        shown.screen.resize(20);
        assert!(!shown.pass(|row, out| row.remove(20, out)));
        let asked_at = Tick::from_millis(5);
        let deadline = shown.row.deadline(asked_at).unwrap();
        assert_eq!(deadline, asked_at + ANSWER_TIMEOUT);
        shown.pass(|row, out| row.check_deadline(asked_at, out));
        assert!(!shown.pass(|row, out| row.remove(20, out)));
        shown.pass(|row, out| row.check_deadline(deadline, out));
        assert_eq!(shown.row.deadline(deadline), None);
        assert!(shown.pass(|row, out| row.remove(20, out)));
        let rows = shown.rows_after_message();
        assert_eq!(rows[..2], ["a", "b"]);
        assert_eq!(rows[rows.len() - 2..], ["c", ">"]);
    }
}

#[test]
fn a_late_answer_is_not_that_to_the_next_question() {
    let mut row = InputRow::default();
    let mut out = Vec::new();
    let draw = |row: &mut InputRow, out: &mut Vec<u8>| row.draw(TEXT.to_owned(), "", out);
    draw(&mut row, &mut out);
    assert!(!row.remove(20, &mut out));
    row.remove_now(&mut out);
    draw(&mut row, &mut out);
    // It is not asked again as long as the first answer may come.
    out.clear();
    assert!(row.remove(20, &mut out));
    assert_eq!(out, REMOVE.as_bytes());
    row.answer(10, 20, &mut out);
    assert_eq!(out, REMOVE.as_bytes());
    draw(&mut row, &mut out);
    assert!(!row.remove(20, &mut out));
}

#[test]
fn an_answer_about_another_width_is_asked_for_again() {
    for mut shown in Shown::both(40, TEXT, "") {
        shown.screen.resize(20);
        assert!(!shown.pass(|row, out| row.remove(20, out)));
        let column = shown.screen.column();
        shown.screen.resize(14);
        shown.pass(|row, out| row.answer(column, 14, out));
        assert!(!shown.pass(|row, out| row.remove(14, out)));
        let column = shown.screen.column();
        shown.pass(|row, out| row.answer(column, 14, out));
        assert_eq!(shown.rows_after_message(), ["a", "b", "c", ">"]);
    }
}

#[test]
fn an_answer_that_fits_no_wrapped_row_moves_nothing_up() {
    for column in 0..20 {
        let mut row = InputRow::default();
        let mut out = Vec::new();
        row.draw(TEXT.to_owned(), "", &mut out);
        assert!(!row.remove(20, &mut out));
        out.clear();
        row.answer(column, 20, &mut out);
        let is_wrapped = out.starts_with(b"\x1b[1A");
        assert_eq!(is_wrapped, column == TEXT.len() - 20, "{column}");
        assert!(out.ends_with(REMOVE.as_bytes()));
    }
}
