//! Heads that are sound, limits, and those that are malformed in any other way than a smuggler's.

extern crate std;

use std::format;
use std::vec::Vec;

use super::{LIMIT, outcome, reads, refuses};
use crate::http::server::{Method, RequestError};
use crate::http::{Framing, Malformed};

#[test]
fn a_request_has_method_target_version_and_fields() {
    let text = "GET /a/b?c=d&e HTTP/1.1\r\nHost: x:8080\r\nA: 1\r\na:\t2 \t\r\nEmpty:\r\n\r\n";
    reads(text, |request| {
        assert_eq!(request.method(), Method::Get);
        assert_eq!(request.target(), "/a/b?c=d&e");
        assert_eq!((request.path(), request.query()), ("/a/b", Some("c=d&e")));
        assert_eq!(request.parameter("e"), Some(""));
        assert_eq!(request.version_minor(), 1);
        assert_eq!(request.field("HOST"), Some(&b"x:8080"[..]));
        let both: Vec<_> = request.fields("a").collect();
        assert_eq!(both, [b"1", b"2"]);
        assert_eq!(request.field("empty"), Some(&b""[..]));
        assert_eq!(request.field("Hos"), None);
        assert_eq!(request.framing(), Framing::Length(0));
    });
}

#[test]
fn every_method_that_is_known_is_read_and_others_are_not_implemented() {
    for name in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        reads(
            &format!("{name} / HTTP/1.1\r\nHost: x\r\n\r\n"),
            |request| {
                assert_eq!(request.method().as_str(), name);
            },
        );
    }
    for line in ["TRACE /", "get /", "BREW /pot", "CONNECT x:80", "GETT /"] {
        refuses(
            format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n"),
            RequestError::Method,
        );
    }
}

#[test]
fn the_four_forms_of_a_target_belong_to_their_methods() {
    let target = |line: &str, target: &str| {
        reads(&format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n"), |request| {
            assert_eq!(request.target(), target);
        });
    };
    target("GET /", "/");
    target("GET http://y:81/a?b", "/a?b");
    target("GET HTTP://y", "/");
    target("GET http://y?b=/", "?b=/");
    target("OPTIONS http://y?b", "?b");
    target("GET http://[::1]:81/", "/");
    target("OPTIONS *", "*");
    target("OPTIONS http://y", "*");
    for line in [
        "GET *",
        "GET y:81",
        "POST a",
        "GET http:/y",
        "GET http://",
        "GET http:///a",
        "GET ?a",
        "GET /a#b",
        "GET https://y/",
        "GET http://u@y/",
        "GET http://y:http/",
    ] {
        refuses(
            format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n"),
            RequestError::Target,
        );
    }
}

#[test]
fn a_request_line_has_exactly_three_parts() {
    for line in [
        "GET",
        "GET ",
        "GET /",
        "GET / ",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        " GET / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET / a HTTP/1.1",
        "GET / HTTP/1",
        "GET / HTTP/1.",
        "GET / http/1.1",
        "GET / HTTP/1.10",
        "GET / HTTP/11",
        "GET / HTTP 1.1",
        "G(T / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /\u{e9} HTTP/1.1",
        "GET /\0 HTTP/1.1",
        "GET /\x7f HTTP/1.1",
    ] {
        refuses(
            format!("{line}\r\nHost: x\r\n\r\n"),
            RequestError::RequestLine,
        );
    }
}

#[test]
fn every_version_1_is_read_and_no_other() {
    reads("GET / HTTP/1.0\r\n\r\n", |request| {
        assert_eq!(request.version_minor(), 0);
    });
    reads("GET / HTTP/1.9\r\nHost: x\r\n\r\n", |request| {
        assert_eq!(request.version_minor(), 9);
    });
    for version in ["2.0", "0.9", "3.1"] {
        refuses(
            format!("GET / HTTP/{version}\r\n\r\n"),
            RequestError::Version,
        );
    }
    refuses("PRI * HTTP/2.0\r\n\r\n", RequestError::Version);
}

#[test]
fn one_host_is_needed_and_it_is_a_host() {
    for host in [
        "x",
        "x:80",
        "192.168.69.1",
        "[::1]",
        "[::1]:80",
        "a_b.example",
        "x:",
    ] {
        reads(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), |_| {});
    }
    for lines in [
        "",
        "Host:\r\n",
        "Host: x\r\nHost: x\r\n",
        "Host: x, y\r\n",
        "Host: x/\r\n",
        "Host: u@x\r\n",
        "Host: x y\r\n",
        "Host: x:http\r\n",
        "Host: x:99999\r\n",
        "Host: [x]\r\n",
    ] {
        refuses(format!("GET / HTTP/1.1\r\n{lines}\r\n"), RequestError::Host);
    }
    reads("GET / HTTP/1.0\r\nHost: x\r\n\r\n", |_| {});
    refuses(
        "GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n",
        RequestError::Host,
    );
}

#[test]
fn one_empty_line_may_come_first() {
    assert_eq!(outcome("\r\nGET / HTTP/1.0\r\n\r\n"), Ok(Some(20)));
    refuses("\r\n\r\nGET / HTTP/1.0\r\n\r\n", RequestError::LineEnd);
    refuses("\nGET / HTTP/1.0\r\n\r\n", RequestError::LineEnd);
    refuses("\rGET / HTTP/1.0\r\n\r\n", RequestError::LineEnd);
}

#[test]
fn a_complete_head_takes_no_byte_of_what_follows() {
    assert_eq!(outcome("GET / HTTP/1.0\r\n\r\nGET"), Ok(Some(18)));
    assert_eq!(outcome("GET / HTTP/1.0\r\n\r"), Ok(None));
    assert_eq!(outcome(""), Ok(None));
}

#[test]
fn a_head_that_finds_no_room_is_refused_by_the_part_that_is_too_long() {
    let line = |len: usize| format!("GET /{} HTTP/1.0\r\n", "a".repeat(len - 16));
    assert_eq!(outcome(line(LIMIT - 2) + "\r\n"), Ok(Some(LIMIT)));
    refuses(line(LIMIT - 1) + "\r\n", RequestError::FieldsTooLong);
    refuses(line(LIMIT) + "\r\n", RequestError::FieldsTooLong);
    refuses(line(LIMIT + 1) + "\r\n", RequestError::LineTooLong);
    refuses(
        format!("GET /{}", "a".repeat(LIMIT)),
        RequestError::LineTooLong,
    );
    let field = "b".repeat(LIMIT);
    refuses(
        format!("GET / HTTP/1.0\r\na: {field}"),
        RequestError::FieldsTooLong,
    );
}

#[test]
fn a_malformed_field_says_how() {
    for (line, how) in [
        ("nothing", Malformed::NoColon),
        (": x", Malformed::EmptyName),
        ("a b: x", Malformed::SpaceBeforeColon),
        ("a(: x", Malformed::FieldName),
        ("\u{e9}: x", Malformed::FieldName),
        ("a\0: x", Malformed::ControlByte),
        ("a: \0", Malformed::ControlByte),
        ("a: x\x7f", Malformed::ControlByte),
    ] {
        let text = format!("GET / HTTP/1.1\r\n{line}\r\nHost: x\r\n\r\n");
        refuses(text, RequestError::Field(how));
    }
    reads("GET / HTTP/1.0\r\na: \u{e9}\tx\r\n\r\n", |_| {});
}

#[test]
fn connections_persist_as_version_and_field_say() {
    for (head, is_kept) in [
        ("HTTP/1.1\r\nHost: x", true),
        ("HTTP/1.1\r\nHost: x\r\nConnection: a, Close", false),
        ("HTTP/1.1\r\nHost: x\r\nConnection: closed", true),
        (
            "HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nConnection: close",
            false,
        ),
        ("HTTP/1.0", false),
        ("HTTP/1.0\r\nConnection: Keep-Alive", true),
    ] {
        reads(&format!("GET / {head}\r\n\r\n"), |request| {
            assert_eq!(request.is_keep_alive(), is_kept, "{head}");
        });
    }
}

#[test]
fn an_upgrade_needs_both_fields_and_http_1_1() {
    for (head, is_upgrade) in [
        (
            "HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket",
            true,
        ),
        ("HTTP/1.1\r\nHost: x\r\nUpgrade: websocket", false),
        ("HTTP/1.1\r\nHost: x\r\nConnection: upgrade", false),
        (
            "HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket",
            false,
        ),
    ] {
        reads(&format!("GET / {head}\r\n\r\n"), |request| {
            assert_eq!(request.is_upgrade(), is_upgrade, "{head}");
        });
    }
}

#[test]
fn only_100_continue_is_expected_and_http_1_0_expects_nothing() {
    reads(
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\n\r\n",
        |request| {
            assert!(request.expects_continue());
        },
    );
    reads(
        "POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
        |request| {
            assert!(!request.expects_continue());
        },
    );
    let text = "POST / HTTP/1.1\r\nHost: x\r\nExpect: the-worst\r\n\r\n";
    refuses(text, RequestError::Expectation);
}

#[test]
fn a_path_that_the_absolute_form_leaves_out_is_the_root() {
    reads("GET http://y?b=/ HTTP/1.1\r\nHost: x\r\n\r\n", |request| {
        assert_eq!((request.path(), request.query()), ("/", Some("b=/")));
        assert_eq!(request.host(), Some("y"));
    });
}
