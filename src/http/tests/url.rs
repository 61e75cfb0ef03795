//! Valid URLs, and the errors of all others.

extern crate std;

use std::format;
use std::string::{String, ToString};

use core::net::IpAddr;

use crate::http::{Host, Url, UrlError};

#[track_caller]
fn parse(text: &str) -> Url<'_> {
    Url::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[track_caller]
fn refuses(text: &str, error: UrlError) {
    assert_eq!(Url::parse(text), Err(error), "{text:?}");
}

#[test]
fn a_url_has_a_name_a_port_a_path_and_a_query() {
    let url = parse("http://device.example:8080/a/b?c=d&e");
    assert_eq!(url.host(), Host::Name("device.example"));
    assert_eq!(url.port(), 8080);
    assert_eq!(url.authority().to_string(), "device.example:8080");
    assert_eq!(url.target().to_string(), "/a/b?c=d&e");
}

#[test]
fn the_port_is_80_unless_the_url_has_one() {
    for text in [
        "http://h/",
        "HTTP://h",
        "http://h:80/",
        "http://h:/",
        "http://h:0080",
    ] {
        let url = parse(text);
        assert_eq!(url.port(), 80, "{text}");
        assert_eq!(url.authority().to_string(), "h", "{text}");
    }
    assert_eq!(parse("http://h:65535").port(), 65535);
}

#[test]
fn an_address_is_parsed_and_ipv6_keeps_its_brackets() {
    let v4 = parse("http://192.168.69.100:81/");
    assert_eq!(v4.host(), Host::Address(IpAddr::from([192, 168, 69, 100])));
    assert_eq!(v4.authority().to_string(), "192.168.69.100:81");
    let v6 = parse("http://[FE80:0::1]:81");
    assert_eq!(v6.host(), Host::Address("fe80::1".parse().unwrap()));
    assert_eq!(v6.authority().to_string(), "[FE80:0::1]:81", "as written");
    assert_eq!(
        parse("http://[::ffff:1.2.3.4]/").authority().to_string(),
        "[::ffff:1.2.3.4]"
    );
}

#[test]
fn the_target_is_never_empty() {
    assert_eq!(parse("http://h").target().to_string(), "/");
    assert_eq!(parse("http://h?q").target().to_string(), "/?q");
    assert_eq!(parse("http://h/").target().to_string(), "/");
}

#[test]
fn a_fragment_is_not_sent() {
    assert_eq!(parse("http://h#top").target().to_string(), "/");
    assert_eq!(parse("http://h/a?b#c?d#e").target().to_string(), "/a?b");
}

#[test]
fn bytes_outside_ascii_are_percent_encoded_and_percent_signs_stay() {
    assert_eq!(
        parse("http://h/ä%20/€?q=😀").target().to_string(),
        "/%C3%A4%20/%E2%82%AC?q=%F0%9F%98%80"
    );
    assert_eq!(parse("http://h/\u{85}").target().to_string(), "/%C2%85");
}

#[test]
fn everything_but_an_http_url_is_refused_with_its_own_error() {
    refuses("", UrlError::Empty);
    for text in [
        "h",
        "h/path",
        "192.168.69.1",
        "http:/h",
        "//h/",
        "h/?next=http://other",
        "://h",
        "1http://h",
    ] {
        refuses(text, UrlError::NoScheme);
    }
    refuses("https://h/", UrlError::Https);
    refuses("HTTPS://h/", UrlError::Https);
    refuses("ftp://h/", UrlError::OtherScheme);
    refuses("http+unix://h/", UrlError::OtherScheme);
}

#[test]
fn bytes_that_could_break_the_request_line_are_refused_at_every_offset() {
    let url = "http://host:80/path?query#fragment";
    for offset in 0..=url.len() {
        for (byte, error) in [
            (' ', UrlError::Space),
            ('\t', UrlError::ControlByte),
            ('\r', UrlError::ControlByte),
            ('\n', UrlError::ControlByte),
            ('\0', UrlError::ControlByte),
            ('\u{7f}', UrlError::ControlByte),
        ] {
            let mut text = String::from(url);
            text.insert(offset, byte);
            refuses(&text, error);
        }
    }
}

#[test]
fn user_names_and_passwords_are_refused() {
    refuses("http://user@h/", UrlError::UserInfo);
    refuses("http://user:password@h:80/", UrlError::UserInfo);
    refuses("http://good.example@[::1]/", UrlError::UserInfo);
    assert_eq!(parse("http://h/@b").target().to_string(), "/@b");
}

#[test]
fn host_names_have_limits() {
    for text in [
        "http://",
        "http:///path",
        "http://:80/",
        "http://?q",
        "http://#f",
        "http://./",
    ] {
        refuses(text, UrlError::EmptyHost);
    }
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(longest.len(), 253);
    parse(&format!("http://{longest}/"));
    parse(&format!("http://{longest}./"));
    refuses(&format!("http://{longest}a/"), UrlError::HostTooLong);
    refuses(&format!("http://b.{label}a/"), UrlError::LabelTooLong);
    refuses("http://a..b/", UrlError::EmptyLabel);
    refuses("http://.a/", UrlError::EmptyLabel);
    refuses("http://bücher.example/", UrlError::HostNotAscii);
    for text in [
        "http://a%41/",
        "http://a\\b/",
        "http://a,b/",
        "http://a]/",
        "http://a[::1]/",
    ] {
        refuses(text, UrlError::HostByte);
    }
}

#[test]
fn a_host_that_ends_in_a_number_must_be_four_decimal_numbers() {
    for host in [
        "0177.1",
        "1.2.3",
        "256.1.1.1",
        "1",
        "0x7f.1",
        "0x7f000001",
        "0x",
        "01.2.3.4",
        "1.2.3.4.5",
        "1.2.3.4.",
        "a.1",
        "1.2.3.0X4",
    ] {
        refuses(&format!("http://{host}/"), UrlError::BadIpv4);
    }
    for host in ["1.2.3.a", "1e3", "0xg", "1.example"] {
        assert_eq!(parse(&format!("http://{host}/")).host(), Host::Name(host));
    }
    parse("http://0.0.0.0/");
    parse("http://255.255.255.255/");
}

#[test]
fn brackets_hold_an_ipv6_address_without_a_zone() {
    refuses("http://[::1", UrlError::UnclosedBracket);
    refuses("http://[::1/]", UrlError::UnclosedBracket);
    refuses("http://[]/", UrlError::BadIpv6);
    refuses("http://[1.2.3.4]/", UrlError::BadIpv6);
    refuses("http://[::1::]/", UrlError::BadIpv6);
    refuses("http://[v1.a]/", UrlError::BadIpv6);
    refuses("http://[fe80::1%eth0]/", UrlError::ZoneId);
    refuses("http://[fe80::1%25eth0]/", UrlError::ZoneId);
    refuses("http://[::1]a/", UrlError::BadPort);
    refuses("http://::1/", UrlError::EmptyHost);
    refuses("http://fe80::1/", UrlError::BadPort);
}

#[test]
fn ports_are_1_to_65535_in_digits() {
    for host in ["h", "[::1]"] {
        refuses(&format!("http://{host}:0/"), UrlError::PortZero);
        refuses(&format!("http://{host}:000/"), UrlError::PortZero);
        refuses(&format!("http://{host}:65536/"), UrlError::PortTooLarge);
        refuses(
            &format!("http://{host}:99999999999999999999/"),
            UrlError::PortTooLarge,
        );
        for port in ["+80", "-1", "0x50", "80a", "80:80", "٨"] {
            refuses(&format!("http://{host}:{port}/"), UrlError::BadPort);
        }
    }
}
