//! What apps tell about themselves. Apps never print.

use core::any::Any;

use smoltcp::wire::{EthernetAddress, IpAddress, IpEndpoint};

use super::{Duration, Tick};

/// Which side of a connection we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Role {
    /// We sent the SYN.
    Client,
    /// We waited for it.
    Server,
}

/// Something that happened, for whoever shows or records it. Events only inform: no payload travels
/// in them.
///
/// What belongs to one protocol is an event of that protocol's own type, such as `http::Event`, in
/// [`Event::App`]; [`Event::app`] finds it again.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A state machine went from one state to another.
    State {
        /// The state that it left.
        old: &'static str,
        /// The state that it entered.
        new: &'static str,
    },
    /// A caller would be heard from now on.
    Listening {
        /// The local port.
        port: u16,
    },
    /// The addresses of a peer are found out.
    Resolving {
        /// Its name, or an address as text.
        host: &'a str,
    },
    /// A SYN is on its way.
    Connecting {
        /// The peer.
        remote: IpEndpoint,
    },
    /// A connection is established.
    Connected {
        /// The peer.
        remote: IpEndpoint,
        /// Which side we are.
        role: Role,
    },
    /// Payload has moved.
    Progress {
        /// Payload bytes up to now, those of a resumed prefix included.
        bytes: u64,
        /// Payload bytes in all, where known.
        total: Option<u64>,
    },
    /// A connection ended in order.
    Disconnected {
        /// The peer.
        remote: IpEndpoint,
    },
    /// A connection, or the attempt to make one, failed. The app itself may go on.
    Failed {
        /// The peer, where there was one.
        remote: Option<IpEndpoint>,
        /// Why: a value of the app's own error type, which [`Event::error`] finds again.
        error: &'a dyn Any,
    },
    /// Another host uses our address. What is sent to it reaches one of the two by chance. The guard
    /// has told everybody that the address is ours; whoever configures it should choose another.
    AddressConflict {
        /// The address that both use.
        address: IpAddress,
        /// The hardware address of the other host.
        mac: EthernetAddress,
    },
    /// A client will try again.
    Retrying {
        /// After this time.
        delay: Duration,
    },
    /// The interface's link is up.
    LinkUp,
    /// The interface's link is down.
    LinkDown,
    /// An app's own event: a value of a type that the app defines.
    App(&'a dyn Any),
}

impl Event<'_> {
    /// The app's own event, if this is one of type `E`.
    pub fn app<E: Any>(&self) -> Option<&E> {
        match self {
            Self::App(event) => event.downcast_ref(),
            _ => None,
        }
    }

    /// The error of [`Event::Failed`], if it is one of type `E`.
    pub fn error<E: Any>(&self) -> Option<&E> {
        match self {
            Self::Failed { error, .. } => error.downcast_ref(),
            _ => None,
        }
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Event<'_> {
    fn format(&self, f: defmt::Formatter) {
        match self {
            Self::State { old, new } => defmt::write!(f, "{=str} => {=str}", old, new),
            Self::Listening { port } => defmt::write!(f, "Listening {{ port: {=u16} }}", port),
            Self::Resolving { host } => defmt::write!(f, "Resolving {{ host: {=str} }}", host),
            Self::Connecting { remote } => defmt::write!(f, "Connecting {{ remote: {} }}", remote),
            Self::Connected { remote, role } => {
                defmt::write!(f, "Connected {{ remote: {}, role: {} }}", remote, role);
            }
            Self::Progress { bytes, total } => {
                defmt::write!(f, "Progress {{ bytes: {=u64}, total: {} }}", bytes, total);
            }
            Self::Disconnected { remote } => {
                defmt::write!(f, "Disconnected {{ remote: {} }}", remote);
            }
            Self::Failed { remote, .. } => defmt::write!(f, "Failed {{ remote: {} }}", remote),
            Self::AddressConflict { address, mac } => {
                defmt::write!(
                    f,
                    "AddressConflict {{ address: {}, mac: {} }}",
                    address,
                    mac
                );
            }
            Self::Retrying { delay } => defmt::write!(f, "Retrying {{ delay: {} }}", delay),
            Self::LinkUp => defmt::write!(f, "LinkUp"),
            Self::LinkDown => defmt::write!(f, "LinkDown"),
            Self::App(_) => defmt::write!(f, "App"),
        }
    }
}

/// Whoever wants to know what apps do. `()` ignores everything.
pub trait Observer {
    /// Called at once when something happens; `task` is the [name](crate::AnyTask::name) of the task,
    /// or empty where it is no task's.
    fn event(&mut self, now: Tick, task: &'static str, event: &Event);
}

impl Observer for () {
    fn event(&mut self, _now: Tick, _task: &'static str, _event: &Event) {}
}

impl<F: FnMut(Tick, &'static str, &Event)> Observer for F {
    fn event(&mut self, now: Tick, task: &'static str, event: &Event) {
        self(now, task, event);
    }
}
