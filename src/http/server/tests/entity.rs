//! Conditions and ranges.

extern crate std;

use std::format;
use std::string::{String, ToString};

use super::read;
use crate::Tick;
use crate::http::Header;
use crate::http::server::reply::Body;
use crate::http::server::response::Terms;
use crate::http::server::{Entity, Etag, LastModified, Response};

const ETAG: &str = "\"a,b\"";

/// Status, Content-Range, and the part of the entity that follows, for a request with these fields.
fn answer(length: u64, etag: Option<&str>, line: &str, fields: &str) -> (u16, String, Body) {
    let text = format!("{line} HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let mut result = None;
    let taken = read(text.as_bytes(), &[], &mut |request| {
        let mut memory = [0; 512];
        let response = Response::new(&mut memory, Terms::of(Tick::ZERO, &request, true));
        let entity = Entity {
            length,
            content_type: "text/css",
            etag,
            modified: Some(LastModified::at(784_111_777)),
            fields: &[Header {
                name: "X",
                value: "y",
            }],
        };
        let reply = response.entity(&request, &entity);
        let head = String::from_utf8(memory[..reply.len.unwrap()].to_vec()).unwrap();
        assert_eq!(
            head.contains("X: y\r\n"),
            matches!(reply.status, 200 | 206 | 304)
        );
        assert_eq!(
            head.contains("Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
            matches!(reply.status, 200 | 206 | 304)
        );
        let range = head.split("Content-Range: ").nth(1);
        let range = range.and_then(|range| range.split("\r\n").next());
        result = Some((reply.status, range.unwrap_or("").to_string(), reply.body));
    });
    assert!(matches!(taken, Ok(Some(_))), "{taken:?}");
    result.unwrap()
}

#[track_caller]
fn part(value: &str, range: &str, offset: u64, end: u64) {
    let fields = format!("Range: {value}\r\n");
    let expected = (206, range.to_string(), Body::Stream { offset, end });
    assert_eq!(
        answer(10, Some(ETAG), "GET /", &fields),
        expected,
        "{value}"
    );
}

const WHOLE: fn() -> (u16, String, Body) = || {
    let body = Body::Stream { offset: 0, end: 10 };
    (200, String::new(), body)
};

#[test]
fn a_range_is_from_to_or_from_on_or_the_last_bytes() {
    part("bytes=0-0", "bytes 0-0/10", 0, 1);
    part("bytes=2-4", "bytes 2-4/10", 2, 5);
    part("Bytes=9-", "bytes 9-9/10", 9, 10);
    part("bytes=0-", "bytes 0-9/10", 0, 10);
    part("bytes=5-99", "bytes 5-9/10", 5, 10);
    part("bytes=5-99999999999999999999999", "bytes 5-9/10", 5, 10);
    part("bytes=-3", "bytes 7-9/10", 7, 10);
    part("bytes=-99", "bytes 0-9/10", 0, 10);
}

#[test]
fn a_range_that_is_not_there_is_416_with_the_length() {
    for value in [
        "bytes=10-",
        "bytes=10-20",
        "bytes=-0",
        "bytes=99999999999999999999999-",
    ] {
        let (status, range, _) = answer(10, None, "GET /", &format!("Range: {value}\r\n"));
        assert_eq!((status, range.as_str()), (416, "bytes */10"), "{value}");
    }
    let (status, range, _) = answer(0, None, "GET /", "Range: bytes=0-\r\n");
    assert_eq!((status, range.as_str()), (416, "bytes */0"));
    let (status, ..) = answer(0, None, "GET /", "Range: bytes=-1\r\n");
    assert_eq!(status, 200, "the last byte of nothing is all of it");
}

#[test]
fn a_date_counts_only_where_no_tag_is_named() {
    let (before, same, after) = (
        "Sun, 06 Nov 1994 08:49:36 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:38 1994",
    );
    let status = |fields: &str| answer(10, Some(ETAG), "GET /", fields).0;
    for (date, since, unmodified) in [
        (before, 200, 412),
        (same, 304, 200),
        (after, 304, 200),
        ("yesterday", 200, 200),
    ] {
        let since_field = format!("If-Modified-Since: {date}\r\n");
        assert_eq!(status(&since_field), since, "{date}");
        let unmodified_field = format!("If-Unmodified-Since: {date}\r\n");
        assert_eq!(status(&unmodified_field), unmodified, "{date}");
        let tag = "If-None-Match: \"b\"\r\n";
        assert_eq!(status(&format!("{since_field}{tag}")), 200, "{date}");
        let tag = format!("If-Match: {ETAG}\r\n");
        assert_eq!(status(&format!("{unmodified_field}{tag}")), 200, "{date}");
    }
    let twice = format!("If-Modified-Since: {same}\r\n");
    assert_eq!(status(&format!("{twice}{twice}")), 200);
}

#[test]
fn a_range_that_is_malformed_or_of_several_parts_gets_everything() {
    for value in [
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=4-2",
        "bytes=a-b",
        "bytes=1-2,4-5",
        "lines=1-2",
        "bytes=+1-2",
        "bytes=1--2",
        "bytes =1-2",
        "bytes=1 - 2",
        "1-2",
    ] {
        let fields = format!("Range: {value}\r\n");
        assert_eq!(answer(10, Some(ETAG), "GET /", &fields), WHOLE(), "{value}");
    }
}

#[test]
fn a_second_field_makes_a_range_nothing() {
    let range = "Range: bytes=1-2\r\n";
    let if_range = format!("If-Range: {ETAG}\r\n");
    let ask = |fields: &str| answer(10, Some(ETAG), "GET /", fields);
    assert_eq!(ask(&format!("{range}{range}")), WHOLE());
    assert_eq!(ask(&format!("{range}Range: bytes=4-5\r\n")), WHOLE());
    assert_eq!(ask(&format!("{range}{if_range}{if_range}")), WHOLE());
    assert_eq!(ask(&format!("{range}{if_range}")).0, 206);
}

#[test]
fn head_has_no_range() {
    let (status, ..) = answer(10, Some(ETAG), "HEAD /", "Range: bytes=1-2\r\n");
    assert_eq!(status, 200);
}

#[test]
fn if_range_counts_only_with_the_same_strong_tag() {
    let ask = |tag: &str, etag| {
        let fields = format!("Range: bytes=1-2\r\nIf-Range: {tag}\r\n");
        answer(10, etag, "GET /", &fields).0
    };
    assert_eq!(ask(ETAG, Some(ETAG)), 206);
    for tag in ["\"b\"", "W/\"a,b\"", "Sun, 06 Nov 1994 08:49:37 GMT", ""] {
        assert_eq!(ask(tag, Some(ETAG)), 200, "{tag}");
    }
    assert_eq!(ask("W/\"a\"", Some("W/\"a\"")), 200);
    assert_eq!(ask(ETAG, None), 200);
}

#[test]
fn a_caller_that_has_it_already_is_told_so() {
    for list in [
        "\"a,b\"",
        "*",
        "\"x\", W/\"a,b\"",
        "W/\"y\" ,\t\"a,b\" , \"z\"",
    ] {
        let fields = format!("If-None-Match: {list}\r\nRange: bytes=1-2\r\n");
        let (status, _, body) = answer(10, Some(ETAG), "GET /", &fields);
        assert_eq!((status, body), (304, Body::Empty), "{list}");
    }
    let two = "If-None-Match: \"x\"\r\nIf-None-Match: \"a,b\"\r\n";
    assert_eq!(answer(10, Some(ETAG), "HEAD /", two).0, 304);
    for list in ["\"a\"", "\"b\"", "a,b", "\"x\" \"a,b\"", "\"a,b", ""] {
        let fields = format!("If-None-Match: {list}\r\n");
        assert_eq!(answer(10, Some(ETAG), "GET /", &fields), WHOLE(), "{list}");
    }
}

#[test]
fn a_caller_that_wants_another_version_gets_412() {
    let ask = |list: &str, etag| answer(10, etag, "GET /", &format!("If-Match: {list}\r\n")).0;
    assert_eq!(ask("\"x\", \"a,b\"", Some(ETAG)), 200);
    assert_eq!(ask("*", None), 200);
    assert_eq!(ask("\"x\"", Some(ETAG)), 412);
    assert_eq!(ask("W/\"a,b\"", Some(ETAG)), 412);
    assert_eq!(ask("W/\"a\"", Some("W/\"a\"")), 412);
    assert_eq!(ask("\"x\"", None), 412);
}

#[test]
fn tags_of_different_bytes_are_different_and_quoted() {
    assert_eq!(Etag::of(b"").as_str(), "\"CBF29CE484222325\"");
    assert_eq!(Etag::of(b"a").as_str(), "\"AF63DC4C8601EC8C\"");
    assert_ne!(Etag::of(b"ab"), Etag::of(b"ba"));
}
