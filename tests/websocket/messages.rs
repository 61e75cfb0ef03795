//! Messages in both directions, and what is wrong with them.

use super::*;

#[test]
fn messages_fragments_and_pings_are_answered_and_a_close_ends_it() {
    let told = told_after(&[
        text("hello"),
        expect_text("hello"),
        Act::Send(masked(false, Opcode::Text, b"one ")),
        Act::Send(masked(true, Opcode::Ping, b"are you there")),
        Act::Expect(plain(Opcode::Pong, b"are you there")),
        Act::Send(masked(true, Opcode::Continuation, b"two")),
        expect_text("one two"),
        close(1000),
        expect_close(1000),
        Act::ExpectEnd,
    ]);
    assert_eq!(told, "disconnected");
}

#[test]
fn a_stream_that_drips_is_understood() {
    let bytes = [
        masked(true, Opcode::Text, "grüße".as_bytes()),
        masked(true, Opcode::Ping, b"p"),
        masked(true, Opcode::Binary, b"\x00\xff"),
        masked(true, Opcode::Close, b"\x03\xe9"),
    ]
    .concat();
    let told = told_after(&[
        Act::Drip(bytes.leak(), ms(20)),
        expect_close(1001),
        Act::ExpectEnd,
    ]);
    assert_eq!(told, "disconnected");
}

#[test]
fn each_violation_is_told_to_the_peer_and_in_the_result() {
    for (bytes, code, error) in [
        (&b"\xc1\x80\0\0\0\0"[..], 1002, "ReservedBits"),
        (b"\x83\x80\0\0\0\0", 1002, "Opcode"),
        (b"\x09\x80\0\0\0\0", 1002, "FragmentedControl"),
        (b"\x89\xfe\0\x7e", 1002, "LongControl"),
        (b"\x81\xfe\0\x05", 1002, "Length"),
        (b"\x81\x00", 1002, "Unmasked"),
        (b"\x80\x80\0\0\0\0", 1002, "NothingToContinue"),
        (b"\x88\x81\0\0\0\0\x03", 1002, "CloseLength"),
        (b"\x88\x82\0\0\0\0\x03\xed", 1002, "CloseCode"),
        (b"\x81\x81\0\0\0\0\xff", 1007, "NotUtf8"),
        (b"\x82\xfe\x03\xe9\0\0\0\0", 1009, "TooLong"),
    ] {
        let told = told_after(&[Act::Send(bytes), expect_close(code), Act::ExpectEnd]);
        assert_eq!(told, format!("failed with 10.0.0.2: Violation({error})"));
    }
}

#[test]
fn what_came_before_a_violation_is_answered_first() {
    told_after(&[
        text("good"),
        Act::Send(b"\xff"),
        expect_text("good"),
        expect_close(1002),
        Act::ExpectEnd,
    ]);
}

#[test]
fn a_peer_that_goes_on_after_its_violation_gets_the_close_and_no_reset() {
    let (mut net, _) = serve(Options::default(), None);
    let acts = [
        Act::Send(b"\xff"),
        Act::Fill(100_000),
        Act::Flush,
        Act::ExpectEnd,
    ];
    let caller = call(&mut net, &acts);
    assert_eq!(net.finish(caller, secs(60)), Ok(()), "{}", net.log.borrow());
    assert_eq!(net.app(caller).received(), 4);
    net.run(secs(3));
    assert_eq!(end(&net), "failed with 10.0.0.2: Violation(ReservedBits)");
}

#[test]
fn nothing_of_one_conversation_reaches_the_next() {
    let goodbyes: [&[Act<'static>]; 4] = [
        &[Act::Send(b"\x01"), Act::Wait(ms(50)), Act::Reset],
        &[
            Act::Send(masked(false, Opcode::Text, "é".as_bytes())),
            Act::Wait(ms(50)),
            Act::Reset,
        ],
        &[Act::Send(b"\xff"), Act::ExpectEnd],
        &[text("unread"), Act::Wait(ms(50)), Act::Reset],
    ];
    for goodbye in goodbyes {
        let (mut net, server) = serve(Options::default(), None);
        let caller = call(&mut net, goodbye);
        net.finish(caller, secs(60)).ok();
        net.run(secs(3));
        let caller = call(
            &mut net,
            &[
                text("new"),
                Act::Expect(plain(Opcode::Text, b"new")),
                close(1000),
                expect_close(1000),
                Act::ExpectEnd,
            ],
        );
        assert_eq!(net.finish(caller, secs(60)), Ok(()), "{}", net.log.borrow());
        // The echo and the Close, and nothing else.
        assert_eq!(net.app(caller).received(), 9);
        net.run(secs(3));
        assert_eq!(first(&net, server).ended, Some(Ok(())));
    }
}
