//! The host behind the debugger or emulator, through Arm semihosting: arguments, text, files, and the end.
//!
//! A call stops the core for as long as the host takes, so images make one call a line and none in a hot path. On a
//! board without a debugger a call is a fault, and the fault's report one more, which locks the core up.

use core::ffi::CStr;
use core::fmt;
use core::mem::MaybeUninit;

use semihosting::fs;
use semihosting::io::{self, Read, Seek, SeekFrom, Write};
use semihosting::sys::arm_compat::sys_get_cmdline_uninit;

/// Room for a command line, in bytes.
pub const ARGUMENTS_BYTES_MAX: usize = 512;
const LINE_BYTES_MAX: usize = 160;
const PATH_BYTES_MAX: usize = 256;

/// The host refused a call; `code` is its errno, 0 when it gave none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostError {
    /// The host's own number for the failure.
    pub code: i32,
}

impl From<io::Error> for HostError {
    fn from(error: io::Error) -> Self {
        Self {
            code: error.raw_os_error().unwrap_or(0),
        }
    }
}

/// The command line: words of the form `key=value`, separated by spaces.
#[derive(Debug, Clone, Copy)]
pub struct Arguments<'a>(&'a str);

impl<'a> Arguments<'a> {
    /// Asks the host for the command line, which is kept in `buffer`.
    ///
    /// # Errors
    /// The host has none, it is longer than the buffer, or it is not UTF-8.
    pub fn read(buffer: &'a mut [MaybeUninit<u8>; ARGUMENTS_BYTES_MAX]) -> Result<Self, HostError> {
        let line = sys_get_cmdline_uninit(buffer)?;
        str::from_utf8(line)
            .map(Self)
            .map_err(|_| HostError { code: 0 })
    }

    /// The value of the first word `key=value`.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        // By hand: `split` and `split_once` bring 500 bytes of searchers.
        let mut rest = self.0;
        loop {
            let end = position(rest, b' ');
            let word = rest.get(..end)?;
            let value = word
                .strip_prefix(key)
                .and_then(|tail| tail.strip_prefix('='));
            if value.is_some() {
                return value;
            }
            rest = rest.get(end + 1..)?;
        }
    }

    /// The value of `key` as a decimal number: `None` when the key is missing.
    ///
    /// # Errors
    /// The value is no number, or over 2^32 - 1.
    pub fn number(&self, key: &str) -> Result<Option<u32>, HostError> {
        self.get(key).map(decimal).transpose()
    }
}

/// Where `byte` is in `text`, or the text's length.
fn position(text: &str, byte: u8) -> usize {
    text.bytes()
        .position(|other| other == byte)
        .unwrap_or(text.len())
}

/// Reads a decimal number, for `parse` brings a copy of itself for each type.
///
/// # Errors
/// `text` is no number, or over 2^32 - 1.
pub fn decimal(text: &str) -> Result<u32, HostError> {
    let number = text.bytes().try_fold(0u32, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        number
            .checked_mul(10)?
            .checked_add(digit.into())
            .filter(|_| digit < 10)
    });
    number
        .filter(|_| !text.is_empty())
        .ok_or(HostError { code: 0 })
}

/// Text of one line, made without `core::fmt`, which an image may not be able to afford. What does not fit is cut.
pub struct Line {
    bytes: [u8; LINE_BYTES_MAX],
    len: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

impl Line {
    /// An empty line.
    pub const fn new() -> Self {
        Self {
            bytes: [0; LINE_BYTES_MAX],
            len: 0,
        }
    }

    /// Adds `text`.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for byte in text.bytes() {
            self.byte(byte);
        }
        self
    }

    /// Adds `number` in decimal.
    pub fn number(&mut self, mut number: u64) -> &mut Self {
        let mut digits = [0u8; 20];
        let mut count = 0;
        for digit in &mut digits {
            // A remainder of a division by ten fits a byte.
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            count += 1;
            if number == 0 {
                break;
            }
        }
        for &digit in digits.iter().take(count).rev() {
            self.byte(digit);
        }
        self
    }

    /// Adds `number` as eight hexadecimal digits.
    pub fn hex(&mut self, number: u32) -> &mut Self {
        self.text("0x").hex_bytes(&number.to_be_bytes())
    }

    /// Adds `bytes`, two hexadecimal digits each.
    pub fn hex_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        for byte in bytes {
            self.nibble(byte >> 4);
            self.nibble(byte & 0xF);
        }
        self
    }

    fn nibble(&mut self, nibble: u8) {
        self.byte(if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' + nibble - 10
        });
    }

    fn byte(&mut self, byte: u8) {
        if let Some(free) = self.bytes.get_mut(self.len) {
            *free = byte;
            self.len += 1;
        }
    }

    /// What the line has so far.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    /// Ends the line with LF, even where it was cut.
    fn finish(&mut self) -> &[u8] {
        self.len = self.len.min(LINE_BYTES_MAX - 1);
        self.byte(b'\n');
        self.bytes()
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text);
        Ok(())
    }
}

/// Writes `line` to the host's stdout, and empties it. A host without stdout is no reason to stop.
pub fn print(line: &mut Line) {
    let _ = io::stdout().and_then(|mut stdout| stdout.write_all(line.finish()));
    line.len = 0;
}

/// Writes `line` to the host's stderr, and empties it.
pub fn report(line: &mut Line) {
    let _ = io::stderr().and_then(|mut stderr| stderr.write_all(line.finish()));
    line.len = 0;
}

/// Writes `bytes` to the host's stdout as they are.
pub fn write(bytes: &[u8]) {
    let _ = io::stdout().and_then(|mut stdout| stdout.write_all(bytes));
}

/// Ends the image; the emulator exits with `code`.
pub fn exit(code: i32) -> ! {
    semihosting::process::exit(code)
}

/// A file of the host, at random access: what a flash chip is modelled in where RAM is too small for it.
pub struct HostFile(fs::File);

impl HostFile {
    /// Opens the file at `path` to read and write; it must be there.
    ///
    /// # Errors
    /// The host's, or code 0 for a path that is too long or holds NUL.
    pub fn open(path: &str) -> Result<Self, HostError> {
        Self::open_with(path, fs::File::options().read(true).write(true))
    }

    /// Makes an empty file at `path`, in place of one that may be there, to read and write.
    ///
    /// # Errors
    /// As in [`open`](Self::open).
    pub fn create(path: &str) -> Result<Self, HostError> {
        let mut options = fs::File::options();
        options.read(true).write(true).create(true).truncate(true);
        Self::open_with(path, &options)
    }

    fn open_with(path: &str, options: &fs::OpenOptions) -> Result<Self, HostError> {
        let mut bytes = [0; PATH_BYTES_MAX];
        let (room, _nul) = bytes.split_at_mut(PATH_BYTES_MAX - 1);
        room.get_mut(..path.len())
            .ok_or(HostError { code: 0 })?
            .copy_from_slice(path.as_bytes());
        let path = CStr::from_bytes_until_nul(&bytes)
            .ok()
            .filter(|terminated| terminated.count_bytes() == path.len())
            .ok_or(HostError { code: 0 })?;
        Ok(Self(options.open(path)?))
    }

    /// The file's length in bytes.
    ///
    /// # Errors
    /// The host's.
    pub fn len_bytes(&self) -> Result<u64, HostError> {
        Ok(self.0.metadata()?.len())
    }

    /// Fills `buffer` from `offset` on, which must all be in the file.
    ///
    /// # Errors
    /// The host's; code 0 at the file's end.
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), HostError> {
        self.0.seek(SeekFrom::Start(offset))?;
        Ok(self.0.read_exact(buffer)?)
    }

    /// Writes all of `data` from `offset` on; the file grows as needed.
    ///
    /// # Errors
    /// The host's.
    pub fn write_at(&mut self, offset: u64, data: &[u8]) -> Result<(), HostError> {
        self.0.seek(SeekFrom::Start(offset))?;
        Ok(self.0.write_all(data)?)
    }
}
