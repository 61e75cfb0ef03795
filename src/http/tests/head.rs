//! Valid and malformed heads.

extern crate std;

use std::format;
use std::string::String;

use crate::http::{Framing, Head, HeadParser, Header, Location, Malformed, Request, Url};

pub(super) const LIMIT: u32 = 1_000;

fn feed(text: impl AsRef<[u8]>) -> Result<(usize, Option<Head>), Malformed> {
    HeadParser::new(LIMIT).feed(text.as_ref(), &mut Location::new(&mut []))
}

#[track_caller]
pub(super) fn reads(text: impl AsRef<[u8]>) -> Head {
    let text = text.as_ref();
    let shown = String::from_utf8_lossy(text);
    let (taken, head) = feed(text).unwrap_or_else(|how| panic!("{shown:?}: {how}"));
    assert_eq!(taken, text.len(), "{shown:?}");
    head.unwrap_or_else(|| panic!("{shown:?} is not complete"))
}

/// The framing of a 200 with these field lines.
#[track_caller]
pub(super) fn framing(lines: &str) -> Framing {
    reads(format!("HTTP/1.1 200 OK\r\n{lines}\r\n")).framing
}

#[track_caller]
pub(super) fn refuses(text: impl AsRef<[u8]>, how: Malformed) {
    let text = text.as_ref();
    assert_eq!(feed(text), Err(how), "{:?}", String::from_utf8_lossy(text));
}

#[track_caller]
pub(super) fn refuses_lines(lines: &str, how: Malformed) {
    refuses(format!("HTTP/1.1 200 OK\r\n{lines}\r\n"), how);
}

#[test]
fn a_head_has_status_version_and_framing() {
    assert_eq!(
        reads("HTTP/1.0 200 OK\r\nServer: x\r\nContent-Length: 12\r\n\r\n"),
        Head {
            status: 200,
            version_minor: 0,
            framing: Framing::Length(12)
        }
    );
    assert_eq!(
        reads("HTTP/1.9 404 Not Found\r\n\r\n"),
        Head {
            status: 404,
            version_minor: 9,
            framing: Framing::Close
        }
    );
}

#[test]
fn a_complete_head_consumes_no_byte_of_the_body() {
    let mut parser = HeadParser::new(LIMIT);
    let mut none = Location::new(&mut []);
    let (taken, head) = parser
        .feed(b"HTTP/1.1 200 OK\r\n\r\n\r\nbody", &mut none)
        .unwrap();
    assert_eq!(taken, 19);
    assert!(head.is_some());
    assert_eq!(parser.feed(b"body", &mut none), Ok((0, head)));
}

#[test]
fn every_call_after_an_error_returns_it_again() {
    let mut parser = HeadParser::new(LIMIT);
    let mut none = Location::new(&mut []);
    assert_eq!(
        parser.feed(b"ICY 200 OK\r\n", &mut none),
        Err(Malformed::StatusLine)
    );
    assert_eq!(
        parser.feed(b"HTTP/1.1 200 OK\r\n\r\n", &mut none),
        Err(Malformed::StatusLine)
    );
}

#[test]
fn status_lines_are_http_1_and_three_digits() {
    for line in [
        "HTTP/2 200 OK",
        "HTTP/2.0 200 OK",
        "ICY 200 OK",
        "http/1.1 200 OK",
        "HTTP/1.x 200 OK",
        "HTTP/1.10 200 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1\t200 OK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 2x0 OK",
        "HTTP/1.1 200OK",
        "HTTP/1.1 200\tOK",
        "HTTP/1.1 ",
        "HTTP/1.1",
        "HTTP/1.1 20",
        "HTTP/1.1 099 x",
        "HTTP/1.1 000 x",
        "HTTP/1.1 -20 x",
        "",
        "\u{1}\u{2}\u{3}",
        "<html>",
    ] {
        refuses(format!("{line}\r\n\r\n"), Malformed::StatusLine);
    }
    refuses("\r\nHTTP/1.1 200 OK\r\n\r\n", Malformed::StatusLine);
    for line in [
        "HTTP/1.1 200",
        "HTTP/1.1 200 ",
        "HTTP/1.1 200 a b\tc \u{e4}",
    ] {
        assert_eq!(reads(format!("{line}\r\n\r\n")).status, 200, "{line}");
    }
    assert_eq!(reads("HTTP/1.1 999 x\r\n\r\n").status, 999);
    refuses("HTTP/1.1 200 a\0b\r\n\r\n", Malformed::ControlByte);
}

#[test]
fn statuses_that_were_not_asked_for_are_refused() {
    refuses("HTTP/1.1 101 Switching\r\n", Malformed::SwitchingProtocols);
    refuses("HTTP/1.1 206 Partial\r\n", Malformed::UnexpectedStatus);
    refuses("HTTP/1.1 304 Not Modified\r\n", Malformed::UnexpectedStatus);
}

/// What a GET with this header gets of a head with this status.
fn answer_to(name: &str, status: u16) -> Result<Framing, Malformed> {
    let url = Url::parse("http://10.0.0.1/").unwrap();
    let headers = [Header { name, value: "x" }];
    let request = Request::new(&url, &headers).unwrap();
    let head = format!("HTTP/1.1 {status} x\r\nContent-Length: 5\r\n\r\n");
    HeadParser::for_request(&request, LIMIT)
        .feed(head.as_bytes(), &mut Location::new(&mut []))
        .map(|(_, head)| head.unwrap().framing)
}

#[test]
fn a_status_that_the_callers_own_header_asks_for_is_an_answer() {
    let unexpected = Err(Malformed::UnexpectedStatus);
    for (name, to_206, to_304) in [
        ("range", Ok(Framing::Length(5)), unexpected),
        ("If-None-Match", unexpected, Ok(Framing::Empty)),
        ("if-modified-since", unexpected, Ok(Framing::Empty)),
        // Neither asks for anything but the whole (RFC 9110, 13.1.5 and 13.1.1).
        ("If-Range", unexpected, unexpected),
        ("If-Match", unexpected, unexpected),
    ] {
        assert_eq!(answer_to(name, 206), to_206, "{name}");
        assert_eq!(answer_to(name, 304), to_304, "{name}");
        assert_eq!(answer_to(name, 416), Ok(Framing::Length(5)), "{name}");
    }
}

#[test]
fn line_ends_may_be_lf_alone() {
    let head = reads("HTTP/1.1 200 OK\nContent-Length: 5\nTransfer: x\n\n");
    assert_eq!(head.framing, Framing::Length(5));
    assert_eq!(reads("HTTP/1.1 200\n\r\n").framing, Framing::Close);
}

#[test]
fn bare_cr_is_refused_everywhere() {
    refuses("HTTP/1.1 200 OK\rX: y\r\n\r\n", Malformed::BareCr);
    refuses_lines("X: a\rb\r\n", Malformed::BareCr);
    refuses_lines("X: a\r\r\n", Malformed::BareCr);
    refuses_lines("X\r: a\r\n", Malformed::BareCr);
    refuses("HTTP/1.1 200 OK\r\n\r\r\n", Malformed::BareCr);
}

#[test]
fn values_hold_htab_and_obs_text_and_no_other_control() {
    for byte in 0u8..=255 {
        let text = [b"HTTP/1.1 200 OK\r\nX: a".as_slice(), &[byte], b"b\r\n\r\n"].concat();
        match byte {
            b'\n' => refuses(text, Malformed::NoColon),
            b'\r' => refuses(text, Malformed::BareCr),
            b'\t' | 32..=126 | 128..=255 => assert_eq!(reads(text).framing, Framing::Close),
            _ => refuses(text, Malformed::ControlByte),
        }
    }
}

#[test]
fn names_are_tokens_with_a_colon_right_after_them() {
    refuses_lines("no colon\r\n", Malformed::FieldName);
    refuses_lines("nocolon\r\n", Malformed::NoColon);
    refuses_lines("nocolon \t\r\n", Malformed::NoColon);
    refuses_lines(": empty\r\n", Malformed::EmptyName);
    refuses_lines("X : a\r\n", Malformed::SpaceBeforeColon);
    refuses_lines("X\t : a\r\n", Malformed::SpaceBeforeColon);
    refuses_lines("X y: a\r\n", Malformed::FieldName);
    refuses_lines("X(y): a\r\n", Malformed::FieldName);
    refuses_lines("X\u{e4}: a\r\n", Malformed::FieldName);
    refuses_lines("X\0: a\r\n", Malformed::ControlByte);
    refuses_lines(" X: a\r\n", Malformed::SpaceBeforeFirstField);
    refuses_lines("\tX: a\r\n", Malformed::SpaceBeforeFirstField);
    assert_eq!(framing("!#$%&'*+-.^_`|~09azAZ:\r\n"), Framing::Close);
}

#[test]
fn up_to_eight_interim_heads_are_skipped_with_their_fields() {
    let interim = "HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    for count in 0..=8 {
        assert_eq!(
            reads(format!("{}{last}", interim.repeat(count))).framing,
            Framing::Length(5)
        );
    }
    refuses(
        format!("{}{last}", interim.repeat(9)),
        Malformed::TooManyInterim,
    );
    refuses(
        "HTTP/1.1 100 Continue\r\nContent-Length: x\r\n\r\n",
        Malformed::Length,
    );
    refuses(
        "HTTP/1.1 100 Continue\r\n\r\n X: y\r\n",
        Malformed::StatusLine,
    );
    refuses(
        "HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\n Z: y\r\n",
        Malformed::SpaceBeforeFirstField,
    );
}

#[test]
fn the_limit_is_exact_and_applies_to_each_head_alone() {
    let padded = |length: usize, status: &str| {
        let start = format!("HTTP/1.1 {status}\r\nX: ");
        format!("{start}{}\r\n\r\n", "a".repeat(length - start.len() - 4))
    };
    let limit = LIMIT as usize;
    assert_eq!(reads(padded(limit, "200")).status, 200);
    refuses(padded(limit + 1, "200"), Malformed::HeadTooLong);
    assert_eq!(
        reads(format!("{}{}", padded(limit, "100"), padded(limit, "200"))).status,
        200
    );
    refuses(padded(limit + 1, "100"), Malformed::HeadTooLong);
    let nothing_fits = HeadParser::new(0).feed(b"H", &mut Location::new(&mut []));
    assert_eq!(nothing_fits, Err(Malformed::HeadTooLong));
}
