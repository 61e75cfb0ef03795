//! By which names the server is called.

use tickwire::EchoSession;
use tickwire::http::server::{Assets, HttpSession, Request, RequestError};

use super::common::fixture::leak;
use super::{ASSETS, BUFFER, SERVER, Served, Site, status};

/// A server that goes by these names.
fn named(hosts: &'static [&'static str]) -> Served {
    let handler = Assets::new(&ASSETS, Site::default());
    let session = HttpSession::with_upgrade(handler, EchoSession, leak(0, 2_048));
    Served::start(BUFFER, session.with_hosts(hosts))
}

fn get(target: &str, host: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

#[test]
fn a_name_that_anybody_could_lead_here_is_refused_before_any_handler_sees_it() {
    let mut served = named(&[]);
    for host in [
        "rebound.foreign",
        "rebound.foreign:80",
        "10.0.0.1.rebound.foreign",
        "local.foreign",
        "a.notlocal",
        "local.a.",
        // Only the whole of a reserved name is reserved.
        "notexample.com",
        "example.com.foreign",
        "example.co",
        "a.arpa",
        "nothome.arpa",
        "a.lan.foreign",
        "wlan.foreign",
        "a.wlan",
    ] {
        let answer = served.ask(&get("/", host));
        assert_eq!(status(&answer), 421, "{host}");
        assert!(answer.contains("Connection: close\r\n"), "{answer}");
        assert!(
            answer.ends_with("does not go by the name in the address.\n"),
            "{answer}"
        );
    }
    // A target in absolute form is the host, whatever the field says.
    assert_eq!(
        status(&served.ask(&get("http://rebound.foreign/", "10.0.0.1"))),
        421
    );
    assert_eq!(served.site().calls, "");
    assert!(served.net.has_told(SERVER, "failed: Request(Misdirected)"));
}

#[test]
fn addresses_and_names_that_nobody_leads_from_far_away_need_no_list() {
    let mut served = named(&[]);
    for host in [
        "10.0.0.1",
        "192.168.69.1:80",
        "[fe80::1]",
        "[::1]:80",
        "localhost",
        "lamp",
        "lamp.",
        "Lamp.LOCAL:80",
        "lamp.local.",
        "local",
        "a.localhost:8080",
        "lamp.test",
        "lamp.example",
        "lamp.invalid",
        "example.com",
        "lamp.EXAMPLE.com.",
        "lamp.example.net",
        "a.lamp.example.org",
        "home.arpa",
        "lamp.home.arpa",
        "lamp.internal",
        "lamp.lan",
        "lamp.home",
    ] {
        assert_eq!(status(&served.ask(&get("/", host))), 200, "{host}");
    }
    assert_eq!(
        status(&served.ask(&get("http://10.0.0.1/", "rebound.foreign"))),
        200
    );
    let old = "GET / HTTP/1.0\r\n\r\n";
    assert_eq!(status(&served.ask(old)), 200, "no browser leaves Host out");
}

#[test]
fn a_listed_name_is_the_servers_own_and_every_name_may_be_let_in() {
    // A final dot or a port in the list says nothing.
    let mut served = named(&["lamp.owned", "Other.Owned.", "third.owned:8080"]);
    for host in [
        "lamp.owned",
        "LAMP.owned:80",
        "lamp.owned.",
        "other.owned.",
        "other.owned",
        "third.owned",
        "third.owned:8080",
    ] {
        assert_eq!(status(&served.ask(&get("/", host))), 200, "{host}");
    }
    assert_eq!(status(&served.ask(&get("/", "a.lamp.owned"))), 421);
    assert_eq!(
        status(&named(&["*"]).ask(&get("/", "rebound.foreign"))),
        200
    );
}

#[test]
fn a_request_without_a_session_has_an_own_origin_once_the_servers_names_are_known() {
    let head = b"GET / HTTP/1.1\r\nHost: lamp.owned\r\nOrigin: http://lamp.owned\r\n\r\n";
    let request = Request::parse(head).unwrap();
    assert!(!request.is_origin_allowed(&[]));
    assert!(!request.for_server(&["*"]).unwrap().is_origin_allowed(&[]));
    let ours = request.for_server(&["lamp.owned"]).unwrap();
    assert!(ours.is_origin_allowed(&[]));
    let foreign = request.for_server(&[]).map(|_| ());
    assert_eq!(foreign, Err(RequestError::Misdirected));
}
