//! A terminal that a test looks at.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::running::Gathered;

/// A pseudo terminal; what programs show on it is gathered.
#[derive(Debug)]
pub(crate) struct Pty {
    /// The programs' end. While it is open, the terminal is.
    terminal: File,
    shown: Gathered,
}

impl Pty {
    /// A terminal of 100 columns.
    pub(crate) fn open() -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize {
            ws_row: 30,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let path = OsStr::from_bytes(name.as_bytes());
        let terminal = File::options().read(true).write(true).open(path).unwrap();
        Self {
            terminal,
            shown: Gathered::from(File::from(master)),
        }
    }

    /// The terminal as a program's stdout or stderr.
    pub(crate) fn as_stdio(&self) -> Stdio {
        self.terminal.try_clone().unwrap().into()
    }

    /// All that was shown, once every program has ended.
    pub(crate) fn end(mut self) -> String {
        drop(self.terminal);
        String::from_utf8(self.shown.end()).unwrap()
    }
}
