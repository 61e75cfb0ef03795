//! The one module with `unsafe`: system calls that no safe library offers.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::fcntl_getfd;
use rustix::ioctl;

static STDIN_WAS_CLOSED: AtomicBool = AtomicBool::new(false);
static STDOUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether the program was started with stdin closed. Rust's runtime opens `/dev/null` in its place
/// before `main`, and reads there would find an empty file.
pub(crate) fn stdin_was_closed() -> bool {
    STDIN_WAS_CLOSED.load(Ordering::Relaxed)
}

/// The same for stdout, where data would be lost silently.
pub(crate) fn stdout_was_closed() -> bool {
    STDOUT_WAS_CLOSED.load(Ordering::Relaxed)
}

// SAFETY: the loader calls the functions of this section once, before the runtime starts. This
// function needs nothing from the runtime.
#[used]
#[unsafe(link_section = ".init_array")]
static CHECK_STDIO: extern "C" fn() = check_stdio;

extern "C" fn check_stdio() {
    // SAFETY: the calls only ask whether the descriptors are open, and no other thread exists yet
    // that could close them.
    let [stdin, stdout] = [0, 1].map(|number| unsafe { BorrowedFd::borrow_raw(number) });
    STDIN_WAS_CLOSED.store(fcntl_getfd(stdin).is_err(), Ordering::Relaxed);
    STDOUT_WAS_CLOSED.store(fcntl_getfd(stdout).is_err(), Ordering::Relaxed);
}

/// Whether `signal` is ignored in this process, as it is after nohup.
///
/// # Errors
/// `EINVAL` if there is no such signal.
pub(crate) fn is_ignored(signal: i32) -> io::Result<bool> {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action the call changes nothing, and it writes the current one.
    let result = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has succeeded, so it has filled in the action.
    let action = unsafe { action.assume_init() };
    Ok(action.sa_sigaction == libc::SIG_IGN)
}

/// Turns off every offload of a TAP.
///
/// A persistent TAP keeps the offload flags of its last user. A user without offload would then
/// receive 64 KiB frames with incomplete checksums.
///
/// # Errors
/// The error of the ioctl if `tap` is not a TAP.
pub(crate) fn disable_offload(tap: BorrowedFd<'_>) -> io::Result<()> {
    // Linux, if_tun.h: TUNSETOFFLOAD is _IOW('T', 208, unsigned int). Its argument is the flags
    // themselves, not a pointer to them.
    const TUNSETOFFLOAD: ioctl::Opcode = ioctl::opcode::write::<u32>(b'T', 208);
    // SAFETY: the kernel reads the argument as a number; it neither dereferences nor keeps it.
    unsafe { ioctl::ioctl(tap, ioctl::IntegerSetter::<TUNSETOFFLOAD>::new_usize(0)) }?;
    Ok(())
}

/// Borrows the descriptor of a `tun_tap::Iface`, which does not implement `AsFd`.
pub(crate) fn borrow_descriptor(iface: &tun_tap::Iface) -> BorrowedFd<'_> {
    // SAFETY: `iface` owns the open descriptor, and the result cannot outlive `iface`.
    unsafe { BorrowedFd::borrow_raw(iface.as_raw_fd()) }
}
