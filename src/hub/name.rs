//! Names of members and rooms.

use core::fmt::{self, Write};

use heapless::String;

/// Longest name of a member or a room, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 32;

/// A name of a member or a room: letters and digits of any script, `-`, `_` and `.`.
///
/// So no name can end itself in a line (`N: message`, `* N joined`) or command a terminal. The letters
/// that cannot be seen, Hangul's fillers, are none of them. Names are equal whatever the case of their
/// ASCII letters.
#[derive(Debug, Clone)]
pub struct Name(String<NAME_BYTES_MAX>);

impl Name {
    /// No name at all.
    pub(super) const EMPTY: Self = Self(String::new());

    /// `lobby`, the room of whoever asks for none.
    pub fn lobby() -> Self {
        Self::literal("lobby")
    }

    /// What the names begin with that a hub makes up.
    pub(super) fn guest() -> Self {
        Self::literal("guest")
    }

    fn literal(text: &str) -> Self {
        Self::parse(text).expect("it is a name")
    }

    /// The name, if `text` can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_blank = |c| matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
        let is_letter = |c: char| c.is_alphanumeric() && !is_blank(c);
        let is_plain = |c: char| is_letter(c) || matches!(c, '-' | '_' | '.');
        if text.is_empty() || !text.chars().all(is_plain) {
            return None;
        }
        String::try_from(text).ok().map(Self)
    }

    /// The name with `-` and a number after it, shortened where it is too long for that.
    pub(super) fn numbered(&self, number: u32) -> Self {
        let mut suffix = String::<11>::new();
        // A u32 has at most 10 digits.
        let _ = write!(suffix, "-{number}");
        let mut end = self.0.len().min(NAME_BYTES_MAX - suffix.len());
        while !self.0.is_char_boundary(end) {
            end -= 1;
        }
        let mut name = String::new();
        let _ = write!(name, "{}{suffix}", self.0.get(..end).unwrap_or_default());
        Self(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Name {}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Name {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(f, "{=str}", self.as_str());
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn a_name_cannot_end_itself_in_a_line_or_command_a_terminal() {
        for text in ["alice", "Jürgen", "서울", "a.b-c_9", "1"] {
            assert_eq!(Name::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            " ",
            "a b",
            "a: b",
            "*",
            "a\n",
            "a\u{1b}[2J",
            "a\u{202e}b",
            "a/b",
            "a\0",
        ] {
            assert_eq!(Name::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_name_can_be_seen() {
        for filler in ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'] {
            assert_eq!(Name::parse(&std::format!("a{filler}")), None, "{filler:?}");
        }
    }

    #[test]
    fn a_name_has_32_bytes_at_most() {
        assert!(Name::parse(&"a".repeat(32)).is_some());
        assert!(Name::parse(&"a".repeat(33)).is_none());
    }

    #[test]
    fn a_number_finds_room_behind_the_longest_name_and_cuts_no_character() {
        let long = Name::parse(&"ü".repeat(16)).unwrap();
        let numbered = long.numbered(u32::MAX);
        assert_eq!(
            numbered.as_str(),
            std::format!("{}-4294967295", "ü".repeat(10))
        );
        assert_eq!(Name::parse("bob").unwrap().numbered(2).as_str(), "bob-2");
    }

    #[test]
    fn ascii_letters_are_equal_in_either_case() {
        assert_eq!(Name::parse("Alice"), Name::parse("aLICE"));
        assert_ne!(Name::parse("alice"), Name::parse("alicia"));
    }
}
