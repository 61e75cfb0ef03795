//! Every failure of `get` has its exit code, says why, and saves nothing.

use hosttap::system::clock::Clock;

use super::get;
use crate::common::{
    HttpConnection, HttpServer, KERNEL_ADDRESS, WAIT_MAX, hosttap, in_namespace, ok_response,
};

/// More tries than a busy machine needs for one that is in time.
const TRIES_MAX: usize = 10;

/// Runs `get URL -o FILE`, which must fail and must not change the existing FILE. Returns the exit
/// code and stderr.
fn run_failing(url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "old").unwrap();
    let exited = get(&[&[url, "-o", file.to_str().unwrap()], arguments].concat());
    let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "old");
    assert_eq!(exited.stdout(), "");
    (exited.code, exited.stderr())
}

/// Checks that `get` fails with `code` and with `words` on stderr.
#[track_caller]
fn assert_fails(url: &str, arguments: &[&str], code: i32, words: &str) {
    let (found, stderr) = run_failing(url, arguments);
    assert_eq!(found, Some(code), "{stderr}");
    assert!(stderr.contains(words), "{words:?} is missing in {stderr:?}");
}

#[test]
fn a_closed_port_refuses_at_once() {
    in_namespace!();
    // The timeout is longer than the test may take, so `get` did not wait for it.
    let url = format!("http://{KERNEL_ADDRESS}:9/");
    assert_fails(&url, &["--connect-timeout", "1000"], 7, "refused");
}

#[test]
fn a_missing_host_is_a_timeout_after_five_seconds() {
    in_namespace!();
    let clock = Clock::start();
    assert_fails("http://192.168.69.7/", &[], 28, "the connection");
    assert!(clock.now().as_millis() >= 5_000, "{}", clock.now());
}

#[test]
fn the_connect_timeout_is_the_same_for_an_unanswered_arp_request_and_syn() {
    in_namespace!();
    // With a full backlog, the kernel answers no further SYN (listen(2)).
    let full = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        None,
    )
    .unwrap();
    let address: std::net::SocketAddr = format!("{KERNEL_ADDRESS}:8009").parse().unwrap();
    rustix::net::bind(&full, &address).unwrap();
    rustix::net::listen(&full, 0).unwrap();
    let _first = std::net::TcpStream::connect(address).unwrap();
    // By the program's own clock.
    let millis_at = |stderr: &str, words: &str| {
        let line = stderr.lines().find(|line| line.contains(words)).unwrap();
        let seconds: f64 = line.split(' ').nth(1).unwrap().parse().unwrap();
        (seconds * 1_000.0).round()
    };
    for url in ["http://192.168.69.7/", "http://192.168.69.100:8009/"] {
        // Who waits for the default of five seconds does so each time.
        let is_in_time = |_| {
            let (code, stderr) = run_failing(url, &["-v", "--connect-timeout", "0.7"]);
            let is_told = stderr.contains("timed out waiting for the connection");
            assert!(code == Some(28) && is_told, "{stderr}");
            let begin = millis_at(&stderr, "connecting to");
            let millis = millis_at(&stderr, "Opening => Closed") - begin;
            assert!(millis >= 700.0, "{stderr}");
            millis < 5_000.0
        };
        assert!((0..TRIES_MAX).any(is_in_time), "{url}");
    }
}

#[test]
fn unreachable_addresses_are_refused_before_a_frame_is_sent() {
    in_namespace!();
    for (host, words) in [
        ("10.9.8.7", "no source address or route"),
        ("192.168.69.1", "cannot be a peer"),
        ("192.168.69.255", "cannot be a peer"),
        ("0.0.0.0", "cannot be a peer"),
        ("255.255.255.255", "cannot be a peer"),
        ("224.0.0.1", "cannot be a peer"),
        ("[fd00::9]", "no source address or route"),
    ] {
        assert_fails(&format!("http://{host}/"), &[], 7, words);
    }
}

#[test]
fn bad_urls_and_bad_headers_need_no_tap() {
    in_namespace!();
    for (url, code, words) in [
        ("https://192.168.69.100/", 3, "https://192.168.69.100/: "),
        ("192.168.69.100/x", 3, "192.168.69.100/x: "),
        ("http://192.168.69.100:0/", 3, ": "),
        ("http://192.168.69.100/a b", 3, ": "),
        ("http://192.168.69.100/a\r\nX: y", 3, "\u{240d}\u{240a}X: y"),
        ("http://[::1/", 3, ": "),
        ("", 3, ": "),
    ] {
        assert_fails(url, &["--tap", "missing%"], 2, "'%'");
        assert_fails(url, &["--tap", "lo"], code, words);
    }
    for url in [
        "http://me:secret@192.168.69.100:0/",
        "https://me:secret@192.168.69.100/",
        "ftp://me:secret@192.168.69.100/",
        "me:secret@192.168.69.100/",
        "http:/me:secret@192.168.69.100/",
        "http://me:secret@x@192.168.69.100:0/",
        "http://me:a b/secret@192.168.69.100/",
    ] {
        let exited = get(&[url]);
        let text = exited.stderr();
        assert_eq!(exited.code, Some(3), "{url}: {text}");
        assert!(text.contains("***@192.168.69.100"), "{url}: {text}");
        assert!(!text.contains("secret"), "{url}: {text}");
    }
    let url = "http://192.168.69.100/";
    for (header, words) in [
        ("Content-Length: 5", "--header"),
        ("Connection: keep-alive", "--header"),
        ("nocolon", "nocolon"),
    ] {
        assert_fails(url, &["--tap", "lo", "--header", header], 2, words);
    }
}

#[test]
fn a_truncated_body_a_reset_and_a_malformed_head_are_different_errors() {
    in_namespace!();
    let half = ok_response(&[b'x'; 100_000])[..50_000].to_vec();
    let truncated = HttpServer::with_response(KERNEL_ADDRESS, half.clone());
    assert_fails(&truncated.url("/"), &[], 18, "closed before the end");
    let reset = HttpServer::start(KERNEL_ADDRESS, move |connection| {
        connection.send(&half);
        connection.reset();
    });
    assert_fails(&reset.url("/"), &[], 56, "reset");
    let malformed = HttpServer::with_response(
        KERNEL_ADDRESS,
        "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
    );
    assert_fails(
        &malformed.url("/"),
        &[],
        8,
        "Content-Length is not a number",
    );
    // A head that is malformed within its Location is not a redirect.
    let bad_redirect =
        HttpServer::with_response(KERNEL_ADDRESS, "HTTP/1.0 302 \r\nLocation: /a\x1bb\r\n\r\n");
    let (code, stderr) = run_failing(&bad_redirect.url("/"), &[]);
    assert_eq!(code, Some(8), "{stderr}");
    assert!(!stderr.contains("Location"), "{stderr}");
    let without_length = HttpServer::with_response(KERNEL_ADDRESS, "HTTP/1.0 200 OK\r\n\r\nhello");
    assert_fails(
        &without_length.url("/"),
        &["--require-length"],
        18,
        "closed before the end",
    );
}

#[test]
fn a_body_over_the_limit_is_refused_with_and_without_an_announced_length() {
    in_namespace!();
    let announced = HttpServer::with_body(KERNEL_ADDRESS, &[b'x'; 3_000]);
    let unannounced = HttpServer::with_response(
        KERNEL_ADDRESS,
        [b"HTTP/1.0 200 OK\r\n\r\n", &[b'x'; 3_000][..]].concat(),
    );
    for server in [announced, unannounced] {
        let url = server.url("/");
        assert_fails(&url, &["--max-size", "2999"], 63, "larger than the limit");
        assert_fails(&url, &["--max-size", "2k"], 63, "larger than the limit");
        let exited = get(&[&url, "--max-size", "3000"]);
        assert_eq!((exited.code, exited.stdout_bytes.len()), (Some(0), 3_000));
    }
}

#[test]
fn each_timeout_says_what_did_not_arrive() {
    in_namespace!();
    let silent = HttpServer::start(KERNEL_ADDRESS, HttpConnection::wait_until_closed);
    let url = silent.url("/");
    assert_fails(
        &url,
        &["--first-byte-timeout", "0.5"],
        28,
        "the response head",
    );
    let stops = HttpServer::start(KERNEL_ADDRESS, |connection| {
        connection.send(b"HTTP/1.0 200 OK\r\n\r\nhello");
        connection.wait_until_closed();
    });
    assert_fails(&stops.url("/"), &["--idle-timeout", "0.5"], 28, "more data");
    // This server always sends something, so only the total limit ends the transfer.
    let endless = HttpServer::start(KERNEL_ADDRESS, |connection| {
        connection.send(b"HTTP/1.0 200 OK\r\n\r\n");
        while connection.send(&[b'x'; 4_000]) {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    });
    let clock = Clock::start();
    assert_fails(
        &endless.url("/"),
        &["--max-time", "1.5"],
        28,
        "the whole transfer",
    );
    assert!(clock.now().as_millis() >= 1_500);
}

#[test]
fn ctrl_c_ends_a_wait_and_resets_the_server() {
    in_namespace!();
    let (report, reports) = std::sync::mpsc::channel();
    let report = std::sync::Mutex::new(report);
    let silent = HttpServer::start(KERNEL_ADDRESS, move |connection| {
        report.lock().unwrap().send("connected").unwrap();
        connection.wait_until_closed();
        report.lock().unwrap().send("closed").unwrap();
    });
    let program = hosttap(&["get", &silent.url("/"), "--first-byte-timeout", "1000"]);
    assert_eq!(reports.recv_timeout(WAIT_MAX), Ok("connected"));
    program.interrupt();
    let exited = program.finish();
    assert_eq!(exited.code, Some(130));
    assert_eq!(exited.stderr(), "hosttap: interrupted\n");
    assert_eq!(reports.recv_timeout(WAIT_MAX), Ok("closed"));
}
