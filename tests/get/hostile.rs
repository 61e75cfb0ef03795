//! The table of hostile responses against a GET on a virtual Ethernet: the same outcomes as from pure
//! bytes, and what only a connection has, silence and RST.

#[path = "../common/hostile/mod.rs"]
mod table;

use table::{Case, End};

use super::*;

/// What the server of a case does.
fn acts(case: &Case) -> Vec<Act<'static>> {
    let response = case.response.clone().leak();
    let mut acts = vec![REQUEST_END, Act::Send(response), Act::Flush];
    match case.end {
        End::Fin => acts.extend([Act::Close, Act::ExpectEnd]),
        End::Rst => acts.push(Act::Reset),
        End::Silence => acts.push(Act::Wait(secs(3_600))),
        End::Drip(bytes) => acts.push(Act::Drip(bytes.repeat(60).leak(), secs(1))),
    }
    acts
}

fn exit_of(result: Result<(), GetError>) -> i32 {
    match result {
        Ok(()) => table::FINE,
        Err(GetError::Malformed(_)) => table::MALFORMED,
        Err(GetError::Truncated) => table::TRUNCATED,
        Err(GetError::Status(_)) => table::STATUS,
        Err(GetError::TooLarge) => table::TOO_LARGE,
        Err(GetError::Connection(Error::Reset)) => table::RESET,
        Err(GetError::Connection(Error::TimedOut(_))) => table::TIMED_OUT,
        Err(error) => panic!("no such outcome: {error}"),
    }
}

#[test]
fn every_hostile_response_ends_over_a_connection_as_the_table_says() {
    for case in table::cases() {
        let mut net = Fixture::new(1, 2);
        let handle = net.add_socket(CLIENT, BUFFER);
        let timeout = case
            .timeout_s
            .map_or(secs(20), |timeout| secs(timeout.into()));
        let options = GetOptions {
            head_timeout: timeout,
            idle_timeout: timeout,
            bytes_max: case.max_size_bytes.unwrap_or(u64::MAX),
            require_length: case.require_length,
            ..GetOptions::default()
        };
        let app = get(handle, options, BufferSink::new(leak(0u8, 64 * 1024)));
        let Ended { result, app, .. } = against(&mut net, app, &acts(&case), secs(600));
        assert_eq!(exit_of(result), case.exit, "{}: {result:?}", case.name);
        if let Err(GetError::Malformed(how)) = result {
            let how = format!("{how:?}");
            assert_eq!(Some(how.as_str()), case.malformed, "{}", case.name);
        }
        let sink = app.into_sink();
        let delivered = sink.bytes();
        assert!(delivered.starts_with(&case.delivered), "{}", case.name);
        let drips = matches!(case.end, End::Drip(_));
        assert!(drips || delivered == case.delivered, "{}", case.name);
    }
}
