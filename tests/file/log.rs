//! What hosts tell.

use tickwire::{Event, Tick};

use crate::common::hosts::Notes;
use crate::report::Report;

/// Events as text. Progress is checked instead.
#[derive(Default)]
pub(crate) struct Words {
    pub(crate) report: Report,
    /// The state of its machine.
    pub(crate) state: &'static str,
    /// The newest progress, of the present conversation.
    pub(crate) progress: Option<(u64, u64)>,
    /// The newest count of hashed bytes, and how many there will be.
    pub(crate) hashed: Option<(u64, u64)>,
}

impl Notes for Words {
    fn line(&mut self, now: Tick, event: &Event<'_>) -> Option<String> {
        self.report.note(now, event);
        Some(match *event {
            Event::Entered { to, .. } => {
                self.state = to;
                return None;
            }
            Event::Progress { bytes, total } => {
                let total = total.expect("a file has a length");
                let before = self.progress.replace((bytes, total));
                assert!(bytes <= total, "{bytes} of {total}");
                assert!(before.is_none_or(|(old, of)| old < bytes && of == total));
                return None;
            }
            Event::Hashed { bytes, total } => {
                assert!(bytes <= total, "{bytes} of {total}");
                self.hashed = Some((bytes, total));
                return None;
            }
            Event::Connected { .. } => {
                self.progress = None;
                "connected".into()
            }
            Event::Offered { name, length, .. } => format!("offered {name:?} {length}"),
            Event::Resumed { offset } => format!("resumed {offset}"),
            Event::Stored {
                name,
                length,
                repeated,
                ..
            } => {
                let again = if repeated { " again" } else { "" };
                format!("stored {name:?} {length}{again}")
            }
            Event::Surplus { bytes } => format!("surplus {bytes}"),
            Event::Disconnected { .. } => "disconnected".into(),
            Event::Failed { error, .. } => format!("failed {error:?}"),
            Event::Listening { .. } => return None,
            Event::Connecting { .. } => "connecting".into(),
            _ => format!("{event:?}"),
        })
    }
}
