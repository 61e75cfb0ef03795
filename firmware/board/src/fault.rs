//! The last words of an image that cannot go on, and an exit code for each way to end so.

use core::panic::PanicInfo;

use crate::host::{self, Line};

/// Exit code of an image that panicked: a bug of ours.
const EXIT_PANIC: i32 = 101;
/// Exit code of an image that faulted: a bad address, or a stack that overflowed.
const EXIT_FAULT: i32 = 102;
/// Exit code of an image that took an interrupt which nobody handles.
const EXIT_INTERRUPT: i32 = 103;

// To read the place out of `info` keeps every panic's text and formatting in the image, 7.8 KiB of flash in
// the bare image, so that is for the bench: the feature `panic-location`.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let mut line = Line::new();
    line.text("panic");
    if cfg!(feature = "panic-location") {
        if let Some(location) = info.location() {
            line.text(" at ").text(location.file());
            line.text(":").number(u64::from(location.line()));
        }
        line.text(": ")
            .text(info.message().as_str().unwrap_or("(formatted)"));
    }
    host::report(&mut line);
    host::exit(EXIT_PANIC)
}

pub(crate) fn report(pc: u32, lr: u32) -> ! {
    let mut line = Line::new();
    line.text("hard fault at ")
        .hex(pc)
        .text(", called from ")
        .hex(lr);
    host::report(&mut line);
    host::exit(EXIT_FAULT)
}

// The frame that the processor pushed may lie in the guard itself, so it tells nothing.
pub(crate) fn report_overflow() -> ! {
    host::report(Line::new().text("stack overflow"));
    host::exit(EXIT_FAULT)
}

pub(crate) fn report_interrupt(number: i16) -> ! {
    let mut line = Line::new();
    line.text("unhandled interrupt ");
    if number < 0 {
        line.text("-");
    }
    line.number(u64::from(number.unsigned_abs()));
    host::report(&mut line);
    host::exit(EXIT_INTERRUPT)
}
