//! What a line of a member over plain TCP means.

use super::Name;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command<'l> {
    /// A message. `//` at its front is a slash.
    Say(&'l [u8]),
    /// `/name N`; `None` for what cannot be a name.
    Name(Option<Name>),
    /// `/room R`, likewise.
    Room(Option<Name>),
    /// `/who`
    Who,
    /// `/quit`
    Quit,
    /// Another word after a slash.
    Unknown,
}

impl<'l> Command<'l> {
    pub(super) fn parse(line: &'l [u8]) -> Self {
        let command = match line.strip_prefix(b"/") {
            None => return Self::Say(line),
            Some([b'/', ..]) => return Self::Say(line.get(1..).unwrap_or_default()),
            Some(command) => core::str::from_utf8(command).unwrap_or_default(),
        };
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        match (word, rest.trim()) {
            ("name", name) => Self::Name(Name::parse(name)),
            ("room", name) => Self::Room(Name::parse(name)),
            ("who", "") => Self::Who,
            ("quit", "") => Self::Quit,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_message_unless_it_begins_with_one_slash() {
        for line in [&b""[..], b"hello", b" /who", b"a/b", b"\xff\x00"] {
            assert_eq!(Command::parse(line), Command::Say(line));
        }
        assert_eq!(Command::parse(b"//who"), Command::Say(b"/who"));
    }

    #[test]
    fn commands_are_known_by_their_word() {
        let alice = Name::parse("alice");
        assert_eq!(Command::parse(b"/name alice"), Command::Name(alice.clone()));
        assert_eq!(
            Command::parse(b"/name  alice "),
            Command::Name(alice.clone())
        );
        assert_eq!(Command::parse(b"/room alice"), Command::Room(alice));
        assert_eq!(Command::parse(b"/who"), Command::Who);
        assert_eq!(Command::parse(b"/quit "), Command::Quit);
        for line in ["/name", "/name a b", "/name *", "/name "] {
            assert_eq!(Command::parse(line.as_bytes()), Command::Name(None));
        }
        for line in [&b"/"[..], b"/names", b"/who is", b"/WHO", b"/\xff"] {
            assert_eq!(Command::parse(line), Command::Unknown);
        }
    }
}
