//! Downloads that recover: `-L`, `-C`, `--retry`, `--sha256`, `--head`, user names in URLs.

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{create_site, get, names};
use crate::common::{
    HttpConnection, HttpServer, KERNEL_ADDRESS, hosttap, in_namespace, ok_response, sh,
};

/// SHA-256 of `hello\n`.
const HELLO: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

fn answer(connection: &mut HttpConnection, head: &str, body: &[u8]) {
    connection.send(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes());
    connection.send(body);
}

/// A file with an ETag, of which the first answer has `cut` bytes and then ends.
struct Cut {
    server: HttpServer,
    /// Bytes of bodies that were sent.
    sent: Arc<AtomicUsize>,
}

impl Cut {
    /// A server whose file is `"v1"` for the first request, and `later` afterwards. Each request for
    /// a part is answered with it, if its validator is the one of now.
    fn start(body: &'static [u8], cut: usize, later: &'static str) -> Self {
        let sent = Arc::new(AtomicUsize::new(0));
        let (requests, counter) = (AtomicUsize::new(0), Arc::clone(&sent));
        let server = HttpServer::start(KERNEL_ADDRESS, move |connection| {
            let number = requests.fetch_add(1, Ordering::SeqCst);
            let etag = if number == 0 { "\"v1\"" } else { later };
            let request = &connection.request;
            let first = request
                .split_once("Range: bytes=")
                .filter(|_| request.contains(&format!("If-Range: {etag}\r\n")))
                .map_or(0, |(_, rest)| {
                    rest.split('-').next().unwrap().parse().unwrap()
                });
            let rest = &body[first..];
            let (status, range) = match first {
                0 => ("200 OK", String::new()),
                _ => {
                    let (last, total) = (body.len() - 1, body.len());
                    let range = format!("\r\nContent-Range: bytes {first}-{last}/{total}");
                    ("206 Partial Content", range)
                }
            };
            let head = format!(
                "{status}\r\nETag: {etag}\r\nContent-Length: {}{range}",
                rest.len()
            );
            let sent = if number == 0 { &rest[..cut] } else { rest };
            counter.fetch_add(sent.len(), Ordering::SeqCst);
            answer(connection, &head, sent);
        });
        Self { server, sent }
    }
}

#[test]
fn redirects_are_followed_only_where_asked_and_at_most_five() {
    in_namespace!();
    let server = HttpServer::start(KERNEL_ADDRESS, |connection| {
        let path = connection.request.split(' ').nth(1).unwrap().to_owned();
        match path.trim_start_matches('/').parse::<u32>() {
            Ok(0) => answer(connection, "200 OK\r\nContent-Length: 2", b"ok"),
            Ok(number) => {
                let head = format!("302 Found\r\nLocation: /{}", number - 1);
                answer(connection, &head, b"");
            }
            Err(_) => answer(connection, "302 Found\r\nLocation: /loop", b""),
        }
    });
    for (options, path, code, words) in [
        (&[][..], "/1", 22, "status 302, Location: /0"),
        (&["-L"], "/5", 0, "status 200"),
        (&["-L"], "/6", 47, "too many redirects, Location: /0"),
        (&["-L", "--max-redirs", "6"], "/6", 0, "status 200"),
        (&["-L", "--max-redirs", "1"], "/2", 47, "too many redirects"),
        (&["-L", "--max-redirs", "0"], "/1", 47, "too many redirects"),
        (&["-L", "--max-redirs", "0"], "/0", 0, "status 200"),
        (&["-L"], "/loop", 47, "a URL that was asked before: http://"),
    ] {
        let exited = get(&[options, &[&server.url(path)]].concat());
        let stderr = exited.stderr();
        assert_eq!(exited.code, Some(code), "{options:?} {path}: {stderr}");
        assert!(stderr.contains(words), "{options:?} {path}: {stderr}");
        assert_eq!(exited.stdout(), if code == 0 { "ok" } else { "" });
    }
}

#[test]
fn a_user_name_goes_to_its_own_host_alone_and_is_never_printed() {
    in_namespace!();
    sh("ip addr add 192.168.69.101/24 dev tap0");
    let other = HttpServer::start("192.168.69.101", |connection| {
        let request = connection.request.clone();
        connection.send(&ok_response(request.as_bytes()));
    });
    let away = other.url("/");
    let server = HttpServer::start(KERNEL_ADDRESS, move |connection| {
        let request = connection.request.clone();
        if request.starts_with("GET /away ") {
            answer(connection, &format!("302 Found\r\nLocation: {away}"), b"");
        } else if request.starts_with("GET /missing ") {
            answer(connection, "404 Not Found\r\nContent-Length: 0", b"");
        } else {
            connection.send(&ok_response(request.as_bytes()));
        }
    });
    let url = |path| server.url(path).replace("http://", "http://me:secret@");
    let exited = get(&[&url("/a@b")]);
    // `me:secret` in Base64.
    let authorization = "Authorization: Basic bWU6c2VjcmV0\r\n";
    assert!(
        exited.stdout().contains(authorization),
        "{}",
        exited.stdout()
    );
    let exited = get(&["-L", "--header", "X-Key: 1", &url("/away")]);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    let stdout = exited.stdout();
    assert!(
        !stdout.contains("Authorization") && !stdout.contains("X-Key"),
        "{stdout}"
    );
    let exited = get(&[&url("/missing")]);
    let stderr = exited.stderr();
    assert!(stderr.contains("http://***@192.168.69.100:"), "{stderr}");
    assert!(
        stderr.contains("/missing: status 404") && !stderr.contains("secret"),
        "{stderr}"
    );
}

#[test]
fn a_truncated_download_is_kept_and_the_next_run_fetches_the_rest_alone() {
    in_namespace!();
    let server = Cut::start(b"0123456789", 4, "\"v1\"");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    let arguments = ["-C", &server.server.url("/"), "-o", file.to_str().unwrap()];
    let exited = get(&arguments);
    assert_eq!(exited.code, Some(18), "{}", exited.stderr());
    assert!(
        exited.stderr().contains("4 bytes are kept in "),
        "{}",
        exited.stderr()
    );
    assert_eq!(names(directory.path()), ["file.part", "file.part.info"]);
    let exited = get(&arguments);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert!(
        exited.stderr().contains("after the 4 that were there"),
        "{}",
        exited.stderr()
    );
    assert_eq!(fs::read(&file).unwrap(), b"0123456789");
    assert_eq!(names(directory.path()), ["file"]);
    assert_eq!(server.sent.load(Ordering::SeqCst), 10);
}

#[test]
fn a_file_that_has_changed_in_between_begins_anew() {
    in_namespace!();
    let server = Cut::start(b"0123456789", 4, "\"v2\"");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    let arguments = ["-C", &server.server.url("/"), "-o", file.to_str().unwrap()];
    assert_eq!(get(&arguments).code, Some(18));
    let exited = get(&arguments);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(fs::read(&file).unwrap(), b"0123456789");
    assert_eq!(server.sent.load(Ordering::SeqCst), 14);
}

#[test]
fn a_part_that_is_another_one_than_asked_for_is_not_gone_on_with_and_not_told_so() {
    in_namespace!();
    let requests = AtomicUsize::new(0);
    let server = HttpServer::start(KERNEL_ADDRESS, move |connection| {
        let whole = "200 OK\r\nETag: \"v1\"\r\nContent-Length: 10";
        let part = "206 Partial Content\r\nETag: \"v1\"\r\nContent-Length: 8";
        match requests.fetch_add(1, Ordering::SeqCst) {
            0 => answer(connection, whole, b"0123"),
            1 => {
                let head = format!("{part}\r\nContent-Range: bytes 2-9/10");
                answer(connection, &head, b"23456789");
            }
            _ => answer(connection, whole, b"0123456789"),
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("copy");
    let url = server.url("/");
    let arguments = ["-C", &url, "-o", file.to_str().unwrap()];
    assert_eq!(get(&arguments).code, Some(18));
    let exited = get(&arguments);
    let stderr = exited.stderr();
    assert_eq!(exited.code, Some(0), "{stderr}");
    let told = "beginning anew, not after 4 bytes of an earlier run";
    assert!(stderr.contains(told), "{stderr}");
    assert!(!stderr.contains("going on"), "{stderr}");
    assert_eq!(fs::read(file).unwrap(), b"0123456789");
}

#[test]
fn a_pipe_goes_on_after_a_retry_and_ends_with_33_where_the_file_has_changed() {
    in_namespace!();
    let server = Cut::start(b"0123456789", 4, "\"v1\"");
    let exited = get(&["--retry", "1", &server.server.url("/")]);
    assert_eq!(exited.stdout(), "0123456789", "{}", exited.stderr());
    assert!(
        exited.stderr().contains("; trying again in 1 s"),
        "{}",
        exited.stderr()
    );
    assert_eq!(server.sent.load(Ordering::SeqCst), 10);
    let server = Cut::start(b"0123456789", 4, "\"v2\"");
    let exited = get(&["--retry", "1", &server.server.url("/")]);
    assert_eq!((exited.code, exited.stdout().as_str()), (Some(33), "0123"));
    assert!(
        exited.stderr().contains("the file has changed"),
        "{}",
        exited.stderr()
    );
}

#[test]
fn a_server_that_comes_up_later_is_reached_by_a_retry() {
    in_namespace!();
    let port = {
        let listener = TcpListener::bind((KERNEL_ADDRESS, 0)).unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("http://{KERNEL_ADDRESS}:{port}/page");
    assert_eq!(get(&[&url]).code, Some(7));
    let program = hosttap(&["get", "--retry", "9", &url]);
    program.wait_for_stderr("refused; trying again in 1 s");
    let site = create_site(1);
    let script = "import runpy, sys; sys.argv = ['http.server', '--bind'] + sys.argv[1:]; \
        runpy.run_module('http.server', run_name='__main__')";
    let mut command = crate::common::killed_with_test("python3");
    command.args(["-c", script, KERNEL_ADDRESS, "--directory"]);
    command.arg(site.path().join("www")).arg(port.to_string());
    let _server = crate::common::Process::start(&mut command);
    let exited = program.finish();
    assert_eq!(exited.stdout(), "hello\n", "{}", exited.stderr());
}

#[test]
fn retry_after_is_waited_for_and_the_time_for_retries_is_kept() {
    in_namespace!();
    let requests = AtomicUsize::new(0);
    let server = HttpServer::start(KERNEL_ADDRESS, move |connection| {
        match requests.fetch_add(1, Ordering::SeqCst) {
            1 => answer(connection, "200 OK\r\nContent-Length: 2", b"ok"),
            _ => {
                let head = "503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0";
                answer(connection, head, b"");
            }
        }
    });
    let exited = get(&["--retry", "1", &server.url("/")]);
    assert_eq!(exited.stdout(), "ok", "{}", exited.stderr());
    assert!(
        exited.stderr().contains("status 503; trying again in 2 s"),
        "{}",
        exited.stderr()
    );
    let exited = get(&["--retry", "1", "--retry-max-time", "1", &server.url("/")]);
    assert_eq!(exited.code, Some(22), "{}", exited.stderr());
    assert!(!exited.stderr().contains("again"), "{}", exited.stderr());
}

#[test]
fn a_file_with_another_digest_is_not_saved() {
    in_namespace!();
    let server = HttpServer::with_body(KERNEL_ADDRESS, b"hello\n");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    let (url, file) = (server.url("/"), file.to_str().unwrap());
    let wrong = HELLO.replace('5', "6");
    for more in [&[][..], &["-C"]] {
        let exited = get(&[&["--sha256", &wrong, &url, "-o", file], more].concat());
        assert_eq!(exited.code, Some(25), "{}", exited.stderr());
        let words = format!("the file has another digest: {HELLO}\n");
        assert!(exited.stderr().ends_with(&words), "{}", exited.stderr());
        assert!(names(directory.path()).is_empty(), "{more:?}");
    }
    let upper = HELLO.to_uppercase();
    let exited = get(&["--sha256", &upper, &url, "-o", file]);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(fs::read(file).unwrap(), b"hello\n");
    assert_eq!(get(&["--sha256", "12", &url]).code, Some(2));
}

#[test]
fn the_digest_is_that_of_the_whole_file_after_a_resume_too() {
    in_namespace!();
    let server = Cut::start(b"hello\n", 3, "\"v1\"");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    let url = server.server.url("/");
    let arguments = ["-C", "--sha256", HELLO, &url, "-o", file.to_str().unwrap()];
    assert_eq!(get(&arguments).code, Some(18));
    let exited = get(&arguments);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(server.sent.load(Ordering::SeqCst), 6);
}

#[test]
fn the_head_alone_is_written_where_it_is_asked_for() {
    in_namespace!();
    let server = HttpServer::start(KERNEL_ADDRESS, |connection| {
        assert!(connection.request.starts_with("HEAD / "));
        answer(connection, "200 OK\r\nContent-Length: 999\r\nX-A: b", b"");
    });
    let exited = get(&["--head", &server.url("/")]);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(
        exited.stdout(),
        "HTTP/1.1 200 OK\r\nContent-Length: 999\r\nX-A: b\r\n\r\n"
    );
}

#[test]
fn what_cannot_go_together_is_refused_before_anything_is_asked() {
    in_namespace!();
    let url = "http://192.168.69.100/";
    for arguments in [
        &["-C", url][..],
        &["-C", "-o", "-", url],
        &["-C", "--head", "-o", "x", url],
        &["--max-redirs", "3", url],
        &["--sha256", HELLO, url, url],
    ] {
        let exited = get(arguments);
        assert_eq!(exited.code, Some(2), "{arguments:?}: {}", exited.stderr());
    }
    let exited = get(&["-C", "-o", "/dev/null", url]);
    assert_eq!(exited.code, Some(33), "{}", exited.stderr());
}
