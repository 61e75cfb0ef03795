//! How far a member has heard what happened in one room.

use tickwire::Tick;

use super::chronicle::{Change, Chronicle, Told};

/// One membership of a room.
pub(super) struct Ear {
    pub(super) room: usize,
    /// It came into the room after this.
    since: Tick,
    /// Where it may be: the place of what it hears next. There is more than one where its own coming
    /// was told more than once. None before its coming.
    places: Vec<usize>,
    /// When what it has heard last was told.
    pub(super) heard_until: Tick,
    /// What it is called.
    pub(super) name: String,
    /// Its namespace was connected.
    pub(super) is_connected: bool,
    /// It has got the event for newcomers.
    pub(super) has_news: bool,
    /// It wants to leave the room, and hears what it hears.
    pub(super) is_leaving: bool,
}

impl Ear {
    pub(super) const fn new(room: usize, since: Tick) -> Self {
        Self {
            room,
            since,
            places: Vec::new(),
            heard_until: Tick::ZERO,
            name: String::new(),
            is_connected: false,
            has_news: false,
            is_leaving: false,
        }
    }

    /// Whether it has heard its own coming.
    pub(super) const fn is_in(&self) -> bool {
        !self.places.is_empty()
    }

    /// Whether this is what the member must hear next. `own_events` is what the events of
    /// a client of Socket.IO begin with, which it does not get. Nobody hears its own going, or
    /// anything after it.
    pub(super) fn hear(
        &mut self,
        chronicle: &Chronicle,
        own_events: Option<&str>,
        text: &str,
    ) -> bool {
        let told = &chronicle.rooms[self.room].told;
        if !self.is_in() {
            let since = told.partition_point(|told| told.at < self.since);
            for (at, told) in told.iter().enumerate().skip(since) {
                if let Some(Change::Joined(name)) = &told.change
                    && told.for_member(own_events) == Some(text)
                {
                    self.places.push(at + 1);
                    self.name.clone_from(name);
                }
            }
            return self.is_in();
        }
        let mut new_name = None;
        let places = std::mem::take(&mut self.places);
        let next = |place: usize| {
            let (at, told) = rest(told, place, own_events).next()?;
            let is_it = !told.is_going_of(&self.name) && told.for_member(own_events) == Some(text);
            is_it.then_some((at, told))
        };
        for place in places {
            if let Some((at, told)) = next(place) {
                self.places.push(at + 1);
                self.heard_until = told.at;
                new_name = match &told.change {
                    Some(Change::Renamed(old, new)) if *old == self.name => Some(new.clone()),
                    _ => new_name,
                };
            }
        }
        if let Some(name) = new_name {
            self.name = name;
        }
        self.is_in()
    }

    /// Since when the member should have heard what it hears next; `None` when it has heard all. Its own
    /// going it never hears.
    pub(super) fn waits_since(
        &self,
        chronicle: &Chronicle,
        own_events: Option<&str>,
    ) -> Option<Tick> {
        let told = self.next(chronicle, own_events)?;
        (!told.is_going_of(&self.name)).then_some(told.at)
    }

    /// Whether the member has heard all and has gone, which it may not know yet.
    pub(super) fn has_gone(&self, chronicle: &Chronicle, own_events: Option<&str>) -> bool {
        let next = self.next(chronicle, own_events);
        next.is_some_and(|told| told.is_going_of(&self.name))
    }

    /// What was told after what it has heard last.
    fn next<'c>(&self, chronicle: &'c Chronicle, own_events: Option<&'c str>) -> Option<&'c Told> {
        let told = &chronicle.rooms[self.room].told;
        // The last place is where it is, if that is possible.
        let (_, next) = rest(told, *self.places.last()?, own_events).next()?;
        Some(next)
    }

    /// Whether the member has heard all that was told before its own going.
    pub(super) fn has_heard_all_before_its_going(&self, chronicle: &Chronicle) -> bool {
        let told = &chronicle.rooms[self.room].told;
        let ends = |&place: &usize| {
            let next = rest(told, place, None).next();
            next.is_none_or(|(_, told)| told.is_going_of(&self.name))
        };
        self.places.iter().any(ends)
    }

    /// Whether these names may be the answer to who is in the room, which the member has got between
    /// what it has heard last and what it will hear next: whoever was there all the time is among
    /// them, and nobody more often than it was there or came. The hub writes the answer as the member
    /// reads it, so somebody who has gone and come again meanwhile may be there twice.
    pub(super) fn may_be_present(&self, chronicle: &Chronicle, names: &[String]) -> bool {
        let told = &chronicle.rooms[self.room].told;
        let is_possible = |&place: &usize| {
            let mut later = told.iter().skip(place - 1);
            let Some(first) = later.next() else {
                return false;
            };
            let (mut always, mut came) = (first.present.to_vec(), first.present.to_vec());
            for told in later {
                always.retain(|name| told.present.contains(name));
                came.extend(told.change.as_ref().and_then(Change::newcomer).cloned());
            }
            let take = |name| {
                let at = came.iter().position(|one| one == name);
                at.map(|at| came.swap_remove(at)).is_some()
            };
            always.iter().all(|name| names.contains(name)) && names.iter().all(take)
        };
        self.places.iter().any(is_possible)
    }
}

/// What a member still hears from a place on.
fn rest<'t>(
    told: &'t [Told],
    place: usize,
    own_events: Option<&'t str>,
) -> impl Iterator<Item = (usize, &'t Told)> {
    let told = told.iter().enumerate().skip(place);
    told.filter(move |(_, told)| told.for_member(own_events).is_some())
}
