//! FIN, RST, silence and dripping at every stage of a response.

use super::{Case, End, FINE, RESET, TIMED_OUT, TRUNCATED};

const COUNTED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const CLOSE: &str = "HTTP/1.0 200 OK\r\n\r\n";

/// Where a response can stop before its end: name, head, body so far, payload in it.
const UNFINISHED: &[(&str, &str, &str, &str)] = &[
    ("no byte", "", "", ""),
    ("half a status line", "HTTP/1.1 2", "", ""),
    ("a status line", "HTTP/1.1 200 OK\r\n", "", ""),
    ("half a name", "HTTP/1.1 200 OK\r\nContent-Le", "", ""),
    (
        "half a value",
        "HTTP/1.1 200 OK\r\nContent-Length: 1",
        "",
        "",
    ),
    (
        "all fields",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        "",
        "",
    ),
    (
        "a head without its last LF",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r",
        "",
        "",
    ),
    ("an interim head", "HTTP/1.1 100 Continue\r\n\r\n", "", ""),
    ("a head that announces a length", COUNTED, "", ""),
    ("half a length", COUNTED, "he", "he"),
    ("all but one byte of a length", COUNTED, "hell", "hell"),
    ("a head that announces chunks", CHUNKED, "", ""),
    ("half a chunk size", CHUNKED, "5\r\nhello\r\n1", "hello"),
    ("a chunk size without LF", CHUNKED, "5\r", ""),
    ("half a chunk", CHUNKED, "5\r\nhel", "hel"),
    ("a chunk without its CRLF", CHUNKED, "5\r\nhello", "hello"),
    ("a chunk without its LF", CHUNKED, "5\r\nhello\r", "hello"),
    (
        "a chunk and no last one",
        CHUNKED,
        "5\r\nhello\r\n",
        "hello",
    ),
    ("half an extension", CHUNKED, "5\r\nhello\r\n0;a", "hello"),
    (
        "a last chunk without its end",
        CHUNKED,
        "5\r\nhello\r\n0\r\n",
        "hello",
    ),
    ("half a trailer", CHUNKED, "5\r\nhello\r\n0\r\nX: ", "hello"),
    (
        "a trailer and no empty line",
        CHUNKED,
        "5\r\nhello\r\n0\r\nX: y\r\n",
        "hello",
    ),
    (
        "chunks without their last LF",
        CHUNKED,
        "5\r\nhello\r\n0\r\n\r",
        "hello",
    ),
];

/// Responses that have declared their end and reached it: name, head, body, payload in it.
const FINISHED: &[(&str, &str, &str, &str)] = &[
    ("a whole length", COUNTED, "hello", "hello"),
    (
        "length 0",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "",
        "",
    ),
    ("whole chunks", CHUNKED, "5\r\nhello\r\n0\r\n\r\n", "hello"),
    (
        "whole chunks and trailers",
        CHUNKED,
        "5\r\nhello\r\n0\r\nX: y\r\n\r\n",
        "hello",
    ),
    ("status 204", "HTTP/1.1 204 No Content\r\n\r\n", "", ""),
    (
        "a length and bytes past it",
        COUNTED,
        "hello, world",
        "hello",
    ),
];

/// Where a server can drip for ever: name, head, body so far, payload in it, what drips.
const DRIPS: &[(&str, &str, &str, &str, &[u8])] = &[
    ("a value that drips", "HTTP/1.1 200 OK\r\nX: ", "", "", b"a"),
    (
        "fields that drip",
        "HTTP/1.1 200 OK\r\n",
        "",
        "",
        b"X: y\r\n",
    ),
    (
        "a length that drips",
        "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
        "hello",
        "hello",
        b"x",
    ),
    (
        "a chunk that drips",
        CHUNKED,
        "fffff\r\nhello",
        "hello",
        b"x",
    ),
    (
        "chunks that drip",
        CHUNKED,
        "5\r\nhello\r\n",
        "hello",
        b"1\r\nx\r\n",
    ),
    ("an extension that drips", CHUNKED, "5;", "", b"a"),
    (
        "trailers that drip",
        CHUNKED,
        "5\r\nhello\r\n0\r\n",
        "hello",
        b"X: y\r\n",
    ),
    (
        "a body without length that drips",
        CLOSE,
        "hello",
        "hello",
        b"x",
    ),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, head, body, payload) in UNFINISHED {
        for (then, end, exit) in [
            ("FIN", End::Fin, TRUNCATED),
            ("RST", End::Rst, RESET),
            ("silence", End::Silence, TIMED_OUT),
        ] {
            let case = Case::new(
                format!("{name}, then {then}"),
                format!("{head}{body}"),
                exit,
            );
            cases.push(case.delivers(payload).ends(end));
        }
    }
    for (name, head, body, payload) in FINISHED {
        for (then, end) in [
            ("FIN", End::Fin),
            ("RST", End::Rst),
            ("silence", End::Silence),
        ] {
            let case = Case::new(
                format!("{name}, then {then}"),
                format!("{head}{body}"),
                FINE,
            );
            cases.push(case.delivers(payload).ends(end));
        }
    }
    for (name, head, body, payload, drip) in DRIPS {
        let case = Case::new(*name, format!("{head}{body}"), TIMED_OUT);
        cases.push(case.delivers(payload).ends(End::Drip(drip)));
    }
    // Without a declared end, only the close says that all is here.
    for (then, end, exit) in [
        ("FIN", End::Fin, FINE),
        ("RST", End::Rst, RESET),
        ("silence", End::Silence, TIMED_OUT),
    ] {
        let case = Case::new(
            format!("a body without length, then {then}"),
            format!("{CLOSE}hello"),
            exit,
        );
        cases.push(case.delivers("hello").ends(end));
    }
    cases
}
