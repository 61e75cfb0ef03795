//! An HTTP server of N callers at a time: requests as pure bytes, handlers without an allocator, and
//! connections that change to another protocol.
//!
//! A [`Handler`] answers requests. An [`HttpSession`] reads them and sends the answers, for one caller
//! after another; a [`Server`] has as many of them as it has sockets.

mod assets;
mod date;
mod entity;
mod error;
mod etag;
mod fields;
#[cfg(feature = "file")]
mod form;
mod handler;
mod host;
mod last_modified;
mod method;
mod options;
mod origin;
mod parser;
mod range;
mod reply;
mod request;
mod request_error;
mod response;
mod session;
mod status;
#[cfg(test)]
mod tests;
#[cfg(feature = "file")]
mod uploads;

use smoltcp::iface::SocketHandle;

/// The example of the page is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/serving.md")]
struct Page;

pub use assets::{Asset, Assets};
pub use entity::Entity;
pub use error::ServeError;
pub use etag::Etag;
pub use handler::{Handler, NoUpgrade, NotFound};
pub use last_modified::LastModified;
pub use method::Method;
pub use options::HttpOptions;
pub use parser::RequestParser;
pub use reply::{Reply, Switch};
pub use request::Request;
pub use request_error::RequestError;
pub use response::{Response, ResponseHead};
pub use session::{HEAD_MEMORY_MIN, HttpSession};
#[cfg(feature = "file")]
pub use uploads::{UploadOptions, Uploads};

use crate::ServerOptions;

/// What a server tells beyond what every connection tells, in [`Event::App`](crate::Event::App).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event {
    /// An answer begins; 101 where the connection changes its protocol.
    Answer {
        /// The status.
        status: u16,
    },
}

/// A server of up to `N` callers at a time, each with a session of its own.
pub type Server<'b, H, const N: usize> = crate::Server<HttpSession<'b, H>, N>;

impl<'b, H: Handler, const N: usize> Server<'b, H, N> {
    /// A server on `port`, over sockets of its own, in the order of the socket set.
    pub fn http(sockets: [SocketHandle; N], port: u16, sessions: [HttpSession<'b, H>; N]) -> Self {
        let options = ServerOptions {
            // Its sessions have deadlines of their own.
            idle_timeout: None,
            ..ServerOptions::default()
        };
        Self::new(sockets, port, sessions, options)
    }
}
