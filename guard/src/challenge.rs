//! A1 and A2: a SYN or a RST that comes to an open connection (RFC 5961).
//!
//! smoltcp answers a segment outside its window with a challenge ACK, at most once a second for each
//! socket (RFC 5961, 7). But it drops a SYN without an acknowledgement before it looks at the
//! window, and obeys every RST in the window (`process`). So the guard hands it, in place of such a
//! segment, an ACK that is outside of every window: smoltcp writes the challenge ACK itself, with
//! the numbers that only it knows for sure.

use crate::address::FlowKey;
use crate::build::{self, Ends};
use crate::flow::Flow;
use crate::link::Link;
use crate::segment::{ACK, Fields, RST, SYN, Segment, Seq};

/// The numbers of a made-up ACK that smoltcp finds outside its window, whatever that is, and so
/// answers. Nothing else about it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) seq: Seq,
    pub(crate) ack: Seq,
}

impl Probe {
    /// Builds it as if from the peer of the flow `key`, and returns the length of its frame.
    pub(crate) fn build(&self, key: &FlowKey, link: &Link, buffer: &mut [u8]) -> Option<usize> {
        let ends = Ends::from_peer(key, link);
        let fields = Fields {
            seq: self.seq,
            ack: self.ack,
            flags: ACK,
            window: 0,
        };
        build::segment(buffer, link.medium, &ends, fields, &[])
    }
}

/// What smoltcp gets in place of this segment. None when it gets the segment itself.
///
/// A flow that is not yet established, or over, is left alone: a half-open connection needs its RST
/// (RFC 9293, 3.5.1), and a SYN may begin the next connection.
pub(crate) fn probe(flow: &Flow, segment: &Segment) -> Option<Probe> {
    if !flow.is_established() || flow.is_over() {
        return None;
    }
    let is_challenged = if segment.has(RST) {
        is_blind_reset(flow, segment)
    } else {
        segment.has(SYN)
    };
    is_challenged.then_some(Probe {
        // One before what is expected: as RFC 9293, 3.8.4 makes a keep-alive. The guard's RCV.NXT
        // may be a little old, which is even further outside.
        seq: flow.rcv_nxt.before(1),
        // smoltcp believes nothing older, and no ACK of what was never sent.
        ack: flow.highest_ack,
    })
}

/// RFC 5961, 3.2: a RST inside the window is obeyed only at RCV.NXT. The peer that really lost the
/// connection answers the challenge with one that is. If the guard's RCV.NXT is a little old, this
/// costs a round trip.
///
/// The window's right edge counts as inside, although RFC 9293, 3.10.7.4 drops what comes from there:
/// it, or the number after a FIN there, is SND.NXT of a peer that has filled our window and then
/// gives up, while an earlier segment is missing. Dropped, it would leave us with half a connection.
/// One further outside smoltcp drops itself.
fn is_blind_reset(flow: &Flow, segment: &Segment) -> bool {
    let seq = segment.fields.seq;
    seq != flow.rcv_nxt && (flow.is_in_window(seq) || flow.is_at_edge(seq))
}
