//! Where payload goes and where it comes from: sinks and sources, and adaptors to `embedded-io`.

use core::fmt;

use embedded_io::{Read, Seek, SeekFrom, Write, WriteReady};
use managed::ManagedSlice;

/// Why a [`Sink`] takes no more bytes, ever. Returned by [`Sink::write`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SinkError {
    /// The sink is full.
    Full,
    /// The storage failed. `code` is its own error number: an errno on Linux, 0 if it has none.
    Failed {
        /// The storage's own error number.
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

/// Why a [`Source`] cannot be read. Returned by [`Source::read_at`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SourceError {
    /// The source changed after reading began.
    Changed,
    /// The storage failed; `code` as in [`SinkError::Failed`].
    Failed {
        /// The storage's own error number.
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

/// Takes payload.
///
/// A sink that takes fewer bytes than it is offered applies back-pressure: the rest is offered again
/// later, and meanwhile the TCP window closes.
pub trait Sink {
    /// Takes bytes from the start of `data` and returns their number, which may be 0.
    ///
    /// # Errors
    /// [`SinkError::Full`] or [`SinkError::Failed`] if it takes no more bytes, ever.
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError>;
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        (**self).write(data)
    }
}

/// A [`Sink`] that takes all bytes and drops them.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Discard;

impl Sink for Discard {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        Ok(data.len())
    }
}

/// A [`Sink`] that keeps payload in a buffer that the caller lends. Data that does not fit is
/// [`SinkError::Full`], and none of it is kept.
#[derive(Debug)]
pub struct BufferSink<'a> {
    /// Lent by the caller for the life of the sink.
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
    /// Creates an empty sink over `buffer`.
    pub fn new(buffer: impl Into<ManagedSlice<'a, u8>>) -> Self {
        Self {
            buffer: buffer.into(),
            len: 0,
        }
    }

    /// Forgets all bytes.
    pub const fn clear(&mut self) {
        self.len = 0;
    }

    /// All bytes that the sink took.
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

/// A [`Sink`] over any `embedded-io` writer that implements `WriteReady`.
///
/// A writer that is not ready applies back-pressure: call [`Stack::turn`](crate::Stack::turn) when it
/// is ready again. Its errors become [`SinkError::Failed`] with the number of their
/// `embedded_io::ErrorKind`.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WriterSink<W>(pub W);

impl<W: Write + WriteReady> Sink for WriterSink<W> {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let mut rest = data;
        // A writer may take less than it has room for. If the loop stopped there, the caller would
        // wait for a writer that is ready already. embedded-io forbids an empty write.
        while !rest.is_empty() && self.0.write_ready().map_err(sink_error)? {
            let count = self.0.write(rest).map_err(sink_error)?;
            match rest.get(count..) {
                Some(unwritten) if count > 0 => rest = unwritten,
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

/// A file or memory that can be read at any offset.
pub trait Source {
    /// Length in bytes. It must not change while the source is read.
    fn len(&self) -> u64;

    /// Whether the length is 0.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads bytes at `offset` into `buffer` and returns their number, which may be less than the
    /// length of `buffer`: the caller then reads on. 0 before [`len`](Source::len) means that the
    /// source has shrunk.
    ///
    /// # Errors
    /// [`SourceError::Failed`] if it cannot be read, [`SourceError::Changed`] if it has changed.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError>;
}

/// The front of `bytes`, but no more than `count` of them.
#[cfg(any(feature = "http", feature = "file"))]
pub(crate) fn at_most(bytes: &[u8], count: u64) -> &[u8] {
    let count = usize::try_from(count).ok();
    count.and_then(|count| bytes.get(..count)).unwrap_or(bytes)
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

/// A [`Source`] over any `embedded-io` reader that implements `Seek`, such as a file on a card. A read
/// blocks the loop.
///
/// Its errors become [`SourceError::Failed`] with the number of their `embedded_io::ErrorKind`.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReaderSource<R> {
    reader: R,
    len: u64,
    /// Position of the reader in bytes; `None` if it is unknown.
    position: Option<u64>,
}

impl<R: Read + Seek> ReaderSource<R> {
    /// Creates a source of all bytes of `reader`, whatever its position is.
    ///
    /// # Errors
    /// [`SourceError::Failed`] if the reader cannot seek to its end.
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
        // The position is unknown until seek and read have both succeeded.
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
