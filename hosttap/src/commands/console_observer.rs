//! Prints what the apps do.

use tickwire::{Event, Observer, Part, Tick};

use crate::terminal::console::Console;
use crate::terminal::text::to_socket_addr;

/// An observer that prints transitions with `-v`, and shows progress on a terminal.
pub struct ConsoleObserver<'c> {
    /// Where it prints.
    pub console: &'c mut Console,
}

impl Observer for ConsoleObserver<'_> {
    fn event(&mut self, now: Tick, _app: usize, event: &Event<'_>) {
        let console = &mut *self.console;
        match *event {
            Event::Entered { from, to } => console.detail(format_args!("{now}  {from} => {to}")),
            Event::Listening { port } => console.status(format_args!("Listening on port {port}")),
            Event::Connecting { remote } => {
                console.detail(format_args!(
                    "{now}  connecting to {}",
                    to_socket_addr(remote)
                ));
            }
            Event::Connected {
                remote,
                part: Part::Dialler,
            } => {
                console.detail(format_args!(
                    "{now}  connected to {}",
                    to_socket_addr(remote)
                ));
            }
            Event::Connected {
                remote,
                part: Part::Listener,
            } => console.status(format_args!("{} connected", to_socket_addr(remote))),
            Event::Head {
                status,
                length: Some(length),
            } => {
                console.detail(format_args!(
                    "{now}  status {status}, {length} bytes announced"
                ));
            }
            Event::Head {
                status,
                length: None,
            } => {
                console.detail(format_args!("{now}  status {status}, no length announced"));
            }
            Event::Progress { bytes, total } => console.progress(bytes, total),
            Event::Disconnected { remote } => {
                console.status(format_args!("{} disconnected", to_socket_addr(remote)));
            }
            Event::Failed { remote, error } => console.connection_error(remote, error),
            _ => {}
        }
    }
}
