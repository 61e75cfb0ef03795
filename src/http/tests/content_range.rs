//! Content-Range as RFC 9110, 14.4 has it, and nothing else.

use crate::http::content_range::ContentRange;

#[test]
fn a_part_has_a_first_and_a_last_byte() {
    let part = |first, last, total| Some(ContentRange::Part { first, last, total });
    assert_eq!(
        ContentRange::parse(b"bytes 42-1233/1234"),
        part(42, 1233, Some(1234))
    );
    assert_eq!(
        ContentRange::parse(b"bytes 42-1233/*"),
        part(42, 1233, None)
    );
    assert_eq!(ContentRange::parse(b"BYTES 0-0/1"), part(0, 0, Some(1)));
}

#[test]
fn an_unsatisfied_range_has_a_total() {
    assert_eq!(
        ContentRange::parse(b"bytes */1234"),
        Some(ContentRange::Unsatisfied { total: 1234 })
    );
    assert_eq!(ContentRange::parse(b"bytes */*"), None);
}

#[test]
fn what_contradicts_itself_or_breaks_the_grammar_is_none() {
    for value in [
        "",
        "bytes",
        "bytes ",
        "bytes 0-1",
        "bytes 0/1",
        "bytes 2-1/3",
        "bytes 0-3/3",
        "bytes -1/3",
        "bytes 0-/3",
        "bytes 0-1/",
        "bytes 0-1/+3",
        "bytes  0-1/3",
        "bytes 0 -1/3",
        "bytes=0-1/3",
        "items 0-1/3",
        "bytes 0-1/3 ",
        "bytes 0-18446744073709551616/*",
        "bytes */18446744073709551616",
    ] {
        assert_eq!(ContentRange::parse(value.as_bytes()), None, "{value}");
    }
}
