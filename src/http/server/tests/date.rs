//! Dates as a server writes them.

extern crate std;

use std::string::String;

#[cfg(feature = "download")]
use crate::http::date::parse;
use crate::http::server::date::format;

#[test]
fn a_date_that_is_written_is_read_again() {
    let text = |seconds| format(seconds).map(|text| String::from_utf8(text.to_vec()).unwrap());
    let date = text(784_111_777).unwrap();
    assert_eq!(date, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(text(0).unwrap(), "Thu, 01 Jan 1970 00:00:00 GMT");
    // Every day of 400 years and some more, at different times.
    for day in 0..150_000 {
        let seconds = day * 86_400 + day * 7_919 % 86_400;
        let text = format(seconds).unwrap();
        #[cfg(feature = "download")]
        assert_eq!(parse(&text), Some(seconds));
        assert!(text.is_ascii());
    }
    assert_eq!(
        text(253_402_300_799).unwrap(),
        "Fri, 31 Dec 9999 23:59:59 GMT"
    );
    assert_eq!(text(253_402_300_800), None);
    assert_eq!(text(u64::MAX), None);
}
