//! A user at a terminal: tmux shows what the user would see.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use hosttap::system::clock::Clock;
use tempfile::TempDir;

use super::{PEER_SECONDS_MAX, run_peer, start_peer};
use crate::common::{Process, in_namespace, is_installed};

/// Longest wait for something to appear on the screen.
const WAIT_MILLIS_MAX: u64 = 20_000;

/// A terminal of 80 columns in which a shell command runs. It ends with the test.
struct Screen {
    directory: TempDir,
}

impl Screen {
    /// Runs `command`, in which `$CHAT` is `hosttap chat`. Its last output stays on the screen.
    fn start(command: &str) -> Self {
        let screen = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let (before, after) = (screen.file("before"), screen.file("after"));
        let script = format!(
            "CHAT='{} chat'; stty -g > {}; {command}; echo code $?; stty -g > {}; exec sleep 60",
            env!("CARGO_BIN_EXE_hosttap"),
            before.display(),
            after.display()
        );
        screen.tmux(&["new-session", "-d", "-x", "80", "-y", "24", &script]);
        screen
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command
            .args(["-u", "-L", "chat", "-f", "/dev/null"])
            .args(arguments)
            .env("TMUX_TMPDIR", self.directory.path())
            .env("LC_ALL", "C.UTF-8")
            .env_remove("TMUX");
        command
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {arguments:?}: {stderr}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What the user sees, without the empty rows at the end.
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
            let millis = clock.now().as_millis();
            assert!(millis < WAIT_MILLIS_MAX, "{what}, but:\n{shown}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait_for(&self, text: &str) {
        self.wait_until(&format!("waiting for {text:?}"), |shown| {
            shown.contains(text)
        });
    }

    /// Waits until the input row is `row`.
    fn wait_for_row(&self, row: &str) {
        let last = |shown: &str| shown.lines().last() == Some(row);
        self.wait_until(&format!("waiting for the row {row:?}"), last);
    }

    fn type_text(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn enter(&self, line: &str) {
        self.type_text(line);
        self.press(&["Enter"]);
    }

    /// Waits for the exit code, and checks that the terminal's modes are restored.
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

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended already.
        let mut command = self.command(&["kill-server"]);
        let _ = command.stderr(Stdio::null()).status();
    }
}

/// Lets a peer that waits in `input()` continue.
fn resume(peer: &mut Process) {
    peer.write_stdin("\n");
}

#[test]
fn incoming_messages_leave_the_typed_line_intact() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    let screen = Screen::start("$CHAT");
    screen.wait_for("hosttap: Listening on port 1001");
    let script = r"
s = connect_once()
input()
s.sendall(b'first\n' + b'wide ' * 40 + b'end\n')
input()
s.sendall(b'\x1b[2J\x1b[1;1H\x07\xc2\x9b\x00 evil \xff\r over\n')
print(read_exactly(s, 19).decode())
";
    let mut peer = start_peer(script);
    screen.wait_for("as listener");
    screen.type_text("half a lne 한글");
    screen.wait_for_row("> half a lne 한글");
    resume(&mut peer);
    screen.wait_for("< first");
    screen.wait_for("wide end");
    screen.wait_for_row("> half a lne 한글");
    resume(&mut peer);
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
    assert_eq!(
        peer.expect_success(PEER_SECONDS_MAX),
        "half a line 한글\n\n"
    );
    screen.wait_for("hosttap: Disconnected from 192.168.69.100:");
    screen.press(&["C-c"]);
    screen.wait_for("hosttap: interrupted");
    screen.wait_for_code(130);
}

#[test]
fn a_stopped_terminal_applies_back_pressure_and_loses_nothing() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    let screen = Screen::start("$CHAT");
    screen.wait_for("Listening on port 1001");
    screen.type_text("draft");
    screen.wait_for_row("> draft");
    screen.press(&["C-s"]);
    let script = r"
text = b''.join(b'line %d\n' % i for i in range(80000))
s = connect_once()
flood(s, text)
input()
";
    let mut sender = start_peer(script);
    sender.wait_for_stdout("\n", 60);
    screen.press(&["C-q"]);
    screen.wait_for("< line 79999");
    screen.wait_for_row("> draft");
    resume(&mut sender);
    assert_eq!(sender.expect_success(PEER_SECONDS_MAX), "blocked\n");
    screen.press(&["C-c"]);
    screen.wait_for_code(130);
}

#[test]
fn a_line_longer_than_the_screen_scrolls_in_its_row() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    let screen = Screen::start("$CHAT");
    screen.wait_for("Listening on port 1001");
    let line: String = (0..30).map(|n| format!("{n:04} ")).collect();
    screen.type_text(&line);
    // The prompt needs two columns, and the cursor one.
    screen.wait_for_row(format!("> {}", &line[line.len() - 77..]).trim_end());
    screen.press(&["Home"]);
    screen.wait_for_row(format!("> {}", &line[..77]).trim_end());
    let peer = start_peer("s = connect_once(); print(len(read_exactly(s, 151)))");
    screen.wait_for("as listener");
    screen.press(&["Enter"]);
    assert_eq!(peer.expect_success(PEER_SECONDS_MAX), "151\n");
    screen.enter("/quit");
    screen.wait_for_code(0);
}

#[test]
fn commands_change_the_role_and_messages_arrive_after_the_end_of_input() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    let screen = Screen::start("$CHAT --connect 192.168.69.100:9");
    screen.wait_for("192.168.69.100:9: the connection was refused");
    screen.enter("/listen 5000");
    screen.wait_for("Listening on port 5000");
    let peer = start_peer("s = connect_once(5000); print(read_to_end(s))");
    screen.wait_for("as listener");
    screen.enter("//hello");
    screen.enter("/disconnect");
    assert_eq!(peer.expect_success(PEER_SECONDS_MAX), "b'/hello\\n'\n");
    // The line is recalled from the history, edited and entered again.
    screen.press(&["Up", "Up", "Up"]);
    screen.wait_for_row("> /listen 5000");
    screen.press(&["BSpace", "1", "Enter"]);
    screen.wait_for("Listening on port 5001");
    let script = r"
s = connect_once(5001)
s.sendall(b'hello\n')
print(read_to_end(s))
s.sendall(b'late\n')
input()
";
    let mut peer = start_peer(script);
    screen.wait_for("< hello");
    screen.press(&["C-d"]);
    peer.wait_for_stdout("b''", 20);
    screen.wait_for("< late");
    resume(&mut peer);
    peer.expect_success(PEER_SECONDS_MAX);
    screen.wait_for("Listening on port 5001");
    screen.press(&["C-c"]);
    screen.wait_for_code(130);
}

#[test]
fn the_terminals_modes_are_restored_while_the_program_is_stopped() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    // A shell with job control.
    let command = "set -m; $CHAT; echo stopped; stty -g > $TMUX_TMPDIR/stopped; fg > /dev/null";
    let screen = Screen::start(command);
    screen.wait_for("Listening on port 1001");
    screen.type_text("draft");
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
fn help_names_the_commands_and_a_long_paste_and_the_end_of_input_are_told() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    let screen = Screen::start("$CHAT");
    screen.wait_for("Listening on port 1001");
    screen.enter("/help");
    screen.wait_for("hosttap: /connect HOST[:PORT]  end this conversation");
    screen.wait_for("hosttap: //text                send /text");
    screen.type_text(&"x".repeat(5_000));
    screen.wait_for("a line has at most 4096 bytes; the rest is the next one");
    screen.press(&["C-u"]);
    screen.wait_for_row(">");
    screen.press(&["C-d"]);
    screen.wait_for("Your input has ended; messages still appear, and Ctrl-C quits");
    screen.press(&["C-c"]);
    screen.wait_for_code(130);
}

#[test]
fn a_terminal_on_stdout_alone_gets_no_control_bytes() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    let screen = Screen::start("sleep 60 | $CHAT --once");
    screen.wait_for("Listening on port 1001");
    let script = r"
s = connect_once()
s.sendall(b'\x00first\n\x1b[2Jsecond\xff\n')
s.close()
";
    run_peer(script);
    screen.wait_for("\u{2400}first\n\u{241b}[2Jsecond\u{fffd}\n");
}
