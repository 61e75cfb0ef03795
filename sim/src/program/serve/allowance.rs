//! How much everybody may say: what the hub's limits promise, counted by those who hear it.

use std::collections::HashMap;

use tickwire::Tick;

use super::Broken;
use super::chronicle::Change;
use super::member::Speech;
use super::servers::LIMITS;

/// What the names and messages of one who floods begin with; a number follows, for each connection
/// another, and what is no digit.
pub(super) const FLOOD: &str = "flood";
/// The same for a client of Socket.IO.
pub(super) const FLOOD_SOCKETIO: &str = "deluge";
/// A client of Socket.IO is up to four members, and may join and leave as often as one of them may
/// speak.
const SOCKETIO_SHARE: u64 = 5;

const MILLIS_PER_SECOND: u64 = 1_000;

/// What each of them has still left.
#[derive(Debug, Default)]
pub(super) struct Allowances(HashMap<String, Allowance>);

/// In thousandths of a message.
#[derive(Debug)]
struct Allowance {
    left: u64,
    at: Tick,
}

impl Allowances {
    /// Counts what was told, if its text or its name shows who floods.
    ///
    /// # Errors
    /// It is more than the limit.
    pub(super) fn charge_flood(
        &mut self,
        text: &str,
        change: &Option<Change>,
        now: Tick,
    ) -> Result<(), Broken> {
        let text = match change {
            Some(Change::Joined(name) | Change::Renamed(_, name)) => name,
            Some(Change::Left(_)) => return Ok(()),
            None => text,
        };
        let share = if text.starts_with(FLOOD) {
            1
        } else if text.starts_with(FLOOD_SOCKETIO) {
            SOCKETIO_SHARE
        } else {
            return Ok(());
        };
        let digits = text.trim_start_matches(|c: char| c.is_ascii_lowercase());
        let end = digits.find(|c: char| !c.is_ascii_digit());
        let key = &text[..text.len() - digits.len() + end.unwrap_or(digits.len())];
        self.charge(key, share, now)
    }

    /// Counts a message of our own member on the connection with this tag.
    ///
    /// # Errors
    /// It is more than the limit.
    pub(super) fn charge_ours(
        &mut self,
        tag: &str,
        speech: Speech,
        now: Tick,
    ) -> Result<(), Broken> {
        let share = match speech {
            Speech::Lines | Speech::Text => 1,
            Speech::SocketIo => SOCKETIO_SHARE,
        };
        self.charge(tag, share, now)
    }

    fn charge(&mut self, key: &str, share: u64, now: Tick) -> Result<(), Broken> {
        let per_second = share * u64::from(LIMITS.messages_per_second);
        // It comes for nothing.
        let most = (per_second + 1) * MILLIS_PER_SECOND;
        let allowance = self.0.entry(key.to_owned());
        let allowance = allowance.or_insert(Allowance {
            left: most,
            at: now,
        });
        let more = now.since(allowance.at).as_millis() * per_second;
        allowance.left = (allowance.left + more).min(most);
        allowance.at = now;
        match allowance.left.checked_sub(MILLIS_PER_SECOND) {
            Some(left) => allowance.left = left,
            None => return Err(Broken::at_hub(18, "somebody said more than the limit")),
        }
        Ok(())
    }
}
