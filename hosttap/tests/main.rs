//! The program and its devices against the kernel and real programs, each test in a network namespace of its own.

mod common;
mod device;
mod doctor;
mod failures;
