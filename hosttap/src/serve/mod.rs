//! What `hosttap serve` serves: the page, and the files of a folder.

pub mod folder;
mod listing;
mod media_type;
pub mod page;
pub mod site;
