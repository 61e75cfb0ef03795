//! One behaviour per test, through public names only.

mod body;
mod field;
mod head;
mod request;
mod url;
