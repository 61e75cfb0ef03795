//! Redirects are followed where that is asked for, and nothing secret goes along.

use tickwire::http::{DownloadError, DownloadOptions, Header, RedirectError, UrlError};
use tickwire_sim::Act;

use crate::{OTHER_SERVER, REQUEST_END, SERVER, Trial, complete, download, status};

const HELLO: Act<'static> = Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");

fn to(location: &str) -> Act<'static> {
    let head =
        format!("HTTP/1.0 302 Found\r\nLocation: {location}\r\nContent-Length: 3\r\n\r\nout");
    Act::Send(head.leak().as_bytes())
}

#[test]
fn every_kind_of_redirect_is_followed_and_its_body_dropped() {
    for status in [301, 302, 303, 307, 308] {
        let head =
            format!("HTTP/1.0 {status} x\r\nLocation: other\r\nContent-Length: 3\r\n\r\nout");
        let ended = download(&[
            (SERVER, &[REQUEST_END, Act::Send(head.leak().as_bytes())]),
            (
                SERVER,
                &[Act::Expect(b"GET /other HTTP/1.0\r\n"), REQUEST_END, HELLO],
            ),
        ]);
        assert_eq!(ended.result, Ok(complete(200, 5)), "{status}");
        assert_eq!(ended.body, "hello");
        assert_eq!(ended.url, "http://10.0.0.2/other");
        assert_eq!(ended.retries, 0);
    }
}

#[test]
fn other_statuses_of_3xx_are_no_redirects() {
    for code in [300, 304, 305, 306, 399] {
        let head = format!("HTTP/1.0 {code} x\r\nLocation: /other\r\n\r\n");
        let ended = download(&[(SERVER, &[REQUEST_END, Act::Send(head.leak().as_bytes())])]);
        let unasked = tickwire::http::Malformed::UnexpectedStatus;
        let expected = match code {
            304 => DownloadError::Get(unasked.into()),
            code => status(code),
        };
        assert_eq!(ended.result, Err(expected), "{code}");
    }
}

#[test]
fn a_redirect_that_was_not_asked_for_is_an_outcome() {
    let trial = Trial {
        options: DownloadOptions {
            redirects_max: None,
            ..DownloadOptions::default()
        },
        ..Trial::default()
    };
    let ended = trial.against(&[(SERVER, &[REQUEST_END, to("/other")])]);
    assert_eq!(ended.result, Err(status(302)));
}

#[test]
fn where_none_is_allowed_the_first_is_one_too_many() {
    let trial = Trial {
        options: DownloadOptions {
            redirects_max: Some(0),
            ..DownloadOptions::default()
        },
        ..Trial::default()
    };
    let ended = trial.against(&[(SERVER, &[REQUEST_END, to("/other")])]);
    let too_many = DownloadError::Redirect(RedirectError::TooMany);
    assert_eq!(ended.result, Err(too_many));
}

#[test]
fn a_loop_is_named_and_a_long_chain_ends() {
    let ended = download(&[
        (SERVER, &[REQUEST_END, to("/b")]),
        (SERVER, &[REQUEST_END, to("/c")]),
        (SERVER, &[REQUEST_END, to("/b#again")]),
    ]);
    let failed = |error| Err(DownloadError::Redirect(error));
    assert_eq!(ended.result, failed(RedirectError::Loop));
    let ended = download(&[
        (SERVER, &[REQUEST_END, to("/1")]),
        (SERVER, &[REQUEST_END, to("/2")]),
        (SERVER, &[REQUEST_END, to("/3")]),
        (SERVER, &[REQUEST_END, to("/4")]),
        (SERVER, &[REQUEST_END, to("/5")]),
        (SERVER, &[REQUEST_END, to("/6")]),
    ]);
    assert_eq!(ended.result, failed(RedirectError::TooMany));
    assert_eq!(ended.url, "http://10.0.0.2/5");
}

#[test]
fn a_location_that_leads_nowhere_is_an_error_that_says_why() {
    let long = "x".repeat(300);
    for (location, error) in [
        ("", RedirectError::NoLocation),
        ("https://10.0.0.2/", RedirectError::Url(UrlError::Https)),
        ("ftp://10.0.0.2/", RedirectError::Url(UrlError::OtherScheme)),
        (
            "http://user@10.0.0.2/",
            RedirectError::Url(UrlError::UserInfo),
        ),
        ("http://:80/", RedirectError::Url(UrlError::EmptyHost)),
        (&long, RedirectError::TooLong),
    ] {
        let ended = download(&[(SERVER, &[REQUEST_END, to(location)])]);
        assert_eq!(
            ended.result,
            Err(DownloadError::Redirect(error)),
            "{location}"
        );
    }
}

#[test]
fn secrets_and_unknown_headers_stay_at_the_first_origin() {
    let header = |name, value| Header { name, value };
    let headers = vec![
        header("Cookie", "c"),
        header("X-Token", "t"),
        header("Accept", "text/plain"),
    ];
    let trial = Trial {
        url: "http://u:p@10.0.0.2/page",
        headers: headers.leak(),
        ..Trial::default()
    };
    let agent = concat!("User-Agent: tickwire/", env!("CARGO_PKG_VERSION"), "\r\n");
    let start = format!("Host: 10.0.0.3\r\n{agent}Connection: close\r\n");
    let bare = format!("GET /a HTTP/1.0\r\n{start}Accept: text/plain\r\n\r\n");
    let ended = trial.against(&[
        (
            SERVER,
            &[
                Act::Expect(b"Cookie: c\r\nX-Token: t\r\n"),
                Act::Expect(b"Authorization: Basic dTpw\r\n\r\n"),
                to("http://10.0.0.3/a"),
            ],
        ),
        (
            OTHER_SERVER,
            &[
                Act::Expect(bare.leak().as_bytes()),
                to("http://10.0.0.2:80/b"),
            ],
        ),
        (
            SERVER,
            &[
                Act::Expect(b"Cookie: c\r\nX-Token: t\r\n"),
                Act::Expect(b"Authorization: Basic dTpw\r\n\r\n"),
                HELLO,
            ],
        ),
    ]);
    assert_eq!(ended.result, Ok(complete(200, 5)));
}
