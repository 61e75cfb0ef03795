//! Where received data goes: a file, or stdout.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use tickwire::http::{RestartSink, Version};
use tickwire::{Sink, SinkError};

use super::atomic_file::{AtomicFile, CreateError};
use super::part_file::PartFile;
use crate::cli::is_stdout;
use crate::exit::{Exit, Failure};
use crate::system::errno::io_error;
use crate::system::wait::wait_writable;
use crate::terminal::stdout::Output;

/// A file that the user named, or stdout, whose name is `-`.
#[derive(Debug)]
pub enum Target {
    /// A file, which is replaced at the end where that is possible.
    File(AtomicFile),
    /// A file of which a part stays when the transfer fails.
    Part(PartFile),
    /// stdout.
    Stdout(Output),
}

impl Target {
    /// As `open`, with a message.
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
            Self::Part(_) | Self::Stdout(_) => None,
        }
    }

    /// Whether it is a device, a FIFO or an open descriptor, which gets its bytes as they come.
    pub(crate) const fn is_direct(&self) -> bool {
        matches!(self, Self::File(file) if file.is_direct())
    }

    /// Makes everything durable under its final name. stdout is written out by its owner.
    ///
    /// # Errors
    /// [`Exit::Write`] with the file.
    pub fn commit(self, path: &Path) -> Result<(), Failure> {
        let failed = |error| Failure::from_io(Exit::Write, &path.display().to_string(), &error);
        match self {
            Self::File(file) => file.commit(),
            Self::Part(part) => part.try_commit().map_err(failed),
            Self::Stdout(_) => Ok(()),
        }
    }

    /// Loses what was written, where that can be.
    ///
    /// # Errors
    /// [`Exit::Write`] with the file.
    pub fn discard(self, path: &Path) -> Result<(), Failure> {
        let failed = |error| Failure::from_io(Exit::Write, &path.display().to_string(), &error);
        match self {
            Self::Part(part) => part.discard().map_err(failed),
            Self::File(_) | Self::Stdout(_) => Ok(()),
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
            Self::Part(_) => None,
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
            Self::Part(part) => part.free_bytes(),
            Self::Stdout(_) => Ok(None),
        }
    }

    /// Makes everything durable, or writes what is pending. This takes as long as the disk, or the
    /// reader of stdout, does.
    pub(crate) fn try_commit(self) -> io::Result<()> {
        let mut output = match self {
            Self::File(file) => return file.try_commit(),
            Self::Part(part) => return part.try_commit(),
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
            Self::Part(part) => part.write(data),
            Self::Stdout(output) => output.write(data),
        }
    }
}

impl RestartSink for Target {
    fn restart(&mut self, version: &Version<'_>) -> Result<(), SinkError> {
        match self {
            Self::File(file) => file.restart(),
            Self::Part(part) => part.restart(version),
            // Nothing was written yet.
            Self::Stdout(_) => Ok(()),
        }
    }

    fn can_restart(&self) -> bool {
        match self {
            Self::File(file) => file.can_restart(),
            Self::Part(_) => true,
            Self::Stdout(_) => false,
        }
    }
}
