//! A store in NOR flash that survives a loss of power at any moment.

mod journal;
mod layout;
mod record;
mod store;
#[cfg(feature = "download")]
mod tagged;
mod upload;

pub use layout::{FlashFault, Layout, LayoutError};
pub use record::Checksum;
#[cfg(feature = "download")]
pub(crate) use record::TAG_LEN_MAX;
pub use store::{FlashImage, FlashStore};
#[cfg(feature = "download")]
pub(crate) use tagged::TaggedUpload;
