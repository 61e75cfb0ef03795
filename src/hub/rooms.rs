//! Rooms and their members, for several servers at once.

use core::cell::{Ref, RefCell, RefMut};

use managed::ManagedSlice;

#[cfg(feature = "socketio")]
use super::rate::Rate;
use super::state::State;
use super::{
    Entry, JoinError, Lapped, Limits, MemberSlot, MoveError, Name, PostError, RenameError, RoomSlot,
};
use crate::Tick;

/// A member of a hub, until it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MemberId {
    pub(super) slot: u16,
    /// So that a member who is gone is not taken for the next.
    pub(super) generation: u32,
}

/// What a member gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Wants {
    /// What is said, and who comes and goes.
    Messages,
    /// That, and named events.
    Events,
}

/// Rooms and their members. Sessions of several servers share one by reference.
///
/// The caller lends all memory. Each room has an equal part of `logs`, of which one message can take
/// half: that is how far a member may stay behind before it is [lapped](Lapped).
///
/// What `&self` functions get as a closure must not call the hub again.
#[derive(Debug)]
pub struct Hub<'a> {
    state: RefCell<State<'a>>,
}

#[cfg(feature = "defmt")]
impl defmt::Format for Hub<'_> {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(f, "Hub {{ limits: {} }}", self.limits());
    }
}

impl<'a> Hub<'a> {
    /// A hub without rooms.
    ///
    /// # Panics
    /// When there is no memory for a member or for a room, for more than 65,534 members, or less than
    /// 140 bytes of log for each room.
    pub fn new(
        members: impl Into<ManagedSlice<'a, MemberSlot>>,
        rooms: impl Into<ManagedSlice<'a, RoomSlot>>,
        logs: impl Into<ManagedSlice<'a, u8>>,
        limits: Limits,
    ) -> Self {
        let state = State::new(members.into(), rooms.into(), logs.into(), limits);
        Self {
            state: RefCell::new(state),
        }
    }

    /// Nobody holds it for longer than one call.
    fn state(&self) -> Ref<'_, State<'a>> {
        self.state.borrow()
    }

    /// As [`state`](Hub::state).
    fn state_mut(&self) -> RefMut<'_, State<'a>> {
        self.state.borrow_mut()
    }

    /// What a member may do. Messages are shorter than was asked for where the logs are too short.
    pub fn limits(&self) -> Limits {
        self.state().limits()
    }

    /// Makes somebody a member of a room, which is opened if there is none of this name. Who asks for
    /// no name gets one, and who asks for a name that is taken gets it with a number.
    ///
    /// # Errors
    /// When there is no memory for one more.
    pub fn join(
        &self,
        room: &Name,
        name: Option<&Name>,
        wants: Wants,
    ) -> Result<MemberId, JoinError> {
        self.state_mut().join(room, name, wants)
    }

    /// Lets nobody in any more and sends everybody away: for a device that will restart. The servers of
    /// the members must go on turning; each member gets what was said before, is told that the server
    /// is going away (by WebSocket with 1001), and leaves without a word to the others, within 5 s even
    /// if it reads nothing. What is said after this call reaches nobody. Between two turns, the next one
    /// must come at once.
    pub fn close(&self) {
        self.state_mut().close();
    }

    /// Whether [`close`](Hub::close) was called.
    pub fn is_closed(&self) -> bool {
        self.state().is_closed()
    }

    /// The member is gone, and the room is told. A room that nobody is in any more is closed.
    pub fn leave(&self, id: MemberId) {
        self.state_mut().leave(id);
    }

    /// Gives a member another name, and tells the room. It counts as a message.
    ///
    /// # Errors
    /// When somebody else has the name, or the member may not act yet.
    pub fn rename(&self, now: Tick, id: MemberId, name: &Name) -> Result<(), RenameError> {
        self.state_mut().rename(now, id, name)
    }

    /// Lets a member go to another room under the same name. Both rooms are told, and what the member
    /// has not read in the old one it misses. It counts as a message.
    ///
    /// # Errors
    /// When there is no memory for one more room, or the member may not act yet.
    pub fn move_to(&self, now: Tick, id: MemberId, room: &Name) -> Result<(), MoveError> {
        self.state_mut().move_to(now, id, room)
    }

    /// Says something to the member's room, the speaker included, and returns how many others are
    /// there. Control characters become visible, and so does what is no UTF-8.
    ///
    /// # Errors
    /// When it is too long, or the member may not speak yet. Nothing was said then.
    pub fn post(&self, now: Tick, id: MemberId, text: &[u8]) -> Result<usize, PostError> {
        self.state_mut().post(now, id, text)
    }

    /// The same, for text that comes by the character.
    ///
    /// # Errors
    /// As [`post`](Hub::post).
    pub fn post_chars(
        &self,
        now: Tick,
        id: MemberId,
        chars: impl Iterator<Item = char> + Clone,
    ) -> Result<usize, PostError> {
        self.state_mut().post_chars(now, id, chars)
    }

    /// Sends a named event, a JSON array, to those others of the room who want events, and returns
    /// how many there are. The array is not looked at.
    ///
    /// # Errors
    /// As [`post`](Hub::post).
    pub fn post_event(&self, now: Tick, id: MemberId, json: &str) -> Result<usize, PostError> {
        self.state_mut().post_event(now, id, json)
    }

    /// Sends an event of the device itself to a room, as [`post_event`](Hub::post_event) does. Between
    /// two turns, the next one must come at once.
    ///
    /// # Errors
    /// [`PostError::TooLong`].
    pub fn emit(&self, room: &Name, json: &str) -> Result<usize, PostError> {
        self.state_mut().emit(room, json)
    }

    /// Shows the member what it gets next, if there is something. It stays the next until
    /// [`advance`](Hub::advance).
    ///
    /// # Errors
    /// [`Lapped`], once the member has left, too.
    pub fn read<R>(
        &self,
        id: MemberId,
        read: impl FnOnce(Entry) -> R,
    ) -> Result<Option<R>, Lapped> {
        self.state_mut().skip_unwanted(id);
        Ok(self.state().entry(id)?.map(read))
    }

    /// The member has got what [`read`](Hub::read) showed last.
    pub fn advance(&self, id: MemberId) {
        self.state_mut().advance(id);
    }

    /// Shows the names of those who are in the member's room, its own included, from the place `from`
    /// on (0 is the first). When `take` is false for one, returns the place of that one, to go on
    /// there.
    pub fn who(&self, id: MemberId, from: u16, take: impl FnMut(&str) -> bool) -> Option<u16> {
        self.state().who(id, from, take)
    }

    /// The member's name; `None` once it has left.
    pub fn name(&self, id: MemberId) -> Option<Name> {
        self.state().name_of(id).cloned()
    }

    /// The member's room; `None` once it has left.
    pub fn room(&self, id: MemberId) -> Option<Name> {
        self.state().room_of(id).cloned()
    }

    /// How much the member has said lately.
    #[cfg(feature = "socketio")]
    pub(super) fn rate(&self, id: MemberId) -> Rate {
        self.state().rate(id)
    }

    /// Lets the member go on where another of the same client has stopped.
    #[cfg(feature = "socketio")]
    pub(super) fn set_rate(&self, id: MemberId, rate: Rate) {
        self.state_mut().set_rate(id, rate);
    }

    /// Whether there is something new in some room since this was asked last: then other servers of
    /// the loop want a step.
    pub fn take_news(&self) -> bool {
        self.state_mut().take_news()
    }
}
