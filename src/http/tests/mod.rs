//! One behaviour a function, over the public names only.

mod request;
mod url;
