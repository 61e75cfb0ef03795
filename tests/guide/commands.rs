//! A command server for a lamp: each line is a command, each answer is a line.

use core::cell::Cell;

use heapless::Vec;
use tickwire::{Connection, Error, Received, Session, Step};

/// What one caller says.
pub(crate) struct Commands<'l> {
    /// All callers switch the same lamp.
    pub(crate) lamp: &'l Cell<bool>,
    /// The line that is coming in. It is this caller's alone.
    pub(crate) line: Vec<u8, 32>,
}

impl Session for Commands<'_> {
    type Error = Error;

    fn name(&self) -> &'static str {
        "commands"
    }

    fn begin(&mut self, _connection: &mut Connection) -> Result<(), Error> {
        self.line.clear();
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        // A caller that does not read its answers is not heard until it does.
        if connection.room()? < 16 {
            return Ok(Step::Wait);
        }
        let received = connection.read_with(|bytes| {
            let mut parts = bytes.split_inclusive(|&byte| byte == b'\n');
            let part = parts.next().unwrap_or_default();
            (part.len(), self.line.extend_from_slice(part))
        })?;
        match received {
            Received::Data(Ok(())) if self.line.ends_with(b"\n") => connection.restart_idle(),
            Received::Data(Ok(())) => return Ok(Step::Again),
            Received::Data(Err(_)) => return connection.write(b"too long\n").map(|_| Step::Done),
            Received::Nothing => return Ok(Step::Wait),
            Received::End => return Ok(Step::Done),
        }
        let line = core::mem::take(&mut self.line);
        match line.trim_ascii() {
            b"on" => self.lamp.set(true),
            b"off" => self.lamp.set(false),
            b"state" => {}
            b"quit" => return Ok(Step::Done),
            _ => return connection.write(b"what?\n").map(|_| Step::Again),
        }
        let answer: &[u8] = if self.lamp.get() { b"on\n" } else { b"off\n" };
        connection.write(answer).map(|_| Step::Again)
    }
}
