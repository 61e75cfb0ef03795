//! A download goes on where it stopped, and never mixes two files.

use tickwire::http::{DownloadError, GetError, Proof};
use tickwire_sim::Act;

use crate::{REQUEST_END, Record, SERVER, Trial, complete, download, with_retries};

const HEL: Act<'static> =
    Act::Send(b"HTTP/1.0 200 OK\r\nETag: \"v1\"\r\nContent-Length: 5\r\n\r\nhel");
/// What the second request must end with.
const ASKS_FOR_REST: Act<'static> = Act::Expect(b"Range: bytes=3-\r\nIf-Range: \"v1\"\r\n\r\n");

fn send(text: &str) -> Act<'static> {
    Act::Send(text.to_string().leak().as_bytes())
}

fn part(range: &str, fields: &str, body: &str) -> Act<'static> {
    send(&format!(
        "HTTP/1.1 206 x\r\nContent-Range: bytes {range}\r\n{fields}\r\n{body}"
    ))
}

#[test]
fn the_rest_is_asked_for_by_a_strong_etag() {
    let ended = download(&[
        (SERVER, &[REQUEST_END, HEL]),
        (
            SERVER,
            &[ASKS_FOR_REST, part("3-4/5", "Content-Length: 2\r\n", "lo")],
        ),
    ]);
    assert_eq!(ended.result, Ok(complete(206, 5)));
    assert_eq!(ended.body, "hello");
    assert_eq!(ended.versions.len(), 1);
}

#[test]
fn the_rest_is_asked_for_by_a_last_modified_that_is_older_than_the_answer() {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let first = send(&format!(
        "HTTP/1.0 200 OK\r\nLast-Modified: {date}\r\nDate: Sun, 06 Nov 1994 08:49:38 GMT\r\n\
         Content-Length: 5\r\n\r\nhel"
    ));
    let asks = format!("Range: bytes=3-\r\nIf-Range: {date}\r\n\r\n");
    let ended = download(&[
        (SERVER, &[REQUEST_END, first]),
        (
            SERVER,
            &[Act::Expect(asks.leak().as_bytes()), part("3-4/5", "", "lo")],
        ),
    ]);
    assert_eq!(ended.result, Ok(complete(206, 5)));
    assert_eq!(ended.body, "hello");
}

#[test]
fn without_a_strong_validator_the_file_comes_from_its_start() {
    let agent = concat!("User-Agent: tickwire/", env!("CARGO_PKG_VERSION"));
    let bare =
        format!("GET /page HTTP/1.0\r\nHost: 10.0.0.2\r\n{agent}\r\nConnection: close\r\n\r\n");
    let bare: &'static [u8] = bare.leak().as_bytes();
    for fields in [
        "",
        "ETag: W/\"v1\"\r\n",
        "ETag: \"v1\"\r\nETag: \"v2\"\r\n",
        "ETag: v1\r\n",
        "ETag: \"v 1\"\r\n",
        "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        "ETag: W/\"v1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         Date: Sun, 06 Nov 1994 08:49:39 GMT\r\n",
    ] {
        let first = send(&format!(
            "HTTP/1.0 200 OK\r\n{fields}Content-Length: 5\r\n\r\nHEL"
        ));
        let ended = download(&[
            (SERVER, &[REQUEST_END, first]),
            (
                SERVER,
                &[
                    Act::Expect(bare),
                    Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
                ],
            ),
        ]);
        assert_eq!(ended.result, Ok(complete(200, 5)), "{fields}");
        assert_eq!(ended.body, "hello");
        assert_eq!(ended.versions.len(), 2);
    }
}

#[test]
fn a_file_that_has_changed_begins_anew() {
    let ended = download(&[
        (SERVER, &[REQUEST_END, HEL]),
        (
            SERVER,
            &[
                ASKS_FOR_REST,
                send("HTTP/1.0 200 OK\r\nETag: \"v2\"\r\nContent-Length: 3\r\n\r\nbye"),
            ],
        ),
    ]);
    assert_eq!(ended.result, Ok(complete(200, 3)));
    assert_eq!(ended.body, "bye");
    assert_eq!(ended.versions[1].1.as_deref(), Some("\"v2\""));
}

#[test]
fn a_part_that_does_not_fit_is_never_mixed_in() {
    let whole = send("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nHELLO");
    for lie in [
        part("2-4/5", "", "lo!"),
        part("4-4/5", "", "o"),
        part("3-4/6", "", "lo"),
        part("3-5/6", "", "lo!"),
        part("3-4/5", "Content-Length: 3\r\n", "lo!"),
        part(
            "3-4/5",
            "Transfer-Encoding: chunked\r\n",
            "2\r\nlo\r\n0\r\n\r\n",
        ),
        part("3-4/5", "ETag: \"v2\"\r\n", "lo"),
        part("3-4/5", "ETag: W/\"v1\"\r\n", "lo"),
        part("3-4/5\r\nContent-Range: bytes 3-4/5", "", "lo"),
        part("x", "", "lo"),
        send("HTTP/1.1 206 x\r\n\r\nlo"),
        send("HTTP/1.1 206 x\r\nContent-Type: multipart/byteranges; boundary=b\r\n\r\n--b\r\n"),
    ] {
        let ended = download(&[
            (SERVER, &[REQUEST_END, HEL]),
            (SERVER, &[ASKS_FOR_REST, lie]),
            (SERVER, &[REQUEST_END, whole]),
        ]);
        assert_eq!(ended.result, Ok(complete(200, 5)), "{lie:?}");
        assert_eq!(ended.body, "HELLO", "{lie:?}");
    }
}

#[test]
fn a_server_that_gives_parts_only_once_it_is_not_asked_ends_it() {
    let ended = download(&[
        (SERVER, &[REQUEST_END, HEL]),
        (SERVER, &[ASKS_FOR_REST, part("2-4/5", "", "lo!")]),
        (SERVER, &[REQUEST_END, part("0-4/5", "", "hello")]),
    ]);
    assert!(matches!(
        ended.result,
        Err(DownloadError::Get(GetError::Malformed(_)))
    ));
}

#[test]
fn a_416_is_the_end_or_a_new_start_by_its_total() {
    let held = |bytes: &'static [u8]| Trial {
        held: Some((bytes, b"\"v1\"")),
        ..Trial::default()
    };
    let ended = held(b"hello").against(&[(
        SERVER,
        &[
            Act::Expect(b"Range: bytes=5-\r\nIf-Range: \"v1\"\r\n\r\n"),
            send("HTTP/1.1 416 x\r\nContent-Range: bytes */5\r\n\r\n"),
        ],
    )]);
    assert_eq!(ended.result, Ok(complete(206, 5)));
    assert_eq!(ended.body, "hello");
    for answer in [
        "HTTP/1.1 416 x\r\nContent-Range: bytes */4\r\n\r\n",
        "HTTP/1.1 416 x\r\nContent-Range: bytes */5\r\nETag: \"v2\"\r\n\r\n",
        "HTTP/1.1 416 x\r\n\r\n",
    ] {
        let ended = held(b"hello").against(&[
            (SERVER, &[REQUEST_END, send(answer)]),
            (
                SERVER,
                &[
                    REQUEST_END,
                    send("HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nmoin"),
                ],
            ),
        ]);
        assert_eq!(ended.result, Ok(complete(200, 4)), "{answer}");
        assert_eq!(ended.body, "moin");
    }
}

#[test]
fn a_sink_that_holds_a_part_from_before_a_restart_goes_on() {
    let trial = Trial {
        held: Some((b"hel", b"\"v1\"")),
        options: with_retries(0),
        ..Trial::default()
    };
    let ended = trial.against(&[(
        SERVER,
        &[ASKS_FOR_REST, part("3-4/5", "ETag: \"v1\"\r\n", "lo")],
    )]);
    assert_eq!(ended.result, Ok(complete(206, 5)));
    assert_eq!(ended.body, "hello");
    assert!(ended.versions.is_empty());
}

#[test]
fn a_pipe_goes_on_but_never_begins_anew() {
    let pipe = || Trial {
        sink: Record {
            is_pipe: true,
            ..Record::default()
        },
        ..Trial::default()
    };
    let ended = pipe().against(&[
        (SERVER, &[REQUEST_END, HEL]),
        (SERVER, &[ASKS_FOR_REST, part("3-4/5", "", "lo")]),
    ]);
    assert_eq!(ended.body, "hello");
    let ended = pipe().against(&[
        (SERVER, &[REQUEST_END, HEL]),
        (
            SERVER,
            &[
                ASKS_FOR_REST,
                send("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nHELLO"),
            ],
        ),
    ]);
    assert_eq!(ended.result, Err(DownloadError::CannotRestart));
    assert_eq!(ended.body, "hel");
}

#[test]
fn a_validator_is_never_used_at_another_url() {
    let to = |place: &str| {
        send(&format!(
            "HTTP/1.0 302 x\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n"
        ))
    };
    let agent = concat!("User-Agent: tickwire/", env!("CARGO_PKG_VERSION"));
    let bare = |path: &str| {
        let text = format!(
            "GET {path} HTTP/1.0\r\nHost: 10.0.0.2\r\n{agent}\r\nConnection: close\r\n\r\n"
        );
        Act::Expect(text.leak().as_bytes())
    };
    // Back at the first URL, and then at another one than before.
    let ended = download(&[
        (SERVER, &[bare("/page"), to("/a")]),
        (SERVER, &[bare("/a"), HEL]),
        (SERVER, &[bare("/page"), to("/b")]),
        (SERVER, &[bare("/b"), HEL]),
        (SERVER, &[bare("/page"), to("/b")]),
        (SERVER, &[ASKS_FOR_REST, part("3-4/5", "", "lo")]),
    ]);
    assert_eq!(ended.result, Ok(complete(206, 5)));
    assert_eq!(ended.body, "hello");
    assert_eq!(ended.versions.len(), 2);
    assert_eq!(ended.retries, 2);
}

#[test]
fn a_part_of_an_unknown_total_is_no_proof() {
    let trial = Trial {
        held: Some((b"hel", b"\"v1\"")),
        ..Trial::default()
    };
    let ended = trial.against(&[(SERVER, &[ASKS_FOR_REST, part("3-4/*", "", "lo")])]);
    assert_eq!(ended.result.unwrap().proof, Proof::CloseOnly);
    assert_eq!(ended.body, "hello");
}

#[test]
fn a_server_that_gives_less_than_the_rest_is_asked_again() {
    let ended = download(&[
        (SERVER, &[REQUEST_END, HEL]),
        (SERVER, &[ASKS_FOR_REST, part("3-3/5", "", "l")]),
        (
            SERVER,
            &[
                Act::Expect(b"Range: bytes=4-\r\nIf-Range: \"v1\"\r\n\r\n"),
                part("4-4/5", "", "o"),
            ],
        ),
    ]);
    assert_eq!(ended.result, Ok(complete(206, 5)));
    assert_eq!(ended.body, "hello");
    // A part of one byte is as slow as one that breaks off.
    assert_eq!(ended.retries, 2);
}
