//! The progress bar.

use std::process::Stdio;
use std::time::Duration;

use crate::common::{HttpServer, KERNEL_ADDRESS, Process, Pty, hosttap_command, in_namespace};

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
