//! The server's half of the handshake: who is accepted, and what the others are told.

use tickwire::http::server::{
    Handler, HttpSession, Reply, Request, Response, Server as HttpServer, Switch,
};
use tickwire::websocket::{accept, choose_protocol};

use super::*;

/// Upgrades what it may at `/ws`, and has nothing else.
pub(crate) struct Site {
    pub(crate) origins: &'static [&'static str],
}

impl Handler for Site {
    type Upgrade = WebSocket<'static, Echo>;

    fn respond(&mut self, _: &Request<'_>, response: Response<'_>) -> Reply {
        response.status(404).text("nothing here")
    }

    fn upgrade(
        &mut self,
        request: &Request<'_>,
        response: Response<'_>,
        _: &mut Self::Upgrade,
    ) -> Result<Switch, Reply> {
        match request.path() {
            "/ws" => {
                let protocol = choose_protocol(request, &["news", "chat"]);
                accept(request, response, self.origins, protocol)
            }
            "/moved" => Err(response.status(302).field("Location", "/ws").empty()),
            "/busy" => Err(response.status(503).empty()),
            _ => Err(self.respond(request, response)),
        }
    }
}

pub(crate) type SiteServer = HttpServer<'static, Site, 2>;

/// A server of two callers.
pub(crate) fn serve_site(origins: &'static [&'static str]) -> (Fixture, TaskId<SiteServer>) {
    let mut net = Fixture::guarded(1, 3);
    let sockets = [(); 2].map(|()| net.add_socket(SERVER, BUFFER));
    let sessions = [(); 2].map(|()| {
        let socket = WebSocket::server(leak(0, 1_000), Options::default(), Echo::default());
        HttpSession::with_upgrade(Site { origins }, socket, leak(0, 2_048))
    });
    let server = net.start(SERVER, HttpServer::http(sockets, PORT, sessions));
    (net, server)
}

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A handshake for `Host: 10.0.0.1` with these fields instead of, or beside, those of a good one. An
/// empty value leaves a field out.
fn handshake(changed: &[(&str, &str)]) -> &'static [u8] {
    let good = [
        ("Host", "10.0.0.1"),
        ("Upgrade", "websocket"),
        ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
    ];
    let is_changed = |name: &str| changed.iter().any(|(other, _)| *other == name);
    let kept = good.iter().filter(|(name, _)| !is_changed(name));
    let fields = kept.chain(changed).filter(|(_, value)| !value.is_empty());
    let lines: String = fields
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!("GET /ws HTTP/1.1\r\n{lines}\r\n").leak().as_bytes()
}

/// The status that a server with this list gives.
fn status(origins: &'static [&'static str], changed: &[(&str, &str)]) -> u16 {
    for status in [101, 400, 403, 404, 421, 426] {
        let (mut net, _) = serve_site(origins);
        let expected = format!("HTTP/1.1 {status} ").leak().as_bytes();
        let acts = [
            Act::Send(handshake(changed)),
            Act::Expect(expected),
            Act::Reset,
        ];
        let caller = call(&mut net, &acts);
        net.run(secs(2));
        if net.outcome(caller) == Some(Ok(())) {
            return status;
        }
    }
    panic!("no known status: {changed:?}");
}

#[test]
fn the_example_of_the_rfc_is_answered_and_the_first_frame_may_come_with_it() {
    let (mut net, _) = serve_site(&[]);
    let request = [handshake(&[]), masked(true, Opcode::Text, b"early")].concat();
    let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                  Upgrade: websocket\r\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let acts = [
        Act::Send(request.leak()),
        Act::Expect(answer.as_bytes()),
        expect_text("early"),
        close(1000),
        expect_close(1000),
        Act::ExpectEnd,
    ];
    let caller = call(&mut net, &acts);
    assert_eq!(net.finish(caller, secs(60)), Ok(()), "{}", net.log.borrow());
    net.run(secs(3));
    assert_eq!(end(&net), "disconnected");
}

#[test]
fn what_is_no_handshake_is_refused() {
    for (changed, expected) in [
        (&[][..], 101),
        (&[("Upgrade", "WebSocket")], 101),
        (&[("Upgrade", "h2c, websocket")], 101),
        (&[("Upgrade", "h2c")], 400),
        (&[("Connection", "keep-alive")], 404),
        (&[("Sec-WebSocket-Version", "")], 426),
        (&[("Sec-WebSocket-Version", "8")], 426),
        (&[("Sec-WebSocket-Version", "13, 8")], 426),
        (&[("Sec-WebSocket-Key", "")], 400),
        (&[("Sec-WebSocket-Key", "c2hvcnQ=")], 400),
        (&[("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ")], 400),
        (
            &[("Sec-WebSocket-Key", KEY), ("Sec-WebSocket-Key", KEY)],
            400,
        ),
        // The server does not take it for a wish to upgrade.
        (&[("Content-Length", "3")], 404),
    ] {
        assert_eq!(status(&[], changed), expected, "{changed:?}");
    }
}

#[test]
fn another_version_is_told_which_one_there_is() {
    let (mut net, _) = serve_site(&[]);
    let acts = [
        Act::Send(handshake(&[("Sec-WebSocket-Version", "14")])),
        Act::Expect(b"Sec-WebSocket-Version: 13\r\n"),
        // RFC 9110, 7.8: who sends Upgrade must name it in Connection.
        Act::Expect(b"Connection: Upgrade\r\n"),
        Act::Reset,
    ];
    let caller = call(&mut net, &acts);
    assert_eq!(net.finish(caller, secs(9)), Ok(()), "{}", net.log.borrow());
}

#[test]
fn a_page_may_connect_when_its_origin_is_ours_or_in_the_list() {
    const LIST: &[&str] = &["https://a.example", "http://b.example:8080"];
    for (host, origin, expected) in [
        // No browser.
        ("10.0.0.1", "", 101),
        ("10.0.0.1", "http://10.0.0.1", 101),
        ("10.0.0.1:80", "http://10.0.0.1:80", 101),
        ("[fd00::1]:80", "http://[fd00::1]:80", 101),
        ("device.local", "http://Device.local", 101),
        ("10.0.0.1", "https://a.example", 101),
        ("lamp", "http://lamp", 101),
        ("lamp", "http://b.example:8080", 101),
        ("10.0.0.1", "http://10.0.0.2", 403),
        ("10.0.0.1", "http://10.0.0.1:81", 403),
        ("10.0.0.1", "https://10.0.0.1", 403),
        ("10.0.0.1", "http://a.example", 403),
        ("10.0.0.1", "http://a.example.evil", 403),
        ("10.0.0.1", "null", 403),
        // A name that leads here and is not in the list (DNS rebinding).
        ("evil.foreign", "http://evil.foreign", 421),
        ("not.local.foreign", "http://not.local.foreign", 421),
    ] {
        let changed = [("Host", host), ("Origin", origin)];
        assert_eq!(status(LIST, &changed), expected, "{host} {origin}");
    }
    let evil = [("Origin", "http://evil.example")];
    assert_eq!(status(&["*"], &evil), 101);
    let both = [("Origin", "http://10.0.0.1"), ("Origin", "http://10.0.0.1")];
    assert_eq!(status(&[], &both), 403);
}

#[test]
fn the_callers_dearest_protocol_that_is_ours_is_chosen() {
    for (offers, chosen) in [
        (&["chat, news"][..], Some("chat")),
        (&["other", "news,chat"], Some("news")),
        (&["other"], None),
        (&["NEWS"], None),
    ] {
        let fields: Vec<_> = offers
            .iter()
            .map(|offer| ("Sec-WebSocket-Protocol", *offer))
            .collect();
        let (mut net, _) = serve_site(&[]);
        let answer = match chosen {
            Some(chosen) => format!("xOo=\r\nSec-WebSocket-Protocol: {chosen}\r\n\r\n"),
            None => "xOo=\r\n\r\n".to_owned(),
        };
        let acts = [
            Act::Send(handshake(&fields)),
            Act::Expect(answer.leak().as_bytes()),
            Act::Reset,
        ];
        let caller = call(&mut net, &acts);
        assert_eq!(net.finish(caller, secs(9)), Ok(()), "{offers:?}");
    }
}
