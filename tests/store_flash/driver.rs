//! A receiver without a network: it carries images into a store and looks at what came of it.

use core::task::Poll;

use sha2::{Digest as _, Sha256};
use tickwire::Tick;
use tickwire::store::{Begun, Check, Digest, FlashStore, Layout, Store, StoreError, Upload};

use crate::common::flash::{Flash, Random};

/// Calls after which an operation of a few KiB is stuck.
const CALLS_MAX: usize = 20_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: Digest,
}

impl Image {
    pub(crate) fn new(name: &str, length: usize, seed: u64) -> Self {
        let bytes = Random::new(seed).bytes(length);
        let digest = Sha256::digest(&bytes).into();
        let name = name.to_string();
        Self {
            name,
            bytes,
            digest,
        }
    }

    pub(crate) fn upload(&self) -> Upload<'_> {
        Upload {
            name: Some(&self.name),
            length: self.bytes.len() as u64,
            digest: Some(&self.digest),
        }
    }

    pub(crate) fn plain(&self) -> Upload<'_> {
        Upload {
            name: None,
            digest: None,
            ..self.upload()
        }
    }
}

/// A layout that leaves no byte to spare, with a journal as small as it may be.
pub(crate) fn tight<const R: usize, const W: usize, const E: usize>(
    slot_bytes: usize,
) -> (Layout, usize) {
    let journal_half = FlashStore::<Flash<R, W, E>>::JOURNAL_HALF_MIN;
    let slot_length = slot_bytes.next_multiple_of(E) as u32;
    let layout = Layout {
        slots: [0, slot_length + 2 * journal_half],
        journal: slot_length,
        journal_half,
        slot_length,
        checkpoint: E as u32,
    };
    (layout, (2 * (slot_length + journal_half)) as usize)
}

/// A flash and what is needed to open a store on it again and again.
pub(crate) struct Bench<const R: usize, const W: usize, const E: usize> {
    pub(crate) flash: Flash<R, W, E>,
    pub(crate) layout: Layout,
    pub(crate) buffer: Vec<u8>,
    /// Bytes taken by `write` in the last upload, held ones included.
    pub(crate) taken: usize,
}

impl<const R: usize, const W: usize, const E: usize> Bench<R, W, E> {
    pub(crate) fn new(slot_bytes: usize) -> Self {
        let (layout, capacity) = tight::<R, W, E>(slot_bytes);
        Self {
            flash: Flash::used(capacity, 1),
            layout,
            buffer: vec![0; FlashStore::<Flash<R, W, E>>::BUFFER_MIN],
            taken: 0,
        }
    }

    /// The same on another chip with the same content.
    pub(crate) fn copy(&self) -> Self {
        Self {
            flash: self.flash.copy(),
            layout: self.layout,
            buffer: self.buffer.clone(),
            taken: 0,
        }
    }

    pub(crate) fn store(&mut self) -> FlashStore<'_, Flash<R, W, E>> {
        FlashStore::new(self.flash.clone(), self.layout, &mut self.buffer)
            .expect("the layout fits the flash")
    }

    /// One whole transfer by a store that has just started.
    pub(crate) fn transfer(&mut self, image: &Image, seed: u64) -> Result<Begun, StoreError> {
        let mut taken = 0;
        let outcome = transfer(
            &mut self.store(),
            &image.upload(),
            &image.bytes,
            seed,
            &mut taken,
        );
        self.taken = taken;
        outcome
    }

    /// The image that a device would boot now, every byte of it checked against its record.
    pub(crate) fn booted(&mut self) -> Option<Image> {
        let mut store = self.store();
        finish(|| store.mount()).expect("the journal can be read");
        current(&mut store)
    }
}

/// Calls until it is ready.
pub(crate) fn finish<T>(
    mut call: impl FnMut() -> Poll<Result<T, StoreError>>,
) -> Result<T, StoreError> {
    for _ in 0..CALLS_MAX {
        if let Poll::Ready(outcome) = call() {
            return outcome;
        }
    }
    panic!("the call never became ready");
}

/// The current image, checked against the sum that the store gives for it.
pub(crate) fn current<const R: usize, const W: usize, const E: usize>(
    store: &mut FlashStore<'_, Flash<R, W, E>>,
) -> Option<Image> {
    let image = store.image()?;
    let (length, check) = (image.length as usize, image.check);
    let name = image.name.unwrap_or_default().to_string();
    let mut bytes = Vec::new();
    let mut buffer = [0; 100];
    loop {
        let count = store
            .read_image(bytes.len() as u32, &mut buffer)
            .expect("the image can be read");
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
    assert_eq!(bytes.len(), length);
    let digest = Sha256::digest(&bytes).into();
    if let Check::Sha256(recorded) = check {
        assert_eq!(recorded, digest, "a wrong image is called good");
    }
    Some(Image {
        name,
        bytes,
        digest,
    })
}

/// Sends `bytes` as `upload` and commits: the calls of a receiver, in pieces of random size.
///
/// `taken` tells afterwards, also after an error, how many bytes the store had taken.
pub(crate) fn transfer(
    store: &mut impl Store,
    upload: &Upload<'_>,
    bytes: &[u8],
    seed: u64,
    taken: &mut usize,
) -> Result<Begun, StoreError> {
    let begun = begin_and_send(store, upload, bytes, seed, taken)?;
    if begun != Begun::Finished {
        finish(|| store.commit())?;
    }
    Ok(begun)
}

/// As [`transfer`], without the commit. What is held is read and must be right.
pub(crate) fn begin_and_send(
    store: &mut impl Store,
    upload: &Upload<'_>,
    bytes: &[u8],
    seed: u64,
    taken: &mut usize,
) -> Result<Begun, StoreError> {
    let begun = finish(|| store.begin(Tick::ZERO, upload))?;
    let Begun::Held(held) = begun else {
        return Ok(begun);
    };
    let held = held as usize;
    assert!(held <= bytes.len(), "more is held than there is");
    let mut random = Random::new(seed);
    let mut prefix = Vec::new();
    loop {
        let mut buffer = vec![0; 1 + random.below(500)];
        let count = finish(|| store.read(prefix.len() as u64, &mut buffer))?;
        if count == 0 {
            break;
        }
        prefix.extend_from_slice(&buffer[..count]);
    }
    assert!(
        prefix == bytes[..held],
        "what is held of {held} bytes is wrong"
    );
    *taken = held;
    while *taken < bytes.len() {
        let piece = (1 + random.below(600)).min(bytes.len() - *taken);
        *taken += finish(|| store.write(&bytes[*taken..*taken + piece]))?;
    }
    Ok(begun)
}
