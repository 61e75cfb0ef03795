//! stdout as a sink that applies back pressure instead of blocking.
//!
//! stdout is never made non-blocking: the user's shell shares the open file description and would
//! find its terminal changed. A pipe is polled, and each write is as small as poll(2) guarantees to
//! have room for. A terminal guarantees nothing, so it is opened a second time: that open file
//! description is ours alone and can be non-blocking.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::{Errno, write};
use rustix::net::{SendFlags, send};
use rustix::termios::isatty;
use tickwire::SinkError;

use super::text::Sanitizer;
use crate::system::errno::sink_error;
use crate::system::wait::is_writable;

/// pipe(7): if poll(2) reports a pipe as writable, it has room for this many bytes.
const PIPE_WRITE_BYTES: usize = 4096;
/// How many bytes of a peer's text one write to a terminal carries. The sanitized form waits in
/// `pending` and is at most three times as long.
const TERMINAL_WRITE_BYTES: usize = 1024;

/// What the descriptor is, which decides how it is written.
#[derive(Debug)]
enum Kind {
    /// A file never blocks.
    File,
    /// A socket has its own non-blocking call.
    Socket,
    /// A pipe, or anything else.
    Pipe,
    /// A terminal: text is sanitized and binary data is refused.
    Terminal(TerminalWriter),
}

#[derive(Debug, Default)]
struct TerminalWriter {
    sanitizer: Sanitizer,
    /// Sanitized bytes that were counted as taken and still wait for room.
    pending: Vec<u8>,
    /// Whether the first block was text.
    is_text: bool,
}

/// A descriptor to which data is written without blocking.
#[derive(Debug)]
pub struct Output {
    descriptor: OwnedFd,
    kind: Kind,
    blocked: bool,
    refused_binary: bool,
}

impl Output {
    /// The stdout of this process.
    ///
    /// # Errors
    /// The system's.
    pub fn stdout() -> io::Result<Self> {
        Self::new(rustix::stdio::stdout().try_clone_to_owned()?)
    }

    /// An output over any descriptor.
    ///
    /// # Errors
    /// The system's.
    pub fn new(descriptor: OwnedFd) -> io::Result<Self> {
        let kind = match FileType::from_raw_mode(fstat(&descriptor)?.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Socket => Kind::Socket,
            FileType::CharacterDevice if isatty(&descriptor) => {
                Kind::Terminal(TerminalWriter::default())
            }
            _ => Kind::Pipe,
        };
        let reopened = match kind {
            Kind::Terminal(_) => reopen_non_blocking(&descriptor),
            _ => None,
        };
        Ok(Self {
            descriptor: reopened.unwrap_or(descriptor),
            kind,
            blocked: false,
            refused_binary: false,
        })
    }

    /// What comes is text, also where it is not UTF-8.
    pub fn expect_text(&mut self) {
        if let Kind::Terminal(terminal) = &mut self.kind {
            terminal.is_text = true;
        }
    }

    /// Writes the first bytes of `data` without blocking, and returns how many bytes it took.
    ///
    /// # Errors
    /// [`SinkError::Failed`] with the errno. `EILSEQ` means binary data on a terminal, see
    /// [`refused_binary`](Self::refused_binary).
    pub fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let result = match &mut self.kind {
            Kind::Terminal(terminal) if !terminal.is_text && is_binary(data) => {
                self.refused_binary = true;
                Err(Errno::ILSEQ)
            }
            Kind::Terminal(terminal) => terminal.write(self.descriptor.as_fd(), data),
            Kind::File => write_available(&self.descriptor, data, usize::MAX),
            Kind::Pipe => write_available(&self.descriptor, data, PIPE_WRITE_BYTES),
            Kind::Socket => send_available(&self.descriptor, data),
        };
        let taken = result.map_err(|errno| sink_error(&errno.into()))?;
        self.blocked = taken < data.len();
        Ok(taken)
    }

    /// Writes the bytes that were taken and are still pending. Returns `true` once none are left;
    /// call it until then at the end of the data.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn finish(&mut self) -> Result<bool, SinkError> {
        let Kind::Terminal(terminal) = &mut self.kind else {
            return Ok(true);
        };
        terminal.sanitizer.finish(&mut terminal.pending);
        let is_done = terminal.flush(self.descriptor.as_fd());
        let is_done = is_done.map_err(|errno| sink_error(&errno.into()))?;
        self.blocked = !is_done;
        Ok(is_done)
    }

    /// The descriptor to wait for, if the last call could not write everything.
    pub fn blocked(&self) -> Option<BorrowedFd<'_>> {
        self.blocked.then(|| self.descriptor.as_fd())
    }

    /// Whether binary data was refused because this is a terminal.
    pub fn refused_binary(&self) -> bool {
        self.refused_binary
    }
}

impl TerminalWriter {
    fn write(&mut self, descriptor: BorrowedFd<'_>, data: &[u8]) -> Result<usize, Errno> {
        self.is_text = true;
        let mut taken = 0;
        for chunk in data.chunks(TERMINAL_WRITE_BYTES) {
            if !self.flush(descriptor)? {
                break;
            }
            self.sanitizer.push(chunk, &mut self.pending);
            taken += chunk.len();
        }
        self.flush(descriptor)?;
        Ok(taken)
    }

    /// Writes pending bytes while there is room. Returns `true` once none are left.
    fn flush(&mut self, descriptor: BorrowedFd<'_>) -> Result<bool, Errno> {
        let written = write_available(descriptor, &self.pending, TERMINAL_WRITE_BYTES)?;
        self.pending.drain(..written);
        Ok(self.pending.is_empty())
    }
}

/// Opens the same terminal again, non-blocking and for us alone. Returns `None` if the terminal
/// belongs to another user, for example after `su`; writes may then block despite poll(2).
pub(crate) fn reopen_non_blocking(terminal: &OwnedFd) -> Option<OwnedFd> {
    let path = format!("/proc/self/fd/{}", terminal.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).ok()
}

/// Whether `data`, the first block, is binary: it contains a NUL (curl's rule), or it is not UTF-8
/// for another reason than a character cut off at the end.
fn is_binary(data: &[u8]) -> bool {
    data.contains(&0) || std::str::from_utf8(data).is_err_and(|error| error.error_len().is_some())
}

/// Writes `data` in pieces of `piece_bytes`, each only while poll(2) reports room for it. Returns
/// how many bytes were written.
pub(crate) fn write_available(
    descriptor: impl AsFd,
    data: &[u8],
    piece_bytes: usize,
) -> Result<usize, Errno> {
    let mut taken = 0;
    while let Some(rest) = data.get(taken..).filter(|rest| !rest.is_empty()) {
        let result = if is_writable(&descriptor)? {
            write(&descriptor, rest.get(..piece_bytes).unwrap_or(rest))
        } else {
            Err(Errno::AGAIN)
        };
        match result {
            Ok(length) => taken += length,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => break,
            // The bytes that were written count first; the next call meets the error again.
            Err(_) if taken > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(taken)
}

fn send_available(descriptor: impl AsFd, data: &[u8]) -> Result<usize, Errno> {
    loop {
        match send(&descriptor, data, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(0),
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::fcntl_getfl;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::fs::File;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    const EPIPE: SinkError = SinkError::Failed { code: 32 };

    fn fill(output: &mut Output) -> usize {
        let mut total = 0;
        while output.blocked().is_none() {
            total += output.write(&[b'x'; 10_000]).unwrap();
            assert!(total < 100 << 20, "no back pressure");
        }
        total
    }

    #[test]
    fn a_full_pipe_applies_back_pressure_and_a_closed_one_is_an_error() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut output = Output::new(writer.into()).unwrap();
        let total = fill(&mut output);
        assert_eq!(output.write(b"more"), Ok(0));
        let mut data = vec![0; total];
        reader.read_exact(&mut data).unwrap();
        assert_eq!(output.write(b"more"), Ok(4));
        assert_eq!(output.finish(), Ok(true));
        drop(reader);
        assert_eq!(output.write(b"x"), Err(EPIPE));
    }

    #[test]
    fn a_full_socket_applies_back_pressure_and_a_closed_one_is_an_error() {
        let (reader, writer) = UnixStream::pair().unwrap();
        let mut output = Output::new(writer.into()).unwrap();
        assert!(fill(&mut output) > 0);
        drop(reader);
        assert_eq!(output.write(b"x"), Err(EPIPE));
    }

    #[test]
    fn a_full_disk_is_an_error_with_its_errno() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut output = Output::new(full.into()).unwrap();
        assert_eq!(output.write(b"x"), Err(SinkError::Failed { code: 28 }));
        assert!(!output.refused_binary());
    }

    #[test]
    fn an_unread_terminal_applies_back_pressure_and_stays_blocking_for_others() {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let terminal = open(name.as_c_str(), flags, Mode::empty()).unwrap();
        let mut output = Output::new(terminal.try_clone().unwrap()).unwrap();
        let total = fill(&mut output);
        assert_eq!(output.write(b"more"), Ok(0));
        assert!(!fcntl_getfl(&terminal).unwrap().contains(OFlags::NONBLOCK));
        // The bytes that were taken arrive once the terminal is read.
        let mut reader = File::from(master);
        let (mut shown, mut block) = (0, [0; 4096]);
        while shown < total {
            output.finish().unwrap();
            shown += reader.read(&mut block).unwrap();
        }
        assert_eq!((output.finish(), shown), (Ok(true), total));
    }

    #[test]
    fn a_terminal_gets_sanitized_text_and_no_binary_data() {
        let (reader, writer) = io::pipe().unwrap();
        let mut output = Output::new(writer.into()).unwrap();
        output.kind = Kind::Terminal(TerminalWriter::default());
        assert_eq!(
            output.write(b"\x7fELF\0"),
            Err(SinkError::Failed { code: 84 })
        );
        assert!(output.refused_binary());
        assert_eq!(
            output.write(b"\x89PNG"),
            Err(SinkError::Failed { code: 84 })
        );
        let text = "a\u{1b}[2Jü\r\n".repeat(100);
        assert_eq!(output.write(text.as_bytes()), Ok(text.len()));
        // Text that ends inside a character is still text.
        assert_eq!(output.write(b"\xc3"), Ok(1));
        assert_eq!(output.finish(), Ok(true));
        drop(output);
        let shown = io::read_to_string(reader).unwrap();
        assert_eq!(shown, "a\u{241b}[2Jü\n".repeat(100) + "\u{fffd}");
    }
}
