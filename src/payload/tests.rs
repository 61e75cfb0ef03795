//! Sinks and sources over buffers, writers and readers.

use super::*;
use core::convert::Infallible;
use embedded_io::{ErrorKind, ErrorType};

#[test]
fn data_that_does_not_fit_is_refused_and_the_buffer_keeps_its_bytes() {
    let mut memory = [0u8; 4];
    let mut sink = BufferSink::new(&mut memory[..]);
    assert_eq!(sink.write(b"abc"), Ok(3));
    assert_eq!(sink.write(b"de"), Err(SinkError::Full));
    assert_eq!(sink.write(b"d"), Ok(1));
    assert_eq!(sink.bytes(), b"abcd");
}

/// Takes two bytes at a time while its queue has room.
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
fn a_writer_is_filled_until_it_is_not_ready_and_then_applies_back_pressure() {
    let mut sink = WriterSink(Uart { room: 5, taken: 0 });
    assert_eq!(sink.write(b"abcdefg"), Ok(5));
    assert_eq!(sink.write(b"fg"), Ok(0));
    sink.0.room = 8;
    assert_eq!(sink.write(b"fg"), Ok(2));
    assert_eq!(sink.write(b""), Ok(0));
    assert_eq!(sink.0.taken, 7);
}

type ModemResult<T> = Result<T, ErrorKind>;

/// Returns the results that a test sets.
struct Modem {
    ready: ModemResult<bool>,
    takes: ModemResult<usize>,
    writes: u32,
}

impl ErrorType for Modem {
    type Error = ErrorKind;
}

impl Write for Modem {
    fn write(&mut self, _: &[u8]) -> ModemResult<usize> {
        self.writes += 1;
        self.takes
    }

    fn flush(&mut self) -> ModemResult<()> {
        Err(ErrorKind::Unsupported)
    }
}

impl WriteReady for Modem {
    fn write_ready(&mut self) -> ModemResult<bool> {
        self.ready
    }
}

/// Offers three bytes. Returns the result and the number of calls of `Modem::write`.
fn offer(ready: ModemResult<bool>, takes: ModemResult<usize>) -> (Result<usize, SinkError>, u32) {
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
    let failed = Err(SinkError::Failed { code });
    assert_eq!(offer(Err(ErrorKind::TimedOut), Ok(3)), (failed, 0));
    assert_eq!(offer(Ok(true), Err(ErrorKind::TimedOut)), (failed, 1));
}

#[test]
fn a_writer_that_is_ready_but_takes_nothing_applies_back_pressure() {
    assert_eq!(offer(Ok(true), Ok(0)), (Ok(0), 1));
}

/// What an app that owns the source sees of it.
fn whole<S: Source>(mut source: S) -> (bool, u64, [u8; 4]) {
    let mut buffer = *b"....";
    source.read_at(1, &mut buffer).unwrap();
    (source.is_empty(), source.len(), buffer)
}

#[test]
fn a_borrowed_source_reads_like_the_source_itself() {
    let (mut bytes, mut none): (&[u8], &[u8]) = (b"abc", b"");
    assert_eq!(whole(&mut bytes), (false, 3, *b"bc.."));
    assert_eq!(whole(&mut none), (true, 0, *b"...."));
    assert_eq!(whole(&mut bytes as &mut dyn Source), (false, 3, *b"bc.."));
}

#[test]
fn a_slice_is_read_at_any_offset() {
    let mut source: &[u8] = b"abcdef";
    let mut buffer = [0u8; 4];
    assert_eq!(source.read_at(4, &mut buffer), Ok(2));
    assert_eq!(&buffer[..2], b"ef");
    assert_eq!(source.read_at(6, &mut buffer), Ok(0));
    assert_eq!(source.read_at(u64::MAX, &mut buffer), Ok(0));
    assert_eq!(Source::len(&source), 6);
}

/// Six bytes, read three at a time. A failed read moves its position.
struct Card {
    position: usize,
    seeks: u32,
    is_out: bool,
}

const CARD: Card = Card {
    position: 0,
    seeks: 0,
    is_out: false,
};

impl ErrorType for Card {
    type Error = ErrorKind;
}

impl Seek for Card {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, ErrorKind> {
        self.seeks += 1;
        self.position = match to {
            SeekFrom::Start(at) => usize::try_from(at).map_err(|_| ErrorKind::InvalidInput)?,
            SeekFrom::End(0) => 6,
            _ => return Err(ErrorKind::Unsupported),
        };
        Ok(self.position as u64)
    }
}

impl Read for Card {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        if self.is_out {
            self.position = 1;
            return Err(ErrorKind::NotConnected);
        }
        let rest = b"abcdef".get(self.position..).unwrap_or_default();
        let count = rest.len().min(buffer.len()).min(3);
        buffer[..count].copy_from_slice(&rest[..count]);
        self.position += count;
        Ok(count)
    }
}

#[test]
fn a_reader_is_read_at_any_offset_and_seeks_only_when_it_must() {
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
fn a_reader_seeks_again_after_a_failed_read() {
    let mut source = ReaderSource::new(CARD).unwrap();
    let mut buffer = [0u8; 2];
    assert_eq!(source.read_at(0, &mut buffer), Ok(2));
    source.reader.is_out = true;
    let code = ErrorKind::NotConnected as i32;
    assert_eq!(
        source.read_at(2, &mut buffer),
        Err(SourceError::Failed { code })
    );
    source.reader.is_out = false;
    assert_eq!(source.read_at(2, &mut buffer), Ok(2));
    assert_eq!(&buffer, b"cd");
}
