//! Shared by the tests; each uses a part of it.
#![allow(dead_code)]

pub(crate) mod fixture;
pub(crate) mod log;
pub(crate) mod mock_app;
