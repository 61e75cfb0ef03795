//! A person at a real terminal: tmux shows what they would see.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use hosttap::system::clock::Clock;
use tempfile::TempDir;

use super::{finish_peer, peer};
use crate::common::{Namespace, Running, skip};

const PATIENCE_MILLIS: u64 = 20_000;

/// A terminal of 80 columns in which a shell command runs. It ends with the test.
struct Screen<'n> {
    namespace: &'n Namespace,
    folder: TempDir,
}

impl<'n> Screen<'n> {
    /// Runs `command`, with the program as `$CHAT`, and keeps its last words on the screen.
    fn start(namespace: &'n Namespace, command: &str) -> Option<Self> {
        if !namespace.sh("command -v tmux").status.success() {
            return skip("tmux is not installed");
        }
        let screen = Self {
            namespace,
            folder: tempfile::tempdir().unwrap(),
        };
        let (before, after) = (screen.file("before"), screen.file("after"));
        let script = format!(
            "CHAT='{} chat'; stty -g > {}; {command}; echo code $?; stty -g > {}; exec sleep 60",
            env!("CARGO_BIN_EXE_hosttap"),
            before.display(),
            after.display()
        );
        screen.tmux(&["new-session", "-d", "-x", "80", "-y", "24", &script]);
        Some(screen)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.namespace.command("tmux");
        command
            .args(["-u", "-L", "chat", "-f", "/dev/null"])
            .args(arguments)
            .env("TMUX_TMPDIR", self.folder.path())
            .env("LC_ALL", "C.UTF-8")
            .env_remove("TMUX");
        command
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {arguments:?}: {told}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What a person sees, without the empty rows at the end.
    fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p"]).trim_end().to_owned()
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let clock = Clock::start();
        loop {
            let shown = self.shown();
            if is_so(&shown) {
                return;
            }
            let passed = clock.now().as_millis();
            assert!(passed < PATIENCE_MILLIS, "{what}, but:\n{shown}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait_for(&self, text: &str) {
        self.wait_until(&format!("waiting for {text:?}"), |shown| {
            shown.contains(text)
        });
    }

    /// Waits until `row` is what the user is typing.
    fn wait_for_row(&self, row: &str) {
        let last = |shown: &str| shown.lines().last() == Some(row);
        self.wait_until(&format!("waiting for the row {row:?}"), last);
    }

    fn type_in(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn say(&self, line: &str) {
        self.type_in(line);
        self.press(&["Enter"]);
    }

    /// Waits for the exit code, and sees that the terminal is as it was.
    fn wait_for_code(&self, code: u8) {
        self.wait_for(&format!("code {code}"));
        let after = self.file("after");
        self.wait_until("waiting for stty", |_| {
            fs::read_to_string(&after).is_ok_and(|modes| modes.ends_with('\n'))
        });
        let before = fs::read_to_string(self.file("before")).unwrap();
        assert_eq!(fs::read_to_string(after).unwrap(), before);
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        // It may have ended already.
        let mut command = self.command(&["kill-server"]);
        let _ = command.stderr(Stdio::null()).status();
    }
}

/// A peer that does its next step when [`go`] says so.
fn stepping(namespace: &Namespace, script: &str) -> Running {
    peer(namespace, script)
}

fn go(peer: &mut Running) {
    peer.type_in("\n");
}

#[test]
fn incoming_text_leaves_what_is_being_typed_whole() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let Some(screen) = Screen::start(&namespace, "$CHAT") else {
        return;
    };
    screen.wait_for("hosttap: Listening on port 1001");
    let script = r"
s = dial()
input()
s.sendall(b'first\n' + b'wide ' * 40 + b'end\n')
input()
s.sendall(b'\x1b[2J\x1b[1;1H\x07\xc2\x9b\x00 evil \xff\r over\n')
print(take(s, 19).decode())
";
    let mut caller = stepping(&namespace, script);
    screen.wait_for("as listener");
    screen.type_in("half a lne 한글");
    screen.wait_for_row("> half a lne 한글");
    go(&mut caller);
    screen.wait_for("< first");
    screen.wait_for("wide end");
    screen.wait_for_row("> half a lne 한글");
    go(&mut caller);
    screen
        .wait_for("< \u{241b}[2J\u{241b}[1;1H\u{2407}\u{fffd}\u{2400} evil \u{fffd}\u{240d} over");
    screen.wait_for("< first");
    screen.wait_for_row("> half a lne 한글");
    // In the middle of the line, and at its end.
    screen.press(&[
        "Left", "Left", "Left", "Left", "Left", "i", "End", "x", "BSpace",
    ]);
    screen.wait_for_row("> half a line 한글");
    screen.press(&["Enter"]);
    assert_eq!(finish_peer(caller), "half a line 한글\n\n");
    screen.wait_for("hosttap: Disconnected from 192.168.69.100:");
    screen.press(&["C-c"]);
    screen.wait_for("hosttap: interrupted");
    screen.wait_for_code(130);
}

#[test]
fn a_stopped_terminal_presses_back_and_loses_nothing() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let Some(screen) = Screen::start(&namespace, "$CHAT") else {
        return;
    };
    screen.wait_for("Listening on port 1001");
    screen.type_in("draft");
    screen.wait_for_row("> draft");
    screen.press(&["C-s"]);
    let script = r"
text = b''.join(b'line %d\n' % i for i in range(80000))
s = dial()
flood(s, text)
input()
";
    let mut sender = stepping(&namespace, script);
    sender.wait_for_stdout("\n", 60);
    screen.press(&["C-q"]);
    screen.wait_for("< line 79999");
    screen.wait_for_row("> draft");
    go(&mut sender);
    assert_eq!(finish_peer(sender), "blocked\n");
    screen.press(&["C-c"]);
    screen.wait_for_code(130);
}

#[test]
fn a_line_longer_than_the_screen_scrolls_in_its_row() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let Some(screen) = Screen::start(&namespace, "$CHAT") else {
        return;
    };
    screen.wait_for("Listening on port 1001");
    let line: String = (0..30).map(|n| format!("{n:04} ")).collect();
    screen.type_in(&line);
    // Two columns are the prompt's and one the cursor's.
    screen.wait_for_row(format!("> {}", &line[line.len() - 77..]).trim_end());
    screen.press(&["Home"]);
    screen.wait_for_row(format!("> {}", &line[..77]).trim_end());
    let caller = peer(&namespace, "s = dial(); print(len(take(s, 151)))");
    screen.wait_for("as listener");
    screen.press(&["Enter"]);
    assert_eq!(finish_peer(caller), "151\n");
    screen.say("/quit");
    screen.wait_for_code(0);
}

#[test]
fn commands_change_the_part_and_the_end_of_input_goes_on_receiving() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let Some(screen) = Screen::start(&namespace, "$CHAT --connect 192.168.69.100:9") else {
        return;
    };
    screen.wait_for("192.168.69.100:9: the connection was refused");
    screen.say("/listen 5000");
    screen.wait_for("Listening on port 5000");
    let caller = peer(&namespace, "s = dial(5000); print(rest(s))");
    screen.wait_for("as listener");
    screen.say("//hello");
    screen.say("/disconnect");
    assert_eq!(finish_peer(caller), "b'/hello\\n'\n");
    // The row comes back from the history, is changed and sent again.
    screen.press(&["Up", "Up", "Up"]);
    screen.wait_for_row("> /listen 5000");
    screen.press(&["BSpace", "1", "Enter"]);
    screen.wait_for("Listening on port 5001");
    let script = r"
s = dial(5001)
s.sendall(b'hello\n')
print(rest(s))
s.sendall(b'late\n')
input()
";
    let mut caller = stepping(&namespace, script);
    screen.wait_for("< hello");
    screen.press(&["C-d"]);
    caller.wait_for_stdout("b''", 20);
    screen.wait_for("< late");
    go(&mut caller);
    finish_peer(caller);
    screen.wait_for("Listening on port 5001");
    screen.press(&["C-c"]);
    screen.wait_for_code(130);
}

#[test]
fn the_terminal_is_in_order_while_the_program_is_stopped() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    // The shell of the terminal is one with jobs.
    let command = "set -m; $CHAT; echo stopped; stty -g > $TMUX_TMPDIR/stopped; fg > /dev/null";
    let Some(screen) = Screen::start(&namespace, command) else {
        return;
    };
    screen.wait_for("Listening on port 1001");
    screen.type_in("draft");
    screen.wait_for_row("> draft");
    screen.press(&["C-z"]);
    screen.wait_for("stopped");
    screen.press(&["!"]);
    screen.wait_for_row("> draft!");
    let stopped = fs::read_to_string(screen.file("stopped")).unwrap();
    assert_eq!(stopped, fs::read_to_string(screen.file("before")).unwrap());
    screen.press(&["C-u", "C-d", "C-c"]);
    screen.wait_for_code(130);
}

#[test]
fn a_terminal_that_only_shows_gets_no_control_bytes_either() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let Some(screen) = Screen::start(&namespace, "sleep 60 | $CHAT --once") else {
        return;
    };
    screen.wait_for("Listening on port 1001");
    let script = r"
s = dial()
s.sendall(b'\x00first\n\x1b[2Jsecond\xff\n')
s.close()
";
    finish_peer(peer(&namespace, script));
    screen.wait_for("\u{2400}first\n\u{241b}[2Jsecond\u{fffd}\n");
}
