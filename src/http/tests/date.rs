//! Dates in the three formats of RFC 9110, 5.6.7.

extern crate std;

use std::format;

use crate::http::date::parse;

#[test]
fn the_three_formats_of_the_rfc_are_one_date() {
    for text in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ] {
        assert_eq!(parse(text.as_bytes()), Some(784_111_777), "{text}");
    }
}

#[test]
fn the_first_and_the_last_days_are_right() {
    let cases = [
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("Wed, 31 Dec 1969 23:59:59 GMT", None),
        ("Tue, 29 Feb 2000 00:00:00 GMT", Some(951_782_400)),
        ("Thu, 29 Feb 1900 00:00:00 GMT", None),
        ("Mon, 29 Feb 2100 00:00:00 GMT", None),
        ("Mon, 01 Mar 2100 00:00:00 GMT", Some(4_107_542_400)),
        ("Sat, 31 Dec 2016 23:59:60 GMT", Some(1_483_228_799)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn a_year_of_two_digits_is_one_of_1970_to_2069() {
    assert_eq!(parse(b"Thursday, 01-Jan-70 00:00:00 GMT"), Some(0));
    assert_eq!(
        parse(b"Tuesday, 01-Jan-69 00:00:00 GMT"),
        parse(b"Tue, 01 Jan 2069 00:00:00 GMT")
    );
}

#[test]
fn everything_else_is_no_date() {
    for text in [
        "",
        "0",
        "Sun",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
    ] {
        assert_eq!(parse(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn every_day_of_four_centuries_follows_the_one_before() {
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut expected = 0;
    for year in 1970..2371 {
        for month in months {
            for day in 1..=31 {
                let text = format!("Sun, {day:02} {month} {year} 00:00:00 GMT");
                if let Some(seconds) = parse(text.as_bytes()) {
                    assert_eq!(seconds, expected, "{text}");
                    expected += 24 * 60 * 60;
                }
            }
        }
    }
    // 401 years with 97 leap days, and one more of 2368.
    assert_eq!(expected, (401 * 365 + 97) * 24 * 60 * 60);
}

#[test]
fn no_cut_and_no_changed_byte_panics() {
    let texts: [&[u8]; 3] = [
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
    ];
    for text in texts {
        for end in 0..text.len() {
            assert_eq!(parse(&text[..end]), None);
            for byte in 0..=255 {
                let mut changed = [0; 40];
                changed[..text.len()].copy_from_slice(text);
                changed[end] = byte;
                let _ = parse(&changed[..text.len()]);
            }
        }
    }
}
