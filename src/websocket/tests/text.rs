//! Text is checked as it comes.

use super::*;

/// The number of bytes of `text` that are taken before it is refused.
fn refused_after(text: &[u8], delivery: Delivery) -> Option<usize> {
    let bytes = frame(Role::Server, true, Opcode::Text, text);
    let header = bytes.len() - text.len();
    let mut decoder = Decoder::new(memory(64), delivery, 64, Role::Server);
    for (index, byte) in bytes.iter().enumerate() {
        if let (_, Some(how)) = hear(&mut decoder, [core::slice::from_ref(byte)]) {
            assert_eq!(how, Violation::NotUtf8);
            return Some(index + 1 - header);
        }
    }
    None
}

#[test]
fn invalid_text_is_refused_at_its_first_wrong_byte() {
    for (text, wrong) in [
        // A continuation alone, and one that is missing.
        (&b"a\x80b"[..], 2),
        (b"a\xc3b", 3),
        (b"\xe2\x82x", 3),
        // Overlong forms.
        (b"\xc0\xaf", 1),
        (b"\xe0\x80\xaf", 2),
        (b"\xf0\x80\x80\xaf", 2),
        // Surrogates.
        (b"\xed\xa0\x80", 2),
        (b"\xed\xbf\xbf", 2),
        // Above U+10FFFF.
        (b"\xf4\x90\x80\x80", 2),
        (b"\xf5\x80\x80\x80", 1),
        (b"ok \xff", 4),
        // Cut off at the end.
        (b"a\xf0\x9f\x91", 4),
    ] {
        for delivery in [Delivery::Whole, Delivery::Parts] {
            assert_eq!(refused_after(text, delivery), Some(wrong), "{text:02x?}");
        }
    }
}

#[test]
fn every_boundary_of_utf_8_is_accepted() {
    for code in [
        0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x1_0000, 0x10_FFFF,
    ] {
        let character = char::from_u32(code).expect("no surrogate");
        let text = std::string::String::from(character);
        assert_eq!(refused_after(text.as_bytes(), Delivery::Whole), None);
    }
}

#[test]
fn bytes_need_not_be_text() {
    let bytes = frame(Role::Server, true, Opcode::Binary, b"\xff\xc0");
    assert_eq!(hear_all(&bytes, 10, Delivery::Whole).1, None);
    let pong = frame(Role::Server, true, Opcode::Pong, b"\xff");
    assert_eq!(hear_all(&pong, 10, Delivery::Whole).1, None);
}
