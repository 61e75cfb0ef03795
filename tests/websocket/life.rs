//! How a WebSocket ends, and when.

use super::*;
use tickwire::{Error, TimeoutKind};

#[test]
fn the_code_and_reason_of_the_peer_are_told() {
    for (payload, code, failed) in [
        (&b""[..], None, false),
        (b"\x03\xe8bye", Some(1000), false),
        (b"\x03\xe9", Some(1001), false),
        (b"\x0f\xa0own", Some(4000), true),
        (b"\x03\xf3", Some(1011), true),
    ] {
        let (mut net, server) = serve(Options::default(), None);
        let answer = plain(Opcode::Close, payload.get(..2).unwrap_or_default());
        let acts = [
            Act::Send(masked(true, Opcode::Close, payload)),
            Act::Expect(answer),
            Act::ExpectEnd,
        ];
        let caller = call(&mut net, &acts);
        assert_eq!(net.finish(caller, secs(60)), Ok(()));
        net.run(secs(3));
        let code = code.map(CloseCode);
        let reason = payload.get(2..).unwrap_or_default();
        let echo = first(&net, server);
        let reason = String::from_utf8(reason.to_vec()).unwrap();
        assert_eq!(echo.closed, Some((code, reason)));
        let expected = match code {
            Some(code) if failed => Err(WebSocketError::ClosedByPeer(code)),
            _ => Ok(()),
        };
        assert_eq!(echo.ended, Some(expected));
        assert!(net.has_told(SERVER, &format!("Closed {{ code: {code:?} }}")));
    }
}

#[test]
fn a_connection_that_ends_without_a_close_was_truncated_or_reset() {
    for (last, error) in [(Act::Close, "Truncated"), (Act::Reset, "Connection(Reset)")] {
        let (mut net, _) = serve(Options::default(), None);
        let caller = call(&mut net, &[text("a"), expect_text("a"), last]);
        net.finish(caller, secs(60)).ok();
        net.run(secs(3));
        let expected = format!("failed with 10.0.0.2: {error}");
        assert_eq!(end(&net), expected);
    }
}

#[test]
fn our_close_waits_for_the_peers_and_carries_its_code_into_the_result() {
    for (code, ended) in [
        (CloseCode::NORMAL, Ok(())),
        (
            CloseCode::POLICY,
            Err(WebSocketError::Closed(CloseCode::POLICY)),
        ),
    ] {
        let (mut net, server) = serve(Options::default(), Some(code));
        let payload = [&code.0.to_be_bytes()[..], b"told to"].concat();
        let acts = [
            text("stop"),
            Act::Expect(plain(Opcode::Close, &payload)),
            // What was on its way still comes, and is not answered.
            text("late"),
            Act::Wait(secs(1)),
            close(code.0),
            Act::ExpectEnd,
        ];
        let caller = call(&mut net, &acts);
        assert_eq!(net.finish(caller, secs(60)), Ok(()), "{}", net.log.borrow());
        net.run(secs(3));
        assert_eq!(first(&net, server).ended, Some(ended));
    }
}

#[test]
fn a_peer_that_does_not_answer_our_close_is_reset_after_five_seconds() {
    let (mut net, server) = serve(Options::default(), Some(CloseCode::NORMAL));
    let caller = call(&mut net, &[text("stop"), Act::ExpectEnd]);
    let reset = Err(tickwire_sim::ScriptError::Connection(Error::Reset));
    assert_eq!(net.finish(caller, secs(60)), reset);
    assert_eq!(net.now().as_millis() / 100, 50);
    let timeout = Error::TimedOut(TimeoutKind::Close);
    let ended = Some(Err(WebSocketError::Connection(timeout)));
    assert_eq!(first(&net, server).ended, ended);
}

#[test]
fn a_peer_that_closes_the_connection_in_place_of_an_answer_has_answered() {
    let (mut net, server) = serve(Options::default(), Some(CloseCode::NORMAL));
    let payload = b"\x03\xe8told to";
    let acts = [
        text("stop"),
        Act::Expect(plain(Opcode::Close, payload)),
        Act::Close,
        Act::ExpectEnd,
    ];
    let caller = call(&mut net, &acts);
    assert_eq!(net.finish(caller, secs(60)), Ok(()));
    net.run(secs(3));
    assert_eq!(first(&net, server).ended, Some(Ok(())));
}

#[test]
fn a_silent_peer_is_asked_after_20_s_and_given_up_after_20_more() {
    let (mut net, server) = serve(Options::default(), None);
    let caller = call(
        &mut net,
        &[Act::Expect(plain(Opcode::Ping, b"")), Act::ExpectEnd],
    );
    net.run(secs(19));
    assert_eq!(net.app(caller).received(), 0);
    net.run(secs(2));
    assert_eq!(net.app(caller).received(), 2);
    net.run(secs(18));
    assert_eq!(net.outcome(caller), None);
    net.run(secs(2));
    let timeout = Error::TimedOut(TimeoutKind::Peer);
    let ended = Some(Err(WebSocketError::Connection(timeout)));
    assert_eq!(first(&net, server).ended, ended);
}

#[test]
fn a_peer_that_answers_pings_may_be_silent_for_hours() {
    let (mut net, _) = serve(Options::default(), None);
    let answers = [
        Act::Expect(plain(Opcode::Ping, b"")),
        Act::Send(masked(true, Opcode::Pong, b"")),
    ];
    let acts = [
        &answers.repeat(200)[..],
        &[text("still here"), expect_text("still here"), close(1000)],
    ]
    .concat();
    let caller = call(&mut net, &acts);
    assert_eq!(net.finish(caller, secs(10_000)), Ok(()));
    assert_eq!(net.now().as_millis() / 1_000, 200 * 20);
}

#[test]
fn a_peer_that_drips_a_message_does_not_look_alive_but_one_that_flows_slowly_does() {
    let message = masked(true, Opcode::Binary, &[7; 900]);
    let (mut net, server) = serve(Options::default(), None);
    let caller = call(&mut net, &[Act::Drip(message, secs(1)), Act::ExpectEnd]);
    net.finish(caller, secs(300)).ok();
    assert!(net.now().as_millis() < 50_000, "{}", net.now());
    let timeout = Error::TimedOut(TimeoutKind::Peer);
    let ended = Some(Err(WebSocketError::Connection(timeout)));
    assert_eq!(first(&net, server).ended, ended);
    // 20 bytes a second are more than 256 in 20 s.
    let (mut net, server) = serve(Options::default(), None);
    let caller = call(
        &mut net,
        &[Act::Drip(message, ms(50)), Act::Read(904), close(1000)],
    );
    assert_eq!(net.finish(caller, secs(300)), Ok(()));
    assert_eq!(first(&net, server).messages, 1);
}
