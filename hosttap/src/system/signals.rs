//! Ctrl-C, SIGTERM and SIGHUP, and a terminal that gets another size.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH, SIGXFSZ};
use signal_hook::low_level::{pipe, unregister};
use signal_hook::{SigId, flag};

use super::unsafe_calls::is_ignored;
use crate::exit::Exit;

/// What ends the program: Ctrl-C, `kill`, and a terminal that goes away.
const ENDING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// As long as it lives, the first signal exits immediately: for a wait in which nothing has to be
/// cleaned up and no peer is connected.
#[derive(Debug)]
pub struct ExitOnSignal(Vec<SigId>);

impl ExitOnSignal {
    /// Installs the handlers. A signal that was ignored at the start stays ignored.
    ///
    /// # Errors
    /// The system's.
    pub fn install() -> io::Result<Self> {
        let mut guard = Self(Vec::new());
        for signal in ENDING {
            if !is_ignored(signal)? {
                let always = Arc::new(AtomicBool::new(true));
                let exit = Exit::Interrupted as i32;
                guard
                    .0
                    .push(flag::register_conditional_shutdown(signal, exit, always)?);
            }
        }
        Ok(guard)
    }
}

impl Drop for ExitOnSignal {
    fn drop(&mut self) {
        for id in self.0.drain(..) {
            unregister(id);
        }
    }
}

/// Remembers Ctrl-C, SIGTERM and SIGHUP until the event loop checks for them.
///
/// A signal writes a byte to a socket that every wait polls, so a signal that arrives just before
/// a wait ends that wait at once. A second signal exits immediately, whatever the program is doing.
#[derive(Debug)]
pub struct Signals {
    received: Arc<AtomicBool>,
    /// Nothing reads this socket, so it stays readable: every later wait returns at once too.
    wake: UnixStream,
    /// Readable after the terminal's size has changed, if that is watched.
    resized: Option<UnixStream>,
}

impl Signals {
    /// Installs the handlers. Call it before anything that must be cleaned up.
    ///
    /// A signal that was ignored at the start stays ignored: whoever started the program wants it to
    /// outlive the terminal (nohup), or wants Ctrl-C for itself (a script's job in the background).
    ///
    /// # Errors
    /// The system's.
    pub fn install() -> io::Result<Self> {
        let received = Arc::new(AtomicBool::new(false));
        let (wake, writer) = UnixStream::pair()?;
        for signal in ENDING {
            if is_ignored(signal)? {
                continue;
            }
            // The order matters. The first signal finds the flag false and sets it; the second one
            // finds it true and exits.
            flag::register_conditional_shutdown(
                signal,
                Exit::Interrupted as i32,
                Arc::clone(&received),
            )?;
            flag::register(signal, Arc::clone(&received))?;
            pipe::register(signal, writer.try_clone()?)?;
        }
        // With a handler installed, a write beyond the file size limit fails with EFBIG instead of
        // killing the process.
        if !is_ignored(SIGXFSZ)? {
            flag::register(SIGXFSZ, Arc::default())?;
        }
        Ok(Self {
            received,
            wake,
            resized: None,
        })
    }

    /// From now on, a change of the terminal's size ends a wait.
    ///
    /// # Errors
    /// The system's.
    pub fn watch_terminal_size(&mut self) -> io::Result<()> {
        let (resized, writer) = UnixStream::pair()?;
        resized.set_nonblocking(true)?;
        pipe::register(SIGWINCH, writer)?;
        self.resized = Some(resized);
        Ok(())
    }

    /// Whether the terminal's size has changed since the last call.
    pub(super) fn take_resized(&self) -> bool {
        let mut block = [0; 64];
        self.resized
            .as_ref()
            .is_some_and(|mut socket| matches!(socket.read(&mut block), Ok(1..)))
    }

    /// Whether one of the signals was received.
    pub fn received(&self) -> bool {
        self.received.load(Ordering::Relaxed)
    }

    /// Readable once a signal was received.
    pub(super) fn wake_descriptor(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Readable once the terminal's size has changed.
    pub(super) fn resized_descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.resized.as_ref().map(AsFd::as_fd)
    }
}
