//! The members and rooms of a hub.

use managed::ManagedSlice;

use super::entry::Entry;
use super::log::{Found, Kind, Log, RawEntry};
use super::members::{Members, NOBODY};
use super::rate::Rate;
use super::slot::{Member, MemberSlot, RoomSlot};
use super::text::{visible_char, visible_chars};
use super::{
    JoinError, Lapped, Limits, MemberId, MoveError, NAME_BYTES_MAX, Name, PostError, RenameError,
    Wants,
};
use crate::Tick;

#[derive(Debug)]
pub(super) struct State<'a> {
    members: Members<'a>,
    rooms: ManagedSlice<'a, RoomSlot>,
    /// The logs of all rooms, one after the other.
    logs: ManagedSlice<'a, u8>,
    limits: Limits,
    /// Something was appended since [`take_news`](State::take_news).
    has_news: bool,
    is_closed: bool,
}

impl<'a> State<'a> {
    pub(super) fn new(
        members: ManagedSlice<'a, MemberSlot>,
        rooms: ManagedSlice<'a, RoomSlot>,
        logs: ManagedSlice<'a, u8>,
        mut limits: Limits,
    ) -> Self {
        assert!(!rooms.is_empty(), "a hub has a room");
        let text_bytes_max = Log::text_bytes_max(logs.len() / rooms.len());
        assert!(
            text_bytes_max >= NAME_BYTES_MAX,
            "a log has memory for two names"
        );
        limits.message_bytes_max = limits.message_bytes_max.min(text_bytes_max);
        Self {
            members: Members::new(members),
            rooms,
            logs,
            limits,
            has_news: false,
            is_closed: false,
        }
    }

    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) const fn take_news(&mut self) -> bool {
        core::mem::replace(&mut self.has_news, false)
    }

    pub(super) const fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub(super) fn join(
        &mut self,
        room: &Name,
        name: Option<&Name>,
        wants: Wants,
    ) -> Result<MemberId, JoinError> {
        if self.is_closed {
            return Err(JoinError::Closed);
        }
        if self.members.is_full() {
            return Err(JoinError::MembersFull);
        }
        let room = self.find_or_open(room).ok_or(JoinError::RoomsFull)?;
        let member = Member {
            name: self.members.free_name(name),
            room,
            position: 0,
            wants,
            rate: Rate::NEW,
        };
        let id = self.members.add(member).ok_or(JoinError::MembersFull)?;
        self.enter(id, room);
        Ok(id)
    }

    pub(super) fn leave(&mut self, id: MemberId) {
        self.exit(id);
        self.members.remove(id);
    }

    pub(super) fn rename(
        &mut self,
        now: Tick,
        id: MemberId,
        new: &Name,
    ) -> Result<(), RenameError> {
        let has_it = |(_, member): &(u16, &Member)| member.name == *new;
        if self
            .members
            .iter()
            .find(has_it)
            .is_some_and(|(slot, _)| slot != id.slot)
        {
            return Err(RenameError::Taken);
        }
        self.charge(now, id).map_err(RenameError::Early)?;
        if let Some(member) = self.members.get_mut(id) {
            let old = core::mem::replace(&mut member.name, new.clone());
            let (room, text) = (member.room, new.as_str());
            self.append(
                room,
                (Kind::Renamed, id.slot),
                &old,
                text.len(),
                text.chars(),
            );
        }
        Ok(())
    }

    pub(super) fn move_to(
        &mut self,
        now: Tick,
        id: MemberId,
        room: &Name,
    ) -> Result<(), MoveError> {
        let Some(old) = self.members.get(id).map(|member| member.room) else {
            return Ok(());
        };
        let found = self.find(room);
        if found == Some(old) {
            return Ok(());
        }
        // Who is alone may take the place of its old room along.
        let is_alone = self.rooms.get(old).is_some_and(|old| old.members == 1);
        if found.or_else(|| self.vacant()).is_none() && !is_alone {
            return Err(MoveError::RoomsFull);
        }
        self.charge(now, id).map_err(MoveError::Early)?;
        self.exit(id);
        if let Some(room) = self.find_or_open(room) {
            self.enter(id, room);
        }
        Ok(())
    }

    pub(super) fn post(
        &mut self,
        now: Tick,
        id: MemberId,
        text: &[u8],
    ) -> Result<usize, PostError> {
        self.say(now, (Kind::Message, id), visible_chars(text))
    }

    pub(super) fn post_chars(
        &mut self,
        now: Tick,
        id: MemberId,
        chars: impl Iterator<Item = char> + Clone,
    ) -> Result<usize, PostError> {
        self.say(now, (Kind::Message, id), chars.map(visible_char))
    }

    pub(super) fn post_event(
        &mut self,
        now: Tick,
        id: MemberId,
        json: &str,
    ) -> Result<usize, PostError> {
        self.say(now, (Kind::Event, id), json.chars())
    }

    /// Appends what a member says, and returns how many others get it.
    fn say(
        &mut self,
        now: Tick,
        (kind, id): (Kind, MemberId),
        chars: impl Iterator<Item = char> + Clone,
    ) -> Result<usize, PostError> {
        let bytes = chars.clone().map(char::len_utf8).sum();
        if bytes > self.limits.message_bytes_max {
            return Err(PostError::TooLong);
        }
        self.charge(now, id).map_err(PostError::Early)?;
        let Some(member) = self.members.get(id) else {
            return Ok(0);
        };
        let (room, name) = (member.room, member.name.clone());
        self.append(room, (kind, id.slot), &name, bytes, chars);
        let others = self
            .members
            .of_room(room)
            .filter(|(slot, _)| *slot != id.slot);
        Ok(others.filter(|(_, member)| member.wants(kind)).count())
    }

    /// Appends an event of the device itself to a room, if there is one with this name.
    pub(super) fn emit(&mut self, room: &Name, json: &str) -> Result<usize, PostError> {
        if json.len() > self.limits.message_bytes_max {
            return Err(PostError::TooLong);
        }
        let Some(room) = self.find(room) else {
            return Ok(0);
        };
        self.append(
            room,
            (Kind::Event, NOBODY),
            &Name::EMPTY,
            json.len(),
            json.chars(),
        );
        let wants = |(_, member): &(u16, &Member)| member.wants(Kind::Event);
        Ok(self.members.of_room(room).filter(wants).count())
    }

    /// Passes over what the member does not want.
    pub(super) fn skip_unwanted(&mut self, id: MemberId) {
        while let Ok(Some(entry)) = self.raw(id)
            && !self.is_wanted(id, &entry)
        {
            let next = entry.next;
            self.set_position(id, next);
        }
    }

    /// What the member gets next, where nothing unwanted stands before it.
    pub(super) fn entry(&self, id: MemberId) -> Result<Option<Entry<'_>>, Lapped> {
        Ok(self.raw(id)?.as_ref().map(Entry::from_raw))
    }

    /// The member has got what [`entry`](State::entry) found.
    pub(super) fn advance(&mut self, id: MemberId) {
        if let Ok(Some(entry)) = self.raw(id) {
            let next = entry.next;
            self.set_position(id, next);
        }
    }

    /// The names of those who are in the member's room, from a slot on; where to go on, if `take`
    /// wants no more.
    pub(super) fn who(
        &self,
        id: MemberId,
        from: u16,
        mut take: impl FnMut(&str) -> bool,
    ) -> Option<u16> {
        let room = self.members.get(id)?.room;
        let mut others = self
            .members
            .of_room(room)
            .skip_while(|(slot, _)| *slot < from);
        others.find_map(|(slot, member)| (!take(member.name.as_str())).then_some(slot))
    }

    pub(super) fn room_of(&self, id: MemberId) -> Option<&Name> {
        let room = self.rooms.get(self.members.get(id)?.room)?;
        Some(&room.name)
    }

    pub(super) fn name_of(&self, id: MemberId) -> Option<&Name> {
        Some(&self.members.get(id)?.name)
    }

    #[cfg(feature = "socketio")]
    pub(super) fn rate(&self, id: MemberId) -> Rate {
        self.members.get(id).map_or(Rate::NEW, |member| member.rate)
    }

    #[cfg(feature = "socketio")]
    pub(super) fn set_rate(&mut self, id: MemberId, rate: Rate) {
        if let Some(member) = self.members.get_mut(id) {
            member.rate = rate;
        }
    }

    fn raw(&self, id: MemberId) -> Result<Option<RawEntry<'_>>, Lapped> {
        let member = self.members.get(id).ok_or(Lapped)?;
        let room = self.rooms.get(member.room).ok_or(Lapped)?;
        match room.log.read(self.memory(member.room), member.position) {
            Found::Entry(entry) => Ok(Some(entry)),
            Found::Nothing => Ok(None),
            Found::Lapped => Err(Lapped),
        }
    }

    /// Nobody gets an event that came from there.
    fn is_wanted(&self, id: MemberId, entry: &RawEntry) -> bool {
        let is_own = entry.kind == Kind::Event && entry.sender == id.slot;
        !is_own
            && self
                .members
                .get(id)
                .is_some_and(|member| member.wants(entry.kind))
    }

    fn set_position(&mut self, id: MemberId, position: u64) {
        if let Some(member) = self.members.get_mut(id) {
            member.position = position;
        }
    }

    /// Counts one act of a member.
    ///
    /// # Errors
    /// When it may act again.
    fn charge(&mut self, now: Tick, id: MemberId) -> Result<(), Tick> {
        let per_second = self.limits.messages_per_second;
        let Some(member) = self.members.get_mut(id) else {
            return Ok(());
        };
        member.rate.charge(now, per_second)
    }

    /// The newcomer gets its own coming first.
    fn enter(&mut self, id: MemberId, room: usize) {
        let Some(place) = self.rooms.get_mut(room) else {
            return;
        };
        place.members += 1;
        let position = place.log.end();
        let Some(member) = self.members.get_mut(id) else {
            return;
        };
        (member.room, member.position) = (room, position);
        let name = member.name.clone();
        self.append(room, (Kind::Joined, id.slot), &name, 0, "".chars());
    }

    fn exit(&mut self, id: MemberId) {
        let Some(member) = self.members.get(id) else {
            return;
        };
        let (room, name) = (member.room, member.name.clone());
        self.append(room, (Kind::Left, id.slot), &name, 0, "".chars());
        if let Some(room) = self.rooms.get_mut(room) {
            room.members -= 1;
        }
    }

    /// Once the hub is closed nothing more is appended: members only get what was said before.
    fn append(
        &mut self,
        room: usize,
        from: (Kind, u16),
        name: &Name,
        bytes: usize,
        chars: impl Iterator<Item = char>,
    ) {
        let len = self.log_bytes();
        let memory = self.logs.get_mut(room * len..).unwrap_or_default();
        if !self.is_closed
            && let (Some(memory), Some(room)) = (memory.get_mut(..len), self.rooms.get_mut(room))
        {
            room.log.append(memory, from, name.as_str(), bytes, chars);
            self.has_news = true;
        }
    }

    fn log_bytes(&self) -> usize {
        // There is a room.
        self.logs.len().checked_div(self.rooms.len()).unwrap_or(0)
    }

    fn memory(&self, room: usize) -> &[u8] {
        let len = self.log_bytes();
        let memory = self.logs.get(room * len..).unwrap_or_default();
        memory.get(..len).unwrap_or_default()
    }

    fn find(&self, name: &Name) -> Option<usize> {
        let is_it = |room: &RoomSlot| room.members > 0 && room.name == *name;
        self.rooms.iter().position(is_it)
    }

    /// A place for one more room.
    fn vacant(&self) -> Option<usize> {
        self.rooms.iter().position(|room| room.members == 0)
    }

    fn find_or_open(&mut self, name: &Name) -> Option<usize> {
        if let Some(room) = self.find(name) {
            return Some(room);
        }
        let room = self.vacant()?;
        let place = self.rooms.get_mut(room)?;
        place.name = name.clone();
        place.log = Log::EMPTY;
        Some(room)
    }
}
