//! What a seed showed.

use std::collections::BTreeMap;

use tickwire::Error;
use tickwire_sim::AttemptCounts;

use super::member::Speech;
use super::place::Place;

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    /// What members have heard.
    pub(super) heard: u64,
    /// Connections of hostile browsers.
    pub(super) hostile: u64,
    pub(super) turns: u64,
    /// Connections of members, by how they talk.
    pub(super) attempts: [AttemptCounts; 3],
}

impl Counts {
    /// A member connects.
    pub(super) const fn note_begin(&mut self, speech: Speech) {
        self.attempts[speech as usize].begun += 1;
    }

    /// A connection of a member has ended.
    pub(super) fn note_end(&mut self, speech: Speech, result: &Result<(), Error>) {
        let attempts = &mut self.attempts[speech as usize];
        match result {
            Ok(()) => attempts.succeeded += 1,
            Err(error) => {
                attempts.failed += 1;
                attempts.last_error = Some((*error).into());
            }
        }
    }

    /// What became of the connections that were there at the end.
    pub(super) fn note_last(&mut self, places: &[Place]) {
        for place in places {
            match place.task.outcome() {
                None => self.attempts[place.speech as usize].open += 1,
                Some(result) if place.again_at.is_none() => self.note_end(place.speech, result),
                // It was counted when it ended.
                Some(_) => {}
            }
        }
    }

    /// What is counted beside the attempts, with its names.
    pub(super) fn named(&self) -> BTreeMap<String, u64> {
        BTreeMap::from([
            ("hub: entries heard".to_owned(), self.heard),
            ("hub: hostile connections".to_owned(), self.hostile),
        ])
    }
}
