//! Messages, fragments, and control frames between them.

use super::*;

/// A stream with everything that is allowed.
fn mixed() -> Vec<u8> {
    let long = [b'x'; 300];
    [
        frame(Role::Server, true, Opcode::Text, "grüße".as_bytes()),
        frame(Role::Server, false, Opcode::Text, &"한국어".as_bytes()[..4]),
        frame(Role::Server, true, Opcode::Ping, b"between"),
        frame(Role::Server, false, Opcode::Continuation, b""),
        frame(
            Role::Server,
            false,
            Opcode::Continuation,
            &"한국어".as_bytes()[4..],
        ),
        frame(Role::Server, true, Opcode::Pong, b""),
        frame(Role::Server, true, Opcode::Continuation, b""),
        frame(Role::Server, true, Opcode::Binary, &long),
        frame(Role::Server, true, Opcode::Binary, b""),
        frame(Role::Server, true, Opcode::Close, b"\x03\xe8bye"),
    ]
    .concat()
}

#[test]
fn messages_are_the_same_wherever_the_stream_is_cut() {
    let bytes = mixed();
    let (whole, how) = hear_all(&bytes, 300, Delivery::Whole);
    assert_eq!(how, None);
    let expected = [
        Heard::Part(Kind::Text, "grüße".into(), true),
        Heard::Ping(b"between".to_vec()),
        Heard::Pong(Vec::new()),
        Heard::Part(Kind::Text, "한국어".into(), true),
        Heard::Part(Kind::Binary, [b'x'; 300].to_vec(), true),
        Heard::Part(Kind::Binary, Vec::new(), true),
        Heard::Close(Some(CloseCode::NORMAL), "bye".into()),
    ];
    assert_eq!(whole, expected);
    for cut in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        let mut decoder = Decoder::new(memory(300), Delivery::Whole, 300, Role::Server);
        let heard = hear(&mut decoder, [head, tail]);
        assert_eq!(heard, (whole.clone(), None), "cut at {cut}");
    }
    for size in 1..20 {
        let mut decoder = Decoder::new(memory(300), Delivery::Whole, 300, Role::Server);
        let heard = hear(&mut decoder, bytes.chunks(size));
        assert_eq!(heard, (whole.clone(), None), "pieces of {size}");
    }
}

#[test]
fn parts_make_up_the_message_and_never_cut_a_character() {
    let text = "aé한👋".repeat(40);
    let frames = text.as_bytes().chunks(7);
    let last = frames.len() - 1;
    let bytes: Vec<u8> = frames
        .enumerate()
        .flat_map(|(index, piece)| {
            let opcode = if index == 0 {
                Opcode::Text
            } else {
                Opcode::Continuation
            };
            frame(Role::Server, index == last, opcode, piece)
        })
        .collect();
    for buffer in 4..20 {
        let (heard, how) = hear_all(&bytes, buffer, Delivery::Parts);
        assert_eq!(how, None);
        let mut joined = std::string::String::new();
        let count = heard.len();
        for (index, part) in heard.into_iter().enumerate() {
            let Heard::Part(Kind::Text, bytes, is_last) = part else {
                panic!("{part:?}");
            };
            assert!(bytes.len() <= buffer);
            assert_eq!(is_last, index + 1 == count);
            joined += std::str::from_utf8(&bytes).expect("a part is whole characters");
        }
        assert_eq!(joined, text);
    }
}

#[test]
fn a_part_ends_with_its_frame_so_that_nothing_waits_for_the_next() {
    let bytes = frame(Role::Server, false, Opcode::Binary, b"now");
    let (heard, _) = hear_all(&bytes, 100, Delivery::Parts);
    assert_eq!(heard, [Heard::Part(Kind::Binary, b"now".to_vec(), false)]);
    let (heard, _) = hear_all(&bytes, 100, Delivery::Whole);
    assert_eq!(heard, []);
}

#[test]
fn a_message_over_the_limit_is_refused_at_its_header() {
    let allowed = frame(Role::Server, true, Opcode::Binary, &[0; 10]);
    let (heard, how) = hear_all(&allowed, 10, Delivery::Whole);
    assert_eq!((heard.len(), how), (1, None));
    let long = frame(Role::Server, true, Opcode::Binary, &[0; 11]);
    let header = &long[..6];
    assert_eq!(
        hear_all(header, 10, Delivery::Whole).1,
        Some(Violation::TooLong)
    );
    // Fragments count together, and no sum of lengths wraps around.
    let sum = [
        frame(Role::Server, false, Opcode::Binary, &[0; 10]),
        frame(Role::Server, true, Opcode::Continuation, &[0; 1]),
    ]
    .concat();
    assert_eq!(
        hear_all(&sum, 10, Delivery::Whole).1,
        Some(Violation::TooLong)
    );
    let huge = |first: u64| {
        let header = FrameHeader {
            is_last: true,
            opcode: Opcode::Continuation,
            mask: Some(MASK),
            length: i64::MAX as u64,
        };
        let mut decoder = Decoder::new(memory(10), Delivery::Parts, first, Role::Server);
        let begin = frame(Role::Server, false, Opcode::Binary, b"ab");
        let header = header.encode();
        hear(&mut decoder, [&begin[..], &header[..]]).1
    };
    assert_eq!(huge(i64::MAX as u64), Some(Violation::TooLong));
    assert_eq!(huge(u64::MAX), None);
}

#[test]
fn what_breaks_the_order_of_fragments_is_refused() {
    let role = Role::Server;
    let begin = frame(role, false, Opcode::Text, b"a");
    let lone = frame(role, true, Opcode::Continuation, b"a");
    let whole = frame(role, true, Opcode::Text, b"a");
    for (bytes, how) in [
        (lone.clone(), Violation::NothingToContinue),
        ([&whole[..], &lone].concat(), Violation::NothingToContinue),
        ([&begin[..], &whole].concat(), Violation::MessageInMessage),
        ([&begin[..], &begin].concat(), Violation::MessageInMessage),
        (
            [&begin[..], &lone, &lone].concat(),
            Violation::NothingToContinue,
        ),
    ] {
        assert_eq!(hear_all(&bytes, 10, Delivery::Whole).1, Some(how));
        assert_eq!(hear_all(&bytes, 10, Delivery::Parts).1, Some(how));
    }
}

#[test]
fn what_follows_a_close_is_ignored() {
    let close = frame(Role::Server, true, Opcode::Close, b"");
    let bytes = [&close[..], b"\xFF\xFF anything"].concat();
    let (heard, how) = hear_all(&bytes, 10, Delivery::Whole);
    assert_eq!(
        (heard, how),
        (std::vec![Heard::Close(None, "".into())], None)
    );
}

#[test]
fn a_reset_decoder_knows_nothing_of_the_last_peer() {
    let begun = frame(Role::Server, false, Opcode::Text, "é".as_bytes());
    for cut in 1..=begun.len() {
        let mut decoder = Decoder::new(memory(10), Delivery::Whole, 10, Role::Server);
        hear(&mut decoder, [&begun[..cut]]);
        assert!(decoder.is_in_message());
        decoder.reset();
        assert!(!decoder.is_in_message());
        let fresh = frame(Role::Server, true, Opcode::Text, b"new");
        let expected = std::vec![Heard::Part(Kind::Text, b"new".to_vec(), true)];
        assert_eq!(hear(&mut decoder, [&fresh[..]]), (expected, None));
    }
}
