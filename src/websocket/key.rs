//! The key of a handshake, and the proof that its answer belongs to it (RFC 6455, 4.2.2).

use base64ct::{Base64, Encoding as _};
use heapless::String;
use sha1::{Digest as _, Sha1};

/// What a server appends to the key: no other protocol would.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Number of bytes in a key before Base64.
const KEY_BYTES: usize = 16;
/// Number of characters in a key.
const KEY_CHARS: usize = 24;
/// Number of characters in its answer.
const ACCEPT_CHARS: usize = 28;

/// The value of Sec-WebSocket-Accept that belongs to this Sec-WebSocket-Key.
///
/// ```
/// use tickwire::websocket::accept_key;
///
/// // The example of RFC 6455, 1.3.
/// assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &str) -> String<ACCEPT_CHARS> {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(GUID);
    base64(&hash.finalize())
}

/// A key of two random numbers.
pub(super) fn new_key(random: [u64; 2]) -> String<KEY_CHARS> {
    let [one, other] = random.map(u64::to_ne_bytes);
    let mut bytes = [0; KEY_BYTES];
    for (to, from) in bytes.iter_mut().zip(one.into_iter().chain(other)) {
        *to = from;
    }
    base64(&bytes)
}

/// Whether this is a key: 16 bytes in Base64.
#[cfg(feature = "server")]
pub(super) fn is_key(text: &str) -> bool {
    let mut bytes = [0; KEY_BYTES];
    Base64::decode(text, &mut bytes).is_ok_and(|bytes| bytes.len() == KEY_BYTES)
}

fn base64<const N: usize>(bytes: &[u8]) -> String<N> {
    let mut text = [0; N];
    let text = Base64::encode(bytes, &mut text).unwrap_or_default();
    String::try_from(text).unwrap_or_default()
}
