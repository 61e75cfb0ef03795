//! Where payload goes and where it comes from.

use core::fmt;

use embedded_io::{Read, Seek, SeekFrom, Write, WriteReady};
use managed::ManagedSlice;

/// Why a [`Sink`] will never take more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SinkError {
    /// It has no room left.
    Full,
    /// The storage failed; `code` is its own number (an errno under Linux, 0 when there is none).
    Failed {
        /// The storage's own number for the failure.
        code: i32,
    },
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Full => f.write_str("larger than the limit"),
            Self::Failed { code } => write!(f, "the data cannot be written (code {code})"),
        }
    }
}

impl core::error::Error for SinkError {}

/// Why a [`Source`] cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SourceError {
    /// It is not what it was when reading began.
    Changed,
    /// The storage failed; `code` as in [`SinkError::Failed`].
    Failed {
        /// The storage's own number for the failure.
        code: i32,
    },
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Changed => f.write_str("the file changed while it was sent"),
            Self::Failed { code } => write!(f, "the file cannot be read (code {code})"),
        }
    }
}

impl core::error::Error for SourceError {}

/// Takes payload. Taking fewer bytes than offered is back-pressure: the rest is offered again, and
/// meanwhile the TCP window closes by itself.
pub trait Sink {
    /// Takes the front of `data` and returns how many bytes were taken, which may be 0.
    ///
    /// # Errors
    /// When it will never take more.
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError>;
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        (**self).write(data)
    }
}

/// Takes everything and keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Discard;

impl Sink for Discard {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        Ok(data.len())
    }
}

/// Keeps payload in a buffer that the caller lends; more than fits is [`SinkError::Full`].
#[derive(Debug)]
pub struct BufferSink<'a> {
    /// Lent by the caller until it drops the sink.
    buffer: ManagedSlice<'a, u8>,
    len: usize,
}

#[cfg(feature = "defmt")]
impl defmt::Format for BufferSink<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "BufferSink {{ capacity: {=usize}, len: {=usize} }}",
            self.buffer.len(),
            self.len
        );
    }
}

impl<'a> BufferSink<'a> {
    /// An empty sink over `buffer`.
    pub fn new(buffer: impl Into<ManagedSlice<'a, u8>>) -> Self {
        Self {
            buffer: buffer.into(),
            len: 0,
        }
    }

    /// What was taken so far.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }
}

impl Sink for BufferSink<'_> {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let end = self.len.saturating_add(data.len());
        self.buffer
            .get_mut(self.len..end)
            .ok_or(SinkError::Full)?
            .copy_from_slice(data);
        self.len = end;
        Ok(data.len())
    }
}

/// A [`Sink`] over any `embedded-io` writer that can say whether it is ready.
///
/// A writer that is not ready presses back: call [`Stack::turn`](crate::Stack::turn) when it is ready
/// again. Its errors become [`SinkError::Failed`] with the number of their `embedded_io::ErrorKind`.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WriterSink<W>(pub W);

impl<W: Write + WriteReady> Sink for WriterSink<W> {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let mut rest = data;
        // A writer may take less than it has room for. To call that back-pressure would wait for a
        // readiness that is there already. An embedded-io writer may not be asked to write nothing.
        while !rest.is_empty() && self.0.write_ready().map_err(sink_error)? {
            let count = self.0.write(rest).map_err(sink_error)?;
            match rest.get(count..) {
                Some(left) if count > 0 => rest = left,
                _ => break,
            }
        }
        Ok(data.len() - rest.len())
    }
}

fn sink_error<E: embedded_io::Error>(error: E) -> SinkError {
    SinkError::Failed {
        code: error.kind() as i32,
    }
}

/// A file or memory that can be read at any place.
pub trait Source {
    /// Bytes in it. It may not change while it is read.
    fn len(&self) -> u64;

    /// Whether there is nothing in it.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads at `offset` into `buffer` and returns how many bytes were read. Fewer than asked for is
    /// no end: the rest is asked for again. 0 before [`len`](Source::len) means that the file has
    /// shrunk.
    ///
    /// # Errors
    /// When it cannot be read, or is not what it was.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError>;
}

impl Source for &[u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.get(offset..))
            .unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }
}

impl<S: Source + ?Sized> Source for &mut S {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        (**self).read_at(offset, buffer)
    }
}

/// A [`Source`] over any `embedded-io` reader that can seek, such as a file on a card. The loop waits
/// while it reads.
///
/// Its errors become [`SourceError::Failed`] with the number of their `embedded_io::ErrorKind`.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReaderSource<R> {
    reader: R,
    len: u64,
    /// Where the reader stands, as far as that is known.
    position: Option<u64>,
}

impl<R: Read + Seek> ReaderSource<R> {
    /// All that is in `reader`, from its start to its end.
    ///
    /// # Errors
    /// When the end cannot be found.
    pub fn new(mut reader: R) -> Result<Self, SourceError> {
        let len = reader.seek(SeekFrom::End(0)).map_err(source_error)?;
        Ok(Self {
            reader,
            len,
            position: Some(len),
        })
    }
}

impl<R: Read + Seek> Source for ReaderSource<R> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        // Until both have succeeded nobody knows where the reader stands.
        let position = self.position.take();
        if position != Some(offset) {
            let start = SeekFrom::Start(offset);
            self.reader.seek(start).map_err(source_error)?;
        }
        let count = self.reader.read(buffer).map_err(source_error)?;
        self.position = offset.checked_add(count as u64);
        Ok(count)
    }
}

fn source_error<E: embedded_io::Error>(error: E) -> SourceError {
    SourceError::Failed {
        code: error.kind() as i32,
    }
}

#[cfg(test)]
mod tests;
