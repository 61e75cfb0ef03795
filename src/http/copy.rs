//! From the receive buffer through the decoder into the sink, without a copy in between.

use super::{BodyDecoder, Malformed, Piece};
use crate::payload::at_most;
use crate::{Sink, SinkError};

/// What became of the bytes at the front of a receive buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copied {
    /// Number of bytes that are done with, framing and payload.
    pub(super) taken: usize,
    /// How many of them were payload.
    pub(super) payload: usize,
    /// The sink took less than it was offered.
    pub(super) is_stalled: bool,
    /// Why it cannot go on. What was taken before counts all the same.
    pub(super) result: Result<(), CopyError>,
}

/// Why a body cannot be copied any further.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum CopyError {
    Malformed(Malformed),
    /// The body is longer than there is room for.
    TooLarge,
    Sink(SinkError),
}

/// Gives the payload in `bytes` to `sink`, but no more than `room` bytes of it.
///
/// Each round takes a byte or ends, so the work is bounded by `bytes`.
pub(super) fn copy_body(
    decoder: &mut BodyDecoder,
    sink: &mut impl Sink,
    bytes: &[u8],
    room: u64,
) -> (usize, Copied) {
    let mut copied = Copied {
        taken: 0,
        payload: 0,
        is_stalled: false,
        result: Ok(()),
    };
    while let Some(rest) = bytes.get(copied.taken..).filter(|rest| !rest.is_empty()) {
        let room = room.saturating_sub(copied.payload as u64);
        match copy_piece(decoder, sink, rest, room, &mut copied) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                copied.result = Err(error);
                break;
            }
        }
    }
    (copied.taken, copied)
}

/// Copies one piece; whether the next may follow.
fn copy_piece(
    decoder: &mut BodyDecoder,
    sink: &mut impl Sink,
    bytes: &[u8],
    room: u64,
    copied: &mut Copied,
) -> Result<bool, CopyError> {
    match decoder.next(bytes).map_err(CopyError::Malformed)? {
        Piece::Framing(count) => {
            copied.taken += count;
            Ok(count > 0)
        }
        Piece::Payload(payload) => {
            // What fits is written before the excess is an error, so that the result does not depend
            // on how the bytes were cut.
            let fitting = at_most(payload, room);
            if fitting.is_empty() {
                return Err(CopyError::TooLarge);
            }
            let count = sink.write(fitting).map_err(CopyError::Sink)?;
            let count = count.min(fitting.len());
            decoder.consume(count);
            copied.taken += count;
            copied.payload += count;
            copied.is_stalled = count < fitting.len();
            Ok(!copied.is_stalled)
        }
        Piece::End(_) => Ok(false),
    }
}
