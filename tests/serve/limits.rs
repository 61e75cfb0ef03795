//! Callers that break the protocol, or take their time.

use tickwire_sim::{Act, Opening};

use super::common::fixture::{endpoint, ms};
use super::{CALLER, HOST, PORT, SERVER, Served, request, secs, status};

const DIAL: fn() -> Opening = || Opening::Dial(endpoint(SERVER, PORT));

#[test]
fn a_request_that_breaks_the_protocol_is_told_so_and_is_the_last() {
    let mut served = Served::new();
    for (text, expected) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\n{HOST}\r\n"), 400),
        (format!("GET / HTTP/2.0\r\n{HOST}\r\n"), 505),
        (format!("BREW / HTTP/1.1\r\n{HOST}\r\n"), 501),
        (
            format!("GET /{} HTTP/1.1\r\n{HOST}\r\n", "a".repeat(2_000)),
            414,
        ),
        (
            format!("GET / HTTP/1.1\r\n{HOST}A: {}\r\n\r\n", "a".repeat(2_000)),
            431,
        ),
        (format!("GET / HTTP/1.1\r\n{HOST}Expect: more\r\n\r\n"), 417),
        (
            format!("POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: gzip, chunked\r\n\r\n"),
            501,
        ),
    ] {
        let answer = served.ask(&(text + &request("GET /")));
        assert_eq!(status(&answer), expected);
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
    assert_eq!(served.site().calls, "", "no handler saw them");
}

#[test]
fn a_caller_that_sends_nothing_is_let_go_and_a_slow_head_gets_408() {
    let mut served = Served::new();
    assert_eq!(served.ask(""), "");
    assert!((secs(5)..secs(6)).contains(&served.elapsed()));
    let drip = Act::Drip(b"GET / HTTP/1.1\r\nHost: x", secs(1));
    let acts = [drip, Act::ExpectEnd];
    let slow = served.net.script(CALLER, DIAL(), &acts);
    let began = served.net.now();
    let _ = served.net.finish(slow, secs(60));
    let failed = served.net.when(SERVER, "failed").since(began);
    assert!((secs(5)..secs(7)).contains(&failed), "{failed:?}");
    assert!(served.net.app(slow).received() > 0, "408 came");
    assert!(
        served
            .net
            .has_told(SERVER, "failed: Connection(TimedOut(Request))")
    );
}

#[test]
fn a_connection_without_a_request_is_closed_after_its_time() {
    let mut served = Served::new();
    let acts = [
        Act::Send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        Act::Expect(b"hello\n"),
        Act::Wait(ms(4_900)),
        Act::Send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        Act::Expect(b"hello\n"),
        Act::ExpectEnd,
    ];
    let caller = served.net.script(CALLER, DIAL(), &acts);
    assert_eq!(served.net.finish(caller, secs(30)), Ok(()));
    assert!((secs(9)..secs(12)).contains(&served.elapsed()));
}
