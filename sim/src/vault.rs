//! Where the receivers of a run store their files, and what may go wrong there.

use core::task::Poll;

use crate::Generator;
use tickwire::Tick;
use tickwire::store::{Begun, FlashStore, Layout, MemoryStore, Store, StoreError, Upload};

use crate::flash::Flash;
use crate::pattern::Pattern;

/// What may go wrong with a store besides a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Moods {
    /// The n-th call fails.
    pub(crate) fail_at: Option<u64>,
    /// Calls that are answered `Pending` once, in parts per million.
    pub(crate) pending_ppm: u32,
    /// Writes take at most so many bytes.
    pub(crate) write_bytes_max: Option<u64>,
}

/// A medium.
#[expect(
    clippy::large_enum_variant,
    reason = "without an allocator there is no box"
)]
pub(crate) enum Shelf<'a> {
    Memory(MemoryStore<'a>),
    Flash(FlashStore<'a, Flash<'a>>),
}

/// A store in some mood.
pub(crate) struct Vault<'a> {
    shelf: Shelf<'a>,
    moods: Moods,
    random: Generator,
    calls: u64,
}

impl<'a> Vault<'a> {
    pub(crate) const fn new(shelf: Shelf<'a>, moods: Moods, random: Generator) -> Self {
        Self {
            shelf,
            moods,
            random,
            calls: 0,
        }
    }

    /// A store in a flash that was used before.
    pub(crate) fn over(
        flash: Flash<'a>,
        buffer: &'a mut [u8],
        moods: Moods,
        random: Generator,
    ) -> Self {
        let layout = Layout::whole(&flash).expect("the flash is large enough");
        let store = FlashStore::new(flash, layout, buffer).expect("the layout fits");
        Self::new(Shelf::Flash(store), moods, random)
    }

    /// The flash, out of a host that has lost its power.
    pub(crate) fn into_flash(self) -> Option<Flash<'a>> {
        match self.shelf {
            Shelf::Flash(store) => Some(store.release()),
            Shelf::Memory(_) => None,
        }
    }

    /// Nothing goes wrong any more.
    pub(crate) fn calm(&mut self) {
        self.moods = Moods::default();
    }

    /// Reads what is stored, whatever the mood. `None` when there is no file.
    pub(crate) fn mount(&mut self) -> Result<(), StoreError> {
        let Shelf::Flash(store) = &mut self.shelf else {
            return Ok(());
        };
        loop {
            if let Poll::Ready(result) = store.mount() {
                return result;
            }
        }
    }

    /// The length of the current file.
    pub(crate) fn length(&self) -> Option<u64> {
        match &self.shelf {
            Shelf::Memory(store) => store.image().map(|image| image.bytes.len() as u64),
            Shelf::Flash(store) => store.image().map(|image| image.length.into()),
        }
    }

    /// Whether the current file is this one, byte for byte.
    pub(crate) fn has(&mut self, pattern: Pattern) -> bool {
        if self.length() != Some(pattern.length) {
            return false;
        }
        let store = match &mut self.shelf {
            Shelf::Memory(store) => {
                return store
                    .image()
                    .is_some_and(|image| pattern.has(0, image.bytes));
            }
            Shelf::Flash(store) => store,
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
        match &mut self.shelf {
            Shelf::Memory(store) => store,
            Shelf::Flash(store) => store,
        }
    }

    /// Counts a call, and says how it ends when the store is in a mood.
    fn mood<T>(&mut self) -> Option<Poll<Result<T, StoreError>>> {
        let call = self.calls;
        self.calls += 1;
        if self.moods.fail_at == Some(call) {
            return Some(Poll::Ready(Err(StoreError::Failed { code: 5 })));
        }
        self.random
            .chance(self.moods.pending_ppm)
            .then_some(Poll::Pending)
    }
}

impl Store for Vault<'_> {
    fn begin(&mut self, now: Tick, upload: &Upload<'_>) -> Poll<Result<Begun, StoreError>> {
        self.mood()
            .unwrap_or_else(|| self.store().begin(now, upload))
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        self.mood()
            .unwrap_or_else(|| self.store().read(offset, buffer))
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        let most = self.moods.write_bytes_max.unwrap_or(u64::MAX);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let data = data.get(..most).unwrap_or(data);
        self.mood().unwrap_or_else(|| self.store().write(data))
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        self.mood().unwrap_or_else(|| self.store().commit())
    }

    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>> {
        self.mood().unwrap_or_else(|| self.store().abandon(keep))
    }
}

/// Bytes that the store of a flash wants as its buffer.
pub(crate) const STORE_BUFFER: usize = 768;
