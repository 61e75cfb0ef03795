//! What `hosttap serve` serves: the page, the files of a folder, and the hub.

pub mod folder;
mod listing;
mod media_type;
pub mod page;
pub mod rooms;
pub mod site;
