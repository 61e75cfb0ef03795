//! From the receive buffer through the decoder into the sink, without a copy.

use super::{BodyDecoder, Piece};
use crate::canary::{Canary, is_planted};
use crate::{Error, Sink};

/// What became of the bytes at the front of a receive buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pour {
    /// Bytes that are done with, framing and payload.
    pub(super) taken: usize,
    /// How many of them were payload.
    pub(super) payload: usize,
    /// The sink took less than it was offered.
    pub(super) pressed_back: bool,
    /// Why it cannot go on. What was taken before counts all the same.
    pub(super) result: Result<(), Error>,
}

/// Gives the payload in `bytes` to `sink`, but no more than `room` bytes of it.
///
/// Each round takes a byte or ends, so the work is bounded by `bytes`.
pub(super) fn pour(
    decoder: &mut BodyDecoder,
    sink: &mut impl Sink,
    bytes: &[u8],
    room: u64,
) -> (usize, Pour) {
    let mut poured = Pour {
        taken: 0,
        payload: 0,
        pressed_back: false,
        result: Ok(()),
    };
    while let Some(rest) = bytes.get(poured.taken..).filter(|rest| !rest.is_empty()) {
        match pour_piece(
            decoder,
            sink,
            rest,
            room.saturating_sub(poured.payload as u64),
            &mut poured,
        ) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                poured.result = Err(error);
                break;
            }
        }
    }
    (poured.taken, poured)
}

/// Pours one piece; whether the next may follow.
fn pour_piece(
    decoder: &mut BodyDecoder,
    sink: &mut impl Sink,
    bytes: &[u8],
    room: u64,
    poured: &mut Pour,
) -> Result<bool, Error> {
    match decoder.next(bytes)? {
        Piece::Framing(count) => {
            poured.taken += count;
            Ok(count > 0)
        }
        Piece::Payload(payload) => {
            // What fits is written before the excess is an error, so that the result does not depend on how the
            // bytes were cut.
            let fitting = usize::try_from(room)
                .ok()
                .and_then(|room| payload.get(..room))
                .unwrap_or(payload);
            if fitting.is_empty() {
                return Err(Error::TooLarge);
            }
            let mut count = sink.write(fitting)?.min(fitting.len());
            if is_planted(Canary::ShortWriteIgnored) {
                count = fitting.len();
            }
            decoder.taken(count);
            poured.taken += count;
            poured.payload += count;
            poured.pressed_back = count < fitting.len();
            Ok(!poured.pressed_back)
        }
        Piece::End(_) => Ok(false),
    }
}
