//! Where received data goes: a file, or stdout.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use tickwire::{Sink, SinkError};

use super::atomic_file::{AtomicFile, CreateError};
use crate::cli::is_stdout;
use crate::exit::Failure;
use crate::system::errno::io_error;
use crate::system::wait::wait_writable;
use crate::terminal::stdout::Output;

/// A file that the user named, or stdout, whose name is `-`.
#[derive(Debug)]
pub enum Target {
    /// A file, which is replaced at the end where that is possible.
    File(AtomicFile),
    /// stdout.
    Stdout(Output),
}

impl Target {
    /// As [`open`](Self::open), with a message.
    ///
    /// # Errors
    /// As [`AtomicFile::create`].
    pub fn create(path: &Path, interrupted: &dyn Fn() -> bool) -> Result<Self, Failure> {
        Self::open(path, interrupted).map_err(Failure::from)
    }

    /// What the user should know about it: that a failure leaves a part in place of the old file.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::File(file) => file.note(),
            Self::Stdout(_) => None,
        }
    }

    /// Opens `path`, as [`AtomicFile::create`] does. `ErrorKind::Interrupted` means that the wait
    /// was interrupted.
    pub(crate) fn open(path: &Path, interrupted: &dyn Fn() -> bool) -> Result<Self, CreateError> {
        if !is_stdout(path) {
            return AtomicFile::try_create(path, interrupted).map(Self::File);
        }
        Output::stdout()
            .map(Self::Stdout)
            .map_err(|error| CreateError {
                subject: "stdout".to_owned(),
                error,
            })
    }

    /// The descriptor to wait for, if the last write took fewer bytes than it was offered.
    pub fn blocked(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::File(file) => file.blocked(),
            Self::Stdout(output) => output.blocked(),
        }
    }

    /// Whether binary data was refused because stdout is a terminal.
    pub fn refused_binary(&self) -> bool {
        matches!(self, Self::Stdout(output) if output.refused_binary())
    }

    /// How many bytes still fit; `None` if that is unknown, as for stdout.
    pub(crate) fn free_bytes(&self) -> io::Result<Option<u64>> {
        match self {
            Self::File(file) => file.free_bytes(),
            Self::Stdout(_) => Ok(None),
        }
    }

    /// Makes everything durable, or writes what is pending. This takes as long as the disk, or the
    /// reader of stdout, does.
    pub(crate) fn try_commit(self) -> io::Result<()> {
        let mut output = match self {
            Self::File(file) => return file.try_commit(),
            Self::Stdout(output) => output,
        };
        while !output.finish().map_err(io_error)? {
            if let Some(descriptor) = output.blocked() {
                wait_writable(descriptor)?;
            }
        }
        Ok(())
    }
}

impl Sink for Target {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        match self {
            Self::File(file) => file.write(data),
            Self::Stdout(output) => output.write(data),
        }
    }
}
