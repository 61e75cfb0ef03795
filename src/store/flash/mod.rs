//! A store in NOR flash that survives a power cut at any point.

mod journal;
mod layout;
mod record;
mod store;
mod upload;

pub use layout::{FlashFault, Layout, LayoutError};
pub use record::Check;
pub use store::{FlashImage, FlashStore};
