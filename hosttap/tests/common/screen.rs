//! A terminal whose screen a test can see: tmux.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use hosttap::system::clock::Clock;
use tempfile::TempDir;

use super::{SECONDS_MAX, TEST_SECONDS_MAX};

/// A terminal of 80 columns in which a shell command runs. It ends with the test.
pub(crate) struct Screen {
    directory: TempDir,
}

impl Screen {
    /// Runs `command`, in which `$hosttap` is the program. Its last output stays on the screen.
    pub(crate) fn start(command: &str) -> Self {
        let screen = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let (before, after) = (screen.file("before"), screen.file("after"));
        let script = format!(
            "hosttap={}; stty -g > {}; {command}; echo code $?; stty -g > {}; exec sleep {TEST_SECONDS_MAX}",
            env!("CARGO_BIN_EXE_hosttap"),
            before.display(),
            after.display()
        );
        screen.tmux(&["new-session", "-d", "-x", "80", "-y", "24", &script]);
        screen
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command
            .args(["-u", "-L", "screen", "-f", "/dev/null"])
            .args(arguments)
            .env("TMUX_TMPDIR", self.directory.path())
            .env("LC_ALL", "C.UTF-8")
            .env_remove("TMUX");
        command
    }

    pub(crate) fn tmux(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {arguments:?}: {stderr}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What the user sees, without the empty rows at the end.
    pub(crate) fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p"]).trim_end().to_owned()
    }

    /// What [`shown`](Self::shown) has, and what has left the screen at its top.
    pub(crate) fn all(&self) -> String {
        let shown = self.tmux(&["capture-pane", "-p", "-S", "-"]);
        shown.trim_end().to_owned()
    }

    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let clock = Clock::start();
        loop {
            let shown = self.shown();
            if is_so(&shown) {
                return;
            }
            let millis = clock.now().as_millis();
            assert!(millis < SECONDS_MAX * 1_000, "{what}, but:\n{shown}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(&format!("waiting for {text:?}"), |shown| {
            shown.contains(text)
        });
    }

    /// Waits until the input row is `row`.
    pub(crate) fn wait_for_row(&self, row: &str) {
        let last = |shown: &str| shown.lines().last() == Some(row);
        self.wait_until(&format!("waiting for the row {row:?}"), last);
    }

    pub(crate) fn type_text(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    pub(crate) fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    pub(crate) fn enter(&self, line: &str) {
        self.type_text(line);
        self.press(&["Enter"]);
    }

    /// Makes the screen `columns` wide.
    pub(crate) fn resize(&self, columns: u16) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", "24"]);
    }

    /// Waits for the exit code, and checks that the terminal's modes are restored.
    pub(crate) fn wait_for_code(&self, code: u8) {
        self.wait_for(&format!("code {code}"));
        let after = self.file("after");
        self.wait_until("waiting for stty", |_| {
            fs::read_to_string(&after).is_ok_and(|modes| modes.ends_with('\n'))
        });
        let before = fs::read_to_string(self.file("before")).unwrap();
        assert_eq!(fs::read_to_string(after).unwrap(), before);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended already.
        let mut command = self.command(&["kill-server"]);
        let _ = command.stderr(Stdio::null()).status();
    }
}
