//! Bodies: lengths, chunks, what stands after the end, and the caller's limits. All these servers
//! close after their last byte.

use super::{Case, FINE, HEAD_BYTES_MAX, TOO_LARGE, TRUNCATED};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const CLOSE: &str = "HTTP/1.0 200 OK\r\n\r\n";

/// Chunked bodies that are fine and hold `hello`: name, body.
const GOOD_CHUNKS: &[(&str, &str)] = &[
    ("one chunk", "5\r\nhello\r\n0\r\n\r\n"),
    (
        "chunks of one byte",
        "1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n",
    ),
    (
        "a chunk size of 16 digits",
        "0000000000000005\r\nhello\r\n0\r\n\r\n",
    ),
    ("a last chunk of many zeros", "5\r\nhello\r\n0000\r\n\r\n"),
    ("chunk extensions", "5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n"),
    (
        "a chunk size with blanks after it",
        "5  \t\r\nhello\r\n0 \r\n\r\n",
    ),
    (
        "trailers",
        "5\r\nhello\r\n0\r\nX: y\r\nContent-Length: 9\r\n\r\n",
    ),
    (
        "bytes past the last chunk",
        "5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\nmore",
    ),
];

/// Chunked bodies that break the protocol: name, body, how, payload before it.
const MALFORMED_CHUNKS: &[(&str, &str, &str, &str)] = &[
    (
        "an empty chunk size",
        "\r\nhello\r\n0\r\n\r\n",
        "ChunkSize",
        "",
    ),
    (
        "a chunk size with a plus",
        "+5\r\nhello\r\n0\r\n\r\n",
        "ChunkSize",
        "",
    ),
    (
        "a negative chunk size",
        "-5\r\nhello\r\n0\r\n\r\n",
        "ChunkSize",
        "",
    ),
    (
        "a chunk size with 0x",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "ChunkSize",
        "",
    ),
    (
        "a chunk size with a blank before it",
        " 5\r\nhello\r\n0\r\n\r\n",
        "ChunkSize",
        "",
    ),
    (
        "a chunk size of two words",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "ChunkSize",
        "",
    ),
    (
        "a chunk size of 17 digits",
        "00000000000000005\r\nhello\r\n0\r\n\r\n",
        "ChunkSize",
        "",
    ),
    (
        "a chunk size of 2^64",
        "10000000000000000\r\nhello\r\n0\r\n\r\n",
        "ChunkSize",
        "",
    ),
    (
        "a chunk size with LF alone",
        "5\nhello\r\n0\r\n\r\n",
        "ChunkEnd",
        "",
    ),
    (
        "a chunk size with bare CR",
        "5\rhello\r\n0\r\n\r\n",
        "ChunkEnd",
        "",
    ),
    (
        "a chunk extension with LF alone",
        "5;a\nhello\r\n0\r\n\r\n",
        "ChunkEnd",
        "",
    ),
    (
        "NUL in a chunk extension",
        "5;\0\r\nhello\r\n0\r\n\r\n",
        "ControlByte",
        "",
    ),
    (
        "a chunk with LF alone after it",
        "5\r\nhello\n0\r\n\r\n",
        "ChunkEnd",
        "hello",
    ),
    (
        "a chunk with nothing after it",
        "5\r\nhello0\r\n\r\n",
        "ChunkEnd",
        "hello",
    ),
    (
        "a chunk longer than its size",
        "5\r\nhello!\r\n0\r\n\r\n",
        "ChunkEnd",
        "hello",
    ),
    (
        "a chunk shorter than its size",
        "6\r\nhello\r\n0\r\n\r\n",
        "ChunkEnd",
        "hello\r",
    ),
    (
        "a bad size after a good chunk",
        "5\r\nhello\r\nhello\r\n0\r\n\r\n",
        "ChunkSize",
        "hello",
    ),
    (
        "a last chunk with LF alone after it",
        "5\r\nhello\r\n0\r\n\n",
        "ChunkEnd",
        "hello",
    ),
    (
        "a trailer with LF alone",
        "5\r\nhello\r\n0\r\nX: y\n\r\n",
        "ChunkEnd",
        "hello",
    ),
    (
        "ESC in a trailer",
        "5\r\nhello\r\n0\r\nX: \u{1b}\r\n\r\n",
        "ControlByte",
        "hello",
    ),
];

/// Responses that are fine, whatever stands after their end: name, response, body.
const GOOD: &[(&str, &str, &str)] = &[
    (
        "bytes past the length",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world",
        "hello",
    ),
    (
        "a second response past the length",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n",
        "hello",
    ),
    (
        "length 0 and bytes past it",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nhello",
        "",
    ),
    (
        "status 204 with a length and bytes",
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        "",
    ),
    (
        "status 204 with a coding",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        "",
    ),
    ("no length and an empty body", "HTTP/1.0 200 OK\r\n\r\n", ""),
    (
        "no length and HTTP/1.1",
        "HTTP/1.1 200 OK\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
    ),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, body) in GOOD_CHUNKS {
        cases.push(Case::new(*name, format!("{CHUNKED}{body}"), FINE).delivers("hello"));
    }
    for (name, body, how, payload) in MALFORMED_CHUNKS {
        let response = format!("{CHUNKED}{body}");
        cases.push(Case::malformed(*name, response, how).delivers(payload));
    }
    for (name, response, body) in GOOD {
        cases.push(Case::new(*name, response, FINE).delivers(body));
    }
    cases.append(&mut framing_limits());
    cases.append(&mut caller_limits());
    cases
}

fn framing_limits() -> Vec<Case> {
    let extension =
        |count: usize| format!("{CHUNKED}5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(count - 1));
    let trailer =
        |count: usize| format!("{CHUNKED}5\r\nhello\r\n0\r\n{}\r\n\r\n", "a".repeat(count));
    let both = |count: usize| {
        format!(
            "{CHUNKED}5;234\r\nhello\r\n0\r\n{}\r\n\r\n",
            "a".repeat(count - 4)
        )
    };
    // Extensions of 256 bytes, semicolon included: the limit holds 64 of them.
    let small = format!("1;{}\r\nx\r\n", "a".repeat(255)).repeat(HEAD_BYTES_MAX / 256 + 1);
    let small = format!("{CHUNKED}{small}");
    vec![
        Case::new(
            "a chunk extension of exactly the limit",
            extension(HEAD_BYTES_MAX),
            FINE,
        )
        .delivers("hello"),
        Case::malformed(
            "a chunk extension over the limit",
            extension(HEAD_BYTES_MAX + 1),
            "TrailerTooLong",
        ),
        Case::new(
            "trailers of exactly the limit",
            trailer(HEAD_BYTES_MAX),
            FINE,
        )
        .delivers("hello"),
        Case::malformed(
            "trailers over the limit",
            trailer(HEAD_BYTES_MAX + 1),
            "TrailerTooLong",
        )
        .delivers("hello"),
        Case::new(
            "extensions and trailers of exactly the limit together",
            both(HEAD_BYTES_MAX),
            FINE,
        )
        .delivers("hello"),
        Case::malformed(
            "extensions and trailers over the limit together",
            both(HEAD_BYTES_MAX + 1),
            "TrailerTooLong",
        )
        .delivers("hello"),
        Case::malformed(
            "small extensions over the limit together",
            small,
            "TrailerTooLong",
        )
        .delivers("x".repeat(HEAD_BYTES_MAX / 256)),
    ]
}

fn caller_limits() -> Vec<Case> {
    let at_most = |case: Case, bytes: u64| Case {
        max_size_bytes: Some(bytes),
        ..case
    };
    let with_length = |case: Case| Case {
        require_length: true,
        ..case
    };
    let counted = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let huge = "HTTP/1.1 200 OK\r\nContent-Length: 4294967301\r\n\r\nhello";
    let chunks = format!("{CHUNKED}3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    let close = format!("{CLOSE}hello");
    vec![
        at_most(
            Case::new("a length of exactly the size limit", counted, FINE).delivers("hello"),
            5,
        ),
        at_most(
            Case::new("a length over the size limit", counted, TOO_LARGE),
            4,
        ),
        at_most(
            Case::new("a length of 2^32 + 5 over the size limit", huge, TOO_LARGE),
            5,
        ),
        at_most(
            Case::new("chunks of exactly the size limit", &chunks, FINE).delivers("hello"),
            5,
        ),
        at_most(
            Case::new("chunks over the size limit", &chunks, TOO_LARGE).delivers("hell"),
            4,
        ),
        at_most(
            Case::new("a close at exactly the size limit", &close, FINE).delivers("hello"),
            5,
        ),
        at_most(
            Case::new("no length and more than the size limit", &close, TOO_LARGE).delivers("hell"),
            4,
        ),
        with_length(Case::new("a length where one is required", counted, FINE).delivers("hello")),
        with_length(
            Case::new("chunks where a length is required", &chunks, FINE).delivers("hello"),
        ),
        with_length(
            Case::new("no length where one is required", &close, TRUNCATED).delivers("hello"),
        ),
    ]
}
