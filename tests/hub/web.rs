//! Members who come through an HTTP server.

use tickwire::http::server::{HttpSession, Server};
use tickwire::hub::{Hub, HubHandler};
use tickwire::websocket::{Options, WebSocket};
use tickwire_sim::{Act, Opening};

use crate::common::fixture::{BUFFER, Fixture, endpoint, leak, ms, secs};
use crate::rules;
use crate::web_world::{MESSAGE_BYTES, WEB_PORT};
use crate::world::{self, CALLERS, HUB, PORT};

const ORIGINS: [&str; 1] = ["http://page.example"];
const POLLING: &str = r#"{"code":0,"message":"Transport unknown"}"#;

/// Lets host 0 serve a hub and nothing else over HTTP, and lines.
fn net() -> Fixture {
    let mut net = Fixture::guarded(1, 3);
    let hub: &'static Hub<'static> = Box::leak(Box::new(rules::hub(CALLERS, 3, 16_384)));
    world::serve(&mut net, hub, PORT);
    let handler = HubHandler::new(hub, &ORIGINS);
    let sockets = [(); 4].map(|()| net.add_socket(HUB, BUFFER));
    let sessions = [(); 4].map(|()| {
        let socket =
            WebSocket::server(leak(0, MESSAGE_BYTES), Options::default(), handler.member());
        HttpSession::with_upgrade(handler, socket, leak(0, 2_048))
    });
    net.start(HUB, Server::http(sockets, WEB_PORT, sessions));
    net
}

/// A request for this target; with a handshake where there is an origin.
fn request(target: &str, origin: Option<&str>) -> Act<'static> {
    let handshake = origin.map_or(String::new(), |origin| {
        format!(
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: {origin}\r\n"
        )
    });
    let head = format!("GET {target} HTTP/1.1\r\nHost: 10.0.0.1\r\n{handshake}\r\n");
    Act::Send(head.into_bytes().leak())
}

/// Whether a request is answered with these bytes, one after the other.
fn is_answered(net: &mut Fixture, request: Act<'static>, answers: &[&'static str]) -> bool {
    let mut acts = vec![request];
    acts.extend(answers.iter().map(|answer| Act::Expect(answer.as_bytes())));
    let script = net.script(1, Opening::Dial(endpoint(HUB, WEB_PORT)), &acts);
    net.run_to(net.now() + secs(10), |net| net.task(script).is_finished());
    net.outcome(script) == Some(Ok(()))
}

#[test]
fn the_query_says_who_comes_and_where() {
    let ours = Some("http://10.0.0.1");
    for (target, told) in [
        ("/ws", "* guest-1 joined"),
        ("/ws?name=J%C3%BCrgen&room=R", "* J\u{fc}rgen joined"),
        ("/ws?room=&name=", "* guest-1 joined"),
    ] {
        let mut net = net();
        let answers = ["HTTP/1.1 101 ", "\r\n\r\n", told];
        assert!(
            is_answered(&mut net, request(target, ours), &answers),
            "{target}"
        );
    }
    let mut net = net();
    let nc = world::join(&mut net, 2, "/room attic\n");
    let page = Some(ORIGINS[0]);
    let joined = ["101 Switching", "* page joined"];
    assert!(is_answered(
        &mut net,
        request("/ws?room=Attic&name=page", page),
        &joined
    ));
    net.run(ms(10));
    let told = world::heard(&net, nc);
    assert!(told.contains(&"* page joined".to_owned()), "{told:?}");
}

#[test]
fn clients_of_socket_io_get_their_session_and_polling_a_clear_error() {
    let mut net = net();
    let ours = Some("http://10.0.0.1");
    let upgrade = request("/socket.io/?EIO=4&transport=websocket&name=bob&t=abc", ours);
    assert!(is_answered(
        &mut net,
        upgrade,
        &["101 Switching", "0{\"sid\":\"", "}"]
    ));
    let bad = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n";
    for (target, origin, body) in [
        ("/socket.io/?EIO=4&transport=polling&t=abc", None, POLLING),
        ("/socket.io/", None, POLLING),
        ("/socket.io/?EIO=4", ours, POLLING),
        (
            "/socket.io/?EIO=3&transport=websocket",
            ours,
            r#"{"code":5,"#,
        ),
        (
            "/socket.io/?EIO=4&transport=websocket&sid=a",
            ours,
            r#"{"code":1,"#,
        ),
        (
            "/socket.io/?EIO=4&transport=websocket",
            None,
            r#"{"code":3,"#,
        ),
    ] {
        assert!(
            is_answered(&mut net, request(target, origin), &[bad, body]),
            "{target}"
        );
    }
    let post = b"POST /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\n\
        Content-Length: 0\r\n\r\n";
    assert!(is_answered(
        &mut net,
        Act::Send(post),
        &[bad, r#"{"code":2,"#]
    ));
}

#[test]
fn what_is_wrong_with_a_request_is_told_before_the_protocol_changes() {
    let mut net = net();
    let ours = Some("http://10.0.0.1");
    let long = format!("/ws?name={}", "x".repeat(33));
    for (target, origin, status) in [
        (
            "/ws",
            None,
            "426 Upgrade Required\r\nUpgrade: websocket\r\n",
        ),
        ("/ws", Some("http://evil.example"), "403 "),
        ("/ws?name=a%20b", ours, "400 "),
        ("/ws?name=%ff", ours, "400 "),
        ("/ws?name=%zz", ours, "400 "),
        ("/ws?room=a/b", ours, "400 "),
        (&long, ours, "400 "),
        ("/socket.io/?EIO=4&transport=websocket&name=*", ours, "400 "),
        ("/socket.io", ours, "404 "),
        ("/wsx", ours, "404 "),
        ("/", None, "404 "),
    ] {
        assert!(
            is_answered(&mut net, request(target, origin), &[status]),
            "{target}"
        );
    }
}
