//! Terminals for tests: one that wraps its rows anew when it becomes narrower, and one that cuts
//! them off.

use std::num::NonZeroU16;

/// Enough for what a test prints.
const ROWS: u16 = 60;
/// What the screen is full of at first, so that the cursor is in the last row, as it is mostly.
const FILLER: &str = ".";

/// A terminal that shows the bytes which it is given.
pub(crate) enum Screen {
    Wrapping(Box<avt::Terminal>),
    Cutting(Box<vt100::Parser>),
}

impl Screen {
    /// Both kinds, with a width of `columns`.
    pub(crate) fn both(columns: usize) -> [Self; 2] {
        let wrapping = avt::Terminal::with_scrollback(columns, ROWS.into(), None).unwrap();
        let cutting = vt100::Parser::new(width(ROWS.into()), width(columns), 0);
        let screens = [
            Self::Wrapping(Box::new(wrapping)),
            Self::Cutting(Box::new(cutting)),
        ];
        screens.map(|mut screen| {
            screen.show(format!("{FILLER}\n").repeat(ROWS.into()).as_bytes());
            screen
        })
    }

    /// Shows `bytes`, with what the kernel makes of their line ends.
    pub(crate) fn show(&mut self, bytes: &[u8]) {
        let text = str::from_utf8(bytes).unwrap().replace('\n', "\r\n");
        match self {
            Self::Wrapping(terminal) => terminal.feed(text.as_str()),
            Self::Cutting(terminal) => terminal.process(text.as_bytes()),
        }
    }

    /// Changes the width.
    pub(crate) fn resize(&mut self, columns: usize) {
        match self {
            Self::Wrapping(terminal) => terminal.resize(columns, ROWS.into()),
            Self::Cutting(terminal) => terminal.set_size(width(ROWS.into()), width(columns)),
        }
    }

    /// The column of the cursor, from 0.
    pub(crate) fn column(&self) -> usize {
        match self {
            Self::Wrapping(terminal) => terminal.cursor_position().col,
            Self::Cutting(terminal) => terminal.screen().cursor_position().1.into(),
        }
    }

    /// The rows that are not empty.
    pub(crate) fn rows(&self) -> Vec<String> {
        let rows: Vec<_> = match self {
            Self::Wrapping(terminal) => {
                let rows = terminal.screen().all_lines();
                rows.map(|row| row.text().trim_end().to_owned()).collect()
            }
            Self::Cutting(terminal) => {
                let rows = terminal.screen().rows(0, u16::MAX);
                rows.map(|row| row.trim_end().to_owned()).collect()
            }
        };
        let rows = rows.into_iter();
        rows.filter(|row| !row.is_empty() && row != FILLER)
            .collect()
    }
}

fn width(columns: usize) -> NonZeroU16 {
    NonZeroU16::new(columns.try_into().unwrap()).unwrap()
}
