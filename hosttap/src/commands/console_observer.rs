//! Prints what the apps do.

use smoltcp::wire::EthernetAddress;
use tickwire::{Event, Observer, Role, Tick, http};

use super::lease;
use crate::app_error::AppError;
use crate::terminal::console::Console;
use crate::terminal::text::{sanitize_line, to_socket_addr};

/// An observer that prints transitions with `-v`, and shows progress on a terminal.
pub struct ConsoleObserver<'c> {
    /// Where it prints.
    pub console: &'c mut Console,
}

impl Observer for ConsoleObserver<'_> {
    fn event(&mut self, now: Tick, _task: &'static str, event: &Event) {
        let console = &mut *self.console;
        if let Some(http::Event::Head { status, length }) = event.app() {
            let length = match length {
                Some(length) => format!("{length} bytes"),
                None => "no length".to_owned(),
            };
            console.detail(format_args!("{now}  status {status}, {length} announced"));
        }
        match *event {
            Event::State { old, new } => console.detail(format_args!("{now}  {old} => {new}")),
            Event::Listening { port } => console.status(format_args!("Listening on port {port}")),
            Event::Resolving { host } => {
                console.detail(format_args!("{now}  resolving {}", sanitize_line(host)));
            }
            Event::Connecting { remote } => {
                console.detail(format_args!(
                    "{now}  connecting to {}",
                    to_socket_addr(remote)
                ));
            }
            Event::Connected {
                remote,
                role: Role::Client,
            } => {
                console.detail(format_args!(
                    "{now}  connected to {}",
                    to_socket_addr(remote)
                ));
            }
            Event::Connected {
                remote,
                role: Role::Server,
            } => console.status(format_args!("{} connected", to_socket_addr(remote))),
            Event::Progress { bytes, total } => console.progress(now, bytes, total),
            Event::Disconnected { remote } => {
                console.status(format_args!("{} disconnected", to_socket_addr(remote)));
            }
            Event::AddressConflict { address, mac } => console.error(format_args!(
                "the host {} uses our address {address} too",
                colon_separated(mac)
            )),
            Event::Failed { remote, .. } => {
                if let Some(error) = AppError::of(event) {
                    console.connection_error(remote, error);
                }
            }
            _ => {
                if let Some(text) = lease::event_text(event) {
                    console.status(text);
                }
            }
        }
    }
}

/// The same for a server: that it listens matters to the user the first time only.
pub struct ServerObserver<'c> {
    /// Where it prints.
    pub console: &'c mut Console,
    /// Whether the listening port was printed.
    pub is_port_printed: &'c mut bool,
}

impl Observer for ServerObserver<'_> {
    fn event(&mut self, now: Tick, task: &'static str, event: &Event) {
        match *event {
            Event::Listening { port } if std::mem::replace(self.is_port_printed, true) => {
                self.console
                    .detail(format_args!("{now}  listening on port {port} again"));
            }
            _ => ConsoleObserver {
                console: &mut *self.console,
            }
            .event(now, task, event),
        }
    }
}

/// A hardware address as most tools print it.
fn colon_separated(EthernetAddress(bytes): EthernetAddress) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}
