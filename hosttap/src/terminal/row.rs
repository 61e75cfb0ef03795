//! A row of ours below everything that was printed: how it is drawn so that it can be removed again,
//! also after the terminal has become narrower.
//!
//! Then many terminals wrap the row, and the others cut it off. Where the cursor stands in the row's
//! first column, it stands there afterwards in both, and nothing but the row is after the cursor.

use std::env;
use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;

/// Removes the row, whose first column the cursor's row has, and what wrapped of it. Rows below are
/// erased from the second column on: tmux takes an erasure that begins in the first one of its window
/// for that of the whole window, and keeps a copy.
pub(super) const REMOVE: &str = "\r\x1b[K\x1b[C\x1b[J\r";
/// The width of a terminal that does not report one.
const DEFAULT_COLUMNS: u16 = 80;

/// Prints `text` without wrapping it. The terminal may have become narrower since it was asked.
pub(super) fn unwrapped(text: &str) -> String {
    format!("\x1b[?7l{text}\x1b[?7h")
}

/// The width of `terminal`.
pub(super) fn columns(terminal: impl AsFd) -> u16 {
    match tcgetwinsize(terminal) {
        Ok(size) if size.ws_col > 0 => size.ws_col,
        _ => DEFAULT_COLUMNS,
    }
}

/// Whether the user's terminal understands no escape sequences.
pub(super) fn is_dumb() -> bool {
    env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}
