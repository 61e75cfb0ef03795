//! HTTP/1.0 GET: pure bytes (URL, request, head, body) and the machine over them.
//!
//! The pure half knows no sockets. [`Url`] and [`Request`] make the bytes to send; [`HeadParser`] and
//! [`BodyDecoder`] read the answer. Both readers are fed bytes as they come, keep O(1) memory, and give the
//! same result wherever the bytes were cut.
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
//! let (taken, head) = parser.feed(response, &mut Location::new(&mut []))?;
//! let head = head.expect("the head is complete");
//! assert_eq!(head.status, 200);
//!
//! let mut body = BodyDecoder::new(head.framing, 16 * 1024);
//! assert_eq!(body.next(&response[taken..])?, Piece::Payload(b"hello"));
//! body.taken(5); // The sink took all of it.
//! assert_eq!(body.is_complete(), Some(Proof::Length));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod body;
mod copy;
mod error;
mod field;
mod get;
mod head;
mod location;
mod request;
#[cfg(test)]
mod tests;
mod url;

pub use body::{BodyDecoder, Piece, Proof};
pub use error::{Event, GetError, Malformed};
pub use get::{Complete, Get, GetOptions};
pub use head::{Framing, HEAD_BYTES_MAX_DEFAULT, Head, HeadParser, INTERIM_HEADS_MAX};
pub use location::Location;
pub use request::{Header, HeaderError, Request};
pub use url::{Authority, Host, Target, Url, UrlError};

/// Whether a field name may hold this byte (`tchar`, RFC 9110, 5.6.2).
const fn is_token_byte(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    ) || byte.is_ascii_alphanumeric()
}

/// Whether a byte is a control byte that no field value may hold: all of C0 but HTAB, and DEL (RFC 9110, 5.5).
const fn is_forbidden_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// Whether a byte is the white space of a header line (`OWS`, RFC 9110, 5.6.3).
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
