//! Every way in which `get` fails has its exit code, says why, and saves nothing.

use hosttap::system::clock::Clock;

use super::get;
use crate::common::{Call, HOST, Server, hosttap, inside, with_length};

/// Runs `get URL -o FILE` with further arguments where FILE holds something already, which must stay; returns the code
/// and stderr.
fn get_in_vain(url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "old").unwrap();
    let ended = get(&[&[url, "-o", file.to_str().unwrap()], arguments].concat());
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "old");
    assert_eq!(ended.stdout(), "");
    (ended.code, ended.stderr())
}

/// Fails with `code` and these words on stderr.
#[track_caller]
fn assert_fails(url: &str, arguments: &[&str], code: i32, words: &str) {
    let (ended, stderr) = get_in_vain(url, arguments);
    assert_eq!(ended, Some(code), "{stderr}");
    assert!(stderr.contains(words), "{words:?} is missing in {stderr:?}");
}

#[test]
fn a_closed_port_refuses_at_once() {
    if !inside("get::failures::a_closed_port_refuses_at_once") {
        return;
    }
    // A timeout beyond the patience of this test shows that none was waited for.
    let url = format!("http://{HOST}:9/");
    assert_fails(&url, &["--connect-timeout", "1000"], 7, "refused");
}

#[test]
fn nobody_there_is_a_timeout_after_five_seconds() {
    if !inside("get::failures::nobody_there_is_a_timeout_after_five_seconds") {
        return;
    }
    let clock = Clock::start();
    assert_fails("http://192.168.69.7/", &[], 28, "the connection");
    assert!(clock.now().as_millis() >= 5_000, "{}", clock.now());
}

#[test]
fn the_connect_timeout_is_the_same_whether_arp_or_a_syn_goes_unanswered() {
    if !inside(
        "get::failures::the_connect_timeout_is_the_same_whether_arp_or_a_syn_goes_unanswered",
    ) {
        return;
    }
    // A whole backlog: the kernel answers no further SYN (listen(2)).
    let full = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        None,
    )
    .unwrap();
    let address: std::net::SocketAddr = format!("{HOST}:8009").parse().unwrap();
    rustix::net::bind(&full, &address).unwrap();
    rustix::net::listen(&full, 0).unwrap();
    let _first = std::net::TcpStream::connect(address).unwrap();
    for url in ["http://192.168.69.7/", "http://192.168.69.100:8009/"] {
        let clock = Clock::start();
        assert_fails(url, &["--connect-timeout", "0.7"], 28, "the connection");
        let millis = clock.now().as_millis();
        assert!((700..5_000).contains(&millis), "{url}: {millis} ms");
    }
}

#[test]
fn peers_that_cannot_be_reached_are_refused_before_a_frame_is_sent() {
    if !inside("get::failures::peers_that_cannot_be_reached_are_refused_before_a_frame_is_sent") {
        return;
    }
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
fn names_bad_urls_and_bad_headers_need_no_tap() {
    if !inside("get::failures::names_bad_urls_and_bad_headers_need_no_tap") {
        return;
    }
    for (url, code, words) in [
        ("http://example.org/", 6, "cannot resolve 'example.org'"),
        ("https://192.168.69.100/", 3, "https://192.168.69.100/: "),
        ("192.168.69.100/x", 3, "192.168.69.100/x: "),
        ("http://192.168.69.100:0/", 3, ": "),
        (
            "http://me@192.168.69.100/",
            3,
            "http://***@192.168.69.100/: ",
        ),
        ("http://192.168.69.100/a b", 3, ": "),
        ("http://192.168.69.100/a\r\nX: y", 3, "\u{240d}\u{240a}X: y"),
        ("http://[::1/", 3, ": "),
        ("", 3, ": "),
    ] {
        assert_fails(url, &["--tap", "missing%"], 2, "'%'");
        assert_fails(url, &["--tap", "lo"], code, words);
    }
    for url in [
        "http://me:secret@192.168.69.100/",
        "https://me:secret@192.168.69.100/",
        "ftp://me:secret@192.168.69.100/",
        "me:secret@192.168.69.100/",
        "http:/me:secret@192.168.69.100/",
        "http://me:secret@x@192.168.69.100/",
        "http://me:a b/secret@192.168.69.100/",
    ] {
        let ended = get(&[url]);
        let text = ended.stderr();
        assert_eq!(ended.code, Some(3), "{url}: {text}");
        assert!(text.contains("***@192.168.69.100/: "), "{url}: {text}");
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
fn a_cut_a_reset_and_a_lie_are_told_apart() {
    if !inside("get::failures::a_cut_a_reset_and_a_lie_are_told_apart") {
        return;
    }
    let half = with_length(&[b'x'; 100_000])[..50_000].to_vec();
    let cut = Server::answering(HOST, half.clone());
    assert_fails(&cut.url("/"), &[], 18, "closed before the end");
    let reset = Server::start(HOST, move |call| {
        call.send(&half);
        call.reset();
    });
    assert_fails(&reset.url("/"), &[], 56, "reset");
    let lie = Server::answering(HOST, "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello");
    assert_fails(&lie.url("/"), &[], 8, "Content-Length is not a number");
    // A head that breaks off in its Location is no redirect.
    let half_a_redirect = Server::answering(HOST, "HTTP/1.0 302 \r\nLocation: /a\x1bb\r\n\r\n");
    let (code, stderr) = get_in_vain(&half_a_redirect.url("/"), &[]);
    assert_eq!(code, Some(8), "{stderr}");
    assert!(!stderr.contains("Location"), "{stderr}");
    let open_end = Server::answering(HOST, "HTTP/1.0 200 OK\r\n\r\nhello");
    assert_fails(
        &open_end.url("/"),
        &["--require-length"],
        18,
        "closed before the end",
    );
}

#[test]
fn a_body_over_the_limit_is_refused_whether_it_was_announced_or_not() {
    if !inside("get::failures::a_body_over_the_limit_is_refused_whether_it_was_announced_or_not") {
        return;
    }
    let announced = Server::holding(HOST, &[b'x'; 3_000]);
    let unannounced = Server::answering(
        HOST,
        [b"HTTP/1.0 200 OK\r\n\r\n", &[b'x'; 3_000][..]].concat(),
    );
    for server in [announced, unannounced] {
        let url = server.url("/");
        assert_fails(&url, &["--max-size", "2999"], 63, "larger than the limit");
        assert_fails(&url, &["--max-size", "2k"], 63, "larger than the limit");
        let ended = get(&[&url, "--max-size", "3000"]);
        assert_eq!((ended.code, ended.stdout_bytes.len()), (Some(0), 3_000));
    }
}

#[test]
fn each_deadline_says_what_was_awaited() {
    if !inside("get::failures::each_deadline_says_what_was_awaited") {
        return;
    }
    let silent = Server::start(HOST, Call::wait_until_gone);
    let url = silent.url("/");
    assert_fails(
        &url,
        &["--first-byte-timeout", "0.5"],
        28,
        "the response head",
    );
    let stops = Server::start(HOST, |call| {
        call.send(b"HTTP/1.0 200 OK\r\n\r\nhello");
        call.wait_until_gone();
    });
    assert_fails(&stops.url("/"), &["--idle-timeout", "0.5"], 28, "more data");
    // It always has something to give, so only the total ends it.
    let endless = Server::start(HOST, |call| {
        call.send(b"HTTP/1.0 200 OK\r\n\r\n");
        while call.send(&[b'x'; 4_000]) {
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
fn ctrl_c_ends_a_wait_and_the_server_learns_of_it() {
    if !inside("get::failures::ctrl_c_ends_a_wait_and_the_server_learns_of_it") {
        return;
    }
    let (gone, has_gone) = std::sync::mpsc::channel();
    let gone = std::sync::Mutex::new(gone);
    let silent = Server::start(HOST, move |call| {
        gone.lock().unwrap().send("called").unwrap();
        call.wait_until_gone();
        gone.lock().unwrap().send("gone").unwrap();
    });
    let limit = std::time::Duration::from_secs(50);
    let program = hosttap(&["get", &silent.url("/"), "--first-byte-timeout", "1000"]);
    assert_eq!(has_gone.recv_timeout(limit), Ok("called"));
    program.interrupt();
    let ended = program.finish(60);
    assert_eq!(ended.code, Some(130));
    assert_eq!(ended.stderr(), "hosttap: interrupted\n");
    assert_eq!(has_gone.recv_timeout(limit), Ok("gone"));
}
