//! Stores that a receiver and a test share.

use core::task::Poll;
use std::cell::RefCell;
use std::rc::Rc;

use tickwire::Tick;
use tickwire::store::{Begun, Store, StoreError, Upload};

/// Any store.
pub(crate) struct AnyStore(pub(crate) Box<dyn Store>);

impl Store for AnyStore {
    fn begin(&mut self, now: Tick, upload: &Upload<'_>) -> Poll<Result<Begun, StoreError>> {
        self.0.begin(now, upload)
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        self.0.read(offset, buffer)
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        self.0.write(data)
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        self.0.commit()
    }

    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>> {
        self.0.abandon(keep)
    }
}

/// A store that the test goes on to look into.
pub(crate) struct Lent<S>(pub(crate) Rc<RefCell<S>>);

impl<S: Store> Store for Lent<S> {
    fn begin(&mut self, now: Tick, upload: &Upload<'_>) -> Poll<Result<Begun, StoreError>> {
        self.0.borrow_mut().begin(now, upload)
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        self.0.borrow_mut().read(offset, buffer)
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        self.0.borrow_mut().write(data)
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        self.0.borrow_mut().commit()
    }

    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>> {
        self.0.borrow_mut().abandon(keep)
    }
}
