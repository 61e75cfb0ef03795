//! A NOR flash in RAM that keeps the rules of the trade and can lose power in the middle of an
//! operation.
//!
//! Bits go from 1 to 0 by writing and back by erasing a block. A write unit is written once between
//! two erases; after a torn write or erase its content is undefined, and it must be erased before
//! the next write. Breaking a rule is a bug of the store and panics.

use std::{cell::RefCell, rc::Rc};

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use tickwire::store::{FlashStore, Layout};

/// A xorshift generator: enough for faults, the same everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// How much of the operation under which the power failed was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Torn {
    Nothing,
    All,
    /// A random number of bytes from the front.
    Prefix,
    /// A random subset of the bits.
    Bits,
}

pub(crate) const TORN: [Torn; 4] = [Torn::Nothing, Torn::All, Torn::Prefix, Torn::Bits];

/// What is to go wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plan {
    /// The power fails in the `at`-th write or erase from now on; from then on every call fails.
    Cut { at: usize, torn: Torn, seed: u64 },
    /// The `at`-th call from now on, reads included, fails; those after it work.
    Fail { at: usize, torn: Torn, seed: u64 },
}

/// What was done to the flash so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) reads: usize,
    pub(crate) read_bytes: usize,
    pub(crate) writes: usize,
    pub(crate) written_bytes: usize,
    pub(crate) erases: usize,
}

#[derive(Clone)]
struct Chip {
    bytes: Vec<u8>,
    /// By byte: erased, and not written or torn since.
    blank: Vec<bool>,
    counts: Counts,
    /// By block.
    wear: Vec<usize>,
    plan: Option<Plan>,
    has_power: bool,
    /// The plan came true.
    struck: bool,
}

/// A flash; clones are handles to the same chip.
#[derive(Clone)]
pub(crate) struct Flash<const READ: usize, const WRITE: usize, const ERASE: usize>(
    Rc<RefCell<Chip>>,
);

/// How one operation ends.
enum Fate {
    Fine,
    Torn(Torn, Random),
}

impl Chip {
    fn fate(&mut self, changes: bool) -> Result<Fate, NorFlashErrorKind> {
        if !self.has_power {
            return Err(NorFlashErrorKind::Other);
        }
        let (at, torn, seed) = match &mut self.plan {
            Some(Plan::Cut { at, torn, seed }) if changes => (at, torn, seed),
            Some(Plan::Fail { at, torn, seed }) => (at, torn, seed),
            _ => return Ok(Fate::Fine),
        };
        if *at > 0 {
            *at -= 1;
            return Ok(Fate::Fine);
        }
        let fate = Fate::Torn(*torn, Random::new(*seed));
        self.has_power = !matches!(self.plan, Some(Plan::Cut { .. }));
        self.plan = None;
        self.struck = true;
        Ok(fate)
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> Flash<READ, WRITE, ERASE> {
    /// A chip full of another program's bytes.
    pub(crate) fn used(capacity: usize, seed: u64) -> Self {
        Self(Rc::new(RefCell::new(Chip {
            bytes: Random::new(seed).bytes(capacity),
            blank: vec![false; capacity],
            counts: Counts::default(),
            wear: vec![0; capacity / ERASE],
            plan: None,
            has_power: true,
            struck: false,
        })))
    }

    /// Another chip with the same content.
    pub(crate) fn copy(&self) -> Self {
        Self(Rc::new(RefCell::new(self.0.borrow().clone())))
    }

    pub(crate) fn plan(&self, plan: Plan) {
        let mut chip = self.0.borrow_mut();
        chip.plan = Some(plan);
        chip.struck = false;
    }

    /// Power is back, and nothing more will go wrong. Tells whether something had.
    pub(crate) fn mend(&self) -> bool {
        let mut chip = self.0.borrow_mut();
        chip.plan = None;
        chip.has_power = true;
        core::mem::take(&mut chip.struck)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.0.borrow().counts
    }

    /// A store over the whole chip, which has not looked at it yet. Its memory is leaked.
    pub(crate) fn open(&self) -> FlashStore<'static, Self> {
        let layout = Layout::whole(self).expect("the chip is large enough");
        let buffer = vec![0; 1_024].leak();
        FlashStore::new(self.clone(), layout, buffer).expect("the buffer is large enough")
    }

    /// The image that a device would boot now.
    pub(crate) fn booted(&self) -> Option<Vec<u8>> {
        let mut store = self.open();
        while store.mount().map(Result::unwrap).is_pending() {}
        let mut bytes = vec![0; store.image()?.length as usize];
        let mut done = 0;
        while done < bytes.len() {
            let count = store.read_image(done as u32, &mut bytes[done..]).unwrap();
            assert!(count > 0);
            done += count;
        }
        Some(bytes)
    }

    /// Erases by block.
    pub(crate) fn wear(&self) -> Vec<usize> {
        self.0.borrow().wear.clone()
    }

    /// Charge leaks: one bit changes by itself.
    pub(crate) fn flip(&self, offset: u32) {
        self.0.borrow_mut().bytes[offset as usize] ^= 1;
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ErrorType
    for Flash<READ, WRITE, ERASE>
{
    type Error = NorFlashErrorKind;
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ReadNorFlash
    for Flash<READ, WRITE, ERASE>
{
    const READ_SIZE: usize = READ;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len()).expect("a read is aligned and inside");
        let mut chip = self.0.borrow_mut();
        chip.counts.reads += 1;
        chip.counts.read_bytes += bytes.len();
        if matches!(chip.fate(false)?, Fate::Torn(..)) {
            return Err(NorFlashErrorKind::Other);
        }
        bytes.copy_from_slice(&chip.bytes[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.borrow().bytes.len()
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> NorFlash
    for Flash<READ, WRITE, ERASE>
{
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to).expect("an erase is aligned and inside");
        assert_eq!((to - from) as usize, ERASE, "one block at a time");
        let mut chip = self.0.borrow_mut();
        chip.counts.erases += 1;
        let fate = chip.fate(true)?;
        let from = from as usize;
        chip.wear[from / ERASE] += 1;
        let old = chip.bytes[from..from + ERASE].to_vec();
        let outcome = settle(fate, &old, &[0xFF; ERASE], |old, mask| old | mask);
        let whole = outcome.is_ok();
        let (Ok(new) | Err(new)) = outcome;
        chip.bytes[from..from + ERASE].copy_from_slice(&new);
        chip.blank[from..from + ERASE].fill(whole);
        whole.then_some(()).ok_or(NorFlashErrorKind::Other)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len()).expect("a write is aligned and inside");
        let mut chip = self.0.borrow_mut();
        chip.counts.writes += 1;
        chip.counts.written_bytes += bytes.len();
        let fate = chip.fate(true)?;
        let place = offset as usize..offset as usize + bytes.len();
        assert!(
            chip.blank[place.clone()].iter().all(|blank| *blank),
            "only erased units are written, {bytes} bytes at {offset}",
            bytes = bytes.len(),
        );
        let old = chip.bytes[place.clone()].to_vec();
        let zeros: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
        let outcome = settle(fate, &old, &zeros, |old, mask| old & !mask);
        let whole = outcome.is_ok();
        let (Ok(new) | Err(new)) = outcome;
        chip.bytes[place.clone()].copy_from_slice(&new);
        chip.blank[place].fill(false);
        whole.then_some(()).ok_or(NorFlashErrorKind::Other)
    }
}

/// The bytes after an operation that changes the bits in `masks`: `Err` when it was torn.
fn settle(
    fate: Fate,
    old: &[u8],
    masks: &[u8],
    change: impl Fn(u8, u8) -> u8,
) -> Result<Vec<u8>, Vec<u8>> {
    let apply = |masks: &[u8]| -> Vec<u8> {
        let pairs = old.iter().zip(masks);
        pairs.map(|(old, mask)| change(*old, *mask)).collect()
    };
    let (torn, mut random) = match fate {
        Fate::Fine => return Ok(apply(masks)),
        Fate::Torn(torn, random) => (torn, random),
    };
    let prefix = random.below(masks.len());
    let done: Vec<u8> = masks
        .iter()
        .enumerate()
        .map(|(at, mask)| match torn {
            Torn::Nothing => 0,
            Torn::All => *mask,
            Torn::Prefix if at < prefix => *mask,
            Torn::Prefix => 0,
            Torn::Bits => mask & random.next() as u8,
        })
        .collect();
    Err(apply(&done))
}
