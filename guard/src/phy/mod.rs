//! The guard over a device of smoltcp's.

mod guarded;
#[cfg(test)]
mod tests;
mod token;

pub use guarded::Guarded;

/// The kind of smoltcp's devices.
enum Phy {}
