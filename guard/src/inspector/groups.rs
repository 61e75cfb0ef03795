//! The multicast groups that we listen to.

use super::{DueFrame, Inspector};
use crate::address::Address;
use crate::counters::count;
use crate::link::Medium;
use crate::mld::Query;

impl Inspector {
    /// These are smoltcp's addresses now, and no others.
    pub(crate) fn set_own(&mut self, own: impl Iterator<Item = Address> + Clone) {
        self.listener.set(own, self.now);
        self.on_listener_changed();
    }

    /// The bridge at the other end may not know our groups.
    pub(super) fn report_groups_anew(&mut self) {
        self.listener.report_anew(self.now);
        self.on_listener_changed();
    }

    /// smoltcp has sent something that is no TCP.
    pub(super) fn learn_groups(&mut self) {
        for own in self.presence.own() {
            self.listener.learn(*own, self.now);
        }
        self.on_listener_changed();
    }

    /// Notes who asks for our groups.
    pub(super) fn note_query(&mut self, frame: &[u8]) {
        let is_for_us = self.link.is_to_us(frame) || self.link.is_to_group(frame);
        if let Some(query) = Query::parse(frame).filter(|_| is_for_us) {
            self.listener.on_query(&query, self.link.mac, self.now);
            self.on_listener_changed();
        }
    }

    /// To be called when the listener may have something to say earlier than before.
    pub(super) fn on_listener_changed(&mut self) {
        if self.reports_groups() {
            self.due_at = self.due_at.min(self.listener.due_at());
        }
    }

    /// Builds the report that is due.
    pub(super) fn build_report(&mut self, buffer: &mut [u8]) -> Option<DueFrame> {
        if !self.reports_groups() {
            return None;
        }
        let len = self.listener.take_due(&self.link, self.now, buffer)?;
        count(&mut self.counters.groups_reported);
        Some(DueFrame::ToPeer(len))
    }

    const fn reports_groups(&self) -> bool {
        self.is_active && self.duties.neighbours && matches!(self.link.medium, Medium::Ethernet)
    }
}
