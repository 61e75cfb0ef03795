//! Messages of netlink(7), and the attributes in them, in the host's byte order.

use std::io;

const NLM_F_REQUEST: u16 = 0x01;
const NLA_TYPE_MASK: u16 = 0x3fff;
const NLMSGHDR_BYTES: usize = 16;

/// A request under construction: header, fixed part and attributes.
pub(super) struct Request {
    pub(super) flags: u16,
    bytes: Vec<u8>,
}

impl Request {
    pub(super) fn new(kind: u16, flags: u16, fixed: &[u8]) -> Self {
        let flags = flags | NLM_F_REQUEST;
        // `finish` fills in the length. The sequence number and port ID stay 0.
        let [k0, k1] = kind.to_ne_bytes();
        let [f0, f1] = flags.to_ne_bytes();
        let header = [0, 0, 0, 0, k0, k1, f0, f1, 0, 0, 0, 0, 0, 0, 0, 0];
        let bytes = [header.as_slice(), fixed].concat();
        Self { flags, bytes }
    }

    /// Appends an attribute. Ours are names and addresses, so the length fits.
    pub(super) fn attribute(&mut self, kind: u16, value: &[u8]) {
        let length = (4 + value.len()) as u16;
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        let length = (self.bytes.len() as u32).to_ne_bytes();
        for (byte, value) in self.bytes.iter_mut().zip(length) {
            *byte = value;
        }
        self.bytes
    }
}

/// The first message in `bytes`: its type, its body, and the bytes after it.
pub(super) fn split_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let body = bytes.get(NLMSGHDR_BYTES..length)?;
    let next = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((u16_at(bytes, 4)?, body, next))
}

/// The result in an acknowledgement, which carries a negative errno or 0.
pub(super) fn ack_result(body: &[u8]) -> io::Result<()> {
    match u32_at(body, 0).map(u32::cast_signed) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(code.saturating_neg())),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The value of the attribute `kind` in `attributes`.
pub(super) fn find_attribute(attributes: &[u8], kind: u16) -> Option<&[u8]> {
    let mut rest = attributes;
    loop {
        let length = usize::from(u16_at(rest, 0)?);
        let value = rest.get(4..length)?;
        if u16_at(rest, 2)? & NLA_TYPE_MASK == kind {
            return Some(value);
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
}

pub(super) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    let field = bytes.get(offset..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*field))
}

pub(super) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let field = bytes.get(offset..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*field))
}
