//! The guard over a device of smoltcp's.

mod guarded;
#[cfg(test)]
mod tests;
mod token;

pub use guarded::Guarded;
pub use token::{RxToken, TxToken};
