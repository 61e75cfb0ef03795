//! The progress bar.

use std::process::Stdio;
use std::time::Duration;

use crate::common::{
    HttpServer, KERNEL_ADDRESS, Process, Pty, Screen, hosttap_command, in_namespace, is_installed,
};

/// A server that pauses in the middle of two lines.
fn start_pausing(seconds: f64) -> HttpServer {
    HttpServer::start(KERNEL_ADDRESS, move |connection| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello\n");
        std::thread::sleep(Duration::from_secs_f64(seconds));
        connection.send(b"again\n");
    })
}

#[test]
fn a_body_on_a_terminal_has_no_progress_bar_in_it() {
    in_namespace!();
    let server = start_pausing(1.5);
    let pty = Pty::open();
    let mut command = hosttap_command(&["get", &server.url("/")]);
    let client = Process::start_with(&mut command, pty.as_stdio(), pty.as_stdio());
    assert_eq!(client.finish(60).code, Some(0));
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
    let server = start_pausing(5.5);
    let pty = Pty::open();
    let mut command = hosttap_command(&["get", &server.url("/")]);
    let client = Process::start_with(&mut command, Stdio::piped(), pty.as_stdio());
    assert_eq!(client.finish(60).code, Some(0));
    let shown = pty.finish();
    for seconds in [3, 4, 5] {
        assert!(
            shown.contains(&format!("stalled for {seconds} s")),
            "{shown:?}"
        );
    }
    assert!(shown.contains("6 B/12 B"), "{shown:?}");
}

#[test]
fn a_bar_that_the_terminal_has_wrapped_leaves_nothing() {
    if !is_installed("tmux") {
        return;
    }
    in_namespace!();
    let server = HttpServer::start(KERNEL_ADDRESS, |connection| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        for _ in 0..100 {
            connection.send(&[b'x'; 1_000]);
            std::thread::sleep(Duration::from_millis(40));
        }
    });
    let url = server.url("/");
    // Of a row at the very top, tmux moves what wraps out of the screen.
    let screen = Screen::start(&format!("seq 30; $hosttap get {url} -o /dev/null"));
    screen.wait_for(" left");
    for columns in [60, 41, 17, 80, 30, 100, 80] {
        screen.resize(columns);
        std::thread::sleep(Duration::from_millis(300));
    }
    screen.wait_for("code 0");
    let shown = screen.all();
    let rows: Vec<_> = shown.lines().collect();
    assert_eq!((rows[29], rows.len()), ("30", 33), "{shown}");
    assert!(rows[30].starts_with("hosttap: 100000 bytes in "), "{shown}");
}
