//! Opening FIFOs and devices for writing.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;

/// Time between two attempts to open a FIFO that nobody reads.
const FIFO_RETRY_PERIOD: Duration = Duration::from_millis(20);

/// Opens an existing device or FIFO for non-blocking writes. If nobody reads the FIFO, waits for a
/// reader until `interrupted` returns true.
///
/// # Errors
/// The system's error; `ErrorKind::Interrupted` if the wait was interrupted.
pub(crate) fn open_existing(path: &Path, interrupted: &dyn Fn() -> bool) -> io::Result<File> {
    // Non-blocking mode belongs to this open file description, which no other process shares. The
    // path may also lead to an open descriptor of ours, such as a log file: O_APPEND keeps its
    // content.
    let flags =
        OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::APPEND;
    loop {
        match open(path, flags, Mode::empty()) {
            Ok(descriptor) => return Ok(descriptor.into()),
            // fifo(7): no process has the FIFO open for reading yet.
            Err(Errno::NXIO) if is_fifo(path) => {
                if interrupted() {
                    return Err(ErrorKind::Interrupted.into());
                }
                std::thread::sleep(FIFO_RETRY_PERIOD);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Whether `path` leads to a FIFO.
pub(crate) fn is_fifo(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}
