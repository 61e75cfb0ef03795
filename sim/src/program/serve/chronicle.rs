//! What happened in the rooms, in the order in which all their members must learn it.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use tickwire::Tick;
use tickwire::hub::socketio::escape;
use tickwire::hub::{Entry, Hub, MemberId, Name, Wants};

use super::allowance::Allowances;
use super::member::Speech;
use super::{Broken, ROOMS};

/// Who comes, goes, or has another name from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Joined(String),
    Left(String),
    Renamed(String, String),
}

impl Change {
    /// Whose name is in the room from now on.
    pub(super) const fn newcomer(&self) -> Option<&String> {
        match self {
            Self::Joined(name) | Self::Renamed(_, name) => Some(name),
            Self::Left(_) => None,
        }
    }
}

/// One entry, as its members get it.
pub(super) struct Told {
    /// What members who talk in lines get; `None` for an event.
    line: Option<String>,
    /// What members of Socket.IO get in the namespace of the room, without the packet's front.
    packet: String,
    pub(super) change: Option<Change>,
    pub(super) at: Tick,
    /// Who is in the room from now on.
    pub(super) present: Rc<[String]>,
}

/// One room, as a member of the hub itself sees it.
pub(super) struct Room {
    observer: MemberId,
    pub(super) told: Vec<Told>,
}

/// What one of our members said, or will have said.
struct Saying {
    room: usize,
    /// As it must be heard.
    text: String,
    speech: Speech,
    /// Its place in the room, once it was heard there.
    place: Option<usize>,
}

/// All that happened since the world began. Whoever has it must [look](Chronicle::look) after each
/// turn.
pub(super) struct Chronicle {
    pub(super) rooms: [Room; ROOMS.len()],
    /// What is said on each connection, by its tag.
    sayings: HashMap<String, Vec<Saying>>,
    /// How much of that was heard.
    heard: HashMap<String, usize>,
    /// The connections on which something was cut. Nothing may be heard of them after that.
    cut: HashSet<String>,
    allowances: Allowances,
}

impl Chronicle {
    /// Watches all rooms.
    pub(super) fn watch(hub: &Hub<'_>) -> Self {
        let rooms = ROOMS.map(|room| {
            let room = Name::parse(room).expect("it is a name");
            let member = hub.join(&room, None, Wants::Events);
            Room {
                observer: member.expect("nobody else is there yet"),
                told: Vec::new(),
            }
        });
        Self {
            rooms,
            sayings: HashMap::new(),
            heard: HashMap::new(),
            cut: HashSet::new(),
            allowances: Allowances::default(),
        }
    }

    /// One of our members says something on the connection with this tag.
    pub(super) fn will_say(&mut self, tag: &str, speech: Speech, room: usize, text: String) {
        let sayings = self.sayings.entry(tag.to_owned()).or_default();
        sayings.push(Saying {
            room,
            text,
            speech,
            place: None,
        });
    }

    /// Whether something was cut that was said on the connection with this tag, so it has ended.
    pub(super) fn is_cut(&self, tag: &str) -> bool {
        self.cut.contains(tag)
    }

    /// How much was said on the connection with this tag, and how much of it was heard.
    pub(super) fn count(&self, tag: &str) -> (usize, usize) {
        let heard = self.heard.get(tag).copied().unwrap_or_default();
        (self.sayings.get(tag).map_or(0, Vec::len), heard)
    }

    /// The number of others who were in the room when the hub heard this one.
    pub(super) fn others(&self, tag: &str, number: usize) -> Option<usize> {
        let saying = self.sayings.get(tag)?.get(number)?;
        let told = &self.rooms[saying.room].told[saying.place?];
        Some(told.present.len() - 1)
    }

    /// Whether somebody had this name at some time from `since` on.
    pub(super) fn was_present(&self, name: &str, since: Tick) -> bool {
        let has_it = |told: &Told| {
            told.present
                .iter()
                .any(|one| one.eq_ignore_ascii_case(name))
        };
        self.rooms.iter().any(|room| {
            let later = room.told.iter().rev().take_while(|told| told.at >= since);
            let before = room.told.iter().rev().find(|told| told.at < since);
            later.chain(before).any(has_it)
        })
    }

    /// Writes down what has happened.
    ///
    /// # Errors
    /// A rule of rooms was broken.
    pub(super) fn look(&mut self, now: Tick, hub: &Hub<'_>) -> Result<(), Broken> {
        let (mut said, mut has_changed) = (Vec::new(), false);
        for index in 0..ROOMS.len() {
            let from = self.rooms[index].told.len();
            self.rooms[index].look(now, hub)?;
            for at in from..self.rooms[index].told.len() {
                let told = &self.rooms[index].told[at];
                has_changed |= told.change.is_some();
                self.allowances
                    .charge_flood(told.text(), &told.change, now)?;
                let Some((tag, number, text)) = said_by_ours(told.text()) else {
                    continue;
                };
                let sayings = self.sayings.get_mut(&tag);
                let saying = sayings.and_then(|sayings| sayings.get_mut(number));
                let Some(saying) = saying else {
                    return Err(Broken::at_hub(17, "a message was heard that nobody said"));
                };
                self.allowances.charge_ours(&tag, saying.speech, now)?;
                saying.compare(text, &tag, &mut self.cut)?;
                if saying.room != index {
                    return Err(Broken::at_hub(17, "a message was heard in another room"));
                }
                saying.place = Some(at);
                said.push((tag, number));
            }
        }
        self.count_said(said)?;
        if has_changed {
            self.check_names()
        } else {
            Ok(())
        }
    }

    /// In one turn a member may have spoken in several rooms, which are looked at one after the other.
    fn count_said(&mut self, mut said: Vec<(String, usize)>) -> Result<(), Broken> {
        said.sort_unstable();
        for (tag, number) in said {
            let next = self.heard.entry(tag).or_default();
            if *next != number {
                return Err(Broken::at_hub(
                    17,
                    "a message came twice, or one before it is lost",
                ));
            }
            *next += 1;
        }
        Ok(())
    }

    /// A name belongs to one member at a time.
    fn check_names(&self) -> Result<(), Broken> {
        let rooms = self.rooms.iter().filter_map(|room| room.told.last());
        let names = rooms.flat_map(|told| told.present.iter());
        let mut names: Vec<String> = names.map(|name| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        if names.windows(2).any(|two| two[0] == two[1]) {
            return Err(Broken::at_hub(19, "two members have the same name"));
        }
        Ok(())
    }

    /// Whether only our observer is in each room.
    pub(super) fn is_empty(&self) -> bool {
        let mut last = self.rooms.iter().filter_map(|room| room.told.last());
        last.all(|told| told.present.len() == 1)
    }
}

impl Saying {
    /// Compares it with what was heard of it.
    fn compare(&self, heard: &str, tag: &str, cut: &mut HashSet<String>) -> Result<(), Broken> {
        let is_whole = heard == self.text;
        // A line ends where its connection does, which may be within a character; a message does not.
        let may_be_cut = self.speech == Speech::Lines;
        let front = heard
            .strip_suffix(char::REPLACEMENT_CHARACTER)
            .unwrap_or(heard);
        let is_right = is_whole || may_be_cut && self.text.starts_with(front);
        // What was cut were the last words.
        if !is_right || cut.contains(tag) {
            return Err(Broken::at_hub(17, "a message was altered"));
        }
        if !is_whole {
            cut.insert(tag.to_owned());
        }
        Ok(())
    }
}

impl Room {
    fn look(&mut self, now: Tick, hub: &Hub<'_>) -> Result<(), Broken> {
        let before = self.told.len();
        loop {
            let present = self.told.last().map(|told| &told.present);
            let told = hub.read(self.observer, |entry| Told::new(&entry, now, present));
            let told = told.map_err(|_| {
                Broken::at_hub(18, "a member who had heard everything was overtaken")
            })?;
            let Some(told) = told else {
                break;
            };
            hub.advance(self.observer);
            self.told.push(told?);
        }
        match self.told.last() {
            Some(last) if self.told.len() > before => self.check_who(hub, &last.present),
            _ => Ok(()),
        }
    }

    /// Who is there is whoever came and has not gone.
    fn check_who(&self, hub: &Hub<'_>, present: &[String]) -> Result<(), Broken> {
        let mut names = Vec::new();
        hub.who(self.observer, 0, |name| {
            names.push(name.to_owned());
            true
        });
        names.sort_unstable();
        if names != present {
            return Err(Broken::at_hub(
                19,
                "the hub lists others than who came and went",
            ));
        }
        Ok(())
    }
}

impl Told {
    fn new(entry: &Entry<'_>, at: Tick, present: Option<&Rc<[String]>>) -> Result<Self, Broken> {
        let line = (!matches!(entry, Entry::Event { .. })).then(|| entry.line().concat());
        let is_command = |c: char| c.is_control() && c != '\t';
        if line.iter().any(|line| line.chars().any(is_command)) {
            return Err(Broken::at_hub(17, "a line has a control character"));
        }
        let change = match *entry {
            Entry::Joined { name } => Some(Change::Joined(name.to_owned())),
            Entry::Left { name } => Some(Change::Left(name.to_owned())),
            Entry::Renamed { name, new } => Some(Change::Renamed(name.to_owned(), new.to_owned())),
            _ => None,
        };
        let present = match (&change, present) {
            (None, Some(present)) => present.clone(),
            (change, present) => {
                let mut names = present.map_or(Vec::new(), |names| names.to_vec());
                change_names(&mut names, change.as_ref())?;
                names.into()
            }
        };
        Ok(Self {
            line,
            packet: packet(entry),
            change,
            at,
            present,
        })
    }

    /// What a member gets of it, if it does. A client of Socket.IO does not get its own events, which
    /// begin with this.
    pub(super) fn for_member(&self, own_events: Option<&str>) -> Option<&str> {
        match own_events {
            None => self.line.as_deref(),
            Some(own) => (!self.packet.starts_with(own)).then_some(&self.packet),
        }
    }

    /// Whether whoever had this name has gone.
    pub(super) fn is_going_of(&self, name: &str) -> bool {
        matches!(&self.change, Some(Change::Left(gone)) if gone == name)
    }

    /// What was said, if anything was.
    fn text(&self) -> &str {
        let Some(line) = &self.line else {
            let text = self.packet.strip_prefix("[\"event\",\"");
            return text
                .and_then(|text| text.strip_suffix("\"]"))
                .unwrap_or_default();
        };
        let is_said = self.change.is_none();
        let said = line.split_once(": ").filter(|_| is_said);
        said.map_or("", |(_, text)| text)
    }
}

fn change_names(names: &mut Vec<String>, change: Option<&Change>) -> Result<(), Broken> {
    let place = |names: &[String], name: &String| names.binary_search(name);
    let wrong = || Broken::at_hub(19, "somebody came twice, or went who was not there");
    if let Some(Change::Left(name) | Change::Renamed(name, _)) = change {
        let at = place(names, name).map_err(|_| wrong())?;
        names.remove(at);
    }
    if let Some(name) = change.and_then(Change::newcomer) {
        let Err(at) = place(names, name) else {
            return Err(wrong());
        };
        names.insert(at, name.clone());
    }
    Ok(())
}

fn packet(entry: &Entry<'_>) -> String {
    let escaped = |text: &str| {
        let mut escaped = String::new();
        escape(text, &mut |piece| escaped.push_str(piece));
        escaped
    };
    let event = |event: &str, name: &str| format!("[\"{event}\",{{\"name\":\"{name}\"}}]");
    match *entry {
        Entry::Event { json } => json.to_owned(),
        Entry::Message { name, text } => {
            let text = escaped(text);
            format!("[\"message\",{{\"name\":\"{name}\",\"text\":\"{text}\"}}]")
        }
        Entry::Joined { name } => event("joined", name),
        Entry::Left { name } => event("left", name),
        Entry::Renamed { name, new } => {
            format!("[\"renamed\",{{\"name\":\"{name}\",\"new\":\"{new}\"}}]")
        }
    }
}

/// Tag and number of what one of our members said, `our TAG # NUMBER ; FILLING` without the spaces,
/// and the whole of it.
fn said_by_ours(text: &str) -> Option<(String, usize, &str)> {
    let (tag, rest) = text.strip_prefix("our")?.split_once('#')?;
    let (digits, _) = rest.split_once(';')?;
    Some((tag.to_owned(), digits.parse().ok()?, text))
}
