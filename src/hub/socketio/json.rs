//! JSON (RFC 8259) in place: it is checked once, and then looked at without a copy.

/// Arrays and objects in each other, at most.
const DEPTH_MAX: u32 = 32;

/// Why a text is no JSON for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum JsonError {
    /// It breaks the grammar.
    Syntax,
    /// More than 32 arrays and objects are in each other.
    TooDeep,
}

/// A JSON value whose text is sound, without white space around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Json<'j>(&'j str);

impl<'j> Json<'j> {
    /// Checks a text that is one value, with or without white space around it.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &'j str) -> Result<Self, JsonError> {
        let text = text.trim_matches(is_space);
        if value_len(text.as_bytes())? != text.len() {
            return Err(JsonError::Syntax);
        }
        Ok(Self(text))
    }

    /// The text of the value.
    pub const fn as_str(&self) -> &'j str {
        self.0
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        self.0.starts_with('{')
    }

    /// The elements, if it is an array.
    pub fn elements(&self) -> Option<impl Iterator<Item = Self> + use<'j>> {
        let mut rest = self.0.strip_prefix('[')?.strip_suffix(']')?;
        Some(core::iter::from_fn(move || {
            rest = rest.trim_start_matches(|c: char| is_space(c) || c == ',');
            // It was checked as a whole.
            let (value, after) = rest.split_at_checked(value_len(rest.as_bytes()).ok()?)?;
            rest = after;
            Some(Self(value))
        }))
    }

    /// The characters, if it is a string. Half of a surrogate pair is the replacement character.
    pub fn chars(&self) -> Option<impl Iterator<Item = char> + Clone + use<'j>> {
        let text = self.0.strip_prefix('"')?.strip_suffix('"')?;
        Some(Unescaped { rest: text })
    }

    /// Whether it is a string that says `text`.
    pub fn is_string(&self, text: &str) -> bool {
        self.chars().is_some_and(|chars| chars.eq(text.chars()))
    }
}

const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// A value, or the end of an array that is empty.
    FirstElement,
    Key,
    /// A key, or the end of an object that is empty.
    FirstKey,
    /// A comma, or the end of what is open.
    After,
}

/// Length of the value at the front of `text`.
fn value_len(text: &[u8]) -> Result<usize, JsonError> {
    // One bit for each that is open, the innermost lowest: whether it is an object.
    let (mut open, mut depth) = (0_u64, 0_u32);
    let (mut at, mut next) = (0, Next::Value);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let byte = *rest.first().ok_or(JsonError::Syntax)?;
        let is_object = open & 1 == 1;
        let mut len = 1;
        next = match (next, byte) {
            (_, b' ' | b'\t' | b'\n' | b'\r') => next,
            (Next::Value | Next::FirstElement, b'[' | b'{') => {
                if depth == DEPTH_MAX {
                    return Err(JsonError::TooDeep);
                }
                open = open << 1 | u64::from(byte == b'{');
                depth += 1;
                if byte == b'{' {
                    Next::FirstKey
                } else {
                    Next::FirstElement
                }
            }
            (Next::FirstElement, b']') | (Next::FirstKey, b'}') => {
                (open, depth) = (open >> 1, depth - 1);
                Next::After
            }
            (Next::After, b']') if depth > 0 && !is_object => {
                (open, depth) = (open >> 1, depth - 1);
                Next::After
            }
            (Next::After, b'}') if depth > 0 && is_object => {
                (open, depth) = (open >> 1, depth - 1);
                Next::After
            }
            (Next::After, b',') if is_object => Next::Key,
            (Next::After, b',') => Next::Value,
            (Next::Value | Next::FirstElement, _) => {
                len = scalar_len(rest)?;
                Next::After
            }
            (Next::Key | Next::FirstKey, b'"') => {
                len = string_len(rest)?;
                let after = rest.get(len..).unwrap_or_default();
                len += colon_len(after)?;
                Next::Value
            }
            (Next::Key | Next::FirstKey | Next::After, _) => return Err(JsonError::Syntax),
        };
        at += len;
        if next == Next::After && depth == 0 {
            return Ok(at);
        }
    }
}

/// Length of a colon with the white space before it.
fn colon_len(text: &[u8]) -> Result<usize, JsonError> {
    let is_space = |byte: &u8| is_space(char::from(*byte));
    let spaces = text.iter().take_while(|byte| is_space(byte)).count();
    match text.get(spaces) {
        Some(b':') => Ok(spaces + 1),
        _ => Err(JsonError::Syntax),
    }
}

/// Length of a value that is no array and no object.
fn scalar_len(text: &[u8]) -> Result<usize, JsonError> {
    match text.first() {
        Some(b'"') => string_len(text),
        Some(b'-' | b'0'..=b'9') => number_len(text),
        _ => {
            let words = ["true", "false", "null"];
            let word = words.iter().find(|word| text.starts_with(word.as_bytes()));
            word.map(|word| word.len()).ok_or(JsonError::Syntax)
        }
    }
}

fn string_len(text: &[u8]) -> Result<usize, JsonError> {
    let mut at = 1;
    loop {
        at += match text.get(at).ok_or(JsonError::Syntax)? {
            b'"' => return Ok(at + 1),
            b'\\' => match text.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                Some(b'u') => {
                    let digits = text.get(at + 2..at + 6).ok_or(JsonError::Syntax)?;
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return Err(JsonError::Syntax);
                    }
                    6
                }
                _ => return Err(JsonError::Syntax),
            },
            0..=0x1f => return Err(JsonError::Syntax),
            _ => 1,
        };
    }
}

fn number_len(text: &[u8]) -> Result<usize, JsonError> {
    let digits_at = |at: usize| {
        let rest = text.get(at..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut at = usize::from(text.first() == Some(&b'-'));
    let digits = digits_at(at);
    if digits == 0 || digits > 1 && text.get(at) == Some(&b'0') {
        return Err(JsonError::Syntax);
    }
    at += digits;
    if text.get(at) == Some(&b'.') {
        let digits = digits_at(at + 1);
        if digits == 0 {
            return Err(JsonError::Syntax);
        }
        at += 1 + digits;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let digits = digits_at(at + 1 + sign);
        if digits == 0 {
            return Err(JsonError::Syntax);
        }
        at += 1 + sign + digits;
    }
    Ok(at)
}

/// The characters of a string that was checked.
#[derive(Clone)]
struct Unescaped<'j> {
    rest: &'j str,
}

impl Unescaped<'_> {
    fn unit(text: &str) -> Option<u32> {
        u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
    }

    fn skip(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }
}

impl Iterator for Unescaped<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let first = self.rest.chars().next()?;
        if first != '\\' {
            self.skip(first.len_utf8());
            return Some(first);
        }
        let escape = self.rest.as_bytes().get(1);
        if escape != Some(&b'u') {
            self.skip(2);
            return Some(match escape {
                Some(b'b') => '\u{8}',
                Some(b'f') => '\u{c}',
                Some(b'n') => '\n',
                Some(b'r') => '\r',
                Some(b't') => '\t',
                // It stands for itself.
                Some(&other) => char::from(other),
                None => char::REPLACEMENT_CHARACTER,
            });
        }
        let high = Self::unit(self.rest)?;
        self.skip(6);
        let low = Self::unit(self.rest).filter(|low| (0xdc00..0xe000).contains(low));
        let code = match (high, low) {
            (0xd800..0xdc00, Some(low)) => {
                self.skip(6);
                0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)
            }
            _ => high,
        };
        Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

/// Writes `text` as what stands between the quotation marks of a string.
pub fn escape(text: &str, write: &mut dyn FnMut(&str)) {
    const HEX: &str = "0123456789abcdef";
    let mut rest = text;
    let special = |c: char| matches!(c, '"' | '\\' | '\0'..='\u{1f}');
    while let Some(at) = rest.find(special) {
        let (plain, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        write(plain);
        match after.as_bytes().first() {
            Some(b'"') => write("\\\""),
            Some(b'\\') => write("\\\\"),
            Some(&control) => {
                let digit = |value: u8| {
                    let at = usize::from(value);
                    HEX.get(at..=at).unwrap_or_default()
                };
                write("\\u00");
                write(digit(control >> 4));
                write(digit(control & 0xf));
            }
            None => {}
        }
        rest = after.get(1..).unwrap_or_default();
    }
    write(rest);
}

#[cfg(test)]
mod tests;
