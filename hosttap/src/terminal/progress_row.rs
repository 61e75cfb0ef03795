//! The row on stderr into which the progress bar is drawn.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::TermLike;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::row::{REMOVE, columns, unwrapped};

/// One row, whatever the bar's length. The cursor stays in its first column.
#[derive(Debug, Default)]
pub(super) struct ProgressRow {
    /// What is drawn at the next flush.
    text: Mutex<String>,
}

impl TermLike for ProgressRow {
    fn width(&self) -> u16 {
        columns(rustix::stdio::stderr())
    }

    /// No limit: the bar is always one row.
    fn height(&self) -> u16 {
        u16::MAX
    }

    fn move_cursor_up(&self, _rows: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _rows: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _columns: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _columns: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        let mut row = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        row.push_str(text);
        Ok(())
    }

    /// Each flush begins with that.
    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let row = row(&std::mem::take(&mut *text), self.width().into());
        io::stderr().lock().write_all(row.as_bytes())
    }
}

/// What draws `text` into a row of `columns`, in place of what is there.
fn row(text: &str, columns: usize) -> String {
    let mut shown = String::new();
    let mut width = 0;
    for grapheme in text.trim_matches(['\r', ' ']).graphemes(true) {
        width += grapheme.width();
        // The last column stays empty: some terminals would take the next row for a part of this.
        if width >= columns {
            break;
        }
        shown.push_str(grapheme);
    }
    if shown.is_empty() {
        return REMOVE.to_owned();
    }
    format!("{REMOVE}{}\r", unwrapped(&shown))
}

#[cfg(test)]
mod tests {
    use super::super::screens::Screen;
    use super::*;

    /// A bar of 50 columns.
    const BAR: &str = "##########--------- 48.2 MB/200.0 MB  한글 1 s left";

    #[test]
    fn a_bar_leaves_nothing_after_any_change_of_the_width() {
        for before in 1..60 {
            for columns in 1..60 {
                for mut screen in Screen::both(before) {
                    screen.show(b"a\nb\n");
                    screen.show(row(BAR, before).as_bytes());
                    screen.resize(columns);
                    screen.show(row("left", columns).as_bytes());
                    let shown = &"left"[..4.min(columns - 1)];
                    let expected: Vec<_> = ["a", "b", shown]
                        .into_iter()
                        .filter(|row| !row.is_empty())
                        .collect();
                    assert_eq!(screen.rows(), expected, "{before} => {columns}");
                    screen.show(row("", columns).as_bytes());
                    screen.show(b"c\n");
                    assert_eq!(screen.rows(), ["a", "b", "c"], "{before} => {columns}");
                }
            }
        }
    }

    #[test]
    fn a_bar_is_cut_off_before_the_last_column() {
        for (columns, shown) in [(60, BAR), (21, &BAR[..19]), (41, &BAR[..41]), (1, "")] {
            for mut screen in Screen::both(columns) {
                screen.show(row(BAR, columns).as_bytes());
                assert_eq!(screen.rows().join("\n"), shown.trim_end());
                assert_eq!(screen.column(), 0);
            }
        }
    }
}
