//! The one module with `unsafe`: what no safe library offers.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::fcntl_getfd;
use rustix::ioctl;

static STDOUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether the program was started with its stdout closed. Rust's runtime opens `/dev/null` in its place before `main`,
/// where data would be lost without a word.
pub fn stdout_was_closed() -> bool {
    STDOUT_WAS_CLOSED.load(Ordering::Relaxed)
}

// SAFETY: the loader calls the functions of this section once, before the runtime starts; this one needs nothing of it.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK_AT_STDOUT: extern "C" fn() = look_at_stdout;

extern "C" fn look_at_stdout() {
    // SAFETY: the descriptor is only asked whether it is open, and nothing else runs yet that could close it.
    let stdout = unsafe { BorrowedFd::borrow_raw(1) };
    STDOUT_WAS_CLOSED.store(fcntl_getfd(stdout).is_err(), Ordering::Relaxed);
}

/// Turns every offload of a TAP off.
///
/// A persistent TAP keeps the offload that its last user set, and a plain user would then be given 64 KiB frames
/// with unfinished checksums.
///
/// # Errors
/// The ioctl's, when `tap` is no TAP.
pub fn disable_offload(tap: BorrowedFd<'_>) -> io::Result<()> {
    // Linux, if_tun.h: TUNSETOFFLOAD is _IOW('T', 208, unsigned int); its argument is the flags, not a pointer to them.
    const TUNSETOFFLOAD: ioctl::Opcode = ioctl::opcode::write::<u32>(b'T', 208);
    // SAFETY: the kernel reads the argument as a number and neither dereferences it nor keeps it.
    unsafe { ioctl::ioctl(tap, ioctl::IntegerSetter::<TUNSETOFFLOAD>::new_usize(0)) }?;
    Ok(())
}

/// Lends the descriptor of a `tun_tap::Iface`, which does not implement `AsFd`.
pub fn borrow_descriptor(iface: &tun_tap::Iface) -> BorrowedFd<'_> {
    // SAFETY: `iface` owns the open descriptor, and the result cannot outlive it.
    unsafe { BorrowedFd::borrow_raw(iface.as_raw_fd()) }
}
