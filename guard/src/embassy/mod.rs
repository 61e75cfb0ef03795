//! The guard over a driver of embassy-net's.

mod clock;
mod control;
mod driver;
mod token;

pub use control::Control;
pub use driver::GuardedDriver;

/// The kind of embassy's drivers.
enum Embassy {}
