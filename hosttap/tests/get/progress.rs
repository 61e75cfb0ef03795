//! The progress bar.

use std::process::Stdio;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use crate::common::{
    HttpServer, KERNEL_ADDRESS, Process, Pty, Screen, hosttap_command, in_namespace, is_installed,
};

/// A server that pauses in the middle of two lines, until it is told to go on.
fn start_pausing() -> (HttpServer, Sender<()>) {
    let (go_on, going_on) = channel();
    let going_on = Mutex::new(going_on);
    let server = HttpServer::start(KERNEL_ADDRESS, move |connection| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello\n");
        going_on.lock().unwrap().recv().unwrap();
        connection.send(b"again\n");
    });
    (server, go_on)
}

/// The numbers of seconds for which a bar said that nothing comes, each once.
fn stalled_seconds(shown: &str) -> Vec<u32> {
    let numbers = shown.split("stalled for ").skip(1);
    let mut numbers: Vec<u32> = numbers
        .filter_map(|rest| rest.split_once(" s")?.0.parse().ok())
        .collect();
    numbers.dedup();
    numbers
}

#[test]
fn a_body_on_a_terminal_has_no_progress_bar_in_it() {
    in_namespace!();
    let (server, go_on) = start_pausing();
    let pty = Pty::open();
    let mut command = hosttap_command(&["get", &server.url("/")]);
    let client = Process::start_with(&mut command, pty.as_stdio(), pty.as_stdio());
    pty.wait_for("hello");
    // The time in which there would be a bar.
    std::thread::sleep(Duration::from_millis(1_500));
    go_on.send(()).unwrap();
    assert_eq!(client.finish().code, Some(0));
    let shown = pty.finish();
    assert!(
        shown.starts_with("hello\r\nagain\r\nhosttap: 12 bytes in "),
        "{shown:?}"
    );
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn rate_and_time_left_go_on_during_a_stall_which_the_bar_reports() {
    in_namespace!();
    let (server, go_on) = start_pausing();
    let pty = Pty::open();
    let mut command = hosttap_command(&["get", &server.url("/")]);
    let client = Process::start_with(&mut command, Stdio::piped(), pty.as_stdio());
    pty.wait_until(|shown| stalled_seconds(shown).len() >= 3);
    go_on.send(()).unwrap();
    assert_eq!(client.finish().code, Some(0));
    let shown = pty.finish();
    // It begins with 3 and counts. On a busy machine it may miss one.
    let seconds = stalled_seconds(&shown);
    assert!(seconds[0] >= 3 && seconds.is_sorted(), "{shown:?}");
    assert!(shown.contains("6 B/12 B"), "{shown:?}");
}

#[test]
fn a_bar_that_the_terminal_has_wrapped_leaves_nothing() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    let (end, ended) = channel();
    let ended = Mutex::new(ended);
    let server = HttpServer::start(KERNEL_ADDRESS, move |connection| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        for _ in 1..100 {
            connection.send(&[b'x'; 1_000]);
            std::thread::sleep(Duration::from_millis(40));
        }
        ended.lock().unwrap().recv().unwrap();
        connection.send(&[b'x'; 1_000]);
    });
    let url = server.url("/");
    // Of a row at the very top, tmux moves what wraps out of the screen.
    let screen = Screen::start(&format!("seq 30; $hosttap get {url} -o /dev/null"));
    screen.wait_for(" left");
    for columns in [60, 41, 17, 80, 30, 100, 80] {
        screen.resize(columns);
        std::thread::sleep(Duration::from_millis(300));
    }
    end.send(()).unwrap();
    screen.wait_for("code 0");
    let shown = screen.all();
    let rows: Vec<_> = shown.lines().collect();
    assert_eq!((rows[29], rows.len()), ("30", 33), "{shown}");
    assert!(rows[30].starts_with("hosttap: 100000 bytes in "), "{shown}");
}
