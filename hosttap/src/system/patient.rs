//! Files that may not be blocking, because their open file description is shared.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};

use super::wait::{wait_readable, wait_writable};

/// A file whose reads and writes wait, whatever its mode is.
#[derive(Debug)]
pub(crate) struct PatientFile(pub(crate) File);

impl Read for PatientFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => wait_readable(&self.0)?,
                result => return result,
            }
        }
    }
}

impl Write for PatientFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(data) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => wait_writable(&self.0)?,
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
