//! Rooms in which many clients talk: browsers, scripts and terminals.
//!
//! A [`Hub`] is a data structure that several servers of one loop share by `&Hub`. Each room has one
//! log, and each member reads it at its own pace; so all members of a room get the same messages in
//! the same order, none twice, and none is lost while they stay. A member that is too slow for the
//! memory of the log is [lapped](Lapped), and its connection ends: it never slows the others.
//!
//! There is no authentication. Whoever reaches a port can join any room under any name that is free.
//!
//! ```
//! use tickwire::hub::{Entry, Hub, Limits, MemberSlot, Name, RoomSlot, Wants};
//! use tickwire::Tick;
//!
//! let (mut members, mut rooms) = ([MemberSlot::EMPTY; 4], [RoomSlot::EMPTY; 2]);
//! let mut logs = [0; 4_096];
//! let hub = Hub::new(&mut members[..], &mut rooms[..], &mut logs[..], Limits::DEFAULT);
//!
//! let lobby = Name::parse("lobby").expect("it is one");
//! let alice = hub.join(&lobby, Name::parse("alice").as_ref(), Wants::Messages)?;
//! let bob = hub.join(&lobby, None, Wants::Messages)?;
//! assert_eq!(hub.post(Tick::ZERO, alice, b"hello"), Ok(1));
//! for line in ["* guest-1 joined", "alice: hello"] {
//!     let next = hub.read(bob, |entry| entry.line().concat());
//!     assert_eq!(next, Ok(Some(line.to_owned())));
//!     hub.advance(bob);
//! }
//! # Ok::<(), tickwire::hub::JoinError>(())
//! ```

#[cfg(feature = "websocket")]
mod chunks;
mod command;
mod entry;
mod error;
mod limits;
mod lines;
mod log;
mod members;
mod name;
mod perform;
mod pieces;
mod rate;
mod rooms;
mod slot;
#[cfg(feature = "socketio")]
pub mod socketio;
mod state;
mod text;
#[cfg(feature = "websocket")]
mod text_member;
#[cfg(all(feature = "server", feature = "websocket"))]
mod web;

pub use entry::Entry;
pub use error::{JoinError, Lapped, MoveError, PostError, RenameError, SessionError};
pub use limits::Limits;
pub use lines::LinesSession;
pub use name::{NAME_BYTES_MAX, Name};
pub use rooms::{Hub, MemberId, Wants};
pub use slot::{MemberSlot, RoomSlot};
pub use text::{visible_char, visible_chars};
#[cfg(feature = "websocket")]
pub use text_member::TextMember;
#[cfg(all(feature = "server", feature = "websocket"))]
pub use web::{HubHandler, WebMember, respond, upgrade};

use crate::Duration;

/// Entries that one step of a member writes at most.
const ENTRIES_MAX: usize = 32;
/// How long what was said before somebody went may take to reach it.
const PARTING_MAX: Duration = Duration::from_secs(5);
