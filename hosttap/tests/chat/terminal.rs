//! A user at a terminal: tmux shows what the user would see.

use std::fs;
use std::thread;
use std::time::Duration;

use super::{run_peer, start_peer};
use crate::common::{Process, Screen, in_namespace, is_installed};

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
    let screen = Screen::start("$hosttap chat");
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
    assert_eq!(peer.expect_success(), "half a line 한글\n\n");
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
    let screen = Screen::start("$hosttap chat");
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
    sender.wait_for_stdout("\n");
    screen.press(&["C-q"]);
    screen.wait_for("< line 79999");
    screen.wait_for_row("> draft");
    resume(&mut sender);
    assert_eq!(sender.expect_success(), "blocked\n");
    screen.press(&["C-c"]);
    screen.wait_for_code(130);
}

#[test]
fn a_line_longer_than_the_screen_scrolls_in_its_row() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    let screen = Screen::start("$hosttap chat");
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
    assert_eq!(peer.expect_success(), "151\n");
    screen.enter("/quit");
    screen.wait_for_code(0);
}

#[test]
fn commands_change_the_role_and_messages_arrive_after_the_end_of_input() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    let screen = Screen::start("$hosttap chat --connect 192.168.69.100:9");
    screen.wait_for("192.168.69.100:9: the connection was refused");
    screen.enter("/listen 5000");
    screen.wait_for("Listening on port 5000");
    let peer = start_peer("s = connect_once(5000); print(read_to_end(s))");
    screen.wait_for("as listener");
    screen.enter("//hello");
    screen.enter("/disconnect");
    assert_eq!(peer.expect_success(), "b'/hello\\n'\n");
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
    peer.wait_for_stdout("b''");
    screen.wait_for("< late");
    resume(&mut peer);
    peer.expect_success();
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
    let command =
        "set -m; $hosttap chat; echo stopped; stty -g > $TMUX_TMPDIR/stopped; fg > /dev/null";
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
    let screen = Screen::start("$hosttap chat");
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
fn the_end_of_input_after_a_failed_call_ends_the_program_and_promises_no_messages() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    let screen = Screen::start("$hosttap chat --connect 192.168.69.100:9");
    screen.wait_for("192.168.69.100:9: the connection was refused");
    screen.press(&["C-d"]);
    screen.wait_for_code(0);
    let shown = screen.shown();
    assert!(!shown.contains("messages still appear"), "{shown}");
}

#[test]
fn a_terminal_on_stdout_alone_gets_no_control_bytes() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    let screen = Screen::start("sleep 60 | $hosttap chat --once");
    screen.wait_for("Listening on port 1001");
    let script = r"
s = connect_once()
s.sendall(b'\x00first\n\x1b[2Jsecond\xff\n')
s.close()
";
    run_peer(script);
    screen.wait_for("\u{2400}first\n\u{241b}[2Jsecond\u{fffd}\n");
}

#[test]
fn a_row_that_the_terminal_has_wrapped_leaves_nothing() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    let screen = Screen::start("$hosttap chat");
    screen.wait_for("hosttap: Listening on port 1001");
    let script = r"
s = connect_once()
for line in range(6):
    input()
    s.sendall(b'message %d\n' % line)
input()
";
    let mut peer = start_peer(script);
    screen.wait_for("as listener");
    let typed = "0123456789 한글 ".repeat(4);
    screen.type_text(&typed);
    screen.wait_for_row(&format!("> {}", typed.trim_end()));
    let first = screen.all().lines().count();
    // Narrower than the row and wider again, and each time a message comes.
    for (number, columns) in [50, 41, 23, 60, 35, 80].into_iter().enumerate() {
        screen.resize(columns);
        // tmux has wrapped the row, and tells the program a moment later.
        screen.wait_until("waiting for the row", |shown| {
            shown
                .lines()
                .last()
                .is_some_and(|row| row.starts_with("> "))
        });
        resume(&mut peer);
        screen.wait_for(&format!("< message {number}"));
    }
    screen.wait_for_row(&format!("> {}", typed.trim_end()));
    let shown = screen.all();
    let rows: Vec<_> = shown.lines().skip(first - 1).collect();
    let messages = (0..6).map(|number| format!("< message {number}"));
    let row = format!("> {}", typed.trim_end());
    assert_eq!(rows, messages.chain([row]).collect::<Vec<_>>(), "{shown}");
    resume(&mut peer);
    peer.expect_success();
    screen.press(&["C-c"]);
    screen.wait_for_code(130);
}

/// How many ticks of the CPU, of 10 ms each, a process has used.
fn cpu_ticks(process: &str) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields = fields.split(' ').skip(11).take(2);
    fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

#[test]
fn a_stopped_terminal_that_becomes_narrower_costs_no_cpu() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    // The shell that writes its number becomes the program.
    let screen = Screen::start("sh -c 'echo $$ > $TMUX_TMPDIR/pid; exec \"$0\" chat' $hosttap");
    screen.wait_for("Listening on port 1001");
    let typed = "0123456789".repeat(6);
    screen.type_text(&typed);
    screen.wait_for_row(&format!("> {typed}"));
    screen.press(&["C-s"]);
    let process = fs::read_to_string(screen.file("pid")).unwrap();
    screen.resize(40);
    // The question is answered within a second, or given up.
    thread::sleep(Duration::from_millis(1_500));
    let before = cpu_ticks(process.trim());
    thread::sleep(Duration::from_secs(2));
    let ticks = cpu_ticks(process.trim()) - before;
    assert!(ticks < 20, "{ticks} ticks in 2 s");
    screen.press(&["C-q"]);
    screen.wait_until("waiting for the row", |shown| shown.contains("> "));
    screen.press(&["C-c"]);
    screen.wait_for_code(130);
}
