//! The bytes of a request, and refused headers.

extern crate std;

use std::string::ToString;
use std::vec::Vec;

use proptest::prelude::*;

use crate::http::{Header, HeaderError, Request, Url};

const fn header<'a>(name: &'a str, value: &'a str) -> Header<'a> {
    Header { name, value }
}

fn request<'a>(url: &'a str, headers: &'a [Header<'a>]) -> Request<'a> {
    let url = Url::parse(url).expect("a good URL");
    Request::new(&url, headers).expect("good headers")
}

fn refusal(name: &str, value: &str) -> Option<HeaderError> {
    let url = Url::parse("http://h/").expect("a good URL");
    Request::new(&url, &[header(name, value)]).err()
}

#[test]
fn a_plain_request_has_exactly_these_bytes() {
    assert_eq!(
        request("http://192.168.69.100:8000/a?b#c", &[]).to_string(),
        "GET /a?b HTTP/1.0\r\nHost: 192.168.69.100:8000\r\nUser-Agent: tickwire/0.1.0\r\nConnection: close\r\n\r\n"
    );
}

#[test]
fn headers_of_the_caller_come_last_and_in_order() {
    let headers = [
        header("Accept", "*/*"),
        header("X-Tab", "a\tb ö"),
        header("Empty", ""),
    ];
    assert_eq!(
        request("http://h", &headers).to_string(),
        "GET / HTTP/1.0\r\nHost: h\r\nUser-Agent: tickwire/0.1.0\r\nConnection: close\r\n\
         Accept: */*\r\nX-Tab: a\tb ö\r\nEmpty: \r\n\r\n"
    );
}

#[test]
fn host_and_user_agent_of_the_caller_replace_the_default_ones() {
    let headers = [
        header("user-agent", "mine"),
        header("HOST", "virtual.example"),
    ];
    assert_eq!(
        request("http://192.168.69.100/", &headers).to_string(),
        "GET / HTTP/1.0\r\nHost: virtual.example\r\nConnection: close\r\nuser-agent: mine\r\n\r\n"
    );
}

#[test]
fn headers_that_frame_the_message_or_control_the_connection_are_refused() {
    for name in [
        "Content-Length",
        "content-length",
        "TRANSFER-ENCODING",
        "Connection",
        "connection",
    ] {
        assert_eq!(refusal(name, "1"), Some(HeaderError::Reserved), "{name}");
    }
    assert_eq!(refusal("X-Content-Length", "1"), None);
    assert_eq!(refusal("Proxy-Connection", "1"), None);
}

#[test]
fn names_are_tokens() {
    assert_eq!(refusal("", "a"), Some(HeaderError::EmptyName));
    for byte in 0u8..=127 {
        let name = ["a", core::str::from_utf8(&[byte]).unwrap(), "b"].concat();
        let good = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        assert_eq!(refusal(&name, "a").is_none(), good, "{name:?}");
    }
    assert_eq!(refusal("nö", "a"), Some(HeaderError::NameByte));
}

#[test]
fn values_have_no_control_byte_except_htab() {
    for byte in 0u8..=127 {
        let value = ["a", core::str::from_utf8(&[byte]).unwrap(), "b"].concat();
        let good = matches!(byte, b'\t' | 32..=126);
        assert_eq!(refusal("A", &value).is_none(), good, "{value:?}");
    }
    assert_eq!(
        refusal("A", "x\r\nInjected: 1"),
        Some(HeaderError::ValueByte)
    );
}

#[test]
fn a_second_host_is_refused() {
    let url = Url::parse("http://h/").unwrap();
    let headers = [header("Host", "a"), header("host", "a")];
    assert_eq!(
        Request::new(&url, &headers).err(),
        Some(HeaderError::SecondHost)
    );
}

#[test]
fn a_header_line_is_split_at_its_first_colon() {
    assert_eq!(Header::parse("A: b:c \t"), Ok(header("A", "b:c")));
    assert_eq!(Header::parse("A:"), Ok(header("A", "")));
    assert_eq!(Header::parse("A"), Err(HeaderError::NoColon));
    let url = Url::parse("http://h/").unwrap();
    let spaced = [Header::parse("A : b").unwrap()];
    assert_eq!(
        Request::new(&url, &spaced).err(),
        Some(HeaderError::NameByte)
    );
}

#[test]
fn pieces_of_every_size_make_the_same_request() {
    let headers = [header("X-Ö", "ä")];
    assert_eq!(
        Request::new(&Url::parse("http://h").unwrap(), &headers).err(),
        Some(HeaderError::NameByte)
    );
    let headers = [header("X-O", "äöü")];
    let request = request("http://[fe80::1]:81/ä/€?q=😀", &headers);
    let whole = request.to_string();
    assert_eq!(request.len(), whole.len());
    for size in 1..=whole.len() + 1 {
        let mut out = std::vec![0; size];
        let mut sent = Vec::new();
        loop {
            let count = request.write_from(sent.len(), &mut out);
            if count == 0 {
                break;
            }
            assert_eq!(count, size.min(whole.len() - sent.len()));
            sent.extend_from_slice(&out[..count]);
        }
        assert_eq!(sent, whole.as_bytes(), "pieces of {size}");
    }
}

#[test]
fn nothing_is_written_without_room_or_past_the_end() {
    let request = request("http://h", &[]);
    let mut out = [0; 16];
    assert_eq!(request.write_from(0, &mut []), 0);
    assert_eq!(request.write_from(request.len(), &mut out), 0);
    assert_eq!(request.write_from(usize::MAX, &mut out), 0);
    assert_eq!(out, [0; 16]);
}

proptest! {
    #[test]
    fn no_url_and_no_header_can_add_a_line(
        rest in "(/|:80/|[?])[a-z/?#%\u{e4}]{0,4}[ \r\n\t\0\u{7f}]?[a-z/?#]{0,4}",
        name in "[A-Za-z-]{1,4}[: \r\n]?[A-Za-z-]{0,2}",
        value in "[a-z ]{0,4}[\r\n\t\0\u{7f}\u{e4}]?[a-z]{0,2}",
    ) {
        let text = ["http://h", &rest].concat();
        let headers = [header(&name, &value)];
        let Ok(url) = Url::parse(&text) else { return Ok(()) };
        let Ok(request) = Request::new(&url, &headers) else { return Ok(()) };
        let written = request.to_string();
        let lines: Vec<&str> = written.split("\r\n").collect();
        let keeps_defaults = !["host", "user-agent"].contains(&name.to_ascii_lowercase().as_str());
        prop_assert_eq!(lines.len(), if keeps_defaults { 7 } else { 6 }, "{:?}", written);
        prop_assert!(!lines.concat().contains(|byte: char| byte.is_ascii_control() && byte != '\t'));
        prop_assert_eq!(lines[0].split(' ').count(), 3, "{:?}", lines[0]);
        prop_assert!(lines[0].is_ascii());
    }
}
