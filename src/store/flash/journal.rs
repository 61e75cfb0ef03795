//! The journal of a flash store: what it knows, in a form that survives a power cut at any point.
//!
//! The journal has two halves. The one with the higher sequence number counts; it begins with a
//! state record, and records are appended to it until it is full. Then the other half is erased and
//! begun with the state as it is now, under the next sequence number. Until that record is whole
//! the old half counts, so there is no moment at which neither does.
//!
//! Nothing is ever appended after a record that may be torn. After a mount, and after a write that
//! failed, the next record opens the other half. So a mount writes nothing, and need not find out
//! whether the flash after the last record is truly erased.

use core::task::Poll;

use embedded_storage::nor_flash::NorFlash;

use super::layout::{FlashFault, Geometry, Layout, failed};
use super::record::{self, Record, State};
use crate::store::StoreError;

/// Records that one call of `mount` reads.
const RECORDS_PER_CALL: u32 = 16;

/// How far the mount is.
///
/// ```text
/// Heads(0) -> Heads(1) -> Records -> Done
/// ```
#[derive(Debug, Clone, Copy)]
enum Mount {
    /// Looking at the first record of this half.
    Heads(u8),
    /// Reading the half that counts, from its start.
    Records,
    Done,
}

/// What a record is about to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Anything.
    State,
    /// Only the bytes that are held of the partial.
    Progress,
}

pub(super) struct Journal {
    layout: Layout,
    salt: u32,
    mount: Mount,
    /// The half that counts, if one does.
    current: Option<u8>,
    /// Its sequence number. At one a full journal half, 32 bits outlast every flash.
    sequence: u32,
    /// Bytes of the current half that are used.
    used: u32,
    /// The current half was begun by us, and every write to it succeeded: what it says is what we
    /// know.
    settled: bool,
    /// Bytes of the other half that are erased.
    erased: u32,
}

impl Journal {
    pub(super) const fn new(layout: Layout, salt: u32) -> Self {
        Self {
            layout,
            salt,
            mount: Mount::Heads(0),
            current: None,
            sequence: 0,
            used: 0,
            settled: false,
            erased: 0,
        }
    }

    /// Whether the newest record is certainly what we last wrote: otherwise a record must be
    /// written before anything that an older one relies on is destroyed.
    pub(super) const fn is_settled(&self) -> bool {
        self.settled
    }

    pub(super) const fn is_mounted(&self) -> bool {
        matches!(self.mount, Mount::Done)
    }

    /// Finds the newest state. One call reads at most 16 records; after an error the next call goes
    /// on where it was.
    pub(super) fn mount<F: NorFlash>(
        &mut self,
        flash: &mut F,
        scratch: &mut [u8],
        state: &mut State,
    ) -> Poll<Result<(), StoreError>> {
        for _ in 0..RECORDS_PER_CALL {
            if self.is_mounted() {
                return Poll::Ready(Ok(()));
            }
            self.mount_step(flash, scratch, state)?;
        }
        Poll::Pending
    }

    fn mount_step<F: NorFlash>(
        &mut self,
        flash: &mut F,
        scratch: &mut [u8],
        state: &mut State,
    ) -> Result<(), StoreError> {
        match self.mount {
            Mount::Heads(half) => {
                if let Some((sequence, Record::State(_), _)) = self.read(flash, scratch, half, 0)?
                    && (self.current.is_none() || sequence > self.sequence)
                {
                    self.current = Some(half);
                    self.sequence = sequence;
                }
                self.mount = match half {
                    0 => Mount::Heads(1),
                    _ => Mount::Records,
                };
            }
            Mount::Records => {
                let Some(half) = self.current else {
                    self.mount = Mount::Done;
                    return Ok(());
                };
                match self.read(flash, scratch, half, self.used)? {
                    Some((sequence, record, length)) if sequence == self.sequence => {
                        state.apply(record);
                        self.used += length;
                    }
                    _ => self.mount = Mount::Done,
                }
            }
            Mount::Done => {}
        }
        Ok(())
    }

    /// Reads the record at `used` in `half`: its sequence number, what it says, and its bytes with
    /// the padding.
    ///
    /// A read that fails is an error and not a missing record: to fall back on an older state,
    /// whose slot may have been written since, would be worse than to have none.
    fn read<F: NorFlash>(
        &self,
        flash: &mut F,
        scratch: &mut [u8],
        half: u8,
        used: u32,
    ) -> Result<Option<(u32, Record, u32)>, StoreError> {
        let left = (self.layout.journal_half - used) as usize;
        let at = self.start(half) + used;
        let Some(head) = scratch.get_mut(..Geometry::<F>::HEAD) else {
            return Err(FlashFault::OutOfOrder.into());
        };
        if head.len() > left {
            return Ok(None);
        }
        flash.read(at, head).map_err(failed)?;
        let Some(length) = record::length(head) else {
            return Ok(None);
        };
        let padded = length.next_multiple_of(F::WRITE_SIZE);
        let Some(bytes) = scratch.get_mut(..padded).filter(|_| padded <= left) else {
            return Ok(None);
        };
        flash.read(at, bytes).map_err(failed)?;
        let found = bytes
            .get(..length)
            .and_then(|exact| record::decode(exact, self.salt))
            .filter(|(_, record)| match record {
                Record::State(state) => state.fits(self.layout.slot_length),
                Record::Progress(_) => true,
            });
        // The padded length is below that of a half, which is a u32.
        Ok(found.map(|(sequence, record)| (sequence, record, padded as u32)))
    }

    /// Makes `state`, which differs from what was written before by `change`, the newest one.
    ///
    /// One call erases one block or writes one record. Once it is ready the state survives a power
    /// cut; until then, and after an error, a mount finds either this state or the one before.
    pub(super) fn append<F: NorFlash>(
        &mut self,
        flash: &mut F,
        scratch: &mut [u8],
        state: &State,
        change: Change,
    ) -> Poll<Result<(), StoreError>> {
        let Some(half) = self.current.filter(|_| self.settled) else {
            return self.turn_over(flash, scratch, state);
        };
        let encoded = match (change, &state.partial) {
            (Change::Progress, Some(partial)) => {
                record::encode_progress(scratch, self.salt, self.sequence, partial.held)
            }
            _ => record::encode_state(scratch, self.salt, self.sequence, state),
        };
        let room = self.layout.journal_half - self.used;
        match pad::<F>(scratch, encoded) {
            Ok((_, length)) if length > room => self.turn_over(flash, scratch, state),
            Ok((bytes, length)) => {
                let at = self.start(half) + self.used;
                // A write that fails may leave a torn record, which must stay the last one.
                self.settled = false;
                flash.write(at, bytes).map_err(failed)?;
                self.settled = true;
                self.used += length;
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Begins the half that does not count, block by block, and makes it the one that does.
    fn turn_over<F: NorFlash>(
        &mut self,
        flash: &mut F,
        scratch: &mut [u8],
        state: &State,
    ) -> Poll<Result<(), StoreError>> {
        let fresh = match self.current {
            Some(0) => 1,
            _ => 0,
        };
        let start = self.start(fresh);
        if self.erased < self.layout.journal_half {
            let from = start + self.erased;
            let to = from + Geometry::<F>::ERASE;
            flash.erase(from, to).map_err(failed)?;
            self.erased += Geometry::<F>::ERASE;
            return Poll::Pending;
        }
        let sequence = self.sequence.saturating_add(1);
        let encoded = record::encode_state(scratch, self.salt, sequence, state);
        let (bytes, length) = pad::<F>(scratch, encoded)?;
        // Whether this write succeeds or not, the half must be erased before the next attempt.
        self.erased = 0;
        self.settled = false;
        flash.write(start, bytes).map_err(failed)?;
        self.settled = true;
        self.current = Some(fresh);
        self.sequence = sequence;
        self.used = length;
        Poll::Ready(Ok(()))
    }

    const fn start(&self, half: u8) -> u32 {
        match half {
            0 => self.layout.journal,
            _ => self.layout.journal + self.layout.journal_half,
        }
    }
}

/// Fills the last write unit of an encoded record with the erased value.
fn pad<F: NorFlash>(
    scratch: &mut [u8],
    encoded: Option<usize>,
) -> Result<(&[u8], u32), StoreError> {
    // The buffer was checked when the store was made, so this error has no way to come up.
    let error = FlashFault::OutOfOrder;
    let used = encoded.ok_or(error)?;
    let padded = used.next_multiple_of(F::WRITE_SIZE);
    let bytes = scratch.get_mut(..padded).ok_or(error)?;
    bytes.get_mut(used..).ok_or(error)?.fill(0xFF);
    // A record is at most as long as a half, which is a u32.
    Ok((bytes, padded as u32))
}
