//! The server: one request on each connection.

use std::cell::RefCell;
use std::rc::Rc;

use tickwire::{Closing, Connection, Error, Received, Session, Step};

use super::files::{Answer, Asked, Files};

/// Longer heads are cut off.
const HEAD_BYTES_MAX: usize = 2_048;

/// One connection.
#[derive(Debug)]
pub(super) struct Answering {
    files: Rc<RefCell<Files>>,
    head: Vec<u8>,
    answer: Option<Answer>,
    sent: usize,
}

impl Answering {
    pub(super) fn new(files: &Rc<RefCell<Files>>) -> Self {
        Self {
            files: Rc::clone(files),
            head: Vec::new(),
            answer: None,
            sent: 0,
        }
    }

    fn read_head(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        let mut buffer = [0; 256];
        match connection.read(&mut buffer)? {
            Received::Data(bytes) => self.head.extend_from_slice(bytes),
            Received::Nothing => return Ok(Step::Wait),
            Received::End => return Ok(Step::Done),
        }
        if self.head.ends_with(b"\r\n\r\n") {
            let asked = Asked::parse(&String::from_utf8_lossy(&self.head));
            self.answer = Some(self.files.borrow_mut().answer(&asked));
        } else if self.head.len() > HEAD_BYTES_MAX {
            return Err(Error::Reset);
        }
        Ok(Step::Again)
    }
}

impl Session for Answering {
    type Error = Error;

    const CLOSINGS: &'static [Closing] = &[Closing::Flush];

    fn name(&self) -> &'static str {
        "server"
    }

    fn begin(&mut self, _connection: &mut Connection) -> Result<(), Error> {
        self.head.clear();
        self.answer = None;
        self.sent = 0;
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        let Some(answer) = &self.answer else {
            return self.read_head(connection);
        };
        let rest = answer.bytes.get(self.sent..).unwrap_or_default();
        if rest.is_empty() {
            return if answer.ends_by_reset {
                Err(Error::Reset)
            } else {
                Ok(Step::Done)
            };
        }
        let written = connection.write(rest)?;
        self.sent += written;
        Ok(if written > 0 { Step::Again } else { Step::Wait })
    }
}
