//! Frames that nobody sent: when they are due, and what they say.

use super::Inspector;
#[cfg(feature = "recovery")]
use super::knows_neighbour;
use crate::build::{self, Ends};
#[cfg(feature = "recovery")]
use crate::recovery::follow::{self, MadeUp};
use crate::rules::Action;
use crate::segment::Frame;
use crate::time::Time;

/// A frame that nobody sent, with its length. It is in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DueFrame {
    /// From a peer, for smoltcp.
    ToSmoltcp(usize),
    /// From us, for a peer.
    #[cfg_attr(
        not(any(feature = "recovery", feature = "ipv6")),
        expect(dead_code, reason = "only recovery and the listener send anything")
    )]
    ToPeer(usize),
}

impl Inspector {
    /// When the guard wants `receive` to be called next.
    pub(crate) fn poll_at(&self) -> Option<Time> {
        if self.has_rest() {
            return Some(self.now);
        }
        (self.is_active && self.due_at != Time::NEVER).then_some(self.due_at)
    }

    /// Whether a frame that nobody sent may be due.
    pub(crate) fn is_due(&self) -> bool {
        self.is_active && self.due_at <= self.now
    }

    /// Builds the frame that is due. None when nothing is due after all.
    pub(crate) fn take_due(&mut self, buffer: &mut [u8]) -> Option<DueFrame> {
        self.forget_rest();
        let due = self.build_due(buffer);
        #[cfg(feature = "recovery")]
        let due = due.or_else(|| self.build_made_up(buffer));
        #[cfg(feature = "ipv6")]
        let due = due.or_else(|| self.build_report(buffer));
        self.due_at = self.flows.due_at(self.now);
        #[cfg(feature = "ipv6")]
        self.on_listener_changed();
        due
    }

    /// Builds the segment that a flow has for smoltcp, and applies the rules to it as to any other.
    fn build_due(&mut self, buffer: &mut [u8]) -> Option<DueFrame> {
        let link = self.link;
        let flow = self.flows.find_due(self.now)?;
        let fields = flow.take_due()?;
        let ends = Ends::from_peer(flow.key(), &link);
        let len = build::segment(buffer, link.medium, &ends, fields, &[])?;
        match self.inspect_in_place(buffer.get_mut(..len)?) {
            Action::Pass | Action::Rewrite(_) => Some(DueFrame::ToSmoltcp(len)),
            // Only segments of the peer's are challenged.
            Action::Refuse | Action::Challenge(_) => None,
        }
    }

    /// Inspects a frame in our own buffer. One that is to be rewritten is.
    pub(super) fn inspect_in_place(&mut self, frame: &mut [u8]) -> Action {
        let parsed = Frame::parse(frame, self.link.medium);
        let action = self.inspect(frame, &parsed);
        if let (Action::Rewrite(new), Frame::Tcp(segment)) = (&action, parsed) {
            segment.rewrite(frame, *new, true);
        }
        action
    }

    /// Builds the segment that makes smoltcp resend, which follows the rules already, or the FIN
    /// that goes out once more.
    #[cfg(feature = "recovery")]
    fn build_made_up(&mut self, buffer: &mut [u8]) -> Option<DueFrame> {
        let (link, now) = (self.link, self.now);
        let flow = self.flows.find_due(now)?;
        let can_send = knows_neighbour(&self.neighbours, &link, flow, now);
        let made_up = follow::take_due(flow, can_send, now, &mut self.counters)?;
        let (ends, fields) = match made_up {
            MadeUp::Duplicate(fields) => (Ends::from_peer(flow.key(), &link), fields),
            MadeUp::Fin(fields) => (Ends::to_peer(flow.key(), flow.next_hop, &link), fields),
        };
        let len = build::segment(buffer, link.medium, &ends, fields, &[])?;
        Some(match made_up {
            MadeUp::Duplicate(_) => DueFrame::ToSmoltcp(len),
            MadeUp::Fin(_) => DueFrame::ToPeer(len),
        })
    }
}
