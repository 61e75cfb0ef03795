//! The terminal while the user types: what comes in goes above the line that is being typed.
//!
//! Everything happens in the poll loop: keys are read when poll says so, and the row is drawn by whole escape
//! sequences on an opening of the terminal that is ours alone and never blocks. Readers of lines that own the
//! terminal in a thread would need a second loop, and could neither be asked what they have shown nor be ended.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

use super::editor::{Editor, Typed};
use super::keys::{Key, Keys};
use crate::stdout::{reopen, write_some};

const PROMPT: &str = "> ";
/// To the first column, and the row is empty.
const ERASE: &str = "\r\x1b[K";
/// Columns where the terminal does not tell.
const COLUMNS: u16 = 80;
/// While so much waits for a terminal that takes nothing (Ctrl-S), messages wait.
const PENDING_BYTES_MAX: usize = 16 * 1024;
/// Status lines that may wait for such a terminal; more are left out.
const PENDING_STATUSES_MAX: u32 = 100;
/// Given to the terminal at once.
const PIECE_BYTES: usize = 1024;
/// termios(3): a special character that is switched off.
const DISABLED: u8 = 0;

/// A terminal with an input row at its bottom; dropped, it is as it was found.
#[derive(Debug)]
pub(super) struct Screen {
    output: OwnedFd,
    found: Termios,
    keys: Keys,
    editor: Editor,
    pending: Vec<u8>,
    /// Status lines put since nothing was pending.
    pending_statuses: u32,
    /// The row shows what the editor holds.
    is_drawn: bool,
    /// The user types; afterwards there is no row.
    is_open: bool,
}

impl Screen {
    /// The user's terminal, where both stdin and stdout are one that understands escape sequences.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn open() -> io::Result<Option<Self>> {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if dumb || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Ok(None);
        }
        let descriptor = stdout().try_clone_to_owned()?;
        let output = reopen(&descriptor).unwrap_or(descriptor);
        let found = tcgetattr(stdin())?;
        take_over(&found)?;
        Ok(Some(Self {
            output,
            found,
            keys: Keys::default(),
            editor: Editor::default(),
            pending: Vec::new(),
            pending_statuses: 0,
            is_drawn: false,
            is_open: true,
        }))
    }

    /// Takes what the terminal has sent, and gives each line of the user to `lines`. Returns whether the input has
    /// ended.
    ///
    /// # Errors
    /// The system's, behind a Ctrl-Z.
    pub(super) fn type_in(
        &mut self,
        bytes: &[u8],
        lines: &mut impl FnMut(&str),
    ) -> io::Result<bool> {
        for byte in bytes {
            let Some(key) = self.keys.push(*byte) else {
                continue;
            };
            self.is_drawn = false;
            match self.editor.press(key) {
                Typed::Line(line) => {
                    self.put(&format!("{PROMPT}{line}"));
                    lines(&line);
                }
                Typed::End => return Ok(true),
                Typed::Nothing if key == Key::Suspend => self.suspend()?,
                Typed::Nothing => {}
            }
        }
        Ok(false)
    }

    /// Whether a message may be put now.
    pub(super) fn has_room(&self) -> bool {
        self.pending.len() < PENDING_BYTES_MAX
    }

    /// Whether everything was shown.
    pub(super) fn is_shown(&self) -> bool {
        self.pending.is_empty()
    }

    /// Shows a clean line above the row.
    pub(super) fn put(&mut self, line: &str) {
        let erase = if self.is_open { ERASE } else { "" };
        for part in [erase, line, "\n"] {
            self.pending.extend_from_slice(part.as_bytes());
        }
        self.is_drawn = false;
    }

    /// Shows a clean line, one of many of which some may be left out while nothing is shown.
    pub(super) fn put_status(&mut self, line: &str) {
        if self.pending_statuses < PENDING_STATUSES_MAX {
            self.pending_statuses += 1;
            self.put(line);
        }
    }

    /// Empties the row, for somebody else who writes to the terminal.
    pub(super) fn hide(&mut self) {
        if self.is_drawn {
            self.pending.extend_from_slice(ERASE.as_bytes());
            self.is_drawn = false;
        }
    }

    /// Draws the row anew where that is due, and writes as much as the terminal takes.
    ///
    /// # Errors
    /// The system's, when the terminal has gone.
    pub(super) fn refresh(&mut self) -> Result<(), Errno> {
        self.flush()?;
        if self.is_open && !self.is_drawn && self.pending.is_empty() {
            self.draw();
            self.flush()?;
        }
        Ok(())
    }

    /// Writes as much as the terminal takes.
    ///
    /// # Errors
    /// The system's, when the terminal has gone.
    pub(super) fn flush(&mut self) -> Result<(), Errno> {
        let written = write_some(&self.output, &self.pending, PIECE_BYTES)?;
        self.pending.drain(..written);
        if self.pending.is_empty() {
            self.pending_statuses = 0;
        }
        Ok(())
    }

    /// What to wait for until more can be shown.
    pub(super) fn blocked(&self) -> Option<BorrowedFd<'_>> {
        (!self.pending.is_empty()).then(|| self.output.as_fd())
    }

    fn draw(&mut self) {
        let columns = tcgetwinsize(&self.output).map_or(0, |size| size.ws_col);
        let columns = if columns == 0 { COLUMNS } else { columns };
        // The cursor needs a column behind the text.
        let room = usize::from(columns).saturating_sub(PROMPT.len() + 1).max(1);
        let (text, cursor) = self.editor.view(room);
        let column = PROMPT.len() + cursor + 1;
        let row = format!("{ERASE}{PROMPT}{text}\x1b[{column}G");
        self.pending.extend_from_slice(row.as_bytes());
        self.is_drawn = true;
    }

    /// The user will type nothing more: there is no row any more, and the terminal is as it was found.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_open) {
            self.pending.extend_from_slice(ERASE.as_bytes());
            self.is_drawn = false;
            tcsetattr(stdin(), OptionalActions::Now, &self.found)?;
        }
        Ok(())
    }

    /// Ctrl-Z: stops the program, with the terminal as it was, until the shell goes on with it.
    fn suspend(&mut self) -> io::Result<()> {
        self.pending.extend_from_slice(ERASE.as_bytes());
        self.flush()?;
        tcsetattr(stdin(), OptionalActions::Now, &self.found)?;
        kill_process(getpid(), Signal::TSTP)?;
        take_over(&self.found)?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that has gone needs no care.
        let _ = self.close();
        let _ = self.flush();
    }
}

/// Keys come one by one and without echo. Ctrl-C stays a signal, Ctrl-S still holds the output, and Ctrl-Z becomes
/// a key, for the terminal must be put in order before.
fn take_over(found: &Termios) -> io::Result<()> {
    let mut ours = found.clone();
    ours.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN;
    ours.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
    ours.special_codes[SpecialCodeIndex::VMIN] = 1;
    ours.special_codes[SpecialCodeIndex::VTIME] = 0;
    tcsetattr(stdin(), OptionalActions::Now, &ours)?;
    Ok(())
}
