//! Valid values are parsed and invalid ones are refused.

use super::*;

#[test]
fn seconds_may_have_fractions_and_bad_values_are_refused() {
    assert_eq!(seconds("5"), Ok(Duration::from_millis(5_000)));
    assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
    assert_eq!(seconds(".25"), Ok(Duration::from_millis(250)));
    assert_eq!(seconds("2."), Ok(Duration::from_millis(2_000)));
    assert_eq!(seconds("1.2345"), Ok(Duration::from_millis(1_234)));
    for bad in [
        "",
        ".",
        "0",
        "0.0",
        "-1",
        "+1",
        "1e3",
        "1.x",
        "1.2.3",
        "1.234x",
        "99999999999",
        "inf",
    ] {
        assert!(seconds(bad).is_err(), "{bad}");
    }
}

#[test]
fn sizes_accept_curls_units() {
    assert_eq!(size("0"), Ok(0));
    assert_eq!(size("64k"), Ok(65_536));
    assert_eq!(size("2G"), Ok(1 << 31));
    for bad in [
        "",
        "k",
        "-1",
        "1kk",
        "20000000000000000000",
        "99999999999999G",
        "1ü",
    ] {
        assert!(size(bad).is_err(), "{bad}");
    }
}

#[test]
fn only_host_addresses_are_accepted() {
    for good in [
        "192.168.69.1/24",
        "10.0.0.1/8",
        "10.0.0.0/31",
        "10.0.0.7/32",
        "fd00::1/64",
    ] {
        assert_eq!(host_cidr(good).unwrap().to_string(), good);
    }
    for bad in [
        "192.168.69.1",
        "192.168.69.1/0",
        "192.168.69.1/33",
        "192.168.69.0/24",
        "192.168.69.255/24",
        "127.0.0.1/8",
        "0.0.0.0/8",
        "224.0.0.1/4",
        "255.255.255.255/32",
        "1.2.3/24",
        "x/24",
        "ff02::1/64",
        "::1/128",
        "fd00::1/129",
        "10.0.0.1/+8",
    ] {
        assert!(host_cidr(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_ethernet_group_address_is_refused() {
    assert_eq!(
        mac("02:00:c0:A8:45:01").unwrap().0,
        [2, 0, 0xc0, 0xa8, 0x45, 1]
    );
    assert_eq!(
        mac("02-00-c0-a8-45-01").unwrap().0,
        [2, 0, 0xc0, 0xa8, 0x45, 1]
    );
    for bad in [
        "",
        "02:00",
        "02:00:00:00:00:00:00",
        "03:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
        "00:00:00:00:00:00",
        "2:0:0:0:0:1",
        "+2:00:00:00:00:01",
    ] {
        assert!(mac(bad).is_err(), "{bad}");
    }
}

#[test]
fn peers_are_addresses_or_names_with_or_without_a_port() {
    let shown = |text| peer(text, 9).map(|peer| peer.to_string());
    assert_eq!(shown("10.0.0.2").unwrap(), "10.0.0.2:9");
    assert_eq!(shown("10.0.0.2:80").unwrap(), "10.0.0.2:80");
    assert_eq!(shown("fe80::2").unwrap(), "[fe80::2]:9");
    assert_eq!(shown("[fe80::2]").unwrap(), "[fe80::2]:9");
    assert_eq!(shown("[fe80::2]:80").unwrap(), "[fe80::2]:80");
    assert_eq!(shown("box.local:80").unwrap(), "box.local:80");
    assert!(peer("box.local", 9).unwrap().has_name());
    assert!(!peer("[fe80::2]", 9).unwrap().has_name());
    for bad in [
        "",
        ":80",
        "h:",
        "h:0",
        "h:65536",
        "h:80:80",
        "[::1",
        "[::1]80",
        "[10.0.0.1]:80",
        "a b",
        "a/b",
    ] {
        assert!(peer(bad, 9).is_err(), "{bad}");
    }
}

#[test]
fn headers_cannot_inject_lines_or_contradict_ours() {
    let field = header("Accept:  text/html ").unwrap();
    assert_eq!(
        (field.name.as_str(), field.value.as_str()),
        ("Accept", "text/html")
    );
    assert_eq!(header("X-Empty:").unwrap().value, "");
    for bad in [
        "NoColon",
        ": v",
        "A b: v",
        "A : v",
        "A: v\r\nB: w",
        "A: v\0",
        "content-length: 3",
        "Connection: x",
        "TRANSFER-ENCODING: chunked",
    ] {
        assert!(header(bad).is_err(), "{bad}");
    }
}

#[test]
fn interface_names_are_checked_before_anything_truncates_them() {
    assert_eq!(
        interface_name("fifteen-letters"),
        Ok("fifteen-letters".to_owned())
    );
    for bad in [
        "",
        "sixteen-letters-",
        "a/b",
        "tap%d",
        "a b",
        ".",
        "..",
        "a:b",
        "a\tb",
    ] {
        assert!(interface_name(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_name_of_a_host_has_no_port_and_no_final_dot() {
    for text in ["*", "lamp", "lamp.example", "a_b.example", "192.168.69.1"] {
        assert_eq!(host_name(text), Ok(text.to_owned()));
    }
    assert_eq!(host_name("lamp.example."), Ok("lamp.example".to_owned()));
    for text in [
        "",
        "lamp:80",
        "http://lamp",
        "lamp/",
        "a b",
        "u@lamp",
        "*.lamp",
        "l\u{e4}mp",
    ] {
        assert!(host_name(text).is_err(), "{text}");
    }
}

#[test]
fn an_origin_has_a_scheme_and_a_host_and_nothing_after_them() {
    for text in [
        "*",
        "http://a.example",
        "https://a.example:8443",
        "http://[fe80::1]:8080",
        "http://[FE80::1]",
        "http://A.example:443",
    ] {
        assert_eq!(origin(text), Ok(text.to_owned()));
    }
    for (text, sent) in [
        ("http://a.example:80", "http://a.example"),
        ("https://a.example:443", "https://a.example"),
        ("http://[fe80::1]:80", "http://[fe80::1]"),
    ] {
        assert_eq!(origin(text), Ok(sent.to_owned()), "browsers send no port");
    }
    for text in [
        "",
        "a.example",
        "http://",
        "http://a/",
        "http://a b",
        "ftp://a",
        "http://u@a",
        "http://a:99999",
        "http://a:x",
        "http://a:",
        "http://a:http",
        "http://a:080",
        "http://a:08080",
        "http://[fe80:0::1]",
        "http://[fe80:0::1]:8080",
        "null",
    ] {
        assert!(origin(text).is_err(), "{text}");
    }
}

#[test]
fn a_message_size_takes_units_and_has_limits() {
    assert_eq!(message_size("64"), Ok(64));
    assert_eq!(message_size("4k"), Ok(4096));
    assert_eq!(message_size("16k"), Ok(16_384));
    for text in ["", "63", "16385", "1M", "x", "-1"] {
        assert!(message_size(text).unwrap_err().contains("bytes"), "{text}");
    }
    assert_eq!(
        message_size("63"),
        Err("the limit of a message is 64 to 16384 bytes".to_owned())
    );
}
