//! A file that begins anew before it has its name.

use std::io::{Seek, SeekFrom};

use tickwire::SinkError;

use super::{AtomicFile, Destination};
use crate::system::errno::sink_error;

impl AtomicFile {
    /// Whether what was written can be taken back. What a FIFO or a device has taken cannot.
    pub fn can_restart(&self) -> bool {
        !matches!(self.destination, Destination::Direct)
    }

    /// Forgets what was written. The old content of a file that is written in place stays until the
    /// first byte comes.
    ///
    /// # Errors
    /// [`SinkError::Failed`] with the errno.
    pub fn restart(&mut self) -> Result<(), SinkError> {
        let is_untouched = match self.destination {
            Destination::Direct => true,
            Destination::InPlace { is_truncated, .. } => !is_truncated,
            Destination::Unnamed { .. } | Destination::Temporary { .. } => false,
        };
        if is_untouched {
            return Ok(());
        }
        (self.file.set_len(0))
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .map(drop)
            .map_err(|error| sink_error(&error))
    }
}
