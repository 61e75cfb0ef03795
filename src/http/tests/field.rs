//! Valid and malformed header lines.

extern crate std;

use std::format;
use std::vec::Vec;

use super::head::{LIMIT, framing, reads, refuses, refuses_lines};
use crate::http::{Framing, HeadParser, Location, Malformed};

fn location(text: &str, buffer: &mut [u8]) -> (Vec<u8>, bool) {
    let mut location = Location::new(buffer);
    let mut parser = HeadParser::new(LIMIT);
    for byte in text.as_bytes().chunks(1) {
        parser.feed(byte, &mut location).expect("a good head");
    }
    (location.as_bytes().to_vec(), location.is_truncated())
}

#[test]
fn folds_are_accepted_except_in_fields_that_frame_the_body() {
    assert_eq!(
        framing("X: a\r\n b\r\n\tc: d\r\n \r\nContent-Length: 3\r\n"),
        Framing::Length(3)
    );
    assert_eq!(framing("X: a\r\n Content-Length: 3\r\n"), Framing::Close);
    for lines in [
        "Content-Length: 5\r\n 5\r\n",
        "Content-Length:\r\n 5\r\n",
        "Content-Length: 5\r\n \r\n",
        "Transfer-Encoding:\r\n\tchunked\r\n",
        "Transfer-Encoding: chunked\n ,gzip\r\n",
    ] {
        refuses_lines(lines, Malformed::FoldedLength);
    }
}

#[test]
fn a_content_length_is_compared_by_its_value() {
    assert_eq!(framing("content-LENGTH:5\r\n"), Framing::Length(5));
    assert_eq!(framing("Content-Length: \t 0 \t\r\n"), Framing::Length(0));
    assert_eq!(
        framing(&format!("Content-Length: {}5\r\n", "0".repeat(25))),
        Framing::Length(5)
    );
    assert_eq!(
        framing("Content-Length: 4294967301\r\n"),
        Framing::Length((1 << 32) + 5)
    );
    assert_eq!(
        framing("Content-Length: 18446744073709551615\r\n"),
        Framing::Length(u64::MAX)
    );
    for value in [
        "18446744073709551616",
        "9999999999999999999999999",
        "+5",
        "-1",
        "0x10",
        "5 5",
        "",
        " ",
        "1e3",
        "5.0",
        "5;",
        "\"5\"",
        ",",
        "5,",
        ",5",
        "5,,5",
        "a",
    ] {
        refuses_lines(&format!("Content-Length: {value}\r\n"), Malformed::Length);
    }
}

#[test]
fn equal_lengths_are_accepted_and_different_ones_are_refused() {
    assert_eq!(framing("Content-Length: 5, 5 ,05\r\n"), Framing::Length(5));
    assert_eq!(
        framing("Content-Length: 5\r\nX: y\r\ncontent-length: 5\r\n"),
        Framing::Length(5)
    );
    refuses_lines("Content-Length: 5, 6\r\n", Malformed::DifferingLengths);
    refuses_lines(
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        Malformed::DifferingLengths,
    );
    refuses_lines(
        "Content-Length: 0\r\nContent-Length: 5\r\n",
        Malformed::DifferingLengths,
    );
}

#[test]
fn names_that_resemble_a_known_field_are_ignored() {
    for name in [
        "X-Content-Length",
        "Content-Lengt",
        "Content-Lengthy",
        "ContentLength",
        "Content_Length",
        "Transfer-Encodin",
    ] {
        assert_eq!(
            framing(&format!("{name}: no number\r\n")),
            Framing::Close,
            "{name}"
        );
    }
    let long = "a".repeat(256 + 14);
    assert_eq!(framing(&format!("{long}: x\r\n")), Framing::Close);
}

#[test]
fn chunked_once_is_the_only_accepted_transfer_coding() {
    assert_eq!(framing("Transfer-Encoding: chunked\r\n"), Framing::Chunked);
    assert_eq!(
        framing("transfer-encoding:\tCHUNKED \r\n"),
        Framing::Chunked
    );
    for value in [
        "",
        "gzip",
        "identity",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "chunked,",
        ", chunked",
        "chunk",
        "chunkedd",
        "chunk ed",
        "\"chunked\"",
        "chunked;q=1",
        "xchunked",
    ] {
        refuses_lines(
            &format!("Transfer-Encoding: {value}\r\n"),
            Malformed::Coding,
        );
    }
    for second in ["chunked", "gzip", ""] {
        refuses_lines(
            &format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: {second}\r\n"),
            Malformed::Coding,
        );
    }
}

#[test]
fn a_transfer_coding_is_refused_with_a_length_and_in_http_1_0() {
    refuses_lines(
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        Malformed::LengthAndCoding,
    );
    refuses_lines(
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        Malformed::LengthAndCoding,
    );
    refuses(
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        Malformed::CodingInHttp10,
    );
}

#[test]
fn a_204_has_an_empty_body_whatever_its_fields_say() {
    for line in [
        "",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        assert_eq!(
            reads(format!("HTTP/1.1 204 No\r\n{line}\r\n")).framing,
            Framing::Empty
        );
    }
    refuses(
        "HTTP/1.1 204 No\r\nContent-Length: x\r\n\r\n",
        Malformed::Length,
    );
    refuses(
        "HTTP/1.1 204 No\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        Malformed::DifferingLengths,
    );
    assert_eq!(
        reads("HTTP/1.1 205 Reset\r\nContent-Length: 5\r\n\r\n").framing,
        Framing::Length(5)
    );
}

#[test]
fn the_location_of_a_redirect_is_kept() {
    let mut buffer = [0; 32];
    let moved = "HTTP/1.1 302 Found\r\nlocation: \t/other place \t\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(
        location(moved, &mut buffer),
        (b"/other place".to_vec(), false)
    );
    let twice = "HTTP/1.1 302 Found\r\nLocation: /first\r\nLocation: /second\r\n\r\n";
    assert_eq!(location(twice, &mut buffer), (b"/first".to_vec(), false));
    let folded = "HTTP/1.1 302 Found\r\nLocation:\r\n /a\r\n\tb\r\n\r\n";
    assert_eq!(location(folded, &mut buffer), (b"/a\tb".to_vec(), false));
    let none = "HTTP/1.1 302 Found\r\nX-Location: /no\r\n\r\n";
    assert_eq!(location(none, &mut buffer), (Vec::new(), false));
}

#[test]
fn a_location_that_does_not_fit_is_truncated() {
    let moved = "HTTP/1.1 301 Moved\r\nLocation: /12345  \r\n\r\n";
    assert_eq!(location(moved, &mut [0; 6]), (b"/12345".to_vec(), false));
    assert_eq!(location(moved, &mut [0; 5]), (b"/1234".to_vec(), true));
    assert_eq!(location(moved, &mut []), (Vec::new(), true));
}

#[test]
fn only_a_redirect_has_a_location() {
    for status in ["200", "201", "404"] {
        let text = format!("HTTP/1.1 {status} x\r\nLocation: /x\r\n\r\n");
        assert_eq!(location(&text, &mut [0; 8]), (Vec::new(), false));
    }
    let interim = "HTTP/1.1 103 x\r\nLocation: /x\r\n\r\nHTTP/1.1 302 x\r\nLocation: /y\r\n\r\n";
    assert_eq!(location(interim, &mut [0; 8]), (b"/y".to_vec(), false));
}
