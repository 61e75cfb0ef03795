//! A store in NOR flash that survives a loss of power at any moment.

mod journal;
mod layout;
mod record;
mod store;
mod upload;

pub use layout::{FlashFault, Layout, LayoutError};
pub use record::Checksum;
pub use store::{FlashImage, FlashStore};
