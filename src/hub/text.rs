//! Text that is safe on a terminal: what one member says cannot command another's.

/// Whether `c` can command a terminal or change the order in which text is displayed: C0, DEL, C1,
/// line and paragraph separators, and the directional formatting characters (Unicode UAX 9).
fn is_command(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// The visible substitute for such a character: its control picture, or the replacement character.
const fn visible_form(c: char) -> char {
    let picture = match c as u32 {
        code @ 0..=0x1f => char::from_u32(0x2400 + code),
        0x7f => Some('\u{2421}'),
        _ => None,
    };
    match picture {
        Some(picture) => picture,
        None => char::REPLACEMENT_CHARACTER,
    }
}

/// The characters of a line, made safe: HTAB stays, every other command becomes visible, and bytes
/// that are no UTF-8 become the replacement character.
pub fn visible_chars(line: &[u8]) -> impl Iterator<Item = char> + Clone {
    line.utf8_chunks().flat_map(|chunk| {
        let is_bad = !chunk.invalid().is_empty();
        let bad = is_bad.then_some(char::REPLACEMENT_CHARACTER);
        chunk.valid().chars().map(visible_char).chain(bad)
    })
}

/// A character of a line, made safe. HTAB stays.
pub fn visible_char(c: char) -> char {
    if c != '\t' && is_command(c) {
        visible_form(c)
    } else {
        c
    }
}

/// Number of bytes at the end of `text` that begin a character and do not end it: at most three.
pub(super) fn cut_len(text: &[u8]) -> usize {
    let begins = |byte: &u8| *byte >= 0xc0;
    let tail = text.iter().rev().take(3);
    let Some(len) = tail.clone().position(begins).map(|at| at + 1) else {
        return 0;
    };
    let cut = text.get(text.len() - len..).unwrap_or_default();
    match core::str::from_utf8(cut) {
        Err(error) if error.error_len().is_none() => len,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::String;

    use super::*;

    fn visible(line: &[u8]) -> String {
        visible_chars(line).collect()
    }

    #[test]
    fn commands_become_visible_and_bad_bytes_the_replacement_character() {
        assert_eq!(visible(b"a\tb\x1b[2Jc\x7f"), "a\tb\u{241b}[2Jc\u{2421}");
        assert_eq!(
            visible("x\u{202e}y\u{9b}z".as_bytes()),
            "x\u{fffd}y\u{fffd}z"
        );
        assert_eq!(visible(b"a\xffb\xc3"), "a\u{fffd}b\u{fffd}");
        assert_eq!(visible("Grüße, 서울".as_bytes()), "Grüße, 서울");
        assert_eq!(visible(b"one\ntwo\r"), "one\u{240a}two\u{240d}");
    }

    #[test]
    fn a_character_that_is_cut_is_found_at_every_place() {
        let text = "aü서\u{1f600}";
        for end in 0..=text.len() {
            let whole = (0..=end)
                .rev()
                .find(|&at| text.is_char_boundary(at))
                .unwrap();
            assert_eq!(cut_len(&text.as_bytes()[..end]), end - whole, "{end}");
        }
        for bad in [
            &b"\xff"[..],
            b"a\x80\x80\x80",
            b"\xc3\x28",
            b"\xf0\x80",
            b"\xed\xa0",
        ] {
            assert_eq!(cut_len(bad), 0, "{bad:?}");
        }
    }
}
