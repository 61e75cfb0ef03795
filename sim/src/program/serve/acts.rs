//! What a member does next.

use tickwire::hub::socketio::escape;
use tickwire::{Duration, Tick};
use tickwire_sim::Generator;

use super::ROOMS;
use super::chronicle::Chronicle;
use super::member::{End, Speech, Wish};
use super::packets::front;
use super::place::{Awaited, Place};

/// Within which a member must be in its room, or it gives the connection up.
const JOIN_MAX: Duration = Duration::from_secs(40);
/// Names that several want.
pub(super) const NAMES: [&str; 4] = ["ann", "Bob", "cyd", "eve"];
/// What a message is filled with, and how that is heard.
const FILLINGS: [(&str, &str); 5] = [
    (".", "."),
    ("\u{e9}", "\u{e9}"),
    ("\"\\ \t", "\"\\ \t"),
    ("\u{1b}[2J", "\u{241b}[2J"),
    ("\u{202e}", "\u{fffd}"),
];
const FILLED_BYTES_MAX: u64 = 480;
/// What a message with a filling of several characters has at most of it, so that it is short enough
/// even when each of them is escaped.
const FILLINGS_MAX: u64 = 30;
/// More than the hub lets through at once.
const BURST: u64 = 30;

impl Place {
    /// Does something at random, or nothing.
    pub(super) fn act(&mut self, random: &mut Generator, chronicle: &mut Chronicle, now: Tick) {
        if self.give_up(now) {
            return;
        }
        match random.below(60) {
            0 => self.member_mut().is_frozen = true,
            1..=4 => self.member_mut().is_frozen = false,
            5 if random.chance(300_000) => {
                let ends = [End::Flushed, End::Cut, End::Reset, End::Quit];
                let end = ends[random.below(4) as usize];
                self.member_mut().end(end, now);
            }
            6..=22 => self.say(random, chronicle),
            23 if random.chance(300_000) => {
                for _ in 0..BURST {
                    self.say(random, chronicle);
                }
            }
            24..=27 if self.speech == Speech::Lines => self.wish(random, now),
            24..=27 if self.speech == Speech::SocketIo => self.visit(random, now),
            _ => {}
        }
    }

    /// Ends a connection on which nothing comes of its coming; whether it does.
    pub(super) fn give_up(&mut self, now: Tick) -> bool {
        let is_late = !self.is_in() && now.since(self.since) > JOIN_MAX;
        if is_late {
            self.member_mut().end = Some(End::Reset);
        }
        is_late
    }

    /// Says something, if it is in a room.
    pub(super) fn say(&mut self, random: &mut Generator, chronicle: &mut Chronicle) {
        if self.member().end.is_some() {
            return;
        }
        let ears: Vec<_> = self.rooms().filter(|ear| ear.is_in()).collect();
        let Some(ear) = ears.get(random.below(ears.len().max(1) as u64) as usize) else {
            return;
        };
        let wishes = self.member().wishes.iter().rev();
        let wished = wishes.filter_map(|(wish, _)| match wish {
            Wish::Room(room) => Some(*room),
            _ => None,
        });
        let room = wished.clone().next().unwrap_or(ear.room);
        let (number, _) = chronicle.count(&self.tag);
        let begin = format!("our{}#{number};", self.tag);
        let (filling, heard_as) = FILLINGS[random.below(FILLINGS.len() as u64) as usize];
        let most = if filling.len() > 1 {
            FILLINGS_MAX
        } else {
            FILLED_BYTES_MAX
        };
        let count = random.log_uniform(1, most) as usize;
        let text = begin.clone() + &filling.repeat(count);
        let mut heard = begin + &heard_as.repeat(count);
        match self.speech {
            Speech::Lines => self.member_mut().send_line(&text),
            Speech::Text => self.member_mut().send_text(&text),
            Speech::SocketIo => {
                let is_event = random.chance(400_000);
                let mut escaped = String::new();
                escape(&text, &mut |piece| escaped.push_str(piece));
                let id = random.chance(500_000).then_some(number as u64);
                self.send_event(room, id, (is_event, &escaped));
                if is_event {
                    heard = escaped;
                }
                if let Some(id) = id {
                    self.awaited.push_back(Awaited {
                        space: room,
                        id,
                        number,
                        is_for_all: !is_event,
                    });
                }
            }
        }
        chronicle.will_say(&self.tag, self.speech, room, heard);
    }

    fn send_event(&mut self, space: usize, id: Option<u64>, (is_event, text): (bool, &str)) {
        let event = if is_event { "event" } else { "message" };
        let id = id.map_or(String::new(), |id| id.to_string());
        let packet = format!("{}{id}[\"{event}\",\"{text}\"]", front("42", space));
        self.member_mut().send_text(&packet);
    }

    /// Asks for something, at a terminal. Not while it is on its way to another room.
    fn wish(&mut self, random: &mut Generator, now: Tick) {
        let Some(ear) = self.ears.first().filter(|ear| ear.is_in()) else {
            return;
        };
        let is_asked = |is_it: fn(&Wish) -> bool| {
            let mut wishes = self.member().wishes.iter();
            wishes.any(|(wish, _)| is_it(wish))
        };
        let is_moving = is_asked(|wish| matches!(wish, Wish::Room(_)));
        let is_renaming = is_asked(|wish| matches!(wish, Wish::Name(_)));
        if self.member().end.is_some() || is_moving {
            return;
        }
        let wish = match random.below(4) {
            0 => Wish::Who,
            1 if !is_renaming => {
                let name = NAMES[random.below(NAMES.len() as u64) as usize];
                if name == ear.name {
                    return;
                }
                Wish::Name(name.to_owned())
            }
            // It would miss that it is called otherwise, if it has not read so far.
            2 if !is_renaming => {
                let other = 1 + random.below(ROOMS.len() as u64 - 1) as usize;
                Wish::Room((ear.room + other) % ROOMS.len())
            }
            _ => return,
        };
        self.member_mut().wish(wish, now);
    }

    /// Joins a namespace or leaves one, as a client of Socket.IO.
    fn visit(&mut self, random: &mut Generator, now: Tick) {
        let space = random.below(ROOMS.len() as u64) as usize;
        // What is on its way is waited for.
        let is_busy = self.rooms().any(|ear| !ear.has_news) || self.ears.is_empty();
        if self.member().end.is_some() || is_busy {
            return;
        }
        match self
            .ears
            .iter_mut()
            .find(|ear| ear.room == space && !ear.is_leaving)
        {
            None => self.join(space, now),
            Some(ear) if ear.is_in() => {
                ear.is_leaving = true;
                self.member_mut().send_text(&front("41", space));
            }
            Some(_) => {}
        }
    }

    /// Goes home, if a client of Socket.IO is not there.
    pub(super) fn go_home(&mut self, now: Tick) {
        let is_open = !self.ears.is_empty() && self.member().end.is_none();
        let is_home = self.rooms().any(|ear| ear.room == self.home);
        if self.speech == Speech::SocketIo && is_open && !is_home {
            self.join(self.home, now);
        }
    }
}
