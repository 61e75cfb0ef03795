//! Tells people what the apps do.

use tickwire::{Event, Observer, Part, Tick};

use crate::terminal::{Terminal, endpoint};

/// An observer that shows transitions with `-v` and progress on a terminal.
pub struct Narrator<'t> {
    /// Where it says it.
    pub terminal: &'t mut Terminal,
}

impl Observer for Narrator<'_> {
    fn event(&mut self, now: Tick, _app: usize, event: &Event<'_>) {
        let terminal = &mut *self.terminal;
        match *event {
            Event::Entered { from, to } => terminal.detail(format_args!("{now}  {from} => {to}")),
            Event::Listening { port } => terminal.status(format_args!("Listening on port {port}")),
            Event::Connecting { remote } => {
                terminal.detail(format_args!("{now}  connecting to {}", endpoint(remote)));
            }
            Event::Connected {
                remote,
                part: Part::Dialler,
            } => {
                terminal.detail(format_args!("{now}  connected to {}", endpoint(remote)));
            }
            Event::Connected {
                remote,
                part: Part::Listener,
            } => terminal.status(format_args!("{} has called", endpoint(remote))),
            Event::Head {
                status,
                length: Some(length),
            } => {
                terminal.detail(format_args!(
                    "{now}  status {status}, {length} bytes announced"
                ));
            }
            Event::Head {
                status,
                length: None,
            } => {
                terminal.detail(format_args!("{now}  status {status}, no length announced"));
            }
            Event::Progress { bytes, total } => terminal.progress(bytes, total),
            Event::Disconnected { remote } => {
                terminal.status(format_args!("{} has gone", endpoint(remote)));
            }
            Event::Failed { remote, error } => terminal.failed(remote, error),
            _ => {}
        }
    }
}
