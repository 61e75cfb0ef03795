//! Frames of WebSocket, as a browser writes and reads them. The hub's own code has no part in it.

/// The request for a WebSocket.
pub(super) fn handshake(target: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: 10.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A masked frame, whose mask changes nothing. `first` is its first byte.
pub(super) fn raw_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(len) if len < 126 => frame.push(0x80 | len),
        _ => {
            frame.push(0x80 | 126);
            frame.extend((payload.len() as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// The same for a message in one frame, or a control frame.
pub(super) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    raw_frame(0x80 | opcode, payload)
}

/// What a server has sent.
pub(super) enum Incoming {
    Text(String),
    Ping(Vec<u8>),
    Close(Vec<u8>),
}

/// Reads what a server sends after its head.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    pub(super) bytes: Vec<u8>,
    /// The parts of a message that is not whole.
    message: Vec<u8>,
    is_in_message: bool,
}

impl FrameReader {
    /// Takes the head of the answer off, once it is whole; whether it is. `Err` for another status
    /// than 101.
    pub(super) fn take_head(&mut self) -> Result<bool, ()> {
        let mut windows = self.bytes.windows(4);
        let Some(end) = windows.position(|four| four == b"\r\n\r\n") else {
            return Ok(false);
        };
        if !self.bytes.starts_with(b"HTTP/1.1 101 ") {
            return Err(());
        }
        self.bytes.drain(..end + 4);
        Ok(true)
    }

    /// The next message or control frame. What breaks RFC 6455 is an error.
    pub(super) fn next(&mut self) -> Option<Result<Incoming, &'static str>> {
        loop {
            let (&first, &second) = (self.bytes.first()?, self.bytes.get(1)?);
            let (head, len) = match second {
                126 => {
                    let len = [*self.bytes.get(2)?, *self.bytes.get(3)?];
                    (4, usize::from(u16::from_be_bytes(len)))
                }
                len => (2, usize::from(len)),
            };
            if second > 126 {
                return Some(Err(
                    "a frame of the hub is masked, or longer than any message",
                ));
            }
            if self.bytes.len() < head + len {
                return None;
            }
            let payload: Vec<u8> = self.bytes.drain(..head + len).skip(head).collect();
            let is_last = first & 0x80 != 0;
            match first & 0x7f {
                0x0 | 0x1 => {
                    if (first & 0xf == 0) != self.is_in_message {
                        return Some(Err("a message of the hub begins inside another"));
                    }
                    self.message.extend(payload);
                    self.is_in_message = !is_last;
                    if is_last {
                        let message = std::mem::take(&mut self.message);
                        let text = String::from_utf8(message);
                        return Some(match text {
                            Ok(text) => Ok(Incoming::Text(text)),
                            Err(_) => Err("a text of the hub is no UTF-8"),
                        });
                    }
                }
                0x8 if is_last => return Some(Ok(Incoming::Close(payload))),
                0x9 if is_last => return Some(Ok(Incoming::Ping(payload))),
                0xa if is_last => {}
                _ => return Some(Err("the hub sent a frame that it may not")),
            }
        }
    }

    /// The next line, without its end.
    pub(super) fn next_line(&mut self) -> Option<Vec<u8>> {
        let end = self.bytes.iter().position(|&byte| byte == b'\n')?;
        let mut line: Vec<u8> = self.bytes.drain(..=end).collect();
        line.pop();
        Some(line)
    }
}
