//! One behaviour per test, through public names only.

mod body;
#[cfg(feature = "download")]
mod content_range;
#[cfg(feature = "download")]
mod date;
mod field;
mod head;
mod request;
#[cfg(feature = "download")]
mod resolve;
mod url;
