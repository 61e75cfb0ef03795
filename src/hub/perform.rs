//! What a member over plain TCP is told when it wants something.

use super::command::Command;
use super::{Hub, MemberId, MoveError, PostError, RenameError};
use crate::Tick;

/// What the member alone gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Reply {
    Line(&'static str),
    /// The names from this place on, of which some were written already or none.
    Names {
        from: u16,
        is_first: bool,
    },
}

impl Reply {
    /// Whether the front of it was written.
    pub(super) const fn has_begun(self) -> bool {
        matches!(
            self,
            Self::Names {
                is_first: false,
                ..
            }
        )
    }
}

/// What became of a message.
pub(super) enum Taken {
    /// It is done.
    Yes,
    /// The member must wait until this time.
    Later(Tick),
}

/// Does what a member wants, and says what it is told.
pub(super) fn perform(
    hub: &Hub,
    now: Tick,
    id: MemberId,
    command: &Command,
) -> (Taken, Option<Reply>) {
    const BAD_NAME: &str = "* a name has letters, digits, - _ and ., and 32 bytes at most\n";
    let line = match command {
        Command::Say(text) => match hub.post(now, id, text) {
            Ok(_) => return (Taken::Yes, None),
            Err(PostError::Early(until)) => return (Taken::Later(until), None),
            Err(PostError::TooLong) => "* not sent: too long\n",
        },
        Command::Name(Some(name)) => match hub.rename(now, id, name) {
            Ok(()) => return (Taken::Yes, None),
            Err(RenameError::Early(until)) => return (Taken::Later(until), None),
            Err(RenameError::Taken) => "* this name is taken\n",
        },
        Command::Room(Some(room)) => match hub.move_to(now, id, room) {
            Ok(()) => return (Taken::Yes, None),
            Err(MoveError::Early(until)) => return (Taken::Later(until), None),
            Err(MoveError::RoomsFull) => "* there is no place for another room\n",
        },
        Command::Name(None) | Command::Room(None) => BAD_NAME,
        Command::Who => {
            let names = Reply::Names {
                from: 0,
                is_first: true,
            };
            return (Taken::Yes, Some(names));
        }
        Command::Quit => return (Taken::Yes, None),
        Command::Unknown => "* commands: /name N, /room R, /who, /quit; // sends a slash\n",
    };
    (Taken::Yes, Some(Reply::Line(line)))
}
