//! Requests with a body.

use super::site::BODY_BYTES_MAX;
use super::{HOST, Served, body, request, status};

/// A POST with this body, and the next request after it.
fn post(path: &str, lines: &str, text: &str) -> String {
    let length = text.len();
    format!("POST {path} HTTP/1.1\r\n{HOST}{lines}Content-Length: {length}\r\n\r\n{text}")
        + &request("GET /none")
}

fn chunked(path: &str, chunks: &str) -> String {
    format!("POST {path} HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n{chunks}")
        + &request("GET /none")
}

/// The statuses of all answers.
fn statuses(answers: &str) -> Vec<u16> {
    let parts = answers.split("HTTP/1.1 ").skip(1);
    parts.map(|part| part[..3].parse().unwrap()).collect()
}

#[test]
fn a_body_reaches_the_handler_wherever_it_is_cut() {
    let text = chunked(
        "/",
        "5;a=b\r\nhello\r\n1\r\n \r\n005\r\nworld\r\n0\r\nT: t\r\n\r\n",
    );
    let mut served = Served::new();
    for cut in 0..text.len() {
        let call = served.call(&text, Some(cut));
        let answers = served.answer(call);
        assert_eq!(statuses(&answers), [200, 204], "cut at {cut}: {answers}");
        assert!(answers.contains("\r\n\r\nhello world"), "{answers}");
    }
}

#[test]
fn a_handler_that_is_slow_is_asked_again() {
    let mut served = Served::new();
    let answers = served.ask(&post("/later", "", "~~~"));
    assert_eq!(statuses(&answers), [200, 204]);
    assert_eq!(served.site().calls, "rbere");
}

#[test]
fn a_caller_that_waits_for_it_is_told_to_continue() {
    let mut served = Served::new();
    let text = post("/", "Expect: 100-continue\r\n", "hello");
    let cut = text.find("hello").unwrap();
    let call = served.call(&text, Some(cut));
    let answers = served.answer(call);
    assert!(answers.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
    assert_eq!(statuses(&answers), [100, 200, 204]);
    // And not where nothing is wanted, or nothing comes.
    let refused = served.ask(&post("/never", "Expect: 100-continue\r\n", "hello"));
    assert_eq!(statuses(&refused), [403]);
    let empty = served.ask(&post("/", "Expect: 100-continue\r\n", ""));
    assert_eq!(statuses(&empty), [200, 204]);
}

#[test]
fn a_body_that_is_too_long_is_refused_before_or_when_it_is() {
    let mut served = Served::new();
    let limit = usize::try_from(BODY_BYTES_MAX).unwrap();
    let fits = served.ask(&post("/", "", &"x".repeat(limit)));
    assert_eq!(
        statuses(&fits),
        [500],
        "it was taken, and does not fit the answer"
    );
    assert_eq!(served.site().body.len(), limit);
    let long = served.ask(&post("/", "", &"x".repeat(limit + 1)));
    assert_eq!(statuses(&long), [413]);
    let long = format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(limit + 1));
    assert_eq!(statuses(&served.ask(&chunked("/", &long))), [413]);
}

#[test]
fn a_body_that_nobody_reads_ends_the_connection() {
    let mut served = Served::new();
    let answer = served.ask(&post("/never", "", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_eq!(statuses(&answer), [403]);
    assert!(answer.contains("Connection: close\r\n"), "{answer}");
    let answer = served.ask(&post("/", "", "a!b"));
    assert_eq!(statuses(&answer), [507]);
}

#[test]
fn chunks_that_are_malformed_are_refused() {
    let mut served = Served::new();
    for chunks in [
        "x\r\n",
        "\r\n",
        "-1\r\n",
        "+1\r\n",
        "0x1\r\n",
        "1 1\r\n",
        "1\nx\r\n",
        "1\r\nxy\r\n",
        "1\r\nx\n",
        "1;a\nb\r\n",
        "10000000000000000\r\n",
        "1;\0\r\n",
        "0\r\nT: t\n\r\n",
        "0\r\n\n",
    ] {
        let answer = served.ask(&chunked("/", chunks));
        assert_eq!(statuses(&answer), [400], "{chunks:?}");
    }
    let endless = format!("1;{}", "a".repeat(5_000));
    assert_eq!(status(&served.ask(&chunked("/", &endless))), 400);
}

#[test]
fn what_follows_a_body_is_the_next_request_and_not_a_byte_more() {
    let mut served = Served::new();
    let answers = served.ask(&post("/", "", "GET /split HTTP/1.1\r\n\r\n"));
    assert_eq!(statuses(&answers), [200, 204]);
    assert_eq!(
        body(answers.split("HTTP/1.1 204").next().unwrap()),
        "GET /split HTTP/1.1\r\n\r\n"
    );
}
