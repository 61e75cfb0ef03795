//! The board itself as a member of the lobby.

use core::fmt::Write;

use board::host::Line;
use board::stack;
use images::exit::{self, Failure};
use tickwire::hub::{Entry, Hub, MemberId, Name, Wants};
use tickwire::{Duration, Tick};

/// Nobody else can have it while the board is there.
const NAME: &str = "board";
const INTERVAL: Duration = Duration::from_secs(1);

/// Says in the lobby once a second how the board is: as a message, which all get, and as the event
/// `state`, for programs.
pub(crate) struct Reporter<'h> {
    hub: &'h Hub<'static>,
    id: MemberId,
    started: Tick,
    due: Tick,
}

impl<'h> Reporter<'h> {
    /// Joins the lobby.
    pub(crate) fn join(hub: &'h Hub<'static>, now: Tick) -> Result<Self, Failure> {
        Ok(Self {
            hub,
            id: enter(hub)?,
            started: now,
            due: now + INTERVAL,
        })
    }

    /// When to report next.
    pub(crate) const fn due(&self) -> Tick {
        self.due
    }

    /// Takes notice of all that was said; whether it was `word` somewhere.
    pub(crate) fn hears(&mut self, word: Option<&str>) -> Result<bool, Failure> {
        let mut has_heard = false;
        loop {
            let is_it = self.hub.read(self.id, |entry| match entry {
                Entry::Message { text, .. } => Some(text) == word,
                _ => false,
            });
            match is_it {
                Ok(Some(is_it)) => {
                    has_heard |= is_it;
                    self.hub.advance(self.id);
                }
                Ok(None) => return Ok(has_heard),
                // More was said in one turn than the log holds.
                Err(_) => {
                    self.hub.leave(self.id);
                    self.id = enter(self.hub)?;
                }
            }
        }
    }

    /// Reports, if it is time; then the next turn must come at once.
    pub(crate) fn report(&mut self, now: Tick) -> bool {
        if now < self.due {
            return false;
        }
        let up_seconds = now.since(self.started).as_millis() / 1_000;
        // Seconds that the board was too busy for are left out.
        self.due = self.started + Duration::from_secs(up_seconds + 1);
        let mut members = 0_u16;
        self.hub.who(self.id, 0, |_| {
            members += 1;
            true
        });
        let stack = stack::usage().used_bytes;
        let (mut text, mut json) = (Line::new(), Line::new());
        // A line takes all that is written, or as much as it has room for.
        let _ = write!(
            text,
            "up {up_seconds} s, {members} members, {stack} bytes of stack"
        );
        let _ = write!(
            json,
            "[\"state\",{{\"up\":{up_seconds},\"members\":{members},\"stack\":{stack}}}]"
        );
        // Both are short, and the board may speak more often than once a second.
        let _ = self.hub.post(now, self.id, text.bytes());
        if let Ok(json) = str::from_utf8(json.bytes()) {
            let _ = self.hub.emit(&Name::lobby(), json);
        }
        true
    }
}

fn enter(hub: &Hub<'static>) -> Result<MemberId, Failure> {
    let name = Name::parse(NAME);
    hub.join(&Name::lobby(), name.as_ref(), Wants::Messages)
        .map_err(|_| Failure::new(exit::FAILED, "the hub has no place for the board"))
}
