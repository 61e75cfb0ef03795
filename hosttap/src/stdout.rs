//! stdout as a sink that presses back instead of blocking.
//!
//! It is never set non-blocking: the user's shell shares the open file, and would find its terminal changed. A pipe
//! is polled, and only so much is written as poll promises room for. A terminal promises nothing, so it is opened
//! once more: that opening is ours alone and can be non-blocking.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::{Errno, write};
use rustix::net::{SendFlags, send};
use rustix::termios::isatty;
use tickwire::Error;

use crate::files::sink_error;
use crate::sys;
use crate::terminal::TextCleaner;

/// pipe(7): when poll says a pipe can be written, there is room for this many bytes.
const PIPE_BYTES: usize = 4096;
/// What a terminal is given at once; the cleaned form waits here until it is written, and is at most three times
/// as long.
const TERMINAL_BYTES: usize = 1024;

/// How much may be written when poll says that it can be.
#[derive(Debug)]
enum Kind {
    /// A file never makes wait.
    File,
    /// A socket has a non-blocking call of its own.
    Socket,
    /// Pipes and whatever else.
    Pipe,
    /// People: text is cleaned, and what is no text refused.
    Terminal(Screen),
}

#[derive(Debug, Default)]
struct Screen {
    cleaner: TextCleaner,
    /// Cleaned bytes that were counted as taken and wait for room.
    pending: Vec<u8>,
    /// Whether the first block was seen and is text.
    text: bool,
}

/// Where data goes that has no file.
#[derive(Debug)]
pub struct Output {
    descriptor: OwnedFd,
    kind: Kind,
    blocked: bool,
    refused_binary: bool,
}

impl Output {
    /// This process's stdout.
    ///
    /// # Errors
    /// The system's; `EBADF` when the program was started without one.
    pub fn stdout() -> io::Result<Self> {
        if sys::stdout_was_closed() {
            return Err(Errno::BADF.into());
        }
        Self::new(rustix::stdio::stdout().try_clone_to_owned()?)
    }

    /// Any descriptor.
    ///
    /// # Errors
    /// The system's.
    pub fn new(descriptor: OwnedFd) -> io::Result<Self> {
        let kind = match FileType::from_raw_mode(fstat(&descriptor)?.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Socket => Kind::Socket,
            FileType::CharacterDevice if isatty(&descriptor) => Kind::Terminal(Screen::default()),
            _ => Kind::Pipe,
        };
        let reopened = match kind {
            Kind::Terminal(_) => reopen(&descriptor),
            _ => None,
        };
        Ok(Self {
            descriptor: reopened.unwrap_or(descriptor),
            kind,
            blocked: false,
            refused_binary: false,
        })
    }

    /// Takes the front of `data` without blocking and returns how many bytes it took.
    ///
    /// # Errors
    /// [`Error::Sink`] with the errno; `EILSEQ` for binary data on a terminal
    /// (see [`refused_binary`](Self::refused_binary)).
    pub fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        let result = match &mut self.kind {
            Kind::Terminal(screen) if !screen.text && is_binary(data) => {
                self.refused_binary = true;
                Err(Errno::ILSEQ)
            }
            Kind::Terminal(screen) => screen.write(self.descriptor.as_fd(), data),
            Kind::File => write_some(&self.descriptor, data, usize::MAX),
            Kind::Pipe => write_some(&self.descriptor, data, PIPE_BYTES),
            Kind::Socket => send_some(&self.descriptor, data),
        };
        let taken = result.map_err(|errno| sink_error(&errno.into()))?;
        self.blocked = taken < data.len();
        Ok(taken)
    }

    /// Writes what was taken and still waits here; `true` when nothing is left. Call it at the end until it is.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn finish(&mut self) -> Result<bool, Error> {
        let Kind::Terminal(screen) = &mut self.kind else {
            return Ok(true);
        };
        screen.cleaner.finish(&mut screen.pending);
        let done = screen.flush(self.descriptor.as_fd());
        let done = done.map_err(|errno| sink_error(&errno.into()))?;
        self.blocked = !done;
        Ok(done)
    }

    /// What to wait for until it takes more, when the last call could not do all.
    pub fn blocked(&self) -> Option<BorrowedFd<'_>> {
        self.blocked.then(|| self.descriptor.as_fd())
    }

    /// Whether data was refused because it is binary and this is a terminal.
    pub fn refused_binary(&self) -> bool {
        self.refused_binary
    }
}

impl Screen {
    fn write(&mut self, descriptor: BorrowedFd<'_>, data: &[u8]) -> Result<usize, Errno> {
        self.text = true;
        let mut taken = 0;
        for piece in data.chunks(TERMINAL_BYTES) {
            if !self.flush(descriptor)? {
                break;
            }
            self.cleaner.push(piece, &mut self.pending);
            taken += piece.len();
        }
        self.flush(descriptor)?;
        Ok(taken)
    }

    /// Writes what is pending as far as there is room; `true` when nothing is left.
    fn flush(&mut self, descriptor: BorrowedFd<'_>) -> Result<bool, Errno> {
        let written = write_some(descriptor, &self.pending, TERMINAL_BYTES)?;
        self.pending.drain(..written);
        Ok(self.pending.is_empty())
    }
}

/// Another opening of the same terminal, for us alone and non-blocking. `None` where the terminal is somebody else's
/// (after `su`, say): then only poll stands between a slow terminal and a pause.
pub(crate) fn reopen(terminal: &OwnedFd) -> Option<OwnedFd> {
    let path = format!("/proc/self/fd/{}", terminal.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).ok()
}

/// Whether `data`, the first block, is no text: curl's rule (a NUL), and also what is no UTF-8 and not merely cut.
fn is_binary(data: &[u8]) -> bool {
    data.contains(&0) || std::str::from_utf8(data).is_err_and(|error| error.error_len().is_some())
}

/// Writes `data` in pieces, each only when poll says that it can be written.
pub(crate) fn write_some(
    descriptor: impl AsFd,
    data: &[u8],
    piece_bytes: usize,
) -> Result<usize, Errno> {
    let mut taken = 0;
    while let Some(rest) = data.get(taken..).filter(|rest| !rest.is_empty()) {
        let result = if has_room(&descriptor)? {
            write(&descriptor, rest.get(..piece_bytes).unwrap_or(rest))
        } else {
            Err(Errno::AGAIN)
        };
        match result {
            Ok(length) => taken += length,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => break,
            // What was taken counts; the next call meets the error again.
            Err(_) if taken > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(taken)
}

fn send_some(descriptor: impl AsFd, data: &[u8]) -> Result<usize, Errno> {
    loop {
        match send(&descriptor, data, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(0),
            result => return result,
        }
    }
}

/// Whether a write would not wait; it may fail, and then tells why.
fn has_room(descriptor: impl AsFd) -> Result<bool, Errno> {
    let mut polled = [PollFd::new(&descriptor, PollFlags::OUT)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    loop {
        match poll(&mut polled, Some(&now)) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
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

    const EPIPE: Error = Error::Sink { code: 32 };

    fn fill(output: &mut Output) -> usize {
        let mut total = 0;
        while output.blocked().is_none() {
            total += output.write(&[b'x'; 10_000]).unwrap();
            assert!(total < 100 << 20, "nothing presses back");
        }
        total
    }

    #[test]
    fn a_full_pipe_presses_back_and_a_closed_one_is_an_error() {
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
    fn a_full_socket_presses_back_and_a_closed_one_is_an_error() {
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
        assert_eq!(output.write(b"x"), Err(Error::Sink { code: 28 }));
        assert!(!output.refused_binary());
    }

    #[test]
    fn a_terminal_that_nobody_reads_presses_back_and_stays_blocking_for_others() {
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
        // What was taken comes, once somebody reads.
        let mut reader = File::from(master);
        let (mut shown, mut block) = (0, [0; 4096]);
        while shown < total {
            output.finish().unwrap();
            shown += reader.read(&mut block).unwrap();
        }
        assert_eq!((output.finish(), shown), (Ok(true), total));
    }

    #[test]
    fn a_terminal_gets_clean_text_and_no_binary() {
        let (reader, writer) = io::pipe().unwrap();
        let mut output = Output::new(writer.into()).unwrap();
        output.kind = Kind::Terminal(Screen::default());
        assert_eq!(output.write(b"\x7fELF\0"), Err(Error::Sink { code: 84 }));
        assert!(output.refused_binary());
        assert_eq!(output.write(b"\x89PNG"), Err(Error::Sink { code: 84 }));
        let text = "a\u{1b}[2Jü\r\n".repeat(100);
        assert_eq!(output.write(text.as_bytes()), Ok(text.len()));
        // Text that was cut inside a character is text.
        assert_eq!(output.write(b"\xc3"), Ok(1));
        assert_eq!(output.finish(), Ok(true));
        drop(output);
        let shown = io::read_to_string(reader).unwrap();
        assert_eq!(shown, "a\u{241b}[2Jü\n".repeat(100) + "\u{fffd}");
    }
}
