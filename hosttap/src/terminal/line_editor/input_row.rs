//! The input row on the screen, and how it is removed.
//!
//! That is easy as long as the cursor's column still exists. In a terminal that has become narrower
//! than that, the cursor stands in the last column, or, where rows are wrapped, some rows further
//! down. Who removed too many rows would erase messages, so the terminal is asked where the cursor
//! is, and anything but the exact answer of one that wraps means the first.

use tickwire::{Duration, Tick};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::terminal::row::{REMOVE, unwrapped};

/// Asks the terminal for the position of the cursor (ECMA-48, DSR 6).
const ASK_POSITION: &str = "\x1b[6n";
/// How long the terminal may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// What the screen shows below the messages.
///
/// ```text
/// Absent  => Drawn                 draw
/// Drawn   => Absent                remove, where the cursor's column still exists
/// Drawn   => Asked                 remove, where it does not
/// Asked   => Absent                the answer, or none in time
/// Asked   => Drawn                 the width has changed again before the answer
/// ```
#[derive(Debug, Default)]
enum State {
    #[default]
    Absent,
    Drawn(Drawn),
    Asked {
        drawn: Drawn,
        /// The width at the time of the question.
        columns: usize,
        /// When the terminal will not answer any more; set when first asked for.
        deadline: Option<Tick>,
    },
}

#[derive(Debug)]
struct Drawn {
    /// The text before the cursor.
    before: String,
    /// The width of the character that the cursor is on.
    width_at_cursor: usize,
    /// The column of the cursor, from 0.
    cursor: usize,
}

/// The input row.
#[derive(Debug, Default)]
pub(super) struct InputRow {
    state: State,
    /// Whether an answer may still come to a question that was given up. It would be taken for the
    /// next one's, so there is none.
    is_answer_late: bool,
}

impl InputRow {
    /// Draws the row, which must be absent: `before` and `after` the cursor.
    pub(super) fn draw(&mut self, before: String, after: &str, out: &mut Vec<u8>) {
        let cursor = before.graphemes(true).map(UnicodeWidthStr::width).sum();
        let row = unwrapped(&format!("{before}{after}"));
        let row = format!("\r\x1b[K{row}\x1b[{}G", cursor + 1);
        out.extend_from_slice(row.as_bytes());
        let width_at_cursor = after
            .graphemes(true)
            .next()
            .map_or(1, UnicodeWidthStr::width);
        self.state = State::Drawn(Drawn {
            before,
            width_at_cursor,
            cursor,
        });
    }

    /// Removes the row from a terminal of `columns`. Returns `false` if the terminal must be asked
    /// first: nothing else may be printed until [`answer`](Self::answer) or
    /// [`check_deadline`](Self::check_deadline) has removed it.
    pub(super) fn remove(&mut self, columns: usize, out: &mut Vec<u8>) -> bool {
        match std::mem::take(&mut self.state) {
            State::Absent => true,
            State::Drawn(drawn) if drawn.cursor >= columns && !self.is_answer_late => {
                out.extend_from_slice(ASK_POSITION.as_bytes());
                self.state = State::Asked {
                    drawn,
                    columns,
                    deadline: None,
                };
                false
            }
            State::Drawn(_) => {
                out.extend_from_slice(REMOVE.as_bytes());
                true
            }
            asked @ State::Asked { .. } => {
                self.state = asked;
                false
            }
        }
    }

    /// Removes the row without a question. Something of it may stay above the cursor.
    pub(super) fn remove_now(&mut self, out: &mut Vec<u8>) {
        match std::mem::take(&mut self.state) {
            State::Absent => return,
            State::Drawn(_) => {}
            State::Asked { .. } => self.is_answer_late = true,
        }
        out.extend_from_slice(REMOVE.as_bytes());
    }

    /// The terminal, which has `columns` now, says that the cursor is in `column`, from 0.
    pub(super) fn answer(&mut self, column: usize, columns: usize, out: &mut Vec<u8>) {
        match std::mem::take(&mut self.state) {
            // Not the width that was asked about.
            State::Asked {
                drawn,
                columns: asked,
                ..
            } if asked != columns => {
                self.state = State::Drawn(drawn);
            }
            State::Asked { drawn, .. } => {
                if let Some(rows) = wrapped_rows(&drawn, column, columns) {
                    out.extend_from_slice(format!("\x1b[{rows}A").as_bytes());
                }
                out.extend_from_slice(REMOVE.as_bytes());
            }
            // Late, or not asked for.
            other => {
                self.state = other;
                self.is_answer_late = false;
            }
        }
    }

    /// Removes the row if the terminal does not answer.
    pub(super) fn check_deadline(&mut self, now: Tick, out: &mut Vec<u8>) {
        if self.deadline(now).is_some_and(|deadline| now >= deadline) {
            self.remove_now(out);
        }
    }

    /// When to call [`check_deadline`](Self::check_deadline).
    pub(super) fn deadline(&mut self, now: Tick) -> Option<Tick> {
        match &mut self.state {
            State::Asked { deadline, .. } => Some(*deadline.get_or_insert(now + ANSWER_TIMEOUT)),
            State::Absent | State::Drawn(_) => None,
        }
    }
}

/// How many rows above the cursor the row begins, if the terminal has wrapped it to `columns`, and
/// shows it by the cursor's `column`.
fn wrapped_rows(drawn: &Drawn, column: usize, columns: usize) -> Option<usize> {
    let (mut rows, mut end) = (0, 0);
    let widths = drawn.before.graphemes(true).map(UnicodeWidthStr::width);
    for width in widths.chain([drawn.width_at_cursor]) {
        if end + width > columns {
            (rows, end) = (rows + 1, 0);
        }
        end += width;
    }
    let expected = end.checked_sub(drawn.width_at_cursor)?;
    // Where rows are cut off, the cursor is in the last column too.
    (column == expected && expected + 1 < columns).then_some(rows)
}

#[cfg(test)]
mod tests;
