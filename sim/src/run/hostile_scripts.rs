//! Scripts of the hostile peer: random sequences of what each protocol must reject or survive.

use super::node_slot::SOCKETS;
use tickwire::Duration;

use super::sim_app::{CHAT, GET};
use crate::bump::Bump;
use crate::{Act, Generator};

/// The most acts of one script.
pub(crate) const ACTS_MAX: usize = 10;

/// Pieces of HTTP responses, some of them in order.
const HTTP: &[&[u8]] = &[
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 204 No\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 206 Part\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.2/\r\n\r\n",
    b"HTTP/2 200\r\n\r\n",
    b"ICY 200 OK\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    b"Content-Length: 700\r\n",
    b"Content-Length: 4294967301\r\n",
    b"Content-Length: 18446744073709551616\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 7, 7\r\n",
    b"Content-Length: 5 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip\r\n",
    b"X-Nothing: \x00\r\n",
    b"X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
    b" folded: no\r\n",
    b"no colon\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"5\r\nhello\r\n",
    b"ffffffffffffffff\r\n",
    b"+5\r\nhello\r\n",
    b"5\r\nhello",
    b"0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nContent-Length: 40\r\n\r\n0123456789",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
];

/// Pieces of chats. None has a `#`, which would be taken for a line of the partner, and all begin
/// with `!`.
const CHATS: &[&[u8]] = &[
    b"!\n",
    b"!\r\n\r\n\r\n",
    b"!\x1b[2J\x07\x00\n",
    b"!\xff\xfe\xc3",
    b"!\xf0\x9f\x98",
    b"!no end",
    b"!\r",
    b"!aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// Pieces of file transfers, of senders and of receivers.
const FILES: &[&[u8]] = &[
    b"TWF\x81\x01\x00\x04\x00\x10\x00\x00\x00\x00\x00\x00\x00",
    b"TWF\x81\x01\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00",
    b"TWF\x81\x02\x00\x04\x00",
    b"TWF\x81\x01\x01\x04\x00",
    b"TWF\x81\x01\x00\x04\x00\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"TWF\x81\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"TWG\x81",
    b"01234567890123456789012345678901",
    b"name",
    b"\xff/../",
    b"TWA\x81\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    b"TWA\x81\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    b"TWA\x81\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00",
    b"TWA\x81\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff",
    b"TWR\x81\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00",
    b"TWR\x81\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    b"TWR\x81\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    b"\x00\x00\x00\x00",
    b"\x05\x00\x00\x00hello",
    b"\x05\x00\x00\x00hello and more",
    b"\x00\x10\x00\x00",
    b"\xff\xff\xff\x7f",
];

/// Writes a script against an app of this kind into `acts`, all of which are overwritten.
pub(crate) fn write_script<'a>(
    app: usize,
    acts: &mut [Act<'a>],
    bump: &mut Bump<'a, SOCKETS>,
    random: &mut Generator,
) {
    let pieces = match app {
        GET => HTTP,
        CHAT => CHATS,
        _ => FILES,
    };
    // Most begin with something valid.
    let begins_valid = random.chance(600_000);
    let count = acts.len();
    for (index, act) in acts.iter_mut().enumerate() {
        *act = match index {
            0 if app == GET && random.chance(800_000) => Act::Expect(b"\r\n\r\n"),
            1 if begins_valid => Act::Send(pieces.first().copied().unwrap_or_default()),
            last if last + 1 == count => draw_end(random),
            _ => draw_act(pieces, app != CHAT, bump, random),
        };
    }
}

fn draw_act<'a>(
    pieces: &'static [&'static [u8]],
    may_fill: bool,
    bump: &mut Bump<'a, SOCKETS>,
    random: &mut Generator,
) -> Act<'a> {
    // A table has few entries.
    let piece = pieces.get(random.below(pieces.len() as u64) as usize);
    let piece = piece.copied().unwrap_or_default();
    match random.below(16) {
        0 => Act::Wait(Duration::from_millis(random.below(3_000))),
        1 => Act::Stall(Duration::from_millis(random.below(30_000))),
        2 => Act::Drip(piece, Duration::from_millis(random.below(3_000))),
        3 if may_fill => Act::Fill(random.below(3_000)),
        4 => Act::Flush,
        5 => draw_damaged(piece, bump, random),
        6 => Act::Close,
        7 => draw_end(random),
        _ => Act::Send(piece),
    }
}

/// A piece with one byte replaced, but never by `#`.
fn draw_damaged<'a>(piece: &[u8], bump: &mut Bump<'a, SOCKETS>, random: &mut Generator) -> Act<'a> {
    let copy = bump.bytes(piece.len());
    copy.copy_from_slice(piece);
    let at = random.between(1, piece.len() as u64);
    let [byte, ..] = random.u64().to_le_bytes();
    if let Some(damaged) = copy.get_mut(at as usize) {
        *damaged = if byte == b'#' { b'!' } else { byte };
    }
    Act::Send(copy)
}

fn draw_end<'a>(random: &mut Generator) -> Act<'a> {
    match random.below(5) {
        0 => Act::Close,
        1 => Act::Reset,
        2 => Act::Stall(Duration::from_secs(120)),
        3 => Act::Drip(
            b"!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
            Duration::from_secs(1),
        ),
        _ => Act::ExpectEnd,
    }
}
