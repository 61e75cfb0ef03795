//! What is sure about the flows that the guard may know.

use smoltcp::time::Instant;
use smoltcp::wire::IpEndpoint;

use crate::frame::{ACK, FIN, RST, Read, SYN};

const OPTION_SACK: u8 = 5;

/// Two ends, ours first.
pub(super) type Ends = (IpEndpoint, IpEndpoint);

/// A flow on which a SYN of ours went out.
pub(super) struct Begun {
    ends: Ends,
    /// When our SYN went out last.
    pub(super) syn_sent_at: Instant,
    /// A FIN or a RST was seen on it, so that it may be over and another one may have taken its place.
    pub(super) may_be_over: bool,
    /// An ACK came in on it, so that its handshake may be done.
    pub(super) may_be_answered: bool,
    /// Every range that a SACK option of a segment to us has named: start and length.
    sacked: Vec<(u32, u32)>,
}

/// The flows that the guard may know: those on which a SYN of ours went out.
#[derive(Default)]
pub(super) struct Known(Vec<Begun>);

impl Known {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The place of a flow.
    pub(super) fn find(&self, ends: Ends) -> Option<usize> {
        self.0.iter().position(|flow| flow.ends == ends)
    }

    pub(super) fn get(&self, flow: Option<usize>) -> Option<&Begun> {
        self.0.get(flow?)
    }

    fn get_mut(&mut self, flow: Option<usize>) -> Option<&mut Begun> {
        self.0.get_mut(flow?)
    }

    /// smoltcp sends this segment; `flow` is what [`find`](Self::find) says of it.
    pub(super) fn note_sent(&mut self, sent: &Read, flow: Option<usize>, now: Instant) {
        self.note_end(flow, sent.flags);
        let ends = (sent.source, sent.destination);
        // Ports 0 on both sides mark a free place in the guard's table; no socket has them.
        let has_port = ends.0.port != 0 || ends.1.port != 0;
        if sent.flags & (SYN | RST) != SYN || !has_port {
            return;
        }
        if let Some(flow) = self.get_mut(flow) {
            flow.syn_sent_at = now;
        } else {
            self.0.push(Begun {
                ends,
                syn_sent_at: now,
                may_be_over: sent.flags & FIN != 0,
                may_be_answered: false,
                sacked: Vec::new(),
            });
        }
    }

    pub(super) fn note_end(&mut self, flow: Option<usize>, flags: u8) {
        if let Some(flow) = self.get_mut(flow) {
            flow.may_be_over |= flags & (FIN | RST) != 0;
        }
    }

    /// A segment for us came in, with a right checksum.
    pub(super) fn note_heard(&mut self, frame: &[u8], heard: &Read, flow: Option<usize>) {
        if let Some(flow) = self.get_mut(flow) {
            flow.may_be_answered |= heard.flags & ACK != 0;
            flow.sacked.extend(sack_blocks(frame, heard));
        }
    }
}

impl Begun {
    /// Whether the peer has reported to have all of this, in however many pieces.
    pub(super) fn has_sacked(&self, seq: u32, len: u32) -> bool {
        let mut at = seq;
        loop {
            let done = at.wrapping_sub(seq);
            if done >= len {
                return true;
            }
            let further = self.sacked.iter().filter_map(|&(start, block_len)| {
                let offset = at.wrapping_sub(start);
                block_len.checked_sub(offset).filter(|&more| more > 0)
            });
            let Some(more) = further.max() else {
                return false;
            };
            // No range reaches half around.
            at = at.wrapping_add(more.min(len - done));
        }
    }
}

fn sack_blocks(frame: &[u8], read: &Read) -> Vec<(u32, u32)> {
    let header_len = usize::from(frame[read.tcp_at + 12] >> 4) * 4;
    let mut options = &frame[read.tcp_at + 20..read.tcp_at + header_len];
    let mut blocks = Vec::new();
    while let [kind, rest @ ..] = options {
        match (kind, rest) {
            (0, _) | (_, []) => break,
            (1, _) => options = rest,
            (&kind, &[len, ..]) => {
                let Some(value) = options.get(2..usize::from(len)) else {
                    break;
                };
                if kind == OPTION_SACK {
                    let word = |at: &[u8]| u32::from_be_bytes([at[0], at[1], at[2], at[3]]);
                    let ranges = value
                        .chunks_exact(8)
                        .map(|block| (word(block), word(&block[4..])));
                    blocks.extend(ranges.map(|(start, end)| (start, end.wrapping_sub(start))));
                }
                options = &options[usize::from(len)..];
            }
        }
    }
    blocks
}
