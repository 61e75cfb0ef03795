//! What goes to a socket in pieces, as far as there is room.

use super::Hub;
use crate::{Connection, Error};

/// How much of something that is made of pieces was written.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Written(usize);

impl Written {
    /// Whether the front of something was written, and its rest not yet.
    pub(super) const fn is_midway(self) -> bool {
        self.0 > 0
    }

    /// Writes what has room of what is left of `pieces`, which are the same until all is written.
    /// Whether it is; then the next begins.
    pub(super) fn write<'p>(
        &mut self,
        connection: &mut Connection,
        pieces: impl IntoIterator<Item = &'p str>,
    ) -> Result<bool, Error> {
        let mut skip = self.0;
        for piece in pieces {
            let rest = piece.as_bytes().get(skip..).unwrap_or_default();
            skip = skip.saturating_sub(piece.len());
            if rest.is_empty() {
                continue;
            }
            let count = connection.write(rest)?;
            self.0 += count;
            if count < rest.len() {
                return Ok(false);
            }
        }
        self.0 = 0;
        Ok(true)
    }
}

/// Lets all tasks of the loop have a step at once if there is something new in the hub; whether there
/// is. A task that comes earlier in the loop than ours would sleep through it.
pub(super) fn tell_others(hub: &Hub, connection: &mut Connection) -> bool {
    let has_news = hub.take_news();
    if has_news {
        connection.io.yield_now();
    }
    has_news
}
