//! A file in a form: `multipart/form-data` with one part (RFC 7578).

use heapless::Vec;

/// Longest boundary in bytes (RFC 2046, 5.1.1).
const BOUNDARY_LEN_MAX: usize = 70;
/// Longest part head with the line of the boundary before it, in bytes.
const HEAD_BYTES_MAX: usize = 512;
const HEAD_END: &[u8] = b"\r\n\r\n";
/// `\r\n--` before a boundary, and `--\r\n` after the last one.
const TAIL_BYTES: usize = 8;

/// Finds the file in a form, and sees to it that it is all of the form.
///
/// The file's length follows from that of the body, because what stands around the file is known once
/// its head is: so a store can be told the length before the first byte.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Form {
    boundary: Vec<u8, BOUNDARY_LEN_MAX>,
    /// Bytes of the form before the file.
    head: Vec<u8, HEAD_BYTES_MAX>,
    /// Number of bytes that match the line of the boundary, at the end of what came of the file.
    matched: usize,
    /// Number of bytes of the tail that came.
    tail: usize,
}

/// The form is not one file, or is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct NotOneFile;

impl Form {
    /// A form of this Content-Type; `None` where that is another type, or has no sound boundary.
    pub(super) fn new(content_type: &[u8]) -> Option<Self> {
        let (media_type, parameters) = split_once(content_type, b';')?;
        if !media_type
            .trim_ascii()
            .eq_ignore_ascii_case(b"multipart/form-data")
        {
            return None;
        }
        let boundary = parameter(parameters, b"boundary=")?;
        let is_sound = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
        if boundary.is_empty() || !boundary.iter().all(is_sound) {
            return None;
        }
        Some(Self {
            boundary: Vec::from_slice(boundary).ok()?,
            head: Vec::new(),
            matched: 0,
            tail: 0,
        })
    }

    /// Takes bytes up to the end of the part's head. Returns their number, and whether it is complete.
    ///
    /// # Errors
    /// The head has no end within its limit.
    pub(super) fn read_head(&mut self, bytes: &[u8]) -> Result<(usize, bool), NotOneFile> {
        for (index, &byte) in bytes.iter().enumerate() {
            self.head.push(byte).map_err(|_| NotOneFile)?;
            if self.head.ends_with(HEAD_END) {
                return Ok((index + 1, true));
            }
        }
        Ok((bytes.len(), false))
    }

    /// The name that the file has on the caller's side, from a complete head.
    ///
    /// # Errors
    /// The part is no file, or the form does not begin with it.
    pub(super) fn name(&self) -> Result<&str, NotOneFile> {
        self.find_name().ok_or(NotOneFile)
    }

    fn find_name(&self) -> Option<&str> {
        let lines = self
            .head
            .strip_prefix(b"--")?
            .strip_prefix(self.boundary.as_slice())?;
        let mut lines = lines.strip_prefix(b"\r\n")?.split(|&byte| byte == b'\n');
        let parameters = lines.find_map(|line| {
            let (name, value) = split_once(line, b':')?;
            let is_it = name.eq_ignore_ascii_case(b"Content-Disposition");
            let (kind, parameters) = split_once(value, b';').filter(|_| is_it)?;
            (kind.trim_ascii() == b"form-data").then_some(parameters)
        })?;
        str::from_utf8(parameter(parameters, b"filename=")?).ok()
    }

    /// Length of the file in a body of `body` bytes.
    ///
    /// # Errors
    /// The body is shorter than what stands around the file.
    pub(super) fn file_length(&self, body: u64) -> Result<u64, NotOneFile> {
        let around = self.head.len() + self.tail_len();
        body.checked_sub(around as u64).ok_or(NotOneFile)
    }

    fn tail_len(&self) -> usize {
        self.boundary.len() + TAIL_BYTES
    }

    /// Looks at bytes of the file.
    ///
    /// # Errors
    /// The file ends in the middle of them: the form has more parts.
    pub(super) fn check_file(&mut self, bytes: &[u8]) -> Result<(), NotOneFile> {
        for &byte in bytes {
            // No byte of it but the first is a CR, so after a mismatch only that one can match.
            self.matched = if self.delimiter(self.matched) == Some(byte) {
                self.matched + 1
            } else {
                usize::from(byte == b'\r')
            };
            if self.matched == self.boundary.len() + 4 {
                return Err(NotOneFile);
            }
        }
        Ok(())
    }

    /// Takes bytes after the file, which must be what stands there.
    ///
    /// # Errors
    /// They are something else.
    pub(super) fn read_tail(&mut self, bytes: &[u8]) -> Result<(), NotOneFile> {
        for &byte in bytes {
            if self.delimiter(self.tail) != Some(byte) {
                return Err(NotOneFile);
            }
            self.tail += 1;
        }
        Ok(())
    }

    /// Whether the whole tail has come.
    pub(super) fn is_complete(&self) -> bool {
        self.tail == self.tail_len()
    }

    /// The byte at this offset of what ends a file and the form.
    fn delimiter(&self, offset: usize) -> Option<u8> {
        let parts = [b"\r\n--", self.boundary.as_slice(), b"--\r\n"];
        parts.into_iter().flatten().nth(offset).copied()
    }
}

/// The value of a parameter, in quotes or not. `name` has the equals sign at its end.
fn parameter<'p>(parameters: &'p [u8], name: &[u8]) -> Option<&'p [u8]> {
    let mut rest = parameters;
    loop {
        rest = rest.trim_ascii_start();
        let is_it = rest
            .split_at_checked(name.len())
            .is_some_and(|(found, _)| found.eq_ignore_ascii_case(name));
        let equals = rest.iter().position(|&byte| byte == b'=')?;
        let value = rest.get(equals + 1..)?;
        let (value, after) = match value.strip_prefix(b"\"") {
            // Browsers send a quote in a name as %22 (HTML, 4.10.21.8), so none is escaped.
            Some(quoted) => split_once(quoted, b'"')?,
            None => {
                let end = value.iter().position(|byte| b";\r".contains(byte));
                value.split_at(end.unwrap_or(value.len()))
            }
        };
        if is_it {
            return Some(value);
        }
        rest = split_once(after, b';')?.1;
    }
}

fn split_once(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&other| other == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}
