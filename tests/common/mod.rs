//! Shared by the tests; each uses a part of it.
#![allow(dead_code)]

pub(crate) mod faulty_store;
pub(crate) mod fixture;
pub(crate) mod flash;
pub(crate) mod log;
pub(crate) mod mem_source;
pub(crate) mod mock_app;
pub(crate) mod segments;
