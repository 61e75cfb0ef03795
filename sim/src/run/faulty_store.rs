//! Where the receivers of a run store their files, and what may go wrong there.

use core::task::Poll;

use tickwire::Tick;
use tickwire::store::{Begun, FlashStore, Layout, MemoryStore, Store, StoreError, Upload};

use super::flash::Flash;
use crate::Generator;
use crate::pattern::Pattern;

/// Bytes of the buffer that the store of a flash needs.
pub(crate) const STORE_BUFFER_BYTES: usize = 768;

/// What may go wrong with a store besides a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct StoreFaults {
    /// The call with this number fails.
    pub(crate) fail_at: Option<u64>,
    /// How often a call is answered `Pending` once, in parts per million.
    pub(crate) pending_ppm: u32,
    /// The most bytes that one write takes.
    pub(crate) write_bytes_max: Option<u64>,
}

/// What the files are stored on.
#[expect(
    clippy::large_enum_variant,
    reason = "without an allocator there is no box"
)]
pub(crate) enum Medium<'a> {
    Memory(MemoryStore<'a>),
    Flash(FlashStore<'a, Flash<'a>>),
}

/// A store with faults.
pub(crate) struct FaultyStore<'a> {
    medium: Medium<'a>,
    faults: StoreFaults,
    random: Generator,
    calls: u64,
}

impl<'a> FaultyStore<'a> {
    pub(crate) const fn new(medium: Medium<'a>, faults: StoreFaults, random: Generator) -> Self {
        Self {
            medium,
            faults,
            random,
            calls: 0,
        }
    }

    /// A store in a flash that was used before.
    pub(crate) fn over(
        flash: Flash<'a>,
        buffer: &'a mut [u8],
        faults: StoreFaults,
        random: Generator,
    ) -> Self {
        let layout = Layout::whole(&flash).expect("the flash is large enough");
        let store = FlashStore::new(flash, layout, buffer).expect("the layout fits");
        Self::new(Medium::Flash(store), faults, random)
    }

    /// The flash, out of a node that has lost its power.
    pub(crate) fn into_flash(self) -> Option<Flash<'a>> {
        match self.medium {
            Medium::Flash(store) => Some(store.release()),
            Medium::Memory(_) => None,
        }
    }

    /// Nothing fails any more.
    pub(crate) fn heal(&mut self) {
        self.faults = StoreFaults::default();
    }

    /// Reads what is stored, without faults.
    pub(crate) fn mount(&mut self) -> Result<(), StoreError> {
        let Medium::Flash(store) = &mut self.medium else {
            return Ok(());
        };
        loop {
            if let Poll::Ready(result) = store.mount() {
                return result;
            }
        }
    }

    /// The length of the current file; `None` when there is none.
    pub(crate) fn length(&self) -> Option<u64> {
        match &self.medium {
            Medium::Memory(store) => store.image().map(|image| image.bytes.len() as u64),
            Medium::Flash(store) => store.image().map(|image| image.length.into()),
        }
    }

    /// Whether the current file is this one, byte for byte.
    pub(crate) fn has(&mut self, pattern: Pattern) -> bool {
        if self.length() != Some(pattern.length) {
            return false;
        }
        let store = match &mut self.medium {
            Medium::Memory(store) => {
                return store
                    .image()
                    .is_some_and(|image| pattern.has(0, image.bytes));
            }
            Medium::Flash(store) => store,
        };
        let (mut offset, mut block) = (0u32, [0; 256]);
        while u64::from(offset) < pattern.length {
            let Ok(read) = store.read_image(offset, &mut block) else {
                return false;
            };
            let bytes = block.get(..read).unwrap_or_default();
            if read == 0 || !pattern.has(offset.into(), bytes) {
                return false;
            }
            // At most a block.
            offset += read as u32;
        }
        true
    }

    fn store(&mut self) -> &mut dyn Store {
        match &mut self.medium {
            Medium::Memory(store) => store,
            Medium::Flash(store) => store,
        }
    }

    /// Counts a call. Returns how it ends where a fault strikes it.
    fn fault<T>(&mut self) -> Option<Poll<Result<T, StoreError>>> {
        let call = self.calls;
        self.calls += 1;
        if self.faults.fail_at == Some(call) {
            return Some(Poll::Ready(Err(StoreError::Failed { code: 5 })));
        }
        self.random
            .chance(self.faults.pending_ppm)
            .then_some(Poll::Pending)
    }
}

impl Store for FaultyStore<'_> {
    fn begin(&mut self, now: Tick, upload: &Upload<'_>) -> Poll<Result<Begun, StoreError>> {
        self.fault()
            .unwrap_or_else(|| self.store().begin(now, upload))
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        self.fault()
            .unwrap_or_else(|| self.store().read(offset, buffer))
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        let bytes_max = self.faults.write_bytes_max.unwrap_or(u64::MAX);
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let data = data.get(..bytes_max).unwrap_or(data);
        self.fault().unwrap_or_else(|| self.store().write(data))
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        self.fault().unwrap_or_else(|| self.store().commit())
    }

    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>> {
        self.fault().unwrap_or_else(|| self.store().abandon(keep))
    }
}
