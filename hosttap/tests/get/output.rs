//! What `get` writes, where, and what it says meanwhile.

use std::process::Stdio;
use std::time::Duration;

use super::get;
use crate::common::{HOST, Pty, Running, Server, hosttap, inside, mortal, noise, sh, with_length};

/// `get` of `url` with its stdout or its stderr on a terminal; the other is a pipe.
fn get_on(pty: &Pty, stdout: bool, arguments: &[&str]) -> Running {
    let mut command = mortal(env!("CARGO_BIN_EXE_hosttap"));
    command.arg("get").args(arguments);
    if stdout {
        Running::start_with(&mut command, pty.as_stdio(), Stdio::piped())
    } else {
        Running::start_with(&mut command, Stdio::piped(), pty.as_stdio())
    }
}

#[test]
fn the_request_is_what_a_server_expects() {
    if !inside("get::output::the_request_is_what_a_server_expects") {
        return;
    }
    let server = Server::start(HOST, |call| {
        let echo = with_length(call.request.as_bytes());
        call.send(&echo);
    });
    let url = server.url("/a/ü?q=1#part");
    let ended = get(&[&url, "--header", "X-A: b c", "--header", "accept:*/*"]);
    let wanted = format!(
        "GET /a/%C3%BC?q=1 HTTP/1.0\r\nHost: {HOST}:{}\r\nUser-Agent: tickwire/{}\r\nConnection: close\r\n\
         X-A: b c\r\naccept: */*\r\n\r\n",
        server.port(),
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(ended.stdout(), wanted, "{}", ended.stderr());
    let ended = get(&[&url, "--header", "Host: example.org"]);
    assert!(ended.stdout().contains("\r\nHost: example.org\r\n"));
    assert_eq!(ended.stdout().matches("Host").count(), 1);
}

#[test]
fn a_target_of_one_dash_is_stdout() {
    if !inside("get::output::a_target_of_one_dash_is_stdout") {
        return;
    }
    let server = Server::holding(HOST, b"hello");
    let folder = tempfile::tempdir().unwrap();
    let (folder, url) = (folder.path().display(), server.url("/"));
    let listed = |target| {
        let script = format!("cd {folder}; $hosttap get -q {url} -o {target}; echo; ls");
        sh(&script)
    };
    assert_eq!(listed("-"), "hello\n");
    // A file of that name can still be meant.
    assert_eq!(listed("./-"), "\n-\n");
}

#[test]
fn quiet_says_nothing_and_verbose_shows_frames_and_states() {
    if !inside("get::output::quiet_says_nothing_and_verbose_shows_frames_and_states") {
        return;
    }
    let server = Server::holding(HOST, b"hello");
    let ended = get(&[&server.url("/"), "-q"]);
    assert_eq!(
        (ended.stdout().as_str(), ended.stderr().as_str()),
        ("hello", "")
    );
    let ended = get(&[&server.url("/")]);
    assert!(
        ended.stderr().starts_with("hosttap: 5 bytes in "),
        "{}",
        ended.stderr()
    );
    assert_eq!(ended.stderr().lines().count(), 1, "{}", ended.stderr());
    let ended = get(&[&server.url("/"), "-v"]);
    assert_eq!(ended.stdout(), "hello");
    for words in [
        "Head => Body",
        "ARP",
        " syn ",
        "status 200, 5 bytes announced",
        "frames: ",
    ] {
        assert!(
            ended.stderr().contains(words),
            "no {words}: {}",
            ended.stderr()
        );
    }
    // Errors are said all the same.
    let ended = get(&["http://192.168.69.100:9/", "-q"]);
    assert_eq!(ended.code, Some(7));
    assert!(ended.stderr().contains("refused"));
}

#[test]
fn progress_is_shown_on_a_terminal_alone() {
    if !inside("get::output::progress_is_shown_on_a_terminal_alone") {
        return;
    }
    // The pause is longer than the time between two drawings.
    let server = Server::start(HOST, |call| {
        let (front, back) = (noise(3 << 20), noise(5 << 20));
        call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n");
        call.send(&front);
        std::thread::sleep(Duration::from_millis(300));
        call.send(&back);
    });
    let url = server.url("/");
    let pty = Pty::open();
    let ended = get_on(&pty, false, &[&url]).finish(60);
    let shown = pty.end();
    assert_eq!(
        (ended.code, ended.stdout_bytes.len()),
        (Some(0), 8 << 20),
        "{shown}"
    );
    assert!(shown.contains("MiB/8.00 MiB"), "{shown}");
    assert!(shown.contains("/s") && shown.contains("left"), "{shown}");
    assert!(shown.contains("hosttap: 8388608 bytes in "), "{shown}");
    let pty = Pty::open();
    let ended = get_on(&pty, false, &[&url, "-q"]).finish(60);
    assert_eq!((ended.code, pty.end().as_str()), (Some(0), ""));
    let ended = get(&[&url]);
    assert_eq!(ended.stderr().lines().count(), 1, "{}", ended.stderr());
}

#[test]
fn a_terminal_gets_clean_text_and_no_binary() {
    if !inside("get::output::a_terminal_gets_clean_text_and_no_binary") {
        return;
    }
    let binary = Server::holding(HOST, b"\x7fELF\x02\0\0");
    let pty = Pty::open();
    let ended = get_on(&pty, true, &[&binary.url("/")]).finish(60);
    assert_eq!(ended.code, Some(23));
    assert!(ended.stderr().contains("binary"), "{}", ended.stderr());
    assert!(ended.stderr().contains("-o FILE"), "{}", ended.stderr());
    assert_eq!(pty.end(), "");
    let text = Server::holding(HOST, "a\u{1b}[2Jü\n".repeat(2_000).as_bytes());
    let pty = Pty::open();
    let ended = get_on(&pty, true, &[&text.url("/")]).finish(60);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());
    // The terminal itself makes CRLF of LF.
    assert_eq!(pty.end(), "a\u{241b}[2Jü\r\n".repeat(2_000));
    // A server's words in an error are as harmless.
    let redirect = Server::answering(HOST, "HTTP/1.0 302 \r\nLocation: http://x/\u{9b}2J\r\n\r\n");
    let ended = get(&[&redirect.url("/")]);
    assert_eq!(ended.code, Some(22));
    assert!(
        ended.stderr().ends_with("Location: http://x/\u{fffd}2J\n"),
        "{}",
        ended.stderr()
    );
}

#[test]
fn a_slow_reader_of_stdout_gets_every_byte_and_a_gone_one_ends_it() {
    if !inside("get::output::a_slow_reader_of_stdout_gets_every_byte_and_a_gone_one_ends_it") {
        return;
    }
    // The reader sleeps beyond the idle timeout while the pipe is full: our own stall is not the server's.
    let server = Server::holding(HOST, &noise(3 << 20));
    let url = server.url("/");
    let count = sh(&format!(
        "$hosttap get -q --idle-timeout 0.5 {url} | (sleep 1.5; wc -c)"
    ));
    assert_eq!(count.trim(), (3 << 20).to_string());
    for (reader, why) in [
        ("> /dev/full", "No space left on device"),
        ("| head -c 10 > /dev/null", "Broken pipe"),
        (">&-", "Bad file descriptor"),
    ] {
        let ended = sh(&format!(
            "exec 2>&1; {{ $hosttap get {url} || echo $? >&2; }} {reader}"
        ));
        assert!(ended.ends_with(&format!("{why}\n23\n")), "{ended}");
    }
}

#[test]
fn the_target_may_be_a_link_a_device_or_a_fifo() {
    if !inside("get::output::the_target_may_be_a_link_a_device_or_a_fifo") {
        return;
    }
    let body = noise(300_000);
    let server = Server::holding(HOST, &body);
    let url = server.url("/");
    let folder = tempfile::tempdir().unwrap();
    let (link, aim) = (folder.path().join("link"), folder.path().join("aim"));
    std::os::unix::fs::symlink("aim", &link).unwrap();
    // First it leads to nothing yet, then to a file.
    for _ in 0..2 {
        let ended = get(&[&url, "-o", link.to_str().unwrap()]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr());
        assert_eq!(std::fs::read_link(&link).unwrap().to_str(), Some("aim"));
        assert_eq!(std::fs::read(&aim).unwrap(), body);
        std::fs::write(&aim, "old").unwrap();
    }
    let fifo = folder.path().join("fifo");
    sh(&format!("mkfifo {}", fifo.display()));
    let program = hosttap(&["get", &url, "-o", fifo.to_str().unwrap()]);
    assert_eq!(std::fs::read(&fifo).unwrap(), body);
    assert_eq!(program.finish(60).code, Some(0));
    let ended = get(&[&url, "-o", "/dev/null"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());
    sh("test -c /dev/null");
}

#[test]
fn a_capture_has_every_frame_and_a_bad_one_does_not_stop_the_transfer() {
    if !inside("get::output::a_capture_has_every_frame_and_a_bad_one_does_not_stop_the_transfer") {
        return;
    }
    let server = Server::holding(HOST, &noise(100_000));
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("get.pcap");
    for guard in [&["-v"][..], &["-v", "--no-guard"]] {
        let url = server.url("/");
        let arguments = [&url, "--pcap", capture.to_str().unwrap()];
        let ended = get(&[&arguments, guard].concat());
        assert_eq!((ended.code, ended.stdout_bytes.len()), (Some(0), 100_000));
        let stderr = ended.stderr();
        let books = stderr
            .lines()
            .find_map(|line| line.strip_prefix("frames: "))
            .unwrap();
        let counts = books
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|word| word.parse::<usize>().ok());
        let total: usize = counts.sum();
        assert_eq!(
            frames_in(&std::fs::read(&capture).unwrap()),
            total,
            "{books}"
        );
    }
    let ended = get(&[&server.url("/"), "-q", "--pcap", "/dev/full"]);
    assert_eq!((ended.code, ended.stdout_bytes.len()), (Some(0), 100_000));
    assert!(
        ended.stderr().contains("No space left on device"),
        "{}",
        ended.stderr()
    );
}

/// Records of a capture: 24 bytes of header, then 16 for each record and its data (draft-ietf-opsawg-pcap, 4 and 5).
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
