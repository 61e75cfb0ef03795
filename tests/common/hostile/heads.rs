//! Status lines, fields, framing and limits of heads. These servers close after their last byte.

use super::{Case, FINE, HEAD_BYTES_MAX, STATUS};

/// Heads that are fine, each followed by `hello`: name, head.
const GOOD: &[(&str, &str)] = &[
    (
        "a plain head",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    ),
    ("HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"),
    (
        "a minor version of the future",
        "HTTP/1.7 200 OK\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        "line ends of LF alone",
        "HTTP/1.1 200 OK\nContent-Length: 5\n\n",
    ),
    (
        "mixed line ends",
        "HTTP/1.1 200 OK\nServer: x\r\nContent-Length: 5\n\r\n",
    ),
    (
        "a status line without reason",
        "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        "HTAB in a value",
        "HTTP/1.1 200 OK\r\nX: a\tb\r\nContent-Length:\t5\t\r\n\r\n",
    ),
    (
        "text outside ASCII in a value and the reason",
        "HTTP/1.1 200 Gr\u{fc}n\r\nX: \u{e4}\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        "a fold in a field of no interest",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\tc\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        "a fold that looks like a length",
        "HTTP/1.1 200 OK\r\nX: a\r\n Content-Length: 9\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        "names in any case",
        "HTTP/1.1 200 OK\r\ncONTENT-lENGTH: 5\r\n\r\n",
    ),
    (
        "other fields that look like a length",
        "HTTP/1.1 200 OK\r\nX-Content-Length: 9\r\nContent-Lengthy: x\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        "25 zeros before the length",
        "HTTP/1.1 200 OK\r\nContent-Length: 00000000000000000000000005\r\n\r\n",
    ),
    (
        "a list of equal lengths",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5,05\r\n\r\n",
    ),
    (
        "equal lengths repeated",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        "status 205 with a body",
        "HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        "an interim head",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        "an interim head with a length",
        "HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    ),
];

/// Field lines of a 200 that break the protocol: name, lines, how.
const MALFORMED_LINES: &[(&str, &str, &str)] = &[
    ("a negative length", "Content-Length: -1", "Length"),
    ("a length with a plus", "Content-Length: +5", "Length"),
    ("a hexadecimal length", "Content-Length: 0x10", "Length"),
    ("a length of two words", "Content-Length: 5 5", "Length"),
    ("an empty length", "Content-Length:", "Length"),
    ("a length with an exponent", "Content-Length: 1e3", "Length"),
    (
        "a length of 2^64",
        "Content-Length: 18446744073709551616",
        "Length",
    ),
    (
        "a length of 25 digits",
        "Content-Length: 1000000000000000000000000",
        "Length",
    ),
    (
        "a list of lengths with an empty element",
        "Content-Length: 5,,5",
        "Length",
    ),
    (
        "a list of differing lengths",
        "Content-Length: 5, 6",
        "DifferingLengths",
    ),
    (
        "differing lengths",
        "Content-Length: 5\r\nContent-Length: 6",
        "DifferingLengths",
    ),
    ("a folded length", "Content-Length: 5\r\n 5", "FoldedLength"),
    (
        "a length that begins on its second line",
        "Content-Length:\r\n 5",
        "FoldedLength",
    ),
    (
        "a folded coding",
        "Transfer-Encoding:\r\n\tchunked",
        "FoldedLength",
    ),
    (
        "a length and then a coding",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "LengthAndCoding",
    ),
    (
        "a coding and then a length",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "LengthAndCoding",
    ),
    ("an unknown coding", "Transfer-Encoding: gzip", "Coding"),
    (
        "a coding under chunked",
        "Transfer-Encoding: gzip, chunked",
        "Coding",
    ),
    (
        "chunked twice in one field",
        "Transfer-Encoding: chunked, chunked",
        "Coding",
    ),
    (
        "chunked in two fields",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Coding",
    ),
    (
        "chunked and then identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Coding",
    ),
    ("an empty coding", "Transfer-Encoding:", "Coding"),
    (
        "a coding with a vertical tab before it",
        "Transfer-Encoding: \u{b}chunked",
        "ControlByte",
    ),
    ("a line without colon", "Content-Length", "NoColon"),
    ("a line without name", ": 5", "EmptyName"),
    (
        "white space before a colon",
        "Content-Length : 5",
        "SpaceBeforeColon",
    ),
    (
        "white space before the first field",
        " Content-Length: 5",
        "SpaceBeforeFirstField",
    ),
    ("white space in a name", "Content Length: 5", "FieldName"),
    ("a name that is no token", "Content(Length): 5", "FieldName"),
    ("NUL in a name", "X\0: 5", "ControlByte"),
    ("NUL in a value", "X: a\0b", "ControlByte"),
    ("ESC in a value", "X: \u{1b}[2J", "ControlByte"),
    ("DEL in a value", "X: \u{7f}", "ControlByte"),
    ("bare CR in a value", "X: a\rContent-Length: 5", "BareCr"),
    ("two CRs at a line's end", "Content-Length: 5\r", "BareCr"),
];

/// Whole responses that break the protocol in their status line or as a whole: name, response, how.
const MALFORMED_HEADS: &[(&str, &str, &str)] = &[
    (
        "HTTP/2 in text",
        "HTTP/2 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "StatusLine",
    ),
    (
        "ICY",
        "ICY 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "StatusLine",
    ),
    (
        "lower case http",
        "http/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "StatusLine",
    ),
    (
        "a page without a head",
        "<html>hello</html>\r\n\r\n",
        "StatusLine",
    ),
    (
        "bytes of TLS",
        "\u{15}\u{3}\u{3}\0\u{2}\u{2}F",
        "StatusLine",
    ),
    (
        "an empty line first",
        "\r\nHTTP/1.1 200 OK\r\n\r\nhello",
        "StatusLine",
    ),
    (
        "a status of two digits",
        "HTTP/1.1 20 OK\r\n\r\nhello",
        "StatusLine",
    ),
    (
        "a status of four digits",
        "HTTP/1.1 2000 OK\r\n\r\nhello",
        "StatusLine",
    ),
    (
        "a status of letters",
        "HTTP/1.1 abc OK\r\n\r\nhello",
        "StatusLine",
    ),
    (
        "a status below 100",
        "HTTP/1.1 099 Odd\r\n\r\nhello",
        "StatusLine",
    ),
    (
        "a status line without status",
        "HTTP/1.1\r\n\r\nhello",
        "StatusLine",
    ),
    (
        "two spaces before the status",
        "HTTP/1.1  200 OK\r\n\r\nhello",
        "StatusLine",
    ),
    (
        "ESC in the reason",
        "HTTP/1.1 200 \u{1b}[2J\r\n\r\nhello",
        "ControlByte",
    ),
    (
        "bare CR in the status line",
        "HTTP/1.1 200 OK\rX: y\r\n\r\nhello",
        "BareCr",
    ),
    (
        "status 101",
        "HTTP/1.1 101 Switching Protocols\r\n\r\nhello",
        "SwitchingProtocols",
    ),
    (
        "status 206",
        "HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n\r\nhello",
        "UnexpectedStatus",
    ),
    (
        "status 304",
        "HTTP/1.1 304 Not Modified\r\n\r\n",
        "UnexpectedStatus",
    ),
    (
        "a coding in HTTP/1.0",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "CodingInHttp10",
    ),
    (
        "a bad length in a 204",
        "HTTP/1.1 204 No Content\r\nContent-Length: x\r\n\r\n",
        "Length",
    ),
    (
        "a bad length in an interim head",
        "HTTP/1.1 100 Continue\r\nContent-Length: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "Length",
    ),
    (
        "a bad head after an interim one",
        "HTTP/1.1 100 Continue\r\n\r\nhello",
        "StatusLine",
    ),
];

/// Statuses that save nothing: name, response.
const REFUSALS: &[(&str, &str)] = &[
    (
        "a redirect",
        "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 5\r\n\r\nhello",
    ),
    (
        "a redirect without Location",
        "HTTP/1.1 301 Moved\r\n\r\nhello",
    ),
    (
        "status 300",
        "HTTP/1.1 300 Choices\r\nContent-Length: 5\r\n\r\nhello",
    ),
    (
        "status 404",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello",
    ),
    (
        "status 404 with its body cut",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 500\r\n\r\nhello",
    ),
    (
        "status 500 without length",
        "HTTP/1.0 500 Sorry\r\n\r\nhello",
    ),
    (
        "status 999",
        "HTTP/1.1 999 Denied\r\nContent-Length: 5\r\n\r\nhello",
    ),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, head) in GOOD {
        cases.push(Case::new(*name, format!("{head}hello"), FINE).delivers("hello"));
    }
    for (name, lines, how) in MALFORMED_LINES {
        let response = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\nhello");
        cases.push(Case::malformed(*name, response, how));
    }
    for (name, response, how) in MALFORMED_HEADS {
        cases.push(Case::malformed(*name, response, how));
    }
    for (name, response) in REFUSALS {
        cases.push(Case::new(*name, response, STATUS));
    }
    cases.append(&mut limits());
    cases
}

fn limits() -> Vec<Case> {
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let most = padded("200 OK", HEAD_BYTES_MAX);
    let over = padded("200 OK", HEAD_BYTES_MAX + 1);
    let interim_most = padded("103 Early Hints", HEAD_BYTES_MAX);
    vec![
        Case::new("eight interim heads", interim.repeat(8) + last, FINE).delivers("hello"),
        Case::malformed(
            "nine interim heads",
            interim.repeat(9) + last,
            "TooManyInterim",
        ),
        Case::malformed(
            "interim heads without end",
            interim.repeat(99),
            "TooManyInterim",
        ),
        Case::new("a head of exactly the limit", most.clone() + "hello", FINE).delivers("hello"),
        Case::malformed(
            "a head one byte over the limit",
            over + "hello",
            "HeadTooLong",
        ),
        Case::malformed(
            "a value without end",
            "HTTP/1.1 200 OK\r\nX: ".to_owned() + &"a".repeat(HEAD_BYTES_MAX),
            "HeadTooLong",
        ),
        Case::malformed(
            "a reason without end",
            "HTTP/1.1 200 ".to_owned() + &"a".repeat(HEAD_BYTES_MAX),
            "HeadTooLong",
        ),
        Case::malformed(
            "a name without end",
            "HTTP/1.1 200 OK\r\n".to_owned() + &"a".repeat(HEAD_BYTES_MAX),
            "HeadTooLong",
        ),
        Case::malformed(
            "fields without end",
            "HTTP/1.1 200 OK\r\n".to_owned() + &"A: b\r\n".repeat(HEAD_BYTES_MAX / 6),
            "HeadTooLong",
        ),
        Case::new(
            "an interim head and a head of exactly the limit each",
            interim_most + &most + "hello",
            FINE,
        )
        .delivers("hello"),
    ]
}

/// A head of exactly this number of bytes, which announces five bytes of body.
fn padded(status: &str, head_bytes: usize) -> String {
    let before = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\nX: ");
    let padding = "a".repeat(head_bytes - before.len() - 4);
    format!("{before}{padding}\r\n\r\n")
}
