//! The one module with `unsafe`: a system call that no safe library offers.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::ioctl;

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
