//! Codes and reasons of a Close.

use super::*;

fn hear_close(payload: &[u8]) -> Result<Heard, Violation> {
    let bytes = frame(Role::Server, true, Opcode::Close, payload);
    match hear_all(&bytes, 10, Delivery::Whole) {
        (heard, None) => Ok(heard.into_iter().next().expect("a Close")),
        (_, Some(how)) => Err(how),
    }
}

#[test]
fn only_codes_that_may_be_sent_are_taken() {
    for code in 0..=u16::MAX {
        // RFC 6455, 7.4, and 1012 to 1014 of the registry.
        let is_sendable = match code {
            1004..=1006 | 1015 => false,
            1000..=1014 => true,
            _ => (3000..5000).contains(&code),
        };
        let expected = if is_sendable {
            Ok(Heard::Close(Some(CloseCode(code)), "".into()))
        } else {
            Err(Violation::CloseCode)
        };
        assert_eq!(hear_close(&code.to_be_bytes()), expected, "{code}");
    }
}

#[test]
fn a_close_has_no_payload_or_a_whole_code_and_text() {
    assert_eq!(hear_close(b""), Ok(Heard::Close(None, "".into())));
    assert_eq!(hear_close(b"\x03"), Err(Violation::CloseLength));
    let long = [b"\x03\xe8", [b'r'; 123].as_slice()].concat();
    let reason = "r".repeat(123);
    assert_eq!(
        hear_close(&long),
        Ok(Heard::Close(Some(CloseCode::NORMAL), reason))
    );
    assert_eq!(hear_close(b"\x03\xe8\xff"), Err(Violation::NotUtf8));
    assert_eq!(hear_close(b"\x03\xe8\xc3"), Err(Violation::NotUtf8));
}

#[test]
fn each_violation_has_the_code_of_the_rfc() {
    assert_eq!(Violation::NotUtf8.code(), CloseCode(1007));
    assert_eq!(Violation::TooLong.code(), CloseCode(1009));
    assert_eq!(Violation::Opcode.code(), CloseCode(1002));
}
