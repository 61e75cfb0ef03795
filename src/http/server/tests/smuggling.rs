//! Requests that two recipients could end at two places (RFC 9112, 11.2): each is refused.

extern crate std;

use std::format;
use std::string::String;

use super::{reads, refuses};
use crate::http::server::RequestError;
use crate::http::{Framing, Malformed};

/// A POST of these field lines, with a second request where a body could be.
fn post(lines: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n")
}

#[test]
fn a_body_has_a_length_or_chunks() {
    reads(&post("Content-Length: 5"), |request| {
        assert_eq!(request.framing(), Framing::Length(5));
    });
    reads(&post("Transfer-Encoding: Chunked"), |request| {
        assert_eq!(request.framing(), Framing::Chunked);
    });
}

#[test]
fn a_length_together_with_a_coding_is_refused_in_either_order() {
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 0\r\nTransfer-Encoding: identity",
        "transfer-encoding:chunked\r\nCONTENT-LENGTH:0",
    ] {
        refuses(post(lines), RequestError::Framing);
    }
    refuses(
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        RequestError::Framing,
    );
}

#[test]
fn two_lengths_are_refused_even_if_they_are_equal() {
    for lines in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\nA: b\r\ncontent-length: 5",
        "Content-Length: 5, 5",
        "Content-Length: 5,",
    ] {
        refuses(post(lines), RequestError::Length);
    }
}

#[test]
fn a_length_is_digits_and_fits() {
    for value in [
        "",
        "+5",
        "-5",
        "0x5",
        "5 5",
        "5.0",
        "five",
        "5;",
        "18446744073709551616",
    ] {
        refuses(
            post(&format!("Content-Length: {value}")),
            RequestError::Length,
        );
    }
    reads(&post("Content-Length: 18446744073709551615"), |request| {
        assert_eq!(request.framing(), Framing::Length(u64::MAX));
    });
    reads(&post("Content-Length: \t007 \t"), |request| {
        assert_eq!(request.framing(), Framing::Length(7));
    });
}

#[test]
fn the_coding_is_chunked_alone() {
    for value in [
        "gzip, chunked",
        "identity,chunked",
        "chunked, chunked",
        ",chunked",
    ] {
        refuses(
            post(&format!("Transfer-Encoding: {value}")),
            RequestError::Coding,
        );
    }
    for value in [
        "",
        "chunked, gzip",
        "gzip",
        "identity",
        "xchunked",
        "chunked;a=b",
        "chunked,",
        "\"chunked\"",
    ] {
        refuses(
            post(&format!("Transfer-Encoding: {value}")),
            RequestError::Unframed,
        );
    }
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked";
    refuses(post(twice), RequestError::Coding);
    let other = "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity";
    refuses(post(other), RequestError::Unframed);
}

#[test]
fn a_folded_line_is_refused_whatever_its_field() {
    for lines in [
        "A: b\r\n c",
        "A: b\r\n\tc",
        "Content-Length: 5\r\n 0",
        "Transfer-Encoding:\r\n chunked",
    ] {
        refuses(post(lines), RequestError::Field(Malformed::FoldedLength));
    }
    let first = "POST / HTTP/1.1\r\n Host: x\r\n\r\n";
    refuses(first, RequestError::Field(Malformed::SpaceBeforeFirstField));
}

#[test]
fn white_space_before_a_colon_is_refused() {
    for lines in [
        "Content-Length : 5",
        "Transfer-Encoding\t: chunked",
        "A : b",
    ] {
        refuses(
            post(lines),
            RequestError::Field(Malformed::SpaceBeforeColon),
        );
    }
}

#[test]
fn a_line_ends_in_crlf_and_nothing_else() {
    for text in [
        "POST / HTTP/1.1\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\n\n",
        "POST / HTTP/1.1\r\nHost: x\r\nA: b\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nA: b\rContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\n\r\r\n",
    ] {
        refuses(text, RequestError::LineEnd);
    }
}
