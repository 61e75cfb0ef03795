//! Decodes the bytes that a terminal sends into keys, however reads split them.

/// A key that the line editor handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Backspace,
    Delete,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    /// The previous line of the history.
    Up,
    /// The next line of the history.
    Down,
    KillWord,
    KillToStart,
    KillToEnd,
    Yank,
    Redraw,
    /// Ctrl-D: the end of input on an empty line, otherwise Delete.
    EndOfInput,
    /// Ctrl-Z.
    Suspend,
    /// No key, but the terminal's answer: the column of the cursor, from 0.
    CursorColumn(u16),
}

/// How many parameter bytes are kept. No sequence that we know has more.
const PARAMETERS_MAX: usize = 11;

/// The position of the next byte within a sequence (ECMA-48, section 5.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After ESC `[` (CSI), within the parameters.
    Csi,
    /// After ESC `O` (SS3).
    Ss3,
}

/// Decodes keys from bytes.
///
/// Decoding uses no timeout: a lone ESC is the start of the next key, as with Alt.
#[derive(Debug, Default)]
pub(super) struct KeyDecoder {
    state: State,
    parameters: Vec<u8>,
    /// The first bytes of an incomplete character: at most three.
    partial: Vec<u8>,
}

impl KeyDecoder {
    /// Takes one byte, and returns the key that it completes.
    pub(super) fn push(&mut self, byte: u8) -> Option<Key> {
        match self.state {
            State::Ground => self.ground(byte),
            State::Escape => self.escape(byte),
            State::Csi => self.csi(byte),
            State::Ss3 => {
                self.state = State::Ground;
                cursor_key(byte)
            }
        }
    }

    fn ground(&mut self, byte: u8) -> Option<Key> {
        if byte >= 0x80 {
            return self.character(byte);
        }
        self.partial.clear();
        Some(match byte {
            b' '..=b'~' => Key::Char(char::from(byte)),
            // The width of a tab would depend on its column.
            b'\t' => Key::Char(' '),
            b'\r' | b'\n' => Key::Enter,
            0x01 => Key::Home,
            0x02 => Key::Left,
            0x04 => Key::EndOfInput,
            0x05 => Key::End,
            0x06 => Key::Right,
            0x08 | 0x7f => Key::Backspace,
            0x0b => Key::KillToEnd,
            0x0c => Key::Redraw,
            0x0e => Key::Down,
            0x10 => Key::Up,
            0x15 => Key::KillToStart,
            0x17 => Key::KillWord,
            0x19 => Key::Yank,
            0x1a => Key::Suspend,
            0x1b => {
                self.state = State::Escape;
                return None;
            }
            _ => return None,
        })
    }

    fn character(&mut self, byte: u8) -> Option<Key> {
        self.partial.push(byte);
        match std::str::from_utf8(&self.partial) {
            Ok(text) => {
                let key = text.chars().next().filter(|c| !c.is_control());
                self.partial.clear();
                key.map(Key::Char)
            }
            Err(error) if error.error_len().is_none() => None,
            Err(_) => {
                self.partial.clear();
                Some(Key::Char(char::REPLACEMENT_CHARACTER))
            }
        }
    }

    fn escape(&mut self, byte: u8) -> Option<Key> {
        self.state = match byte {
            b'[' => State::Csi,
            b'O' => State::Ss3,
            0x1b => State::Escape,
            _ => State::Ground,
        };
        self.parameters.clear();
        match byte {
            b'b' => Some(Key::WordLeft),
            b'f' => Some(Key::WordRight),
            0x7f => Some(Key::KillWord),
            _ => None,
        }
    }

    fn csi(&mut self, byte: u8) -> Option<Key> {
        match byte {
            0x20..=0x3f => {
                if self.parameters.len() < PARAMETERS_MAX {
                    self.parameters.push(byte);
                }
                None
            }
            0x40..=0x7e => {
                self.state = State::Ground;
                match (byte, self.parameters.as_slice()) {
                    (b'~', b"1" | b"7") => Some(Key::Home),
                    (b'~', b"4" | b"8") => Some(Key::End),
                    (b'~', b"3") => Some(Key::Delete),
                    (b'C', b"1;3" | b"1;5") => Some(Key::WordRight),
                    (b'D', b"1;3" | b"1;5") => Some(Key::WordLeft),
                    (b'R', parameters) => cursor_column(parameters),
                    (b'~', _) => None,
                    (final_byte, _) => cursor_key(final_byte),
                }
            }
            // Not part of a sequence: the sequence was cut off, and this byte starts over.
            _ => {
                self.state = State::Ground;
                self.ground(byte)
            }
        }
    }
}

/// The column in the parameters of a cursor position report: row and column, from 1.
fn cursor_column(parameters: &[u8]) -> Option<Key> {
    let (row, column) = std::str::from_utf8(parameters).ok()?.split_once(';')?;
    let _: u16 = row.parse().ok()?;
    let column: u16 = column.parse().ok()?;
    Some(Key::CursorColumn(column.checked_sub(1)?))
}

fn cursor_key(byte: u8) -> Option<Key> {
    Some(match byte {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = KeyDecoder::default();
        let keys = bytes.iter().filter_map(|byte| decoder.push(*byte));
        keys.collect()
    }

    #[test]
    fn the_keys_of_common_terminals_are_recognized() {
        for (bytes, key) in [
            (&b"a"[..], Key::Char('a')),
            ("한".as_bytes(), Key::Char('한')),
            (b"\r", Key::Enter),
            (b"\x7f", Key::Backspace),
            (b"\x1b[A", Key::Up),
            (b"\x1bOB", Key::Down),
            (b"\x1b[3~", Key::Delete),
            (b"\x1b[1~", Key::Home),
            (b"\x1b[F", Key::End),
            (b"\x1b[1;5D", Key::WordLeft),
            (b"\x1bf", Key::WordRight),
            (b"\x04", Key::EndOfInput),
            (b"\x1b[24;80R", Key::CursorColumn(79)),
            (b"\x1b[65535;65535R", Key::CursorColumn(65_534)),
        ] {
            assert_eq!(decode(bytes), [key], "{bytes:?}");
        }
    }

    #[test]
    fn unknown_sequences_are_skipped_and_the_keys_after_them_are_decoded() {
        let flood = [b"\x1b[", &[b'9'; 1_000][..], b"zA"].concat();
        assert_eq!(decode(&flood), [Key::Char('A')]);
        assert_eq!(decode(b"\x1b[200~x"), [Key::Char('x')]);
        assert_eq!(decode(b"\x1b\x1b[A"), [Key::Up]);
        assert_eq!(decode(b"\x1b[\rx"), [Key::Enter, Key::Char('x')]);
        assert_eq!(decode(b"\x1b[R\x1b[1R\x1b[1;0R\x1b[1;65536R\x1b[;2R"), []);
        assert_eq!(decode(b"\xffx"), [Key::Char('\u{fffd}'), Key::Char('x')]);
        assert_eq!(decode(b"\xc2\x9bx\x00"), [Key::Char('x')]);
    }
}
