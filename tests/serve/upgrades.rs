//! Connections that change their protocol.

use tickwire::http::server::HttpSession;

use super::{HOST, Served, request, status};
use crate::common::fixture::{Fixture, secs};

fn upgrade(path: &str, protocol: &str, rest: &str) -> String {
    format!("GET {path} HTTP/1.1\r\n{HOST}Connection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n{rest}")
}

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: echo\r\nX-Echo: 1\r\n\r\n";

#[test]
fn the_other_protocol_gets_every_byte_after_the_head_wherever_it_is_cut() {
    let text = upgrade("/echo", "echo", "one\ntwo\n");
    let mut served = Served::new();
    for cut in 0..text.len() {
        let call = served.call_and_close(&text, cut);
        assert_eq!(
            served.answer(call),
            format!("{SWITCHED}one\ntwo\n"),
            "cut at {cut}"
        );
    }
}

#[test]
fn a_refused_or_ignored_upgrade_is_answered_in_http() {
    let mut served = Served::new();
    let refused = upgrade("/", "echo", &request("GET /none"));
    let answers = served.ask(&refused);
    assert_eq!(status(&answers), 403);
    assert!(
        answers.contains("204 No Content"),
        "the connection goes on: {answers}"
    );
    let ignored = upgrade("/", "h2c", &request("GET /none"));
    assert_eq!(status(&served.ask(&ignored)), 200);
    let of_asset = upgrade("/page", "h2c", &request("GET /none"));
    assert_eq!(
        status(&served.ask(&of_asset)),
        200,
        "curl --http2 asks for that"
    );
    let old = "GET /echo HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    assert_eq!(status(&served.ask(old)), 404);
}

#[test]
fn the_next_caller_after_an_upgrade_speaks_http() {
    let mut served = Served::new();
    let text = upgrade("/echo", "echo", "x");
    let call = served.call_and_close(&text, text.len());
    let server = served.server;
    let is_upgraded = |net: &Fixture| net.app(server).sessions().all(HttpSession::is_upgraded);
    served.net.run_until(secs(1), |net| is_upgraded(net));
    assert_eq!(served.answer(call), format!("{SWITCHED}x"));
    served.net.run_until(secs(1), |net| !is_upgraded(net));
    assert_eq!(status(&served.ask(&request("GET /"))), 200);
    assert_eq!(served.site().calls, "uere");
}
