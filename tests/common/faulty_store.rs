//! The store of the tests: it keeps many files, fails and delays as it is told, and asserts the
//! order of the calls.

use core::task::Poll;
use std::cell::{RefCell, RefMut};
use std::rc::Rc;

use sha2::{Digest as _, Sha256};
use tickwire::Tick;
use tickwire::store::{Begun, Digest, Store, StoreError, Upload};

use super::mem_source::Bytes;

/// What a call that was told to fail answers.
pub(crate) const BROKEN: StoreError = StoreError::Failed { code: 28 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Begin,
    Read,
    Write,
    Commit,
    Abandon,
}

/// A file that was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredFile {
    pub(crate) name: Option<String>,
    pub(crate) bytes: Bytes,
    pub(crate) digest: Option<Digest>,
}

/// What is held of an upload, open or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Partial {
    pub(crate) file: StoredFile,
    pub(crate) length: u64,
    user: Option<usize>,
}

/// What users of one store share.
#[derive(Default)]
pub(crate) struct Medium {
    pub(crate) files: Vec<StoredFile>,
    pub(crate) partials: Vec<Partial>,
    /// Every call that was answered.
    pub(crate) calls: Vec<Call>,
    /// The call, counted from 0 of all that are answered, that fails.
    pub(crate) fails_at: Option<usize>,
    /// All calls of this kind fail.
    pub(crate) fails_always: Option<Call>,
    /// How often a call of this kind answers `Pending` before it is done.
    pub(crate) waits: Option<(Call, usize)>,
    /// The most that one call of write takes.
    pub(crate) write_max: Option<usize>,
    /// Bytes that are still taken, then no more.
    pub(crate) room: Option<usize>,
    /// The longest file.
    pub(crate) capacity: Option<u64>,
    waited: usize,
    users: usize,
}

/// A store; clones are handles for the same user.
#[derive(Clone)]
pub(crate) struct FaultyStore {
    medium: Rc<RefCell<Medium>>,
    user: usize,
}

impl FaultyStore {
    pub(crate) fn new() -> Self {
        Self {
            medium: Rc::default(),
            user: 0,
        }
    }

    /// The same store for another receiver.
    pub(crate) fn another(&self) -> Self {
        self.get().users += 1;
        let (medium, user) = (self.medium.clone(), self.get().users);
        Self { medium, user }
    }

    pub(crate) fn get(&self) -> RefMut<'_, Medium> {
        self.medium.borrow_mut()
    }

    /// The only file.
    #[track_caller]
    pub(crate) fn file(&self) -> StoredFile {
        let medium = self.get();
        assert_eq!(medium.files.len(), 1, "one file");
        medium.files[0].clone()
    }

    /// Bytes of the only partial; `None` when there is none.
    #[track_caller]
    pub(crate) fn held(&self) -> Option<Bytes> {
        let medium = self.get();
        assert!(medium.partials.len() <= 1, "one partial");
        medium.partials.first().map(|one| one.file.bytes.clone())
    }

    /// Answers the call: `Pending`, an error, or that it may go on.
    fn admit(&self, call: Call) -> Poll<Result<RefMut<'_, Medium>, StoreError>> {
        let mut medium = self.get();
        if let Some((slow, waits)) = medium.waits
            && slow == call
            && medium.waited < waits
        {
            medium.waited += 1;
            return Poll::Pending;
        }
        medium.waited = 0;
        let index = medium.calls.len();
        medium.calls.push(call);
        if medium.fails_at == Some(index) || medium.fails_always == Some(call) {
            return Poll::Ready(Err(BROKEN));
        }
        Poll::Ready(Ok(medium))
    }
}

impl Medium {
    fn open(&mut self, user: usize) -> Option<&mut Partial> {
        self.partials
            .iter_mut()
            .find(|partial| partial.user == Some(user))
    }

    /// Closes what the user has open; what cannot be resumed goes.
    fn close(&mut self, user: usize, keep: bool) {
        self.partials.retain_mut(|partial| {
            if partial.user != Some(user) {
                return true;
            }
            partial.user = None;
            keep && partial.file.digest.is_some()
        });
    }
}

impl Store for FaultyStore {
    fn begin(&mut self, _now: Tick, upload: &Upload<'_>) -> Poll<Result<Begun, StoreError>> {
        let user = self.user;
        let mut medium = match self.admit(Call::Begin) {
            Poll::Ready(medium) => medium?,
            Poll::Pending => return Poll::Pending,
        };
        medium.close(user, true);
        if medium.capacity.is_some_and(|most| upload.length > most) {
            return Poll::Ready(Err(StoreError::TooLarge));
        }
        let digest = upload.digest.copied();
        let name = upload.name.map(str::to_string);
        let same = |file: &StoredFile| digest.is_some() && file.digest == digest;
        if medium
            .files
            .iter()
            .any(|file| same(file) && file.name == name && file.bytes.len() as u64 == upload.length)
        {
            return Poll::Ready(Ok(Begun::Finished));
        }
        let length = upload.length;
        if let Some(partial) = medium
            .partials
            .iter_mut()
            .find(|partial| same(&partial.file) && partial.length == length)
        {
            if partial.user.is_some() {
                return Poll::Ready(Err(StoreError::Busy));
            }
            partial.user = Some(user);
            partial.file.name = name;
            return Poll::Ready(Ok(Begun::Held(partial.file.bytes.len() as u64)));
        }
        medium.partials.push(Partial {
            file: StoredFile {
                name,
                bytes: Bytes(Vec::new()),
                digest,
            },
            length,
            user: Some(user),
        });
        Poll::Ready(Ok(Begun::Held(0)))
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        assert!(!buffer.is_empty());
        let mut medium = match self.admit(Call::Read) {
            Poll::Ready(medium) => medium?,
            Poll::Pending => return Poll::Pending,
        };
        let held = &medium.open(self.user).expect("an open upload").file.bytes;
        let from = &held[usize::try_from(offset).unwrap()..];
        assert!(!from.is_empty(), "only what is held is read");
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        Poll::Ready(Ok(count))
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        assert!(!data.is_empty());
        if self.get().room == Some(0) {
            return Poll::Ready(Ok(0));
        }
        let mut medium = match self.admit(Call::Write) {
            Poll::Ready(medium) => medium?,
            Poll::Pending => return Poll::Pending,
        };
        let most = medium.write_max.unwrap_or(usize::MAX);
        let count = data.len().min(most).min(medium.room.unwrap_or(usize::MAX));
        if let Some(room) = &mut medium.room {
            *room -= count;
        }
        let open = medium.open(self.user).expect("an open upload");
        open.file.bytes.0.extend_from_slice(&data[..count]);
        assert!(
            (open.file.bytes.len() - count + data.len()) as u64 <= open.length,
            "nothing is written past the length"
        );
        Poll::Ready(Ok(count))
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        let mut medium = match self.admit(Call::Commit) {
            Poll::Ready(medium) => medium?,
            Poll::Pending => return Poll::Pending,
        };
        let open = medium.open(self.user).expect("an open upload");
        assert_eq!(open.file.bytes.len() as u64, open.length, "whole");
        if let Some(digest) = open.file.digest {
            let found: Digest = Sha256::digest(&open.file.bytes.0).into();
            assert_eq!(found, digest, "only what is right is committed");
        }
        let file = open.file.clone();
        medium.close(self.user, false);
        medium.files.push(file);
        Poll::Ready(Ok(()))
    }

    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>> {
        let mut medium = match self.admit(Call::Abandon) {
            Poll::Ready(medium) => medium?,
            Poll::Pending => return Poll::Pending,
        };
        let open = medium.open(self.user);
        assert!(
            !keep || open.is_none_or(|open| open.file.digest.is_some()),
            "what nobody can go on with is not expected"
        );
        medium.close(self.user, keep);
        Poll::Ready(Ok(()))
    }
}
