//! A command server: each line is a command, each answer is a line.

use heapless::Vec;
use tickwire::{Connection, Error, Received, Session, Step};

/// Longer lines are answered with an error, and skipped.
const LINE_BYTES_MAX: usize = 64;
/// The longest answer.
const ANSWER_BYTES_MAX: usize = 16;

/// What one caller said: it counts up and down, and asks.
#[derive(Default)]
pub(crate) struct Commands {
    line: Vec<u8, LINE_BYTES_MAX>,
    is_too_long: bool,
    count: u8,
}

impl Session for Commands {
    type Error = Error;

    fn name(&self) -> &'static str {
        "commands"
    }

    fn begin(&mut self, _connection: &mut Connection) -> Result<(), Error> {
        *self = Self::default();
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        // A caller that does not read its answers is not heard until it does.
        if connection.room()? < ANSWER_BYTES_MAX {
            return Ok(Step::Wait);
        }
        match connection.read_with(|bytes| self.take(bytes))? {
            Received::Nothing => return Ok(Step::Wait),
            Received::End => return Ok(Step::Done),
            Received::Data(false) => return Ok(Step::Again),
            Received::Data(true) => {}
        }
        // A whole command: the idle period begins anew, however short the line.
        connection.restart_idle();
        match self.line.trim_ascii() {
            _ if self.is_too_long => connection.write(b"too long\n")?,
            b"up" => self.set(connection, self.count.wrapping_add(1))?,
            b"down" => self.set(connection, self.count.wrapping_sub(1))?,
            b"count" => self.set(connection, self.count)?,
            b"quit" => return Ok(Step::Done),
            _ => connection.write(b"what?\n")?,
        };
        self.line.clear();
        self.is_too_long = false;
        Ok(Step::Again)
    }
}

impl Commands {
    /// Takes bytes up to the end of a line; whether it came.
    fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let text = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or(bytes);
        self.is_too_long |= self.line.extend_from_slice(text).is_err();
        (end.map_or(bytes.len(), |end| end + 1), end.is_some())
    }

    fn set(&mut self, connection: &mut Connection, count: u8) -> Result<usize, Error> {
        self.count = count;
        let digits = [b'0' + count / 100, b'0' + count / 10 % 10, b'0' + count % 10, b'\n'];
        connection.write(&digits)
    }
}
