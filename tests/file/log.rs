//! What the apps of a host tell.

use std::cell::RefCell;
use std::rc::Rc;

use tickwire::{Event, Tick, file};

use crate::common::log::{Words, error_text};
use crate::report::Report;

/// What is noted of one host's events beside their text.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) report: Report,
    /// The newest state, be it the app's own or its connection's.
    pub(crate) state: &'static str,
    /// The newest progress, of the present conversation.
    pub(crate) progress: Option<(u64, u64)>,
    /// The newest count of hashed bytes, and how many there will be.
    pub(crate) hashed: Option<(u64, u64)>,
}

/// The notes of all hosts.
pub(crate) type AllNotes = Rc<RefCell<Vec<Notes>>>;

/// Events as text, with notes taken. Progress is checked instead.
pub(crate) fn words(notes: &AllNotes) -> Words {
    let notes = Rc::clone(notes);
    Box::new(move |now, host, event| notes.borrow_mut()[host].line(now, event))
}

impl Notes {
    fn line(&mut self, now: Tick, event: &Event) -> Option<String> {
        self.report.note(now, event);
        if let Some(event) = event.app::<file::Event>() {
            return self.app_line(event);
        }
        Some(match event {
            Event::State { new, .. } => {
                self.state = new;
                return None;
            }
            Event::Progress { bytes, total } => {
                let (bytes, total) = (*bytes, total.expect("a file has a length"));
                let before = self.progress.replace((bytes, total));
                assert!(bytes <= total, "{bytes} of {total}");
                assert!(before.is_none_or(|(old, of)| old < bytes && of == total));
                return None;
            }
            Event::Connected { .. } => {
                self.progress = None;
                "connected".into()
            }
            Event::Disconnected { .. } => "disconnected".into(),
            Event::Failed { .. } => format!("failed {}", error_text(event)),
            Event::Listening { .. } => return None,
            Event::Connecting { .. } => "connecting".into(),
            _ => format!("{event:?}"),
        })
    }

    fn app_line(&mut self, event: &file::Event) -> Option<String> {
        Some(match event {
            file::Event::Hashed { bytes, total } => {
                assert!(bytes <= total, "{bytes} of {total}");
                self.hashed = Some((*bytes, *total));
                return None;
            }
            file::Event::Offered { name, length, .. } => format!("offered {name:?} {length}"),
            file::Event::Resumed { offset } => format!("resumed {offset}"),
            file::Event::Stored {
                name,
                length,
                repeated,
                ..
            } => {
                let again = if *repeated { " again" } else { "" };
                format!("stored {name:?} {length}{again}")
            }
            file::Event::Surplus { bytes } => format!("surplus {bytes}"),
            _ => format!("{event:?}"),
        })
    }
}
