//! The loop's one place of rest: a `ppoll` over every descriptor that can end it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::{flag, low_level::pipe};
use tickwire::Tick;

use crate::clock::Clock;
use crate::exit::Exit;

/// Ctrl-C, SIGTERM and SIGHUP, remembered until somebody looks.
///
/// A signal writes a byte to a socket that every wait watches: one that comes between looking and waiting ends
/// that wait at once. The second signal ends the program on the spot, whatever it is doing.
#[derive(Debug)]
pub struct Signals {
    raised: Arc<AtomicBool>,
    /// Never read, so that it stays readable: every later wait returns at once too.
    wake: UnixStream,
}

impl Signals {
    /// Takes the three signals over. Do it before anything that must be cleaned up.
    ///
    /// # Errors
    /// The system's.
    pub fn install() -> io::Result<Self> {
        let raised = Arc::new(AtomicBool::new(false));
        let (wake, writer) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // The order counts: the first signal finds the flag false and sets it, the second finds it true and exits.
            flag::register_conditional_shutdown(
                signal,
                Exit::Interrupted as i32,
                Arc::clone(&raised),
            )?;
            flag::register(signal, Arc::clone(&raised))?;
            pipe::register(signal, writer.try_clone()?)?;
        }
        // With a handler, a file over the size limit of the process is an error of `write` and not its death.
        flag::register(SIGXFSZ, Arc::default())?;
        Ok(Self { raised, wake })
    }

    /// Whether one of them came.
    pub fn raised(&self) -> bool {
        self.raised.load(Ordering::Relaxed)
    }
}

/// What may end a wait, besides signals and the deadline.
#[derive(Debug, Clone, Copy)]
pub struct Interest<'a> {
    /// The TAP: a frame has come.
    pub tap: BorrowedFd<'a>,
    /// Something to read, such as stdin: bytes, its end, or an error.
    pub input: Option<BorrowedFd<'a>>,
    /// Something to write that was full, such as stdout: room, or an error.
    pub output: Option<BorrowedFd<'a>>,
}

/// What ended the wait; nothing of it is set when the deadline did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ready {
    /// The TAP has a frame (or was deleted: the next read tells).
    pub tap: bool,
    /// The input can be read without blocking, if only to learn of its end.
    pub input: bool,
    /// The output takes bytes, or its next write fails.
    pub output: bool,
    /// Ctrl-C, SIGTERM or SIGHUP came, now or before.
    pub interrupted: bool,
}

/// Rests until something of `interest` is ready, a signal comes, or `deadline` (`None`: never).
///
/// The time is exact to the nanosecond, so that a loop with a deadline in a fraction of a millisecond neither spins
/// nor oversleeps. When the deadline ended the wait, [`Clock::now`] has reached it.
///
/// # Errors
/// The system's; interruptions are waited through.
pub fn wait(
    clock: &Clock,
    signals: &Signals,
    interest: Interest<'_>,
    deadline: Option<Tick>,
) -> io::Result<Ready> {
    // An absent descriptor is replaced by the wake-up's and asked for nothing; a hang-up cannot happen on it.
    let idle = signals.wake.as_fd();
    let input_flags = interest.input.map_or(PollFlags::empty(), |_| PollFlags::IN);
    let output_flags = interest
        .output
        .map_or(PollFlags::empty(), |_| PollFlags::OUT);
    let mut polled = [
        PollFd::from_borrowed_fd(interest.tap, PollFlags::IN),
        PollFd::from_borrowed_fd(interest.input.unwrap_or(idle), input_flags),
        PollFd::from_borrowed_fd(interest.output.unwrap_or(idle), output_flags),
        PollFd::from_borrowed_fd(idle, PollFlags::IN),
    ];
    loop {
        // A time beyond the kernel's range is as good as none.
        let timeout = deadline.and_then(|tick| Timespec::try_from(clock.until(tick)).ok());
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) => break,
            Err(Errno::INTR) if signals.raised() => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let [tap, input, output, _] = polled.map(|fd| !fd.revents().is_empty());
    Ok(Ready {
        tap,
        input,
        output,
        interrupted: signals.raised(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn interest<'a>(tap: &'a UnixStream, input: Option<&'a UnixStream>) -> Interest<'a> {
        Interest {
            tap: tap.as_fd(),
            input: input.map(AsFd::as_fd),
            output: None,
        }
    }

    #[test]
    fn a_wait_ends_at_its_deadline_and_never_before() {
        let (clock, signals) = (Clock::start(), Signals::install().unwrap());
        let (tap, _other) = UnixStream::pair().unwrap();
        for _ in 0..10 {
            let deadline = clock.now().after(2);
            let ready = wait(&clock, &signals, interest(&tap, None), Some(deadline)).unwrap();
            assert_eq!(ready, Ready::default());
            assert!(clock.now() >= deadline);
        }
    }

    #[test]
    fn each_descriptor_is_told_apart() {
        let (clock, signals) = (Clock::start(), Signals::install().unwrap());
        let (tap, mut kernel) = UnixStream::pair().unwrap();
        let (input, user) = UnixStream::pair().unwrap();
        kernel.write_all(b"f").unwrap();
        let ready = wait(&clock, &signals, interest(&tap, Some(&input)), None).unwrap();
        assert!(ready.tap && !ready.input && !ready.output);
        // The end of input is something to read.
        drop(user);
        let ready = wait(&clock, &signals, interest(&tap, Some(&input)), None).unwrap();
        assert!(ready.tap && ready.input && !ready.interrupted);
        let full = Interest {
            output: Some(tap.as_fd()),
            ..interest(&input, None)
        };
        assert!(wait(&clock, &signals, full, None).unwrap().output);
    }
}
