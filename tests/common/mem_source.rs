//! The file that a test sends, in memory.

use core::fmt;
use core::ops::Deref;
use std::cell::RefCell;
use std::rc::Rc;

use sha2::{Digest as _, Sha256};
use tickwire::file::{Offer, SendError};
use tickwire::store::Digest;
use tickwire::{Source, SourceError};
use tickwire_sim::fill_byte;

/// What a file that cannot be read answers.
pub(crate) const UNREADABLE: SendError = SendError::Source { code: 5 };

/// Content of a file, which a failed test prints in short.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let digest: Digest = Sha256::digest(&self.0).into();
        write!(f, "{} bytes, SHA-256 {:02x?}..", self.0.len(), &digest[..4])
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// A file to send; clones are handles to the same bytes.
#[derive(Clone)]
pub(crate) struct MemSource(Rc<RefCell<Content>>);

struct Content {
    bytes: Vec<u8>,
    /// What the file claims as its length, if that is not how many bytes there are.
    claimed: Option<u64>,
    /// The most that one read gives.
    read_max: usize,
    /// The read, counted from 0, that fails.
    fails_at: Option<usize>,
    reads: usize,
}

impl MemSource {
    /// This number of bytes of the pattern that scripts send too.
    pub(crate) fn new(length: usize) -> Self {
        Self::of((0..length as u64).map(fill_byte).collect())
    }

    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Self(Rc::new(RefCell::new(Content {
            bytes,
            claimed: None,
            read_max: usize::MAX,
            fails_at: None,
            reads: 0,
        })))
    }

    /// Gives at most this number of bytes a read.
    pub(crate) fn with_read_max(self, read_max: usize) -> Self {
        self.0.borrow_mut().read_max = read_max;
        self
    }

    /// Claims another length than it has.
    pub(crate) fn claiming(self, length: u64) -> Self {
        self.0.borrow_mut().claimed = Some(length);
        self
    }

    /// Fails in this read.
    pub(crate) fn fails_at(self, read: usize) -> Self {
        self.0.borrow_mut().fails_at = Some(read);
        self
    }

    /// Lets somebody else write to the file.
    pub(crate) fn edit(&self, edit: impl FnOnce(&mut Vec<u8>)) {
        edit(&mut self.0.borrow_mut().bytes);
    }

    pub(crate) fn reads(&self) -> usize {
        self.0.borrow().reads
    }

    pub(crate) fn bytes(&self) -> Bytes {
        Bytes(self.0.borrow().bytes.clone())
    }

    /// The front of it.
    pub(crate) fn front(&self, length: usize) -> Bytes {
        Bytes(self.0.borrow().bytes[..length].to_vec())
    }

    pub(crate) fn digest(&self) -> Digest {
        Sha256::digest(&self.0.borrow().bytes).into()
    }

    /// The offer of this file, as it goes over the wire.
    pub(crate) fn offer(&self, name: &str) -> Vec<u8> {
        let mut bytes = vec![0; 512];
        let length = self.0.borrow().bytes.len() as u64;
        let digest = self.digest();
        let count = Offer::new(name, length, &digest)
            .unwrap()
            .write_from(0, &mut bytes);
        bytes.truncate(count);
        bytes
    }

    /// The plain form of this file, as it goes over the wire.
    pub(crate) fn plain(&self) -> Vec<u8> {
        let bytes = self.bytes().0;
        let mut whole = u32::try_from(bytes.len()).unwrap().to_le_bytes().to_vec();
        whole.extend(bytes);
        whole
    }
}

impl Source for MemSource {
    fn len(&self) -> u64 {
        let content = self.0.borrow();
        content.claimed.unwrap_or(content.bytes.len() as u64)
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        assert!(!buffer.is_empty(), "a read of nothing proves nothing");
        let mut content = self.0.borrow_mut();
        let read = content.reads;
        content.reads += 1;
        if content.fails_at == Some(read) {
            return Err(SourceError::Failed { code: 5 });
        }
        let count = buffer.len().min(content.read_max);
        content
            .bytes
            .as_slice()
            .read_at(offset, &mut buffer[..count])
    }
}
