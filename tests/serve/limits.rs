//! Callers that break the protocol, or take their time.

use tickwire::http::server::HttpOptions;
use tickwire::{Error, Tick};
use tickwire_sim::{Act, Opening, ScriptError};

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

#[test]
fn an_empty_line_after_a_request_is_no_request() {
    for last in [Act::Close, Act::Wait(secs(9))] {
        let mut served = Served::new();
        let acts = [
            Act::Send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n\r\n"),
            Act::Expect(b"hello\n"),
            last,
            Act::ExpectEnd,
        ];
        let caller = served.net.script(CALLER, DIAL(), &acts);
        assert_eq!(served.net.finish(caller, secs(30)), Ok(()));
        served.net.run(secs(3));
        let told = served.net.told(SERVER);
        let has_failed = told.iter().any(|line| line.starts_with("failed"));
        assert!(!has_failed, "{told:?}");
    }
}

/// Limits that are quick to reach.
fn limited() -> Served {
    let options = HttpOptions {
        idle_timeout: secs(3),
        stall_timeout: secs(7),
        requests_max: 2,
        ..HttpOptions::default()
    };
    Served::with(super::BUFFER, options)
}

#[test]
fn the_last_request_of_a_connection_is_told_to_be_it() {
    let mut served = limited();
    let text = format!("GET / HTTP/1.1\r\n{HOST}\r\n").repeat(3);
    let answers = served.ask(&text);
    assert_eq!(answers.matches("hello\n").count(), 2, "{answers}");
    assert_eq!(
        answers.matches("Connection: close\r\n").count(),
        1,
        "{answers}"
    );
}

#[test]
fn a_handler_that_never_takes_the_body_or_never_answers_is_given_up() {
    let mut served = limited();
    for (path, body) in [("/", "?"), ("/never-answers", "x")] {
        let before = served.elapsed();
        let text = format!("POST {path} HTTP/1.1\r\n{HOST}Content-Length: 1\r\n\r\n{body}");
        assert_eq!(status(&served.ask(&text)), 503, "{path}");
        let took = served.elapsed().as_millis() - before.as_millis();
        assert!((7_000..8_500).contains(&took), "{path}: {took} ms");
    }
    assert!(
        served
            .net
            .has_told(SERVER, "failed: Connection(TimedOut(Sink))")
    );
    assert_eq!(status(&served.ask(&request("GET /"))), 200);
}

#[test]
fn a_caller_that_stops_in_a_body_gets_408_and_one_that_stops_reading_rst() {
    let mut served = limited();
    let half = format!("POST / HTTP/1.1\r\n{HOST}Content-Length: 10\r\n\r\nhalf");
    assert_eq!(status(&served.ask(&half)), 408);
    assert!(
        served
            .net
            .has_told(SERVER, "failed: Connection(TimedOut(Receive))")
    );
    let acts = [
        Act::Send(b"GET /long?n=100000 HTTP/1.1\r\nHost: x\r\n\r\n"),
        Act::Stall(secs(30)),
        Act::ExpectEnd,
    ];
    let caller = served.net.script(CALLER, DIAL(), &acts);
    let reset = ScriptError::Connection(Error::Reset);
    assert_eq!(served.net.finish(caller, secs(60)), Err(reset));
    assert!(
        served
            .net
            .has_told(SERVER, "failed: Connection(TimedOut(Flush))")
    );
}

#[test]
fn a_caller_that_reads_slowly_but_steadily_gets_everything() {
    let options = HttpOptions {
        idle_bytes_min: 256,
        ..HttpOptions::default()
    };
    let mut served = Served::with(512, options);
    let mut acts = vec![Act::Send(
        b"GET /long?n=8000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )];
    acts.extend([Act::Stall(secs(15)), Act::Wait(ms(50))].repeat(4));
    acts.push(Act::ExpectEnd);
    let caller = served.net.script(CALLER, DIAL(), &acts);
    assert_eq!(served.net.finish(caller, secs(200)), Ok(()));
    assert!(served.net.app(caller).received() > 8_000);
}

#[test]
fn a_caller_that_drips_its_body_loses_its_place() {
    let mut served = Served::new();
    let mut acts = vec![Act::Send(
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
    )];
    acts.extend([Act::Send(&[b'x'; 300]), Act::Wait(secs(19))].repeat(3));
    acts.push(Act::ExpectEnd);
    let drip = served.net.script(CALLER, DIAL(), &acts);
    let _ = served.net.finish(drip, secs(120));
    let failed = served.net.when(SERVER, "failed").since(Tick::ZERO);
    assert!((secs(20)..secs(22)).contains(&failed), "{failed:?}");
    assert!(
        served
            .net
            .has_told(SERVER, "failed: Connection(TimedOut(Receive))")
    );
    served.net.clear(CALLER);
    assert_eq!(status(&served.ask(&request("GET /"))), 200);
}

#[test]
fn a_caller_that_drips_out_its_answer_is_reset_wherever_the_answer_is() {
    // In the handler, and in the send buffer alone.
    for send in [4_096, 32_768] {
        let mut served = Served::with(send, HttpOptions::default());
        let mut acts = vec![Act::Send(
            b"GET /long?n=30000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )];
        // Each time it takes what its receive buffer holds.
        let buffer = super::BUFFER as u64;
        let takes = (1..6).flat_map(|count| [Act::Stall(secs(19)), Act::Read(count * buffer)]);
        acts.extend(takes);
        acts.push(Act::ExpectEnd);
        let caller = served.net.script(CALLER, DIAL(), &acts);
        let reset = ScriptError::Connection(Error::Reset);
        assert_eq!(served.net.finish(caller, secs(200)), Err(reset), "{send}");
        let failed = served.net.when(SERVER, "failed").since(Tick::ZERO);
        assert!((secs(20)..secs(62)).contains(&failed), "{failed:?}");
    }
}

#[test]
fn the_end_of_an_answer_has_the_same_time_as_the_rest_of_it() {
    let options = HttpOptions {
        idle_timeout: secs(60),
        ..HttpOptions::default()
    };
    // All of the answer is in the send buffer at once.
    let mut served = Served::with(32_768, options);
    let mut acts = vec![Act::Send(
        b"GET /long?n=20000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )];
    // Less than 4,800 bytes in 20 s, and more than that in 60 s.
    let buffer = super::BUFFER as u64;
    acts.extend(
        (1..20_000 / buffer).flat_map(|count| [Act::Stall(secs(25)), Act::Read(count * buffer)]),
    );
    acts.push(Act::ExpectEnd);
    let caller = served.net.script(CALLER, DIAL(), &acts);
    assert_eq!(served.net.finish(caller, secs(400)), Ok(()));
    assert!(served.net.app(caller).received() > 20_000);
}

#[test]
fn a_connection_has_an_end_even_if_its_caller_asks_again_and_again() {
    let mut served = Served::new();
    let text = format!("GET / HTTP/1.1\r\n{HOST}\r\n").repeat(1_001);
    let answers = served.ask(&text);
    assert_eq!(answers.matches("hello\n").count(), 1_000);
    assert_eq!(answers.matches("Connection: close\r\n").count(), 1);
}
