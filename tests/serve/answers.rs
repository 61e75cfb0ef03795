//! Requests without a body and their answers.

use tickwire::http::server::HttpOptions;

use super::site::letter;
use super::{HOST, Served, body, request, status};

/// The first letters of a stream.
fn letters(len: u64) -> String {
    (0..len).map(letter).map(char::from).collect()
}

#[test]
fn a_request_is_answered_wherever_it_is_cut() {
    let text = request("GET /");
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Content-Length: 6\r\nConnection: close\r\n\r\nhello\n";
    let mut served = Served::new();
    for cut in 0..text.len() {
        let call = served.call(&text, Some(cut));
        assert_eq!(served.answer(call), answer, "cut at {cut}");
    }
    assert_eq!(served.site().calls, "re".repeat(text.len()));
}

#[test]
fn requests_of_one_connection_are_answered_in_order_even_if_they_come_together() {
    let mut served = Served::new();
    let mut text = String::new();
    for length in [3, 2, 1] {
        text += &format!("GET /long?n={length} HTTP/1.1\r\n{HOST}\r\n");
    }
    text += &request("GET /none");
    let answers = served.ask(&text);
    let bodies: Vec<_> = answers.split("HTTP/1.1 ").skip(1).map(body).collect();
    assert_eq!(bodies, ["abc", "ab", "a", ""]);
    assert_eq!(answers.matches("Connection: close").count(), 1);
}

#[test]
fn http_1_0_is_answered_and_closed_unless_it_asks_for_more() {
    let mut served = Served::new();
    let answer = served.ask("GET / HTTP/1.0\r\n\r\n");
    assert!(answer.contains("Connection: close\r\n"), "{answer}");
    let text = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n";
    let answers = served.ask(text);
    assert_eq!(answers.matches("hello").count(), 2);
    assert_eq!(answers.matches("Connection: keep-alive\r\n").count(), 1);
}

#[test]
fn head_has_the_fields_of_get_and_no_body() {
    let mut served = Served::new();
    for path in ["/", "/long?n=5", "/chunks?n=5", "/none", "/nothing"] {
        let get = served.ask(&request(&format!("GET {path}")));
        let head = served.ask(&request(&format!("HEAD {path}")));
        let (fields, _) = get.split_once("\r\n\r\n").unwrap();
        assert_eq!(head, format!("{fields}\r\n\r\n"), "{path}");
    }
}

#[test]
fn a_long_body_passes_through_a_small_send_buffer() {
    let mut served = Served::with(256, HttpOptions::default());
    let answer = served.ask(&request("GET /long?n=10000"));
    assert!(body(&answer) == letters(10_000), "{answer}");
}

#[test]
fn a_body_of_unknown_length_comes_in_chunks_or_ends_with_the_close() {
    let mut served = Served::new();
    for length in [0, 1, 505, 506, 2_000] {
        let answer = served.ask(&request(&format!("GET /chunks?n={length}")));
        assert!(
            answer.contains("Transfer-Encoding: chunked\r\n"),
            "{answer}"
        );
        assert_eq!(unchunked(body(&answer)), letters(length));
        let answer = served.ask(&format!("GET /chunks?n={length} HTTP/1.0\r\n\r\n"));
        assert!(!answer.contains("Transfer-Encoding"), "{answer}");
        assert_eq!(body(&answer), letters(length));
    }
}

/// The payload of chunks.
fn unchunked(mut chunks: &str) -> String {
    let mut payload = String::new();
    loop {
        let (size, rest) = chunks.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        payload += &rest[..size];
        chunks = rest[size..].strip_prefix("\r\n").unwrap();
        if size == 0 {
            assert_eq!(chunks, "");
            return payload;
        }
    }
}

#[test]
fn a_body_that_ends_too_early_ends_in_rst_and_the_server_goes_on() {
    let mut served = Served::new();
    let call = served.call(&request("GET /short?n=10"), None);
    let result = served.net.finish(call, super::secs(10));
    assert_eq!(result, Err(tickwire::Error::Reset));
    assert_eq!(status(&served.ask(&request("GET /"))), 200);
}

#[test]
fn an_answer_that_does_not_fit_or_would_split_is_a_500() {
    let mut served = Served::new();
    for path in ["/big", "/split", "/framed", "/dated", "/kept"] {
        let answer = served.ask(&request(&format!("GET {path}")));
        assert_eq!(status(&answer), 500, "{path}");
        assert_eq!(body(&answer), "");
    }
}

#[test]
fn other_methods_and_paths_are_the_handlers_to_refuse() {
    let mut served = Served::new();
    let answer = served.ask(&request("DELETE /"));
    assert_eq!(status(&answer), 405);
    assert!(answer.contains("Allow: GET, HEAD\r\n"), "{answer}");
    assert_eq!(status(&served.ask(&request("GET /nothing"))), 404);
    let calls = served.site().calls.clone();
    assert_eq!(status(&served.ask(&request("OPTIONS *"))), 204);
    assert_eq!(status(&served.ask(&request("TRACE /"))), 501);
    assert_eq!(served.site().calls, calls, "no handler hears of these");
}
