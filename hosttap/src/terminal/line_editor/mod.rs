//! A line editor on the last row of the terminal. Other output appears above that row.
//!
//! Everything happens in the event loop. Keys are read when poll(2) reports them. The row is drawn
//! with complete escape sequences through an open file description that is ours alone and never
//! blocks. Line editing libraries that own the terminal in a thread would need a second loop; they
//! could not report what they have shown, and they could not be stopped.

mod input_row;
mod key_decoder;
mod line_buffer;

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use tickwire::Tick;

use super::row::{columns, is_dumb};
use super::stdout::{reopen_non_blocking, write_available};
use input_row::InputRow;
use key_decoder::{Key, KeyDecoder};
use line_buffer::{Edit, LINE_BYTES_MAX, LineBuffer};

const PROMPT: &str = "> ";
/// With this many bytes pending for a stopped terminal (Ctrl-S), no more messages are accepted.
const PENDING_BYTES_MAX: usize = 16 * 1024;
/// How many status lines may be pending for a stopped terminal; further ones are dropped.
const PENDING_STATUSES_MAX: u32 = 100;
/// How many bytes one write to the terminal carries.
const WRITE_BYTES: usize = 1024;
/// termios(3): the value of a special character that is disabled.
const DISABLED: u8 = 0;

/// A terminal with an input row at its bottom. Dropping it restores the terminal's modes.
#[derive(Debug)]
pub(crate) struct LineEditor {
    output: OwnedFd,
    /// The terminal's modes before we changed them.
    original_modes: Termios,
    decoder: KeyDecoder,
    buffer: LineBuffer,
    row: InputRow,
    /// Lines that are printed as soon as the row is removed.
    lines: Vec<u8>,
    /// Bytes that wait for room in the terminal.
    pending: Vec<u8>,
    /// How many status lines were added since nothing was pending.
    pending_statuses: u32,
    /// Whether the row shows the current line.
    is_current: bool,
    /// Whether the input row exists: until the end of input.
    is_open: bool,
}

impl LineEditor {
    /// An editor on the user's terminal, or `None` unless both stdin and stdout are a terminal that
    /// understands escape sequences.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn open() -> io::Result<Option<Self>> {
        if is_dumb() || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Ok(None);
        }
        let descriptor = stdout().try_clone_to_owned()?;
        let output = reopen_non_blocking(&descriptor).unwrap_or(descriptor);
        let original_modes = tcgetattr(stdin())?;
        set_editor_modes(&original_modes)?;
        Ok(Some(Self {
            output,
            original_modes,
            decoder: KeyDecoder::default(),
            buffer: LineBuffer::default(),
            row: InputRow::default(),
            lines: Vec::new(),
            pending: Vec::new(),
            pending_statuses: 0,
            is_current: false,
            is_open: true,
        }))
    }

    /// Handles bytes from the terminal, and passes each finished line to `on_line`. Returns whether
    /// the input has ended.
    ///
    /// # Errors
    /// The system's, after Ctrl-Z.
    pub(crate) fn handle_input(
        &mut self,
        bytes: &[u8],
        on_line: &mut impl FnMut(&str),
    ) -> io::Result<bool> {
        for byte in bytes {
            let Some(key) = self.decoder.push(*byte) else {
                continue;
            };
            if let Key::CursorColumn(column) = key {
                self.row
                    .answer(column.into(), self.columns(), &mut self.pending);
                continue;
            }
            self.is_current = false;
            match self.buffer.press(key) {
                Edit::Line(line) => {
                    self.print(&format!("{PROMPT}{line}"));
                    on_line(&line);
                }
                Edit::Part(line) => {
                    self.print(&format!("{PROMPT}{line}"));
                    on_line(&line);
                    self.print_status(&format!(
                        "hosttap: a line has at most {LINE_BYTES_MAX} bytes; the rest is the next one"
                    ));
                }
                Edit::EndOfInput => return Ok(true),
                Edit::Continue if key == Key::Suspend => self.suspend()?,
                Edit::Continue => {}
            }
        }
        Ok(false)
    }

    /// The terminal may have another size now.
    pub(crate) fn on_resize(&mut self) {
        self.is_current = false;
    }

    /// Whether another message may be printed now.
    pub(crate) fn has_room(&self) -> bool {
        self.pending.len() + self.lines.len() < PENDING_BYTES_MAX
    }

    /// Whether nothing is pending.
    pub(crate) fn is_flushed(&self) -> bool {
        self.pending.is_empty() && self.lines.is_empty()
    }

    /// Prints a sanitized line above the input row.
    pub(crate) fn print(&mut self, line: &str) {
        self.lines.extend_from_slice(line.as_bytes());
        self.lines.push(b'\n');
        self.is_current = false;
    }

    /// Prints a sanitized status line. It is dropped if too many are pending for a stopped
    /// terminal.
    pub(crate) fn print_status(&mut self, line: &str) {
        if self.pending_statuses < PENDING_STATUSES_MAX {
            self.pending_statuses += 1;
            self.print(line);
        }
    }

    /// Removes the row before other code writes to the terminal.
    pub(crate) fn hide_row(&mut self) {
        self.row.remove_now(&mut self.pending);
        self.is_current = false;
    }

    /// Writes pending bytes while the terminal accepts them, and redraws the row if it has changed.
    ///
    /// # Errors
    /// The system's, if the terminal is gone.
    pub(crate) fn refresh(&mut self, now: Tick) -> Result<(), Errno> {
        self.flush()?;
        if !self.pending.is_empty() {
            return Ok(());
        }
        self.row.check_deadline(now, &mut self.pending);
        if self.is_open && !self.is_current && self.remove_row() {
            self.pending.append(&mut self.lines);
            self.draw_row();
        }
        self.flush()
    }

    /// Writes pending bytes while the terminal accepts them.
    ///
    /// # Errors
    /// The system's, if the terminal is gone.
    pub(crate) fn flush(&mut self) -> Result<(), Errno> {
        if !self.lines.is_empty() && self.remove_row() {
            self.pending.append(&mut self.lines);
        }
        let written = write_available(&self.output, &self.pending, WRITE_BYTES)?;
        self.pending.drain(..written);
        if self.is_flushed() {
            self.pending_statuses = 0;
        }
        Ok(())
    }

    /// The descriptor to wait for while bytes are pending.
    pub(crate) fn blocked(&self) -> Option<BorrowedFd<'_>> {
        (!self.pending.is_empty()).then(|| self.output.as_fd())
    }

    /// When to call [`refresh`](Self::refresh) although nothing has happened.
    pub(crate) fn deadline(&mut self, now: Tick) -> Option<Tick> {
        // A question that a stopped terminal has not got yet needs no answer.
        if self.pending.is_empty() {
            self.row.deadline(now)
        } else {
            None
        }
    }

    fn columns(&self) -> usize {
        columns(&self.output).into()
    }

    fn remove_row(&mut self) -> bool {
        let columns = self.columns();
        self.row.remove(columns, &mut self.pending)
    }

    fn draw_row(&mut self) {
        // The cursor needs one column after the text.
        let room = self.columns().saturating_sub(PROMPT.len() + 1).max(1);
        let (before, after) = self.buffer.view(room);
        self.row
            .draw(format!("{PROMPT}{before}"), &after, &mut self.pending);
        self.is_current = true;
    }

    /// Ends the input: removes the row and restores the terminal's modes.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_open) {
            self.hide_row();
            tcsetattr(stdin(), OptionalActions::Now, &self.original_modes)?;
        }
        Ok(())
    }

    /// Ctrl-Z: restores the terminal's modes and stops the program until the shell continues it.
    fn suspend(&mut self) -> io::Result<()> {
        self.hide_row();
        self.flush()?;
        tcsetattr(stdin(), OptionalActions::Now, &self.original_modes)?;
        kill_process(getpid(), Signal::TSTP)?;
        set_editor_modes(&self.original_modes)?;
        Ok(())
    }
}

impl Drop for LineEditor {
    fn drop(&mut self) {
        // If the terminal is gone, there is nothing to restore.
        let _ = self.close();
        let _ = self.flush();
    }
}

/// Delivers keys one by one, without echo. Ctrl-C stays a signal and Ctrl-S still stops the output.
/// Ctrl-Z becomes a key, because the modes must be restored before the program stops.
fn set_editor_modes(original: &Termios) -> io::Result<()> {
    let mut modes = original.clone();
    modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN;
    modes.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
    modes.special_codes[SpecialCodeIndex::VMIN] = 1;
    modes.special_codes[SpecialCodeIndex::VTIME] = 0;
    tcsetattr(stdin(), OptionalActions::Now, &modes)?;
    Ok(())
}
