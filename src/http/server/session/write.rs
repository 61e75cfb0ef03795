//! From the first byte of an answer to the next request.

use core::task::Poll;

use super::super::reply::Body;
use super::super::{Handler, ServeError};
use super::{Failure, HttpSession, State};
use crate::http::url::digit;
use crate::{Connection, IDLE_BYTES_MIN, Session, Step, TimeoutKind};

/// Size of a chunk with its framing. An answer in chunks is made for each request, so it is short,
/// and one copy more costs little.
const CHUNK_BYTES_MAX: usize = 512;
/// Three hexadecimal digits and CRLF.
const CHUNK_HEAD_BYTES: usize = 5;
const CRLF: &[u8] = b"\r\n";
/// Less room than this is not worth a chunk.
const CHUNK_BYTES_MIN: usize = 64;
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

impl<H: Handler> HttpSession<'_, H> {
    pub(super) fn send_answer(
        &mut self,
        connection: &mut Connection,
        is_switch: bool,
    ) -> Result<Step, Failure<H>> {
        let (_, out) = self.memory.split();
        let answer = self.reply.len.and_then(|len| out.get(self.sent..len));
        let answer = answer.unwrap_or_default();
        let written = connection.write(answer)?;
        self.sent += written;
        if written < answer.len() {
            return Ok(if written > 0 { Step::Again } else { Step::Wait });
        }
        match self.reply.body {
            _ if is_switch => self.change_protocol(connection),
            Body::Empty | Body::Receive { .. } => Ok(self.finish(connection)),
            Body::Stream { offset, .. } => {
                self.offset = offset;
                self.state.enter(connection.io, State::Streaming, None);
                Ok(Step::Again)
            }
            Body::Chunked | Body::UntilClose => {
                self.offset = 0;
                self.state.enter(connection.io, State::Streaming, None);
                Ok(Step::Again)
            }
        }
    }

    fn change_protocol(&mut self, connection: &mut Connection) -> Result<Step, Failure<H>> {
        self.end_request();
        // Until the session sets its own.
        connection.set_idle_bytes_min(IDLE_BYTES_MIN);
        connection.set_flush_timeout(None);
        self.enter_moving(connection, State::Upgraded, TimeoutKind::Receive);
        match &mut self.upgrade {
            Some(session) => session.begin(connection).map_err(ServeError::Upgrade)?,
            None => return Ok(Step::Done),
        }
        Ok(Step::Again)
    }

    /// The answer is in the send buffer.
    fn finish(&mut self, connection: &mut Connection) -> Step {
        self.end_request();
        if self.reply.is_keep_alive && self.failure.is_none() {
            self.await_request(connection, State::Idle, self.options.keep_alive_timeout);
            return Step::Again;
        }
        connection.set_idle_timeout(None, TimeoutKind::Receive);
        self.state.enter(connection.io, State::Finished, None);
        Step::Done
    }

    pub(super) fn stream(&mut self, connection: &mut Connection) -> Result<Step, Failure<H>> {
        match self.reply.body {
            Body::Stream { end, .. } if self.offset < end => {
                let given = self.fill(connection, end - self.offset)?;
                if given == Poll::Ready(Some(0)) {
                    return Err(ServeError::Short);
                }
                Ok(self.after_piece(connection, given))
            }
            Body::UntilClose => match self.fill(connection, u64::MAX)? {
                Poll::Ready(Some(0)) => Ok(self.finish(connection)),
                given => Ok(self.after_piece(connection, given)),
            },
            Body::Chunked => self.send_chunk(connection),
            _ => Ok(self.finish(connection)),
        }
    }

    /// Has the handler write into the send buffer, at most `limit` bytes. `None` where it has no room.
    fn fill(
        &mut self,
        connection: &mut Connection,
        limit: u64,
    ) -> Result<Poll<Option<usize>>, Failure<H>> {
        let (handler, offset) = (&mut self.handler, self.offset);
        let filled = connection.write_with(|buffer| {
            let len = usize::try_from(limit).map_or(buffer.len(), |max| max.min(buffer.len()));
            let buffer = buffer.get_mut(..len).unwrap_or_default();
            if buffer.is_empty() {
                return (0, Ok(Poll::Ready(None)));
            }
            match handler.fill(offset, buffer) {
                Poll::Ready(Ok(count)) => (count.min(len), Ok(Poll::Ready(Some(count.min(len))))),
                Poll::Ready(Err(error)) => (0, Err(error)),
                Poll::Pending => (0, Ok(Poll::Pending)),
            }
        })?;
        filled.map_err(ServeError::Source)
    }

    fn after_piece(&mut self, connection: &mut Connection, given: Poll<Option<usize>>) -> Step {
        match given {
            Poll::Pending => self.ask_again(connection),
            Poll::Ready(None) => {
                connection.resume_idle();
                Step::Wait
            }
            Poll::Ready(Some(count)) => {
                connection.resume_idle();
                self.offset = self.offset.saturating_add(count as u64);
                Step::Again
            }
        }
    }

    fn send_chunk(&mut self, connection: &mut Connection) -> Result<Step, Failure<H>> {
        let room = connection.room()?.min(CHUNK_BYTES_MAX);
        if room < CHUNK_BYTES_MIN {
            return Ok(self.after_piece(connection, Poll::Ready(None)));
        }
        let mut chunk = [0; CHUNK_BYTES_MAX];
        let payload = chunk.get_mut(CHUNK_HEAD_BYTES..room - CRLF.len());
        let payload = payload.unwrap_or_default();
        let count = match self.handler.fill(self.offset, payload) {
            Poll::Pending => return Ok(self.ask_again(connection)),
            Poll::Ready(count) => count.map_err(ServeError::Source)?.min(payload.len()),
        };
        if count == 0 {
            connection.write_all(LAST_CHUNK)?;
            return Ok(self.finish(connection));
        }
        // At most 512, so three digits do.
        let size = count as u16;
        let head = [
            digit(size >> 8),
            digit(size >> 4 & 0xF),
            digit(size & 0xF),
            b'\r',
            b'\n',
        ];
        let end = CHUNK_HEAD_BYTES + count;
        if let Some(place) = chunk.get_mut(..CHUNK_HEAD_BYTES) {
            place.copy_from_slice(&head);
        }
        if let Some(place) = chunk.get_mut(end..end + CRLF.len()) {
            place.copy_from_slice(CRLF);
        }
        connection.write_all(chunk.get(..end + CRLF.len()).unwrap_or_default())?;
        Ok(self.after_piece(connection, Poll::Ready(Some(count))))
    }
}
