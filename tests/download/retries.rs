//! What can change is tried again, and nothing else.

use tickwire::http::{DownloadError, DownloadOptions, GetError, GetOptions, Malformed};
use tickwire::{Duration, Error, TimeoutKind};
use tickwire_sim::Act;

use crate::{REQUEST_END, SERVER, Trial, complete, download, status, with_retries};

const HELLO: Act<'static> = Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");

#[test]
fn statuses_that_can_change_are_asked_again() {
    for code in [408, 429, 500, 502, 503, 504] {
        let head = format!("HTTP/1.0 {code} x\r\n\r\n");
        let ended = download(&[
            (SERVER, &[REQUEST_END, Act::Send(head.leak().as_bytes())]),
            (SERVER, &[REQUEST_END, HELLO]),
        ]);
        assert_eq!(ended.result, Ok(complete(200, 5)), "{code}");
        assert_eq!(ended.retries, 1);
    }
}

#[test]
fn statuses_that_stay_are_not() {
    for code in [400, 401, 403, 404, 410, 418, 501, 505] {
        let head = format!("HTTP/1.0 {code} x\r\n\r\n");
        let ended = download(&[(SERVER, &[REQUEST_END, Act::Send(head.leak().as_bytes())])]);
        assert_eq!(ended.result, Err(status(code)));
        assert_eq!(ended.retries, 0);
    }
}

#[test]
fn retry_after_is_waited_for_in_seconds_and_as_a_date() {
    let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:51:37 GMT";
    for wait in ["Retry-After: 120", date] {
        let head = format!("HTTP/1.0 503 x\r\n{wait}\r\n\r\n");
        let ended = download(&[
            (SERVER, &[REQUEST_END, Act::Send(head.leak().as_bytes())]),
            (SERVER, &[REQUEST_END, HELLO]),
        ]);
        assert_eq!(ended.result, Ok(complete(200, 5)));
        assert!(
            (120_000..125_000).contains(&ended.millis),
            "{}",
            ended.millis
        );
    }
}

#[test]
fn no_server_can_ask_for_more_than_six_hours() {
    let ended = download(&[
        (
            SERVER,
            &[
                REQUEST_END,
                Act::Send(b"HTTP/1.0 503 x\r\nRetry-After: 18446744073709551615\r\n\r\n"),
            ],
        ),
        (SERVER, &[REQUEST_END, HELLO]),
    ]);
    assert_eq!(ended.result, Ok(complete(200, 5)));
    let six_hours = 6 * 60 * 60 * 1_000;
    assert!((six_hours..six_hours + 5_000).contains(&ended.millis));
}

#[test]
fn a_wait_beyond_the_time_for_retries_is_not_begun() {
    let trial = Trial {
        options: DownloadOptions {
            retry_timeout: Some(Duration::from_secs(60)),
            ..DownloadOptions::default()
        },
        ..Trial::default()
    };
    let ended = trial.against(&[(
        SERVER,
        &[
            REQUEST_END,
            Act::Send(b"HTTP/1.0 503 x\r\nRetry-After: 120\r\n\r\n"),
        ],
    )]);
    assert_eq!(ended.result, Err(status(503)));
    assert!(ended.millis < 5_000);
}

#[test]
fn a_refused_a_reset_and_a_truncated_connection_are_tried_again() {
    // Nobody listens.
    let trial = Trial {
        options: with_retries(2),
        ..Trial::default()
    };
    let ended = trial.against(&[]);
    let refused = DownloadError::Get(GetError::Connection(Error::Refused));
    assert_eq!(ended.result, Err(refused));
    assert_eq!(ended.retries, 2);
    let ended = download(&[
        (SERVER, &[REQUEST_END, Act::Reset]),
        (SERVER, &[REQUEST_END, Act::Close]),
        (
            SERVER,
            &[
                REQUEST_END,
                Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhel"),
            ],
        ),
        (SERVER, &[REQUEST_END, HELLO]),
    ]);
    assert_eq!(ended.result, Ok(complete(200, 5)));
    assert_eq!(ended.body, "hello");
    assert_eq!(ended.retries, 3);
}

#[test]
fn what_breaks_the_protocol_is_not_tried_again() {
    let ended = download(&[(SERVER, &[REQUEST_END, Act::Send(b"nonsense\r\n")])]);
    let malformed = DownloadError::Get(GetError::Malformed(Malformed::StatusLine));
    assert_eq!(ended.result, Err(malformed));
    assert_eq!(ended.retries, 0);
}

#[test]
fn the_total_deadline_is_for_all_attempts_together() {
    let trial = Trial {
        options: DownloadOptions {
            request: GetOptions {
                total_timeout: Some(Duration::from_secs(10)),
                ..GetOptions::default()
            },
            retries_max: 1_000,
            ..DownloadOptions::default()
        },
        ..Trial::default()
    };
    let ended = trial.against(&[]);
    let late = Error::TimedOut(TimeoutKind::Total);
    assert_eq!(
        ended.result,
        Err(DownloadError::Get(GetError::Connection(late)))
    );
    assert!((10_000..10_100).contains(&ended.millis), "{}", ended.millis);
}

#[test]
fn delays_double_up_to_their_cap() {
    let trial = Trial {
        options: DownloadOptions {
            retry_delay_max: Duration::from_secs(4),
            ..with_retries(6)
        },
        ..Trial::default()
    };
    let ended = trial.against(&[]);
    // 1 + 2 + 4 + 4 + 4 + 4 seconds, each up to a quarter less.
    assert!((14_250..19_500).contains(&ended.millis), "{}", ended.millis);
}
