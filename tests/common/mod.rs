//! Shared by the tests; each uses a part of it.
#![allow(dead_code)]

pub(crate) mod hosts;
pub(crate) mod lab;
