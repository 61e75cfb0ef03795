//! An HTTP/1.0 GET client, a server, and their parts that work on bytes alone: URL, request, head and body.
//!
//! [`Get`] is one request. `Download`, with the feature `download`, is as many as it takes: it follows
//! redirects, tries again, and goes on where it stopped.
//!
//! The parts know no sockets. [`Url`] and [`Request`] generate the bytes to send. [`HeadParser`] and
//! [`BodyDecoder`] parse the response. They take bytes as they arrive, need constant memory, and give
//! the same result wherever the stream is cut.
//!
//! ```
//! use tickwire::http::{BodyDecoder, HeadParser, Location, Piece, Proof, Request, Url};
//!
//! let url = Url::parse("http://192.168.69.100:8000/hello")?;
//! let request = Request::new(&url, &[])?;
//! let mut send_buffer = [0; 16];
//! assert_eq!(request.write_from(0, &mut send_buffer), 16);
//! assert_eq!(&send_buffer, b"GET /hello HTTP/");
//!
//! let response = b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello";
//! let mut parser = HeadParser::new(16 * 1024);
//! let (consumed, head) = parser.feed(response, &mut Location::new(&mut []))?;
//! let head = head.expect("the head is complete");
//! assert_eq!(head.status, 200);
//!
//! let mut body = BodyDecoder::new(head.framing, 16 * 1024);
//! assert_eq!(body.next(&response[consumed..])?, Piece::Payload(b"hello"));
//! body.consume(5); // The sink took all of it.
//! assert_eq!(body.is_complete(), Some(Proof::Length));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

#[cfg(feature = "download")]
mod answer;
#[cfg(feature = "download")]
mod basic;
mod body;
#[cfg(feature = "download")]
mod content_range;
mod copy;
#[cfg(any(feature = "download", feature = "server"))]
mod date;
#[cfg(feature = "download")]
mod download;
#[cfg(feature = "download")]
mod download_error;
#[cfg(feature = "download")]
mod download_options;
mod error;
mod fetch;
mod field;
mod fields;
#[cfg(all(feature = "download", feature = "flash"))]
mod flash_sink;
mod get;
mod head;
mod location;
mod malformed;
#[cfg(any(feature = "download", feature = "websocket"))]
mod name_finder;
mod options;
#[cfg(feature = "server")]
pub mod percent;
#[cfg(feature = "download")]
mod redirect;
mod request;
#[cfg(feature = "download")]
mod resolve;
#[cfg(feature = "download")]
mod resumable;
#[cfg(feature = "server")]
pub mod server;
mod syntax;
#[cfg(test)]
mod tests;
mod url;
mod url_error;
mod user_info;
#[cfg(any(feature = "download", feature = "websocket"))]
mod value;
#[cfg(feature = "download")]
mod version;

pub use body::{BodyDecoder, BodyError, Piece, Proof};
#[cfg(feature = "download")]
pub use download::Download;
#[cfg(feature = "download")]
pub use download_error::{DownloadError, SetupError};
#[cfg(feature = "download")]
pub use download_options::{DownloadBuffers, DownloadOptions};
pub use error::{Event, GetError};
pub use fetch::Complete;
pub use fields::Fields;
#[cfg(all(feature = "download", feature = "flash"))]
pub use flash_sink::FlashSink;
pub use get::Get;
pub use head::{Framing, HEAD_BYTES_MAX_DEFAULT, Head, HeadParser, INTERIM_HEADS_MAX};
pub use location::Location;
pub use malformed::Malformed;
#[cfg(feature = "websocket")]
pub(crate) use name_finder::NameFinder;
pub use options::GetOptions;
#[cfg(feature = "download")]
pub use redirect::{RedirectError, UrlHash};
#[cfg(feature = "websocket")]
pub(crate) use request::Additions;
pub use request::{Header, HeaderError, Request};
#[cfg(feature = "download")]
pub use resumable::Method;
#[cfg(feature = "server")]
pub use server::Server;
#[cfg(feature = "websocket")]
pub(crate) use syntax::is_token;
pub use url::{Authority, Host, Target, Url};
pub use url_error::UrlError;
pub use user_info::UserInfo;
#[cfg(feature = "websocket")]
pub(crate) use value::Value;
#[cfg(feature = "download")]
pub use version::{Kept, RestartSink, Version};
