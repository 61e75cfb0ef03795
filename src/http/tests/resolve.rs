//! References resolve as RFC 3986 says.

extern crate std;

use std::string::String;
use std::vec;
use std::vec::Vec;

use crate::http::resolve::{TooLong, resolve};

fn resolved(base: &str, reference: &str) -> String {
    let mut buffer = [0; 200];
    buffer[..base.len()].copy_from_slice(base.as_bytes());
    let len = resolve(&mut buffer, base.len(), reference.as_bytes()).unwrap();
    String::from_utf8(buffer[..len].to_vec()).unwrap()
}

/// RFC 3986, 5.4, but with the authority of an HTTP URL and without the fragments.
#[test]
fn every_example_of_the_rfc_resolves_as_it_says() {
    let examples = [
        ("g:h", "g:h"),
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q"),
        ("g#s", "http://a/b/c/g"),
        ("g?y#s", "http://a/b/c/g?y"),
        (";x", "http://a/b/c/;x"),
        ("g;x", "http://a/b/c/g;x"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("./", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../", "http://a/"),
        ("../../g", "http://a/g"),
        ("../../../g", "http://a/g"),
        ("../../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        (".g", "http://a/b/c/.g"),
        ("g..", "http://a/b/c/g.."),
        ("..g", "http://a/b/c/..g"),
        ("./../g", "http://a/b/g"),
        ("./g/.", "http://a/b/c/g/"),
        ("g/./h", "http://a/b/c/g/h"),
        ("g/../h", "http://a/b/c/h"),
        ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/./x", "http://a/b/c/g?y/./x"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("g#s/../x", "http://a/b/c/g"),
    ];
    for (reference, expected) in examples {
        assert_eq!(
            resolved("http://a/b/c/d;p?q", reference),
            expected,
            "{reference}"
        );
    }
}

#[test]
fn a_url_without_a_path_gets_the_slash_that_is_missing() {
    assert_eq!(resolved("http://a", "g"), "http://a/g");
    assert_eq!(resolved("http://a?q", "g"), "http://a/g");
    assert_eq!(resolved("http://a:8080", "../g"), "http://a:8080/g");
    assert_eq!(resolved("http://a", "?y"), "http://a?y");
    assert_eq!(
        resolved("http://[2001:db8::1]:80/x", "/y"),
        "http://[2001:db8::1]:80/y"
    );
}

#[test]
fn an_absolute_reference_replaces_everything() {
    assert_eq!(
        resolved("http://a/b", "http://c:81/../d?e#f"),
        "http://c:81/d?e"
    );
    assert_eq!(resolved("http://a/b", "https://c"), "https://c");
}

#[test]
fn bytes_that_no_url_may_have_are_encoded() {
    assert_eq!(resolved("http://a/", "b c\u{e4}"), "http://a/b%20c%C3%A4");
}

#[test]
fn a_result_that_is_too_long_is_an_error_at_every_length() {
    let base = b"http://a/b/c";
    let expected = b"http://a/b/%20";
    for size in base.len()..40 {
        let mut buffer = vec![0; size];
        buffer[..base.len()].copy_from_slice(base);
        let result = resolve(&mut buffer, base.len(), b" ");
        if size < expected.len() {
            assert_eq!(result, Err(TooLong), "{size}");
        } else {
            assert_eq!(&buffer[..result.unwrap()], expected);
        }
    }
}

#[test]
fn no_reference_panics_or_grows() {
    let alphabet = b"/.?#:a";
    for mut number in 0..6_u32.pow(6) {
        let reference: Vec<u8> = (0..6)
            .map(|_| {
                let byte = alphabet[(number % 6) as usize];
                number /= 6;
                byte
            })
            .collect();
        let base = b"http://a/b";
        let mut buffer = [0; 64];
        buffer[..base.len()].copy_from_slice(base);
        let len = resolve(&mut buffer, base.len(), &reference).unwrap();
        assert!(len <= base.len() + reference.len() + 1);
    }
}
