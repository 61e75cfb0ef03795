//! The first words of a file transfer, both ways.

use proptest::prelude::*;
use tickwire::file::{
    Announced, Answer, LENGTH_MAX, Offer, OfferError, OfferParser, Receipt, Reply, ReplyParser,
    SendError, Status, plain_word,
};

const DIGEST: [u8; 32] = *b"0123456789abcdefghijklmnopqrstuv";

/// What a parser makes of some bytes: its judgement in words, and the bytes that it left as data.
type Judged<'a> = Result<(Option<String>, &'a [u8]), OfferError>;

fn judged<'a>(segments: &[&'a [u8]]) -> Judged<'a> {
    let mut parser = OfferParser::new();
    let mut left = &b""[..];
    for segment in segments {
        let taken = parser.feed(segment);
        assert_eq!(parser.feed(b"").is_err(), taken.is_err(), "errors stay");
        (_, left) = segment.split_at(taken?);
        assert!(left.is_empty() || parser.announced().is_some());
    }
    let announced = parser.announced();
    Ok((announced.map(|announced| format!("{announced:?}")), left))
}

/// Asserts the judgement for every split in two, and for single bytes.
fn expect(input: &[u8], wanted: Result<Option<Announced<'_>>, OfferError>) {
    let wanted = wanted.map(|announced| announced.map(|announced| format!("{announced:?}")));
    for cut in 0..=input.len() {
        let (front, back) = input.split_at(cut);
        let found = judged(&[front, back]).map(|(announced, _)| announced);
        assert_eq!(found, wanted, "cut at {cut}");
    }
    let single: Vec<&[u8]> = input.chunks(1).collect();
    let found = judged(&single).map(|(announced, _)| announced);
    assert_eq!(found, wanted, "byte by byte");
}

fn encoded(offer: &Offer<'_>) -> Vec<u8> {
    let mut bytes = [0; 303];
    let len = offer.write_from(0, &mut bytes);
    let (bytes, _) = bytes.split_at(len);
    bytes.to_vec()
}

/// The bytes of an offer as a hostile sender may write them.
fn raw_offer(version: u8, flags: u8, name_len: u16, length: u64, name: &[u8]) -> Vec<u8> {
    let mut bytes = b"TWF\x81".to_vec();
    bytes.extend([version, flags]);
    bytes.extend(name_len.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(DIGEST);
    bytes.extend(name);
    bytes
}

#[test]
fn a_first_word_without_sign_is_a_plain_length() {
    for length in [0u32, 1, 0xff, 0x1234_5678, 0x7fff_ffff] {
        let word = plain_word(length.into()).unwrap();
        assert_eq!(word, length.to_le_bytes());
        expect(
            &word,
            Ok(Some(Announced::Plain {
                length: length.into(),
            })),
        );
    }
}

#[test]
fn the_plain_form_cannot_say_2_gib() {
    for length in [1 << 31, 1 << 32, (1 << 32) + 5, u64::MAX] {
        assert_eq!(plain_word(length), Err(SendError::TooLarge.into()));
    }
}

#[test]
fn a_first_word_with_sign_is_the_magic_or_malformed() {
    for word in [0x8000_0000u32, 0xffff_ffff, 0x8146_5755, 0x8246_5754] {
        expect(&word.to_le_bytes(), Err(OfferError::Magic));
    }
    expect(b"TWA\x81", Err(OfferError::Magic));
    expect(b"TWF\x81", Ok(None));
}

#[test]
fn an_offer_comes_out_as_it_went_in_at_every_split() {
    let long = "이름".repeat(42) + "abc";
    assert_eq!(long.len(), 255);
    for name in ["a", "name.tar.gz", "사진.jpg", "../../etc/passwd", &long] {
        for length in [0, 1, 1 << 31, (1 << 32) + 5, LENGTH_MAX] {
            let offer = Offer::new(name, length, &DIGEST).unwrap();
            let bytes = encoded(&offer);
            assert_eq!(bytes.len(), 48 + name.len());
            expect(&bytes, Ok(Some(Announced::Checked(offer))));
        }
    }
}

#[test]
fn every_cut_off_offer_is_neither_whole_nor_wrong() {
    let bytes = encoded(&Offer::new("file", 9, &DIGEST).unwrap());
    for len in 0..bytes.len() {
        assert_eq!(judged(&[&bytes[..len]]), Ok((None, &b""[..])));
    }
}

#[test]
fn the_bytes_after_an_announcement_are_data() {
    let mut bytes = encoded(&Offer::new("file", 4, &DIGEST).unwrap());
    bytes.extend(b"TWF\x81");
    assert_eq!(judged(&[&bytes]).unwrap().1, b"TWF\x81");
    assert_eq!(judged(&[b"\x02\0\0\0hi"]).unwrap().1, b"hi");
}

#[test]
fn unknown_versions_and_flags_are_malformed() {
    for (version, flags) in [(0, 0), (2, 0), (255, 0), (1, 1), (1, 128)] {
        let bytes = raw_offer(version, flags, 4, 9, b"name");
        expect(&bytes, Err(OfferError::Version));
    }
}

#[test]
fn names_that_are_empty_too_long_or_not_utf_8_are_malformed() {
    expect(&raw_offer(1, 0, 0, 9, b""), Err(OfferError::Name));
    expect(
        &raw_offer(1, 0, 256, 9, &[b'a'; 256]),
        Err(OfferError::Name),
    );
    expect(&raw_offer(1, 0, u16::MAX, 9, b"a"), Err(OfferError::Name));
    for name in [&b"a\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf"] {
        let name_len = u16::try_from(name.len()).unwrap();
        let bytes = raw_offer(1, 0, name_len, 9, name);
        expect(&bytes, Err(OfferError::Name));
    }
    assert_eq!(Offer::new("", 9, &DIGEST), Err(OfferError::Name));
    let long = "a".repeat(256);
    assert_eq!(Offer::new(&long, 9, &DIGEST), Err(OfferError::Name));
}

#[test]
fn lengths_from_2_to_the_63_are_malformed() {
    for length in [LENGTH_MAX + 1, u64::MAX] {
        let bytes = raw_offer(1, 0, 4, length, b"name");
        expect(&bytes, Err(OfferError::Length));
        assert_eq!(Offer::new("name", length, &DIGEST), Err(OfferError::Length));
    }
}

#[test]
fn an_error_is_raised_with_the_first_wrong_field() {
    // (bytes that are enough to know, error), all of which are wrong in later fields too.
    let bad = raw_offer(2, 1, 0, u64::MAX, b"");
    assert_eq!(judged(&[&bad[..4]]), Ok((None, &b""[..])));
    assert_eq!(judged(&[&bad[..5]]), Err(OfferError::Version));
    let bad = raw_offer(1, 0, 0, u64::MAX, b"");
    assert_eq!(judged(&[&bad[..7]]), Ok((None, &b""[..])));
    assert_eq!(judged(&[&bad[..8]]), Err(OfferError::Name));
    let bad = raw_offer(1, 0, 1, u64::MAX, b"\xff");
    assert_eq!(judged(&[&bad[..15]]), Ok((None, &b""[..])));
    assert_eq!(judged(&[&bad[..16]]), Err(OfferError::Length));
}

#[test]
fn an_offer_is_written_through_a_window_of_any_size() {
    let offer = Offer::new("a name of some length.bin", 1 << 40, &DIGEST).unwrap();
    let whole = encoded(&offer);
    for window in 1..=whole.len() + 1 {
        let mut written: Vec<u8> = Vec::new();
        loop {
            let mut out = vec![0; window];
            let len = offer.write_from(written.len(), &mut out);
            if len == 0 {
                break;
            }
            written.extend(&out[..len]);
        }
        assert_eq!(written, whole, "window of {window}");
    }
    assert_eq!(offer.write_from(usize::MAX, &mut [0; 8]), 0);
}

fn replies(segments: &[&[u8]]) -> Result<Vec<Reply>, SendError> {
    let mut parser = ReplyParser::new();
    let mut replies = Vec::new();
    for segment in segments {
        let mut rest = *segment;
        while !rest.is_empty() {
            let (taken, reply) = parser.feed(rest)?;
            assert!(reply.is_some() || taken == rest.len());
            replies.extend(reply);
            (_, rest) = rest.split_at(taken);
        }
    }
    Ok(replies)
}

#[test]
fn replies_come_out_as_they_went_in_at_every_split() {
    let working = Receipt {
        status: Status::WORKING,
        stored: 7,
    };
    let sent = [
        Reply::Answer(Answer {
            status: Status::WORKING,
            offset: 0,
        }),
        Reply::Answer(Answer {
            status: Status::FINE,
            offset: u64::MAX,
        }),
        Reply::Receipt(working),
        Reply::Receipt(working),
        Reply::Receipt(Receipt {
            status: Status(200),
            stored: 1 << 33,
        }),
    ];
    let bytes: Vec<u8> = sent
        .iter()
        .flat_map(|reply| match reply {
            Reply::Answer(answer) => answer.encode(),
            Reply::Receipt(receipt) => receipt.encode(),
        })
        .collect();
    for cut in 0..=bytes.len() {
        let (front, back) = bytes.split_at(cut);
        assert_eq!(replies(&[front, back]).unwrap(), sent);
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(replies(&single).unwrap(), sent);
}

#[test]
fn the_three_bytes_after_a_status_are_ignored() {
    let answer = Answer {
        status: Status::BUSY,
        offset: 3,
    };
    let mut bytes = answer.encode();
    assert_eq!(bytes, *b"TWA\x81\x03\0\0\0\x03\0\0\0\0\0\0\0");
    bytes[5..8].copy_from_slice(b"\xff\x01\x80");
    assert_eq!(replies(&[&bytes]).unwrap(), [Reply::Answer(answer)]);
}

#[test]
fn any_other_magic_is_a_bad_receipt_at_its_first_wrong_byte() {
    for (right, wrong) in [
        (&b""[..], b'X'),
        (b"T", b'X'),
        (b"TW", b'F'),
        (b"TWA", 1),
        (b"TWR", 1),
    ] {
        assert_eq!(replies(&[right]).unwrap(), []);
        assert_eq!(replies(&[right, &[wrong]]), Err(SendError::BadReply));
        let together = [right, &[wrong]].concat();
        assert_eq!(replies(&[&together]), Err(SendError::BadReply));
    }
}

#[test]
fn statuses_have_names() {
    assert_eq!(Status::DIGEST_MISMATCH.to_string(), "digest mismatch");
    assert_eq!(Status(7).to_string(), "status 7");
}

fn offer_like() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::collection::vec(any::<u8>(), 0..20);
    let offer = (0..3u8, 0..2u8, 0..20u16, any::<u64>(), name).prop_map(
        |(version, flags, len, length, name)| raw_offer(version, flags, len, length, &name),
    );
    prop_oneof![prop::collection::vec(any::<u8>(), 0..80), offer]
}

proptest! {
    #[test]
    fn any_bytes_are_judged_the_same_in_any_segments(
        input in offer_like(), cuts in prop::collection::vec(1..9usize, 80)
    ) {
        let whole = judged(&[&input]);
        let mut segments = Vec::new();
        let mut rest = &input[..];
        for cut in cuts {
            let (front, back) = rest.split_at(cut.min(rest.len()));
            segments.push(front);
            rest = back;
        }
        let found = judged(&segments).map(|(announced, _)| announced);
        prop_assert_eq!(found, whole.map(|(announced, _)| announced));
    }

    #[test]
    fn every_offer_that_can_be_made_is_read_back(
        name in "\\PC{1,60}", length in 0..=LENGTH_MAX, digest in any::<[u8; 32]>()
    ) {
        let offer = Offer::new(&name, length, &digest).unwrap();
        let mut parser = OfferParser::new();
        let bytes = encoded(&offer);
        prop_assert_eq!(parser.feed(&bytes), Ok(bytes.len()));
        prop_assert_eq!(parser.announced(), Some(Announced::Checked(offer)));
    }

    #[test]
    fn any_bytes_of_a_receiver_end_in_replies_or_bad_receipt(
        input in prop::collection::vec(any::<u8>(), 0..60), magic in prop::bool::ANY
    ) {
        let input = if magic { [&b"TWR\x81"[..], &input].concat() } else { input };
        let single: Vec<&[u8]> = input.chunks(1).collect();
        prop_assert_eq!(replies(&[&input]), replies(&single));
    }
}
