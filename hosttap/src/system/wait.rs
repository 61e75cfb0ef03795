//! The one place where the event loop blocks: a `ppoll` over every descriptor that can wake it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use tickwire::Tick;

use super::clock::Clock;
use super::signals::Signals;

/// What may end a wait, besides signals and the deadline.
#[derive(Debug, Clone, Copy)]
pub struct Interest<'a> {
    /// The TAP: wake when it has a frame.
    pub tap: BorrowedFd<'a>,
    /// The watch over the link, if there is one: wake when the link may have changed.
    pub link: Option<BorrowedFd<'a>>,
    /// An input, such as stdin: wake when it has bytes, its end, or an error.
    pub input: Option<BorrowedFd<'a>>,
    /// An output that was full, such as stdout: wake when it has room or an error.
    pub output: Option<BorrowedFd<'a>>,
}

/// What ended a wait. Every field is false if the deadline did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ready {
    /// The TAP has a frame, or was deleted; the next read shows which.
    pub tap: bool,
    /// The link may have changed.
    pub link: bool,
    /// The input can be read without blocking. The read may return the end of the input.
    pub input: bool,
    /// The output accepts bytes, or the next write to it fails.
    pub output: bool,
    /// The terminal's size has changed, if that is watched.
    pub resized: bool,
    /// Ctrl-C, SIGTERM or SIGHUP was received, during this wait or earlier.
    pub interrupted: bool,
}

/// Blocks until something in `interest` is ready, a signal arrives, or `deadline` passes. With
/// `None` there is no deadline.
///
/// The timeout has nanosecond resolution, so a loop with a deadline less than a millisecond away
/// neither spins nor oversleeps. If the deadline ended the wait, [`Clock::now`] has reached it.
///
/// # Errors
/// The system's, except `EINTR`, after which the wait continues.
pub fn wait(
    clock: &Clock,
    signals: &Signals,
    interest: Interest<'_>,
    deadline: Option<Tick>,
) -> io::Result<Ready> {
    // The wake descriptor stands in for an absent one, with no events requested. It never reports
    // a hang-up, because the handlers keep its other end open.
    let wake = signals.wake_descriptor();
    let optional = |descriptor: Option<_>, flags| {
        let flags = descriptor.map_or(PollFlags::empty(), |_| flags);
        PollFd::from_borrowed_fd(descriptor.unwrap_or(wake), flags)
    };
    let mut polled = [
        PollFd::from_borrowed_fd(interest.tap, PollFlags::IN),
        optional(interest.link, PollFlags::IN),
        optional(interest.input, PollFlags::IN),
        optional(interest.output, PollFlags::OUT),
        optional(signals.resized_descriptor(), PollFlags::IN),
        PollFd::from_borrowed_fd(wake, PollFlags::IN),
    ];
    loop {
        // A timeout beyond the kernel's range means no timeout.
        let timeout = deadline.and_then(|tick| Timespec::try_from(clock.until(tick)).ok());
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) => break,
            Err(Errno::INTR) if signals.received() => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let [tap, link, input, output, resized, _] = polled.map(|fd| !fd.revents().is_empty());
    Ok(Ready {
        tap,
        link,
        input,
        output,
        resized: resized && signals.take_resized(),
        interrupted: signals.received(),
    })
}

/// Blocks until the TAP has a frame, or was deleted, or until `deadline`; signals do not end it.
///
/// # Errors
/// The system's.
pub fn wait_for_frame(clock: &Clock, tap: BorrowedFd<'_>, deadline: Tick) -> io::Result<()> {
    let mut polled = [PollFd::from_borrowed_fd(tap, PollFlags::IN)];
    retry_on_intr(|| {
        let timeout = Timespec::try_from(clock.until(deadline)).ok();
        poll(&mut polled, timeout.as_ref())
    })?;
    Ok(())
}

/// Whether a write to `descriptor` would not block now. The write may still fail.
pub(crate) fn is_writable(descriptor: impl AsFd) -> Result<bool, Errno> {
    let mut polled = [PollFd::new(&descriptor, PollFlags::OUT)];
    let no_wait = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    loop {
        match poll(&mut polled, Some(&no_wait)) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Blocks until a write to `descriptor` would not. The write may still fail.
///
/// # Errors
/// The system's.
pub(crate) fn wait_writable(descriptor: impl AsFd) -> io::Result<()> {
    wait_for(descriptor, PollFlags::OUT)
}

/// The same for a read, which may also return the end.
///
/// # Errors
/// The system's.
pub(crate) fn wait_readable(descriptor: impl AsFd) -> io::Result<()> {
    wait_for(descriptor, PollFlags::IN)
}

fn wait_for(descriptor: impl AsFd, flags: PollFlags) -> io::Result<()> {
    let mut polled = [PollFd::new(&descriptor, flags)];
    retry_on_intr(|| poll(&mut polled, None))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    fn interest<'a>(tap: &'a UnixStream, input: Option<&'a UnixStream>) -> Interest<'a> {
        Interest {
            tap: tap.as_fd(),
            link: None,
            input: input.map(AsFd::as_fd),
            output: None,
        }
    }

    #[test]
    fn a_wait_ends_at_its_deadline_and_never_before() {
        let (clock, signals) = (Clock::start(), Signals::install().unwrap());
        let (tap, _other) = UnixStream::pair().unwrap();
        for _ in 0..10 {
            let deadline = clock.now().after(tickwire::Duration::from_millis(2));
            let ready = wait(&clock, &signals, interest(&tap, None), Some(deadline)).unwrap();
            assert_eq!(ready, Ready::default());
            assert!(clock.now() >= deadline);
        }
    }

    #[test]
    fn each_descriptor_is_reported_on_its_own() {
        let (clock, signals) = (Clock::start(), Signals::install().unwrap());
        let (tap, mut kernel) = UnixStream::pair().unwrap();
        let (input, user) = UnixStream::pair().unwrap();
        kernel.write_all(b"f").unwrap();
        let ready = wait(&clock, &signals, interest(&tap, Some(&input)), None).unwrap();
        assert!(ready.tap && !ready.input && !ready.output);
        // The end of the input counts as readable.
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
