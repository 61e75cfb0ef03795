//! A pseudoterminal whose content a test can read.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::process::OutputCollector;

/// Opens a pseudoterminal that nobody reads. Returns its master, which keeps it open, and the path
/// of the terminal.
pub(crate) fn open_pty() -> (OwnedFd, PathBuf) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let path = Path::new(OsStr::from_bytes(name.as_bytes())).to_owned();
    (master, path)
}

/// A pseudoterminal. What programs print on it is collected.
#[derive(Debug)]
pub(crate) struct Pty {
    /// The programs' side. The pseudoterminal stays open as long as this does.
    terminal: File,
    shown: OutputCollector,
}

impl Pty {
    /// A terminal of 100 columns.
    pub(crate) fn open() -> Self {
        let (master, path) = open_pty();
        let size = Winsize {
            ws_row: 30,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).unwrap();
        let terminal = File::options().read(true).write(true).open(path).unwrap();
        Self {
            terminal,
            shown: OutputCollector::start(master),
        }
    }

    /// The terminal as a program's stdout or stderr.
    pub(crate) fn as_stdio(&self) -> Stdio {
        self.terminal.try_clone().unwrap().into()
    }

    /// Waits until `is_so` of what was printed so far.
    #[track_caller]
    pub(crate) fn wait_until(&self, is_so: impl Fn(&str) -> bool) {
        let is_shown = self.shown.waits_until(is_so);
        assert!(is_shown, "waited in vain: {}", self.shown.text());
    }

    /// Waits until `text` was printed.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(|shown| shown.contains(text));
    }

    /// Everything that was printed, once every program has ended.
    pub(crate) fn finish(mut self) -> String {
        drop(self.terminal);
        String::from_utf8(self.shown.finish()).unwrap()
    }
}
