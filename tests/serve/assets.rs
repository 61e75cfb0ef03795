//! What the caller lends.

use tickwire::http::server::Asset;

use super::{HOST, Served, body, request, status};

const PAGE: &[u8] = b"<!doctype html><title>page</title>";
/// More than a send buffer holds.
const LONG: &[u8] = &[b'x'; 10_000];

pub(crate) static ASSETS: [Asset<'static>; 3] = [
    Asset::new("/page", "text/html; charset=utf-8", PAGE),
    Asset::new("/x", "text/plain", LONG),
    Asset::new("/empty", "text/plain", b""),
];

/// A request of this line with more fields.
fn ask(served: &mut Served, line: &str, fields: &str) -> String {
    served.ask(&format!(
        "{line} HTTP/1.1\r\n{HOST}Connection: close\r\n{fields}\r\n"
    ))
}

#[test]
fn an_asset_has_its_type_its_tag_and_its_bytes() {
    let mut served = Served::new();
    let answer = served.ask(&request("GET /page"));
    let etag = ASSETS[0].etag.as_str();
    let head = format!(
        "HTTP/1.1 200 OK\r\nETag: {etag}\r\nCache-Control: no-cache\r\n\
        Content-Type: text/html; charset=utf-8\r\nAccept-Ranges: bytes\r\n\
        Content-Length: 34\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(answer.as_bytes(), [head.as_bytes(), PAGE].concat());
    assert_eq!(served.ask(&request("HEAD /page")), head);
    let long = served.ask(&request("GET /x?y"));
    assert!(body(&long).as_bytes() == LONG);
    assert_eq!(body(&served.ask(&request("GET /empty"))), "");
    assert_eq!(
        served.site().calls,
        "",
        "the other handler has nothing to do with it"
    );
}

#[test]
fn a_caller_that_has_the_asset_gets_304_and_one_that_has_a_part_the_rest() {
    let mut served = Served::new();
    let etag = ASSETS[0].etag.as_str();
    let same = ask(
        &mut served,
        "GET /page",
        &format!("If-None-Match: {etag}\r\n"),
    );
    assert_eq!(status(&same), 304);
    assert!(!same.contains("Content-Length"), "{same}");
    assert_eq!(body(&same), "");
    let rest = format!("Range: bytes=30-\r\nIf-Range: {etag}\r\n");
    let rest = ask(&mut served, "GET /page", &rest);
    assert_eq!(status(&rest), 206);
    assert!(rest.contains("Content-Range: bytes 30-33/34\r\n"), "{rest}");
    assert_eq!(body(&rest).as_bytes(), &PAGE[30..]);
    let beyond = ask(&mut served, "GET /page", "Range: bytes=34-\r\n");
    assert_eq!(status(&beyond), 416);
}

#[test]
fn an_asset_is_only_read() {
    let mut served = Served::new();
    let answer = served.ask(&request("DELETE /page"));
    assert_eq!(status(&answer), 405);
    assert!(answer.contains("Allow: GET, HEAD\r\n"), "{answer}");
    assert_eq!(served.site().calls, "", "nor has it to do with this");
}
