//! Operating system services: clock, signals, poll, threads, errno values, FIFOs, random numbers.

pub mod calendar;
pub mod clock;
pub(crate) mod errno;
pub(crate) mod fifo;
pub(crate) mod job;
pub(crate) mod patient;
pub(crate) mod random;
pub mod signals;
pub(crate) mod unsafe_calls;
pub mod wait;
