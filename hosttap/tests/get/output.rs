//! What `get` writes, where, and what it prints meanwhile.

use std::process::Stdio;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::get;
use crate::common::{
    DEADLINE_FACTORS, HttpServer, KERNEL_ADDRESS, Process, Pty, hosttap, hosttap_command,
    in_namespace, ok_response, random_bytes, sh,
};

/// Starts `get` with its stdout or its stderr on a terminal; the other one is a pipe.
fn start_on(pty: &Pty, stdout_on_pty: bool, arguments: &[&str]) -> Process {
    let mut command = hosttap_command(&[&["get"], arguments].concat());
    if stdout_on_pty {
        Process::start_with(&mut command, pty.as_stdio(), Stdio::piped())
    } else {
        Process::start_with(&mut command, Stdio::piped(), pty.as_stdio())
    }
}

#[test]
fn the_request_is_what_a_server_expects() {
    in_namespace!();
    let server = HttpServer::start(KERNEL_ADDRESS, |connection| {
        let echo = ok_response(connection.request.as_bytes());
        connection.send(&echo);
    });
    let url = server.url("/a/ü?q=1#part");
    let exited = get(&[&url, "--header", "X-A: b c", "--header", "accept:*/*"]);
    let wanted = format!(
        "GET /a/%C3%BC?q=1 HTTP/1.0\r\nHost: {KERNEL_ADDRESS}:{}\r\nUser-Agent: tickwire/{}\r\nConnection: close\r\n\
         X-A: b c\r\naccept: */*\r\n\r\n",
        server.port(),
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(exited.stdout(), wanted, "{}", exited.stderr());
    let exited = get(&[&url, "--header", "Host: example.org"]);
    assert!(exited.stdout().contains("\r\nHost: example.org\r\n"));
    assert_eq!(exited.stdout().matches("Host").count(), 1);
}

#[test]
fn a_dash_as_output_file_is_stdout() {
    in_namespace!();
    let server = HttpServer::with_body(KERNEL_ADDRESS, b"hello");
    let directory = tempfile::tempdir().unwrap();
    let (directory, url) = (directory.path().display(), server.url("/"));
    let output_and_files = |target| {
        let script = format!("cd {directory}; $hosttap get -q {url} -o {target}; echo; ls");
        sh(&script)
    };
    assert_eq!(output_and_files("-"), "hello\n");
    // A file of that name is still possible.
    assert_eq!(output_and_files("./-"), "\n-\n");
}

#[test]
fn quiet_prints_nothing_and_verbose_prints_frames_and_states() {
    in_namespace!();
    let server = HttpServer::with_body(KERNEL_ADDRESS, b"hello");
    let exited = get(&[&server.url("/"), "-q"]);
    assert_eq!(
        (exited.stdout().as_str(), exited.stderr().as_str()),
        ("hello", "")
    );
    let exited = get(&[&server.url("/")]);
    assert!(
        exited.stderr().starts_with("hosttap: 5 bytes in "),
        "{}",
        exited.stderr()
    );
    assert_eq!(exited.stderr().lines().count(), 1, "{}", exited.stderr());
    let exited = get(&[&server.url("/"), "-v"]);
    assert_eq!(exited.stdout(), "hello");
    for words in [
        "Head => Body",
        "ARP",
        " syn ",
        "status 200, 5 bytes announced",
        "frames: ",
    ] {
        assert!(
            exited.stderr().contains(words),
            "no {words}: {}",
            exited.stderr()
        );
    }
    // Errors are printed even with -q.
    let exited = get(&["http://192.168.69.100:9/", "-q"]);
    assert_eq!(exited.code, Some(7));
    assert!(exited.stderr().contains("refused"));
}

#[test]
fn progress_is_shown_only_on_a_terminal() {
    in_namespace!();
    let (go_on, going_on) = channel();
    let going_on = Mutex::new(going_on);
    let server = HttpServer::start(KERNEL_ADDRESS, move |connection| {
        let (front, back) = (random_bytes(3 << 20), random_bytes(5 << 20));
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n");
        connection.send(&front);
        going_on.lock().unwrap().recv().unwrap();
        connection.send(&back);
    });
    let url = server.url("/");
    let pty = Pty::open();
    let client = start_on(&pty, false, &[&url]);
    pty.wait_for(" MB/8.39 MB");
    go_on.send(()).unwrap();
    let exited = client.finish();
    let shown = pty.finish();
    assert_eq!(
        (exited.code, exited.stdout_bytes.len()),
        (Some(0), 8 << 20),
        "{shown}"
    );
    assert!(shown.contains("/s") && shown.contains("left"), "{shown}");
    assert!(shown.contains("hosttap: 8388608 bytes in "), "{shown}");
    // The time in which there would be a bar.
    let pause = || {
        std::thread::sleep(Duration::from_millis(300));
        go_on.send(()).unwrap();
    };
    let pty = Pty::open();
    let client = start_on(&pty, false, &[&url, "-q"]);
    pause();
    let exited = client.finish();
    assert_eq!((exited.code, pty.finish().as_str()), (Some(0), ""));
    let client = hosttap(&["get", &url]);
    pause();
    let exited = client.finish();
    assert_eq!(exited.stderr().lines().count(), 1, "{}", exited.stderr());
}

#[test]
fn a_terminal_gets_sanitized_text_and_no_binary_data() {
    in_namespace!();
    let binary = HttpServer::with_body(KERNEL_ADDRESS, b"\x7fELF\x02\0\0");
    let pty = Pty::open();
    let exited = start_on(&pty, true, &[&binary.url("/")]).finish();
    assert_eq!(exited.code, Some(23));
    assert!(exited.stderr().contains("binary"), "{}", exited.stderr());
    assert!(exited.stderr().contains("-o FILE"), "{}", exited.stderr());
    assert_eq!(pty.finish(), "");
    let text = HttpServer::with_body(KERNEL_ADDRESS, "a\u{1b}[2Jü\n".repeat(2_000).as_bytes());
    let pty = Pty::open();
    let exited = start_on(&pty, true, &[&text.url("/")]).finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    // The terminal driver turns LF into CRLF.
    assert_eq!(pty.finish(), "a\u{241b}[2Jü\r\n".repeat(2_000));
    // A head is text in whatever encoding.
    let latin_1 = HttpServer::start(KERNEL_ADDRESS, |connection| {
        connection.send(b"HTTP/1.0 200 \xfc\r\nX: \xff\r\n\r\n");
    });
    let pty = Pty::open();
    let exited = start_on(&pty, true, &["-I", &latin_1.url("/")]).finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    let shown = pty.finish();
    assert!(shown.contains("HTTP/1.0 200 \u{fffd}"), "{shown:?}");
    assert!(shown.contains("X: \u{fffd}"), "{shown:?}");
    // The server's text in an error message is sanitized too.
    let redirect = HttpServer::with_response(
        KERNEL_ADDRESS,
        "HTTP/1.0 302 \r\nLocation: http://x/\u{9b}2J\r\n\r\n",
    );
    let exited = get(&[&redirect.url("/")]);
    assert_eq!(exited.code, Some(22));
    assert!(
        exited.stderr().ends_with("Location: http://x/\u{fffd}2J\n"),
        "{}",
        exited.stderr()
    );
}

#[test]
fn a_slow_reader_of_stdout_gets_every_byte_and_a_closed_stdout_is_an_error() {
    in_namespace!();
    // The reader sleeps longer than the idle timeout while the pipe is full. That stall is our own
    // and not the server's.
    let server = HttpServer::with_body(KERNEL_ADDRESS, &random_bytes(3 << 20));
    let url = server.url("/");
    let is_whole = |factor| {
        let (idle, asleep) = (0.5 * f64::from(factor), 1.5 * f64::from(factor));
        let get = format!("$hosttap get -q --idle-timeout {idle} {url} 2>&1");
        sh(&format!("{get} | (sleep {asleep}; wc -c)")).trim() == (3 << 20).to_string()
    };
    assert!(DEADLINE_FACTORS.into_iter().any(is_whole));
    for (reader, cause) in [
        ("> /dev/full", "No space left on device"),
        ("| head -c 10 > /dev/null", "Broken pipe"),
        (">&-", "Bad file descriptor"),
    ] {
        let exited = sh(&format!(
            "exec 2>&1; {{ $hosttap get {url} || echo $? >&2; }} {reader}"
        ));
        assert!(exited.ends_with(&format!("{cause}\n23\n")), "{exited}");
    }
}

#[test]
fn the_output_file_may_be_a_link_a_device_or_a_fifo() {
    in_namespace!();
    let body = random_bytes(300_000);
    let server = HttpServer::with_body(KERNEL_ADDRESS, &body);
    let url = server.url("/");
    let directory = tempfile::tempdir().unwrap();
    let (link, target) = (
        directory.path().join("link"),
        directory.path().join("target"),
    );
    std::os::unix::fs::symlink("target", &link).unwrap();
    // First the target does not exist, then it does.
    for _ in 0..2 {
        let exited = get(&[&url, "-o", link.to_str().unwrap()]);
        assert_eq!(exited.code, Some(0), "{}", exited.stderr());
        assert_eq!(std::fs::read_link(&link).unwrap().to_str(), Some("target"));
        assert_eq!(std::fs::read(&target).unwrap(), body);
        std::fs::write(&target, "old").unwrap();
    }
    let fifo = directory.path().join("fifo");
    sh(&format!("mkfifo {}", fifo.display()));
    let program = hosttap(&["get", &url, "-o", fifo.to_str().unwrap()]);
    assert_eq!(std::fs::read(&fifo).unwrap(), body);
    assert_eq!(program.finish().code, Some(0));
    let exited = get(&[&url, "-o", "/dev/null"]);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    sh("test -c /dev/null");
}

#[test]
fn a_capture_has_every_frame_and_a_failed_one_does_not_stop_the_transfer() {
    in_namespace!();
    let server = HttpServer::with_body(KERNEL_ADDRESS, &random_bytes(100_000));
    let directory = tempfile::tempdir().unwrap();
    let capture = directory.path().join("get.pcap");
    for options in [&["-v"][..], &["-v", "--no-guard"]] {
        let url = server.url("/");
        let arguments = [&url, "--pcap", capture.to_str().unwrap()];
        let exited = get(&[&arguments, options].concat());
        assert_eq!((exited.code, exited.stdout_bytes.len()), (Some(0), 100_000));
        let stderr = exited.stderr();
        let counters = stderr
            .lines()
            .find_map(|line| line.strip_prefix("frames: "))
            .unwrap();
        let counts = counters
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|word| word.parse::<usize>().ok());
        let total: usize = counts.sum();
        assert_eq!(
            frames_in(&std::fs::read(&capture).unwrap()),
            total,
            "{counters}"
        );
    }
    let exited = get(&[&server.url("/"), "-q", "--pcap", "/dev/full"]);
    assert_eq!((exited.code, exited.stdout_bytes.len()), (Some(0), 100_000));
    assert!(
        exited.stderr().contains("No space left on device"),
        "{}",
        exited.stderr()
    );
}

/// How many records a capture has: after a header of 24 bytes, each record has 16 bytes and its
/// data (draft-ietf-opsawg-pcap, sections 4 and 5).
fn frames_in(capture: &[u8]) -> usize {
    let mut rest = &capture[24..];
    let mut frames = 0;
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap());
        rest = &rest[16 + length as usize..];
        frames += 1;
    }
    frames
}
