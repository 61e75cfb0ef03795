//! The journal of a flash store: its state, in a form that survives a loss of power at any moment.
//!
//! The journal has two halves. The half with the higher sequence number is the current one. It starts
//! with a state record, and records are appended to it until it is full. The store then erases the
//! other half and writes the present state to it, with the next sequence number. The old half stays
//! current until that record is complete, so one half is current at every moment.
//!
//! No record is appended after one that may be torn. After a mount, and after a write that failed, the
//! next record goes to the other half. So a mount writes nothing, and does not have to find out
//! whether the flash after the last record is really erased.

use core::task::Poll;

use embedded_storage::nor_flash::NorFlash;

use super::layout::{FlashFault, Geometry, Layout, store_error};
use super::record::{self, Record, State};
use crate::store::traits::StoreError;

/// Number of records that one call of `mount` reads.
const RECORDS_PER_CALL: u32 = 16;

/// The progress of a mount.
///
/// ```text
/// FirstRecord(0) -> FirstRecord(1) -> Records -> Done
/// ```
#[derive(Debug, Clone, Copy)]
enum Mount {
    /// Reading the first record of this half.
    FirstRecord(u8),
    /// Reading the current half from its start.
    Records,
    Done,
}

/// The kind of a record to append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordKind {
    /// The whole state.
    State,
    /// Only the number of held bytes of the partial.
    Progress,
}

pub(super) struct Journal {
    layout: Layout,
    layout_crc: u32,
    mount: Mount,
    /// The current half, if there is one.
    current: Option<u8>,
    /// Sequence number of the current half. Each number costs an erase, so every flash wears out
    /// before 32 bits overflow.
    sequence: u32,
    /// Number of used bytes in the current half.
    used: u32,
    /// This mount wrote the first record of the current half, and every write to it succeeded. So the
    /// newest record is the state in memory.
    synced: bool,
    /// Number of erased bytes in the other half.
    erased: u32,
}

impl Journal {
    pub(super) const fn new(layout: Layout, layout_crc: u32) -> Self {
        Self {
            layout,
            layout_crc,
            mount: Mount::FirstRecord(0),
            current: None,
            sequence: 0,
            used: 0,
            synced: false,
            erased: 0,
        }
    }

    /// Whether the newest record is certainly the one written last. If not, write a record before you
    /// destroy anything that an older record relies on.
    pub(super) const fn is_synced(&self) -> bool {
        self.synced
    }

    pub(super) const fn is_mounted(&self) -> bool {
        matches!(self.mount, Mount::Done)
    }

    /// Finds the newest state. One call reads at most 16 records. After an error the next call
    /// continues where this one stopped.
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
            Mount::FirstRecord(half) => {
                if let Some((sequence, Record::State(_), _)) = self.read(flash, scratch, half, 0)?
                    && (self.current.is_none() || sequence > self.sequence)
                {
                    self.current = Some(half);
                    self.sequence = sequence;
                }
                self.mount = match half {
                    0 => Mount::FirstRecord(1),
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

    /// Reads the record at offset `used` in `half`: its sequence number, its content, and its length
    /// in bytes with padding.
    ///
    /// A read that fails is an error and not a missing record. An older state, whose slot may have
    /// been written since, would be worse than no state.
    fn read<F: NorFlash>(
        &self,
        flash: &mut F,
        scratch: &mut [u8],
        half: u8,
        used: u32,
    ) -> Result<Option<(u32, Record, u32)>, StoreError> {
        let left = (self.layout.journal_half - used) as usize;
        let at = self.start(half) + used;
        let Some(header) = scratch.get_mut(..Geometry::<F>::HEADER) else {
            return Err(FlashFault::InvalidState.into());
        };
        if header.len() > left {
            return Ok(None);
        }
        flash.read(at, header).map_err(store_error)?;
        let Some(length) = record::length(header) else {
            return Ok(None);
        };
        let padded = length.next_multiple_of(F::WRITE_SIZE);
        let Some(bytes) = scratch.get_mut(..padded).filter(|_| padded <= left) else {
            return Ok(None);
        };
        flash.read(at, bytes).map_err(store_error)?;
        let found = bytes
            .get(..length)
            .and_then(|exact| record::decode(exact, self.layout_crc))
            .filter(|(_, record)| match record {
                Record::State(state) => state.fits(self.layout.slot_length),
                Record::Progress(_) => true,
            });
        // The padded length is at most that of a half, which is a u32.
        Ok(found.map(|(sequence, record)| (sequence, record, padded as u32)))
    }

    /// Makes `state` the newest one, by a record of this `kind`.
    ///
    /// One call erases one block or writes one record. Once it is ready, the state survives a loss
    /// of power. Until then, and after an error, a mount finds either this state or the one before.
    pub(super) fn append<F: NorFlash>(
        &mut self,
        flash: &mut F,
        scratch: &mut [u8],
        state: &State,
        kind: RecordKind,
    ) -> Poll<Result<(), StoreError>> {
        let Some(half) = self.current.filter(|_| self.synced) else {
            return self.switch_half(flash, scratch, state);
        };
        let encoded = match (kind, &state.partial) {
            (RecordKind::Progress, Some(partial)) => {
                record::encode_progress(scratch, self.layout_crc, self.sequence, partial.held)
            }
            _ => record::encode_state(scratch, self.layout_crc, self.sequence, state),
        };
        let room = self.layout.journal_half - self.used;
        match pad::<F>(scratch, encoded) {
            Ok((_, length)) if length > room => self.switch_half(flash, scratch, state),
            Ok((bytes, length)) => {
                let at = self.start(half) + self.used;
                // A write that fails may leave a torn record. No record may follow it.
                self.synced = false;
                flash.write(at, bytes).map_err(store_error)?;
                self.synced = true;
                self.used += length;
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Erases the other half block by block, writes `state` to it, and makes it the current one.
    fn switch_half<F: NorFlash>(
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
            flash.erase(from, to).map_err(store_error)?;
            self.erased += Geometry::<F>::ERASE;
            return Poll::Pending;
        }
        let sequence = self.sequence.saturating_add(1);
        let encoded = record::encode_state(scratch, self.layout_crc, sequence, state);
        let (bytes, length) = pad::<F>(scratch, encoded)?;
        // This half must be erased again before the next attempt, even if the write fails.
        self.erased = 0;
        self.synced = false;
        flash.write(start, bytes).map_err(store_error)?;
        self.synced = true;
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

/// Pads an encoded record to whole write units with the erased value.
fn pad<F: NorFlash>(
    scratch: &mut [u8],
    encoded: Option<usize>,
) -> Result<(&[u8], u32), StoreError> {
    // `FlashStore::new` checked the length of the buffer, so this error cannot happen.
    let error = FlashFault::InvalidState;
    let used = encoded.ok_or(error)?;
    let padded = used.next_multiple_of(F::WRITE_SIZE);
    let bytes = scratch.get_mut(..padded).ok_or(error)?;
    bytes.get_mut(used..).ok_or(error)?.fill(0xFF);
    // A record is at most as long as a half, which is a u32.
    Ok((bytes, padded as u32))
}
