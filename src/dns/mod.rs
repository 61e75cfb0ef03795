//! Names: messages as pure bytes, a cache that the caller lends, and the resolver task.
//!
//! An app asks with [`Io::resolve`](crate::Io::resolve), which says what the stack's [`Names`] know.
//! What they do not know a task with a [`Resolver`] asks the servers, or, for a name that ends in
//! `.local`, the link (RFC 6762).
//!
//! # What is believed
//! Each question has a port and an id of its own, drawn at random, and the case of its letters is
//! mixed at random. An answer counts when it comes from the server that was asked, from port 53, and
//! repeats the id and the whole question. Who sees answers that are nearly right is asked again over
//! TCP. Without DNSSEC that is all: whoever can read our questions can forge the answers.

mod answer;
mod cached_name;
mod error;
mod host_port;
mod lookup;
mod message;
mod name;
mod names;
mod over_tcp;
mod query;
mod resolve;
mod resolver;
mod service;

pub use answer::{ADDRESSES_MAX, Answer};
pub use cached_name::{Addresses, CachedName, Families};
pub use error::ResolveError;
pub use host_port::HostPort;
pub use lookup::Lookup;
pub use message::{Echo, Malformed, Message, QUERY_BYTES_MAX, RecordType, write_query};
pub use name::{LABEL_BYTES_MAX, NAME_BYTES_MAX, Name, NameError};
pub use names::{Names, SERVERS_MAX};
pub use resolver::{RESOLVE_TIMEOUT, Resolver};
pub use service::service_port;

/// Aliases (CNAME records) that are followed from one name.
pub const ALIASES_MAX: u8 = 8;
