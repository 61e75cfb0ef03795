//! `docs/wire.md` shows the very bytes that the code writes and reads.

use sha2::{Digest as _, Sha256};
use tickwire::file::{
    Announced, Answer, Offer, OfferParser, Receipt, Reply, ReplyParser, Status, plain_word,
};

const PAGE: &str = include_str!("../docs/wire.md");
const FILE: &[u8] = b"Hello over the wire!\n";
const NAME: &str = "hello.txt";

/// The text of the page's only block with this label.
fn block(label: &str) -> &'static str {
    let opening = format!("```hexdump {label}\n");
    let mut parts = PAGE.split(&opening);
    let rest = parts.nth(1).expect("the page has such a block");
    assert!(parts.next().is_none(), "the page has one block {label}");
    let (text, _) = rest.split_once("```").expect("the block is closed");
    text
}

/// The bytes that a dump stands for, read from its hexadecimal column alone.
fn bytes_of(dump: &str) -> Vec<u8> {
    let columns = dump.lines().map(|line| {
        let (_, columns) = line.split_once("  ").expect("an offset, then bytes");
        columns.split('|').next().expect("bytes, then text")
    });
    let digits = columns.flat_map(str::split_whitespace);
    digits
        .map(|byte| u8::from_str_radix(byte, 16).expect("two hexadecimal digits"))
        .collect()
}

/// Sixteen bytes a line: offset, bytes, text.
fn dump(bytes: &[u8]) -> String {
    let mut dump = String::new();
    for (row, chunk) in bytes.chunks(16).enumerate() {
        let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String = chunk
            .iter()
            .map(|byte| match byte {
                b' '..=b'~' => char::from(*byte),
                _ => '.',
            })
            .collect();
        dump += &format!("{:04x}  {:47}  |{text}|\n", row * 16, hex.join(" "));
    }
    dump
}

/// Asserts that the page's block is what the encoder wrote, and gives the bytes that a reader of
/// the page would type in.
fn shown(label: &str, encoded: &[u8]) -> Vec<u8> {
    assert_eq!(block(label), dump(encoded), "{label}: page and encoder");
    let bytes = bytes_of(block(label));
    assert_eq!(bytes, encoded, "{label}: bytes of the page and encoder");
    bytes
}

fn digest() -> [u8; 32] {
    Sha256::digest(FILE).into()
}

#[test]
fn the_offer_on_the_page_is_written_and_read() {
    let digest = digest();
    let offer = Offer::new(NAME, FILE.len() as u64, &digest).unwrap();
    let mut encoded = [0; 303];
    let len = offer.write_from(0, &mut encoded);
    let bytes = shown("offer", &encoded[..len]);

    let mut parser = OfferParser::new();
    assert_eq!(parser.feed(&bytes), Ok(bytes.len()));
    assert_eq!(parser.announced(), Some(Announced::Checked(offer)));
}

#[test]
fn the_answer_and_the_receipt_on_the_page_are_written_and_read() {
    let answer = Answer {
        status: Status::FINE,
        offset: 0,
    };
    let receipt = Receipt {
        status: Status::FINE,
        stored: FILE.len() as u64,
    };
    let mut parser = ReplyParser::new();
    let bytes = shown("answer", &answer.encode());
    assert_eq!(parser.feed(&bytes), Ok((16, Some(Reply::Answer(answer)))));
    let bytes = shown("receipt", &receipt.encode());
    assert_eq!(parser.feed(&bytes), Ok((16, Some(Reply::Receipt(receipt)))));
}

#[test]
fn the_data_on_the_page_has_the_digest_on_the_page() {
    assert_eq!(Sha256::digest(shown("data", FILE)).as_slice(), digest());
    let hex: String = digest().iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(PAGE.contains(&hex), "the page spells the digest out");
}

#[test]
fn the_plain_transfer_on_the_page_is_written_and_read() {
    let word = plain_word(FILE.len() as u64).unwrap();
    let bytes = shown("plain", &[&word, FILE].concat());
    let mut parser = OfferParser::new();
    assert_eq!(parser.feed(&bytes), Ok(4));
    let length = FILE.len() as u64;
    assert_eq!(parser.announced(), Some(Announced::Plain { length }));
}

#[test]
fn the_page_says_first_that_there_is_no_authentication() {
    let (_, body) = PAGE.split_once("\n\n").unwrap();
    assert!(body.starts_with("**Nothing here is authenticated"));
}
