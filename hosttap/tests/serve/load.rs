//! Many requests, and callers that hold what they have.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use hosttap::system::clock::Clock;

use super::{ADDRESS, Served, status};
use crate::common::{WAIT_MAX, in_namespace, is_installed, sh};

/// Callers that the server has sessions for.
const CALLERS_MAX: usize = 32;

#[test]
fn ten_thousand_requests_on_connections_that_are_kept_are_all_answered() {
    in_namespace!();
    if !is_installed("h2load") {
        return;
    }
    let served = Served::start(&[]);
    let report = sh(&format!("h2load --h1 -n 10000 -c 8 http://{ADDRESS}/ 2>&1"));
    let expected =
        "10000 total, 10000 started, 10000 done, 10000 succeeded, 0 failed, 0 errored, 0 timeout";
    assert!(report.contains(expected), "{report}");
    let stderr = served.stop().stderr();
    assert!(
        stderr.contains("10000 requests answered, 0 of them"),
        "{stderr}"
    );
}

#[test]
fn ten_thousand_requests_on_connections_of_their_own_are_all_answered() {
    in_namespace!();
    if !is_installed("ab") {
        return;
    }
    let served = Served::start(&[]);
    let report = sh(&format!(
        "ab -q -s 60 -n 10000 -c 16 http://{ADDRESS}/ 2>&1"
    ));
    for expected in [
        "Complete requests:      10000\n",
        "Failed requests:        0\n",
    ] {
        assert!(report.contains(expected), "{report}");
    }
    assert!(!report.contains("Non-2xx"), "{report}");
    served.stop();
}

#[test]
fn a_caller_is_served_in_time_though_slow_ones_hold_every_session() {
    in_namespace!();
    if !is_installed("curl") {
        return;
    }
    let served = Served::start(&[]);
    let clock = Clock::start();
    let mut slow: Vec<_> = (0..CALLERS_MAX)
        .map(|_| {
            let mut stream = TcpStream::connect(ADDRESS).unwrap();
            stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
            stream
        })
        .collect();
    // It gets the session of the first whose time for a head is over.
    let waiting = thread::spawn(|| status("", "/"));
    for stream in &mut slow {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    let all_given_up_millis = clock.now().as_millis();
    assert_eq!(waiting.join().unwrap(), "200");
    let millis = clock.now().as_millis();
    // Lingering takes a second.
    assert!(millis < 2 * all_given_up_millis, "{millis} ms");
    served.stop();
}
