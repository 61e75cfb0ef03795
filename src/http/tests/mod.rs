//! One behaviour a function, over the public names only.

mod body;
mod field;
mod head;
mod request;
mod url;
