//! Where payload goes and where it comes from.

use embedded_io::{Read, Seek, SeekFrom, Write, WriteReady};
use managed::ManagedSlice;

use crate::Error;

/// Takes payload. Taking fewer bytes than offered is back-pressure: the rest is offered again, and meanwhile the
/// TCP window closes by itself.
pub trait Sink {
    /// Takes the front of `data` and returns how many bytes were taken, which may be 0.
    ///
    /// # Errors
    /// [`Error::Sink`] or [`Error::TooLarge`] when it will never take more; this ends the app.
    fn write(&mut self, data: &[u8]) -> Result<usize, Error>;
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        (**self).write(data)
    }
}

/// Takes everything and keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl Sink for Discard {
    fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        Ok(data.len())
    }
}

/// Keeps payload in a buffer that the caller lends; more than fits is [`Error::TooLarge`].
#[derive(Debug)]
pub struct BufferSink<'a> {
    /// Lent by the caller until it drops the sink.
    buffer: ManagedSlice<'a, u8>,
    len: usize,
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
    fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        let end = self.len.saturating_add(data.len());
        self.buffer
            .get_mut(self.len..end)
            .ok_or(Error::TooLarge)?
            .copy_from_slice(data);
        self.len = end;
        Ok(data.len())
    }
}

/// A [`Sink`] over any `embedded-io` writer that can say whether it is ready.
///
/// A writer that is not ready presses back: call [`turn`](crate::turn) when it is ready again. Its errors become
/// [`Error::Sink`] with the number of their `embedded_io::ErrorKind`.
#[derive(Debug)]
pub struct WriterSink<W>(pub W);

impl<W: Write + WriteReady> Sink for WriterSink<W> {
    fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        let mut rest = data;
        // A writer may take less than it has room for; to call that back-pressure would wait for a readiness that
        // is there already. An embedded-io writer may not be asked to write nothing.
        while !rest.is_empty() && self.0.write_ready().map_err(sink_error)? {
            let count = self.0.write(rest).map_err(sink_error)?;
            match rest.get(count..) {
                Some(behind) if count > 0 => rest = behind,
                _ => break,
            }
        }
        Ok(data.len() - rest.len())
    }
}

fn sink_error<E: embedded_io::Error>(error: E) -> Error {
    Error::Sink {
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

    /// Reads at `offset` into `buffer` and returns how many bytes were read. Fewer than asked for is no end: the rest
    /// is asked for again; 0 before [`len`](Source::len) means that the file has shrunk.
    ///
    /// # Errors
    /// [`Error::Source`] when it cannot be read, [`Error::SourceChanged`] when it is not what it was.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Error>;
}

impl Source for &[u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
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

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        (**self).read_at(offset, buffer)
    }
}

/// A [`Source`] over any `embedded-io` reader that can seek, such as a file on a card. It is waited for while it reads.
///
/// Its errors become [`Error::Source`] with the number of their `embedded_io::ErrorKind`.
#[derive(Debug)]
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
    /// [`Error::Source`] when the end cannot be found.
    pub fn new(mut reader: R) -> Result<Self, Error> {
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

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
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

fn source_error<E: embedded_io::Error>(error: E) -> Error {
    Error::Source {
        code: error.kind() as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;
    use embedded_io::{ErrorKind, ErrorType};

    #[test]
    fn a_full_buffer_is_too_large_and_keeps_what_it_has() {
        let mut memory = [0u8; 4];
        let mut sink = BufferSink::new(&mut memory[..]);
        assert_eq!(sink.write(b"abc"), Ok(3));
        assert_eq!(sink.write(b"de"), Err(Error::TooLarge));
        assert_eq!(sink.write(b"d"), Ok(1));
        assert_eq!(sink.bytes(), b"abcd");
    }

    /// Takes two bytes at a time, as long as its queue has room.
    struct Uart {
        room: usize,
        taken: usize,
    }

    impl ErrorType for Uart {
        type Error = Infallible;
    }

    impl Write for Uart {
        fn write(&mut self, data: &[u8]) -> Result<usize, Infallible> {
            assert!(!data.is_empty() && self.room > 0);
            let count = data.len().min(2).min(self.room);
            self.room -= count;
            self.taken += count;
            Ok(count)
        }

        fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }

    impl WriteReady for Uart {
        fn write_ready(&mut self) -> Result<bool, Infallible> {
            Ok(self.room > 0)
        }
    }

    #[test]
    fn a_writer_is_filled_until_it_is_not_ready_and_then_presses_back() {
        let mut sink = WriterSink(Uart { room: 5, taken: 0 });
        assert_eq!(sink.write(b"abcdefg"), Ok(5));
        assert_eq!(sink.write(b"fg"), Ok(0));
        sink.0.room = 8;
        assert_eq!(sink.write(b"fg"), Ok(2));
        assert_eq!(sink.write(b""), Ok(0));
        assert_eq!(sink.0.taken, 7);
    }

    type Answer<T> = Result<T, ErrorKind>;

    /// Answers each question as it is told to.
    struct Modem {
        ready: Answer<bool>,
        takes: Answer<usize>,
        writes: u32,
    }

    impl ErrorType for Modem {
        type Error = ErrorKind;
    }

    impl Write for Modem {
        fn write(&mut self, _: &[u8]) -> Answer<usize> {
            self.writes += 1;
            self.takes
        }

        fn flush(&mut self) -> Answer<()> {
            Err(ErrorKind::Unsupported)
        }
    }

    impl WriteReady for Modem {
        fn write_ready(&mut self) -> Answer<bool> {
            self.ready
        }
    }

    /// What came of an offer of three bytes, and how often the writer was asked to write.
    fn offer(ready: Answer<bool>, takes: Answer<usize>) -> (Result<usize, Error>, u32) {
        let writes = 0;
        let mut sink = WriterSink(Modem {
            ready,
            takes,
            writes,
        });
        (sink.write(b"abc"), sink.0.writes)
    }

    #[test]
    fn a_writer_that_fails_is_an_error_with_the_number_of_its_kind() {
        let code = ErrorKind::TimedOut as i32;
        let failed = Err(Error::Sink { code });
        assert_eq!(offer(Err(ErrorKind::TimedOut), Ok(3)), (failed, 0));
        assert_eq!(offer(Ok(true), Err(ErrorKind::TimedOut)), (failed, 1));
    }

    #[test]
    fn a_writer_that_says_it_is_ready_and_takes_nothing_presses_back() {
        assert_eq!(offer(Ok(true), Ok(0)), (Ok(0), 1));
    }

    /// What an app that owns its source sees of it.
    fn whole<S: Source>(mut source: S) -> (bool, u64, [u8; 4]) {
        let mut buffer = *b"....";
        source.read_at(1, &mut buffer).unwrap();
        (source.is_empty(), source.len(), buffer)
    }

    #[test]
    fn a_source_that_is_lent_reads_as_the_source_itself() {
        let (mut bytes, mut none): (&[u8], &[u8]) = (b"abc", b"");
        assert_eq!(whole(&mut bytes), (false, 3, *b"bc.."));
        assert_eq!(whole(&mut none), (true, 0, *b"...."));
        assert_eq!(whole(&mut bytes as &mut dyn Source), (false, 3, *b"bc.."));
    }

    #[test]
    fn a_slice_is_read_at_any_place() {
        let mut source: &[u8] = b"abcdef";
        let mut buffer = [0u8; 4];
        assert_eq!(source.read_at(4, &mut buffer), Ok(2));
        assert_eq!(&buffer[..2], b"ef");
        assert_eq!(source.read_at(6, &mut buffer), Ok(0));
        assert_eq!(source.read_at(u64::MAX, &mut buffer), Ok(0));
        assert_eq!(Source::len(&source), 6);
    }

    /// Six bytes, read three at a time; it stands wherever a failed read left it.
    struct Card {
        at: usize,
        seeks: u32,
        is_out: bool,
    }

    const CARD: Card = Card {
        at: 0,
        seeks: 0,
        is_out: false,
    };

    impl ErrorType for Card {
        type Error = ErrorKind;
    }

    impl Seek for Card {
        fn seek(&mut self, to: SeekFrom) -> Result<u64, ErrorKind> {
            self.seeks += 1;
            self.at = match to {
                SeekFrom::Start(at) => usize::try_from(at).map_err(|_| ErrorKind::InvalidInput)?,
                SeekFrom::End(0) => 6,
                _ => return Err(ErrorKind::Unsupported),
            };
            Ok(self.at as u64)
        }
    }

    impl Read for Card {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
            if self.is_out {
                self.at = 1;
                return Err(ErrorKind::NotConnected);
            }
            let rest = b"abcdef".get(self.at..).unwrap_or_default();
            let count = rest.len().min(buffer.len()).min(3);
            buffer[..count].copy_from_slice(&rest[..count]);
            self.at += count;
            Ok(count)
        }
    }

    #[test]
    fn a_reader_is_read_at_any_place_and_seeks_only_when_it_must() {
        let mut source = ReaderSource::new(CARD).unwrap();
        assert_eq!((source.len(), source.reader.seeks), (6, 1));
        let mut buffer = [0u8; 4];
        assert_eq!(source.read_at(0, &mut buffer), Ok(3));
        assert_eq!(source.read_at(3, &mut buffer), Ok(3));
        assert_eq!((&buffer[..3], source.reader.seeks), (&b"def"[..], 2));
        assert_eq!(source.read_at(6, &mut buffer), Ok(0));
        assert_eq!(source.read_at(4, &mut buffer), Ok(2));
        assert_eq!((&buffer[..2], source.reader.seeks), (&b"ef"[..], 3));
    }

    #[test]
    fn a_reader_that_failed_is_not_trusted_to_stand_where_it_stood() {
        let mut source = ReaderSource::new(CARD).unwrap();
        let mut buffer = [0u8; 2];
        assert_eq!(source.read_at(0, &mut buffer), Ok(2));
        source.reader.is_out = true;
        let code = ErrorKind::NotConnected as i32;
        assert_eq!(source.read_at(2, &mut buffer), Err(Error::Source { code }));
        source.reader.is_out = false;
        assert_eq!(source.read_at(2, &mut buffer), Ok(2));
        assert_eq!(&buffer, b"cd");
    }
}
