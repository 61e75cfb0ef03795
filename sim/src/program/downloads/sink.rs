//! What a client has kept, over all its crashes.

use std::cell::RefCell;
use std::rc::Rc;

use tickwire::http::{RestartSink, Version};
use tickwire::{Sink, SinkError};

/// A file beside its version, as a program would keep them for good.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) bytes: Vec<u8>,
    pub(super) url: String,
    pub(super) validator: Vec<u8>,
    pub(super) total: Option<u64>,
}

/// Writes to what is kept.
#[derive(Debug, Clone)]
pub(super) struct KeptSink(pub(super) Rc<RefCell<Kept>>);

impl Sink for KeptSink {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        self.0.borrow_mut().bytes.extend_from_slice(data);
        Ok(data.len())
    }
}

impl RestartSink for KeptSink {
    fn restart(&mut self, version: &Version<'_>) -> Result<(), SinkError> {
        *self.0.borrow_mut() = Kept {
            bytes: Vec::new(),
            url: version.url.into(),
            validator: version.validator.unwrap_or_default().to_vec(),
            total: version.total,
        };
        Ok(())
    }
}
