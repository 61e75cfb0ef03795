//! The members of a hub, and their names.

use managed::ManagedSlice;

use super::slot::{Member, MemberSlot};
use super::{MemberId, Name};

/// The sender of what comes from the device itself. There are fewer members than that.
pub(super) const NOBODY: u16 = u16::MAX;

#[derive(Debug)]
pub(super) struct Members<'a> {
    slots: ManagedSlice<'a, MemberSlot>,
    /// The number of the last name that was made up.
    guest: u32,
}

impl<'a> Members<'a> {
    pub(super) fn new(slots: ManagedSlice<'a, MemberSlot>) -> Self {
        let is_enough = (1..usize::from(NOBODY)).contains(&slots.len());
        assert!(is_enough, "a hub has 1 to 65,534 members");
        Self { slots, guest: 0 }
    }

    /// Takes a place; `None` when there is none.
    pub(super) fn add(&mut self, member: Member) -> Option<MemberId> {
        let is_free = |slot: &MemberSlot| slot.member.is_none();
        let mut places = (0..).zip(self.slots.iter_mut());
        let (slot, place) = places.find(|(_, place)| is_free(place))?;
        place.generation = place.generation.wrapping_add(1);
        place.member = Some(member);
        let generation = place.generation;
        Some(MemberId { slot, generation })
    }

    pub(super) fn remove(&mut self, id: MemberId) {
        if let Some(slot) = self.slot_mut(id) {
            slot.member = None;
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.slots.iter().all(|slot| slot.member.is_some())
    }

    fn is_taken(&self, name: &Name) -> bool {
        self.iter().any(|(_, member)| member.name == *name)
    }

    pub(super) fn free_name(&mut self, wanted: Option<&Name>) -> Name {
        match wanted {
            Some(name) if !self.is_taken(name) => name.clone(),
            Some(name) => self.numbered(name, 2),
            None => {
                self.guest = self.guest.wrapping_add(1);
                self.numbered(&Name::guest(), self.guest)
            }
        }
    }

    fn numbered(&self, base: &Name, first: u32) -> Name {
        let numbers = (0..=u32::from(NOBODY)).map(|number| first.wrapping_add(number));
        let mut names = numbers.map(|number| base.numbered(number));
        let free = names.find(|name| !self.is_taken(name));
        free.expect("there are fewer members than numbers")
    }

    pub(super) fn of_room(&self, room: usize) -> impl Iterator<Item = (u16, &Member)> {
        let members = self.iter();
        members.filter(move |(_, member)| member.room == room)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u16, &Member)> {
        let slots = (0..).zip(self.slots.iter());
        slots.filter_map(|(slot, place)| Some((slot, place.member.as_ref()?)))
    }

    fn slot_mut(&mut self, id: MemberId) -> Option<&mut MemberSlot> {
        let slot = self.slots.get_mut(usize::from(id.slot))?;
        (slot.generation == id.generation).then_some(slot)
    }

    pub(super) fn get(&self, id: MemberId) -> Option<&Member> {
        let slot = self.slots.get(usize::from(id.slot))?;
        let member = slot.member.as_ref();
        member.filter(|_| slot.generation == id.generation)
    }

    pub(super) fn get_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        self.slot_mut(id)?.member.as_mut()
    }
}
